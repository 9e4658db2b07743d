/** Rules about single values: what .env.docker.example says about each. */
import { isDockers, renamings } from '../schema.ts'
import type { Setting } from '../schema.ts'
import { describe, fits } from '../types.ts'
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { references } from '../interpolate.ts'
import { nearest } from '../../words.ts'
import { holdsSecret } from '../shown.ts'
import { isCommand } from './placeholders.ts'
import { unencoded } from './urls.ts'
import { given } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

const isRequired = ({ required }: Setting, _: Subject): boolean => required

/** A default whose secrets are references has none in it. */
const isOpen = ({ sensitive, value }: Setting): boolean => !sensitive || /:\/\/[^/]*\$\{\w+\}@/.test(value)

/** How to write the setting, with its documentation where it has an address. */
function remedy(setting: Setting): string {
  const { name, value, line } = setting
  const sample = isOpen(setting) ? value : ''
  return sample ? `For example: ${name}=${sample}` : `What it is for stands in .env.docker.example:${line}.`
}

/** What to do about a name that nobody declared. */
function strangerAdvice(name: string, { schema, compose, lineOf }: Subject): string {
  const meant = nearest(name, [...schema.byName.keys()])
  const there = meant === undefined ? undefined : lineOf.get(meant)
  if (there !== undefined) return `Did you mean ${meant}? That is on line ${there} already: set it there, and delete this line.`
  if (meant !== undefined) return `Did you mean ${meant}?`
  if (compose?.namedSomewhere.has(name)) return 'A Compose file uses it: declare it in .env.docker.example, with a sentence and a rule.'
  return 'The application does not get it: what only the application reads belongs into APP_ENV_FILE. Otherwise delete the line.'
}

const unknown: Rule = (subject) => {
  const { schema, lines } = subject
  const old = renamings(schema)
  const strangers = lines.entries.filter(({ name }) => !schema.byName.has(name) && !isDockers(name) && !old.has(name))
  return strangers.map(({ name, line }) =>
    finding('W13', { line, setting: name, message: `${name} is not declared in .env.docker.example.`, hint: strangerAdvice(name, subject) }))
}

const missing: Rule = (subject) => {
  const { schema, lines } = subject
  const present = new Set([...lines.entries, ...lines.malformed].map(({ name }) => name))
  // Of a file without a single setting it is said that there is none.
  if (present.size === 0) return []
  return schema.settings
    // The example's default is also the one in the Compose files: only without one is a missing setting missed.
    .filter((setting) => !present.has(setting.name) && setting.value === '' && isRequired(setting, subject))
    .map((setting) => finding('E10', {
      setting: setting.name,
      message: `${setting.name} is missing, and it is required.`,
      hint: setting.generate ? 'npm run env -- --init adds it and makes a value.' : remedy(setting),
    }))
}

/** The setting that a URL refers to and that no URL can hold, because of a blank for example. */
const spoilerOf = ({ name }: Setting, { rawOf, values }: Subject): string | undefined =>
  references(rawOf.get(name) ?? '').map((reference) => reference.name).find((other) => /[\s<>"{}|\\^`]/.test(values[other] ?? ''))

function spoilt(name: string, spoiler: string, { lineOf }: Subject): Finding {
  const message = `${spoiler} is part of ${name}, and has characters that no URL takes.`
  return finding('E11', { line: lineOf.get(spoiler), setting: spoiler, message, hint: `Write ${spoiler} with letters, digits, - and _ alone.` })
}

/** One finding at most for each value: what is empty has no wrong form. */
const wrongValue: Rule = (subject) => given(subject).flatMap(({ setting, line, value }): Finding[] => {
  const { schema, values } = subject
  const { name, type } = setting
  if (value === '') {
    if (!isRequired(setting, subject)) return []
    const hint = setting.generate ? 'npm run env -- --init makes a value.' : remedy(setting)
    return [finding('E10', { line, setting: name, message: `${name} is empty, and it is required.`, hint })]
  }
  // A password that breaks the URL, and a command in place of a secret, are told as what they are.
  const isToldElsewhere = type.form === 'url' ? unencoded(setting, subject) !== undefined : setting.sensitive && isCommand(value)
  if (fits(value, type) || isToldElsewhere) return []
  const spoiler = type.form === 'url' ? spoilerOf(setting, subject) : undefined
  if (spoiler !== undefined) return [spoilt(name, spoiler, subject)]
  // A URL may carry a password, also one that nobody marked.
  const isShown = !setting.sensitive && !value.includes('://') && !holdsSecret(value, schema, values)
  const message = `${name} has to be ${describe(type)}${isShown ? `; it is ${JSON.stringify(value)}` : ''}.`
  if (type.form === 'enum') {
    const meant = nearest(value, type.choices)
    return [finding('E12', { line, setting: name, message, hint: meant ? `Did you mean ${meant}?` : remedy(setting) })]
  }
  const hint = setting.generate ? 'Delete the line; npm run env -- --init then makes a new value.' : remedy(setting)
  return [finding('E11', { line, setting: name, message, hint })]
})

const renamed: Rule = ({ schema, lines }) => {
  const names = renamings(schema)
  return lines.entries.filter(({ name }) => names.has(name)).map(({ name, line }) => finding('W15', {
    line, setting: name, message: `${name} is called ${names.get(name)} now, and nothing reads the old name.`, hint: 'npm run env -- --sync renames it.',
  }))
}

const deprecated: Rule = ({ schema, lines }) =>
  lines.entries.flatMap(({ name, line }) => {
    const advice = schema.byName.get(name)?.deprecated
    return advice ? [finding('W15', { line, setting: name, message: `${name} is deprecated.`, hint: advice })] : []
  })

export const schemaRules: readonly Rule[] = [unknown, missing, wrongValue, renamed, deprecated]
