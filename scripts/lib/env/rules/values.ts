/** Rules about single values: what .env.docker.example says about each, and forms for which @type has no word. */
import { nearest } from '../../words.ts'
import type { Found } from '../finding.ts'
import { isDockers, renamings } from '../schema.ts'
import type { Setting } from '../schema.ts'
import { describe, fits } from '../types.ts'
import { isUnencoded } from './addresses.ts'
import { isCommand } from './secrets.ts'
import { given, shown } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

/** How to write the setting. A URL whose password is a reference has no secret in it. */
const example = ({ name, value, sensitive, line }: Setting): string =>
  value !== '' && (!sensitive || /:\/\/[^/]*\$\{\w+\}@/.test(value)) ? `For example: ${name}=${value}` : `.env.docker.example:${line} says what it is for.`

/** What does not stand in the file has the default of the Compose files: only without one it is missed. */
function missing(subject: Subject): Found[] {
  const { schema, entryOf, lines, effective } = subject
  if (lines.entries.length + lines.malformed.length === 0) return []
  return schema.settings.filter(({ name, required }) => required && !entryOf.has(name) && effective(name) === '').map((setting) => ({
    setting: setting.name, message: `${setting.name} is missing, and it is required.`,
    hint: setting.generate ? 'npm run env -- --init adds it and makes a value.' : example(setting),
  }))
}

const empty = (subject: Subject): Found[] =>
  given(subject).filter(({ setting, value }) => value === '' && setting.required).map(({ setting, name, line }) => ({
    line, setting: name, message: `${name} is empty, and it is required.`, hint: setting.generate ? 'npm run env -- --init makes a value.' : example(setting),
  }))

/** A password that breaks its URL, and a command in place of a secret, have findings of their own. */
const misfits = (subject: Subject): ReturnType<typeof given> =>
  given(subject).filter(({ setting: { type, sensitive }, name, value }) =>
    value !== '' && !fits(value, type) && !(type.form === 'url' ? isUnencoded(name, subject) : sensitive && isCommand(value)))

const says = ({ setting: { type, sensitive }, name, value }: ReturnType<typeof given>[number], subject: Subject): string =>
  `${name} has to be ${describe(type)}${sensitive ? '' : shown(name, value, subject)}.`

const wrongType = (subject: Subject): Found[] =>
  misfits(subject).filter(({ setting }) => setting.type.form !== 'enum').map((one) => ({
    line: one.line, setting: one.name, message: says(one, subject),
    hint: one.setting.generate ? 'Delete the line; npm run env -- --init then makes a new value.' : example(one.setting),
  }))

const wrongChoice = (subject: Subject): Found[] =>
  misfits(subject).filter(({ setting }) => setting.type.form === 'enum').map((one) => {
    const meant = nearest(one.value, one.setting.type.choices)
    return { line: one.line, setting: one.name, message: says(one, subject), hint: meant ? `Did you mean ${meant}?` : example(one.setting) }
  })

interface Form {
  of: RegExp
  breaks: RegExp
  /** What the value has to be, after "has to be". */
  rule: string
  /** What was probably meant. */
  meant?(value: string): string
  isAsked?(subject: Subject): boolean
}

/** `shop/main.py:app` as Python imports it. */
const dotted = (path: string): string => path.replace(/^.*(?:-A|--app)[ =]+/, '').replace(/\s.*/, '').replace(/\.py(?=:|$)/, '').replaceAll(/[\\/]+/g, '.')

/** The forms of your own settings are added here, if @type has no word for them. */
const forms: readonly Form[] = [
  {
    of: /^WEB_APP$/, breaks: /^[^:(]*([\s/\\]|\.py(:|$))|^[^:]*\(/, rule: 'module:object, as it is imported in APP_WORKDIR',
    isAsked: ({ effective }) => effective('WEB_COMMAND') === '', meant: (value) => (/\.py$/.test(value) ? `${dotted(value)}:app` : dotted(value).replace(/\.(?=[^.]*\()/, ':')),
  },
  { of: /^CELERY_APP$/, breaks: /[\s/\\()]|^-|\.py(:|$)/, rule: 'a module or module:object, as it is imported in APP_WORKDIR', meant: (value) => dotted(value).replace(/\(.*/, '') },
  { of: /^HEALTH_HOST$/, breaks: /[\s/]/, rule: 'the name of a host, without a scheme and without a path', meant: (value) => value.replace(/^\w+:\/\//, '').replace(/[\s/].*/, '') },
  { of: /^PYTHON_IMAGE$/, breaks: /alpine[^/]*$/, rule: 'an image of Debian, because the build installs with apt', meant: (value) => value.replace(/-alpine[\d.]*/, '-slim') },
  { of: /^IMAGE_REGISTRY$/, breaks: /:\/\/|\/$/, rule: 'a host, perhaps with a path, without a scheme and without a slash at the end', meant: (value) => value.replaceAll(/^\w+:\/\/|\/+$/g, '') },
  {
    of: /SITE_ADDRESS$/, breaks: /^\d+$|[^:/]\/(?!\/)/, rule: 'a name, or a port behind a colon, without a path',
    isAsked: ({ production }) => production, meant: (value) => value.replace(/^\d+$/, ':$&').replace(/([^:/])\/.*/, '$1'),
  },
]

const wrongForm = (subject: Subject): Found[] => given(subject).flatMap(({ name, line, value }) => {
  const form = forms.find(({ of, breaks, isAsked }) => of.test(name) && breaks.test(value) && (isAsked?.(subject) ?? true))
  if (!form) return []
  const text = shown(name, value, subject)
  const hint = text === '' || !form.meant ? `.env.docker.example:${subject.schema.byName.get(name)!.line} says what it is for.` : `${name}=${form.meant(value)}`
  return [{ line, setting: name, message: `${name} has to be ${form.rule}${text}.`, hint }]
})

/** Where the setting is a list of ports for this machine, Compose refuses all of its files for one that is none. */
const noPublishedPort = (subject: Subject): Found[] =>
  given(subject).filter(({ name, value }) => name.endsWith('_PUBLISHED_PORT') && value !== '').flatMap(({ name, line, value }) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(value) ?? []
    if (first !== undefined && Number(first) >= 1 && Number(first) <= Number(last) && Number(last) <= 65_535) return []
    const hint = value.includes(':') ? 'Write the port alone: on which address it is published, the Compose file says.' : 'Write a number from 1 to 65535, or a range such as 8000-8009.'
    return [{ line, setting: name, message: `${name} is no port that can be published${shown(name, value, subject)}.`, hint }]
  })

const movingImage = (subject: Subject): Found[] =>
  given(subject).filter(({ name, value }) => name.endsWith('_IMAGE') && value !== '' && !/@sha256:|:(?!latest$)[^:/]+$/.test(value)).map(({ setting, name, line }) => ({
    line, setting: name, message: `${name} names no version: it is another image tomorrow.`, hint: `Name one, as in ${name}=${setting.value}`,
  }))

const undeclared = ({ schema, lines, entryOf }: Subject): Found[] => {
  const old = renamings(schema)
  const strangers = lines.entries.filter(({ name }) => !schema.byName.has(name) && !isDockers(name) && !old.has(name))
  return strangers.map(({ name, line }) => {
    const meant = nearest(name, [...schema.byName.keys()])
    const there = entryOf.get(meant ?? '')?.line
    const hint = there !== undefined
      ? `Did you mean ${meant}? That is on line ${there} already: set it there, and delete this line.`
      : meant ? `Did you mean ${meant}?` : 'What only the application reads belongs into APP_ENV_FILE. A setting of your Compose files is declared in .env.docker.example. Otherwise delete the line.'
    return { line, setting: name, message: `${name} is not declared in .env.docker.example.`, hint }
  })
}

const renamed = ({ schema, lines }: Subject): Found[] => {
  const names = renamings(schema)
  return lines.entries.filter(({ name }) => names.has(name)).map(({ name, line }) => ({
    line, setting: name, message: `${name} is called ${names.get(name)} now, and nothing reads the old name.`, hint: 'npm run env -- --sync renames it.',
  }))
}

const deprecated = ({ schema, lines }: Subject): Found[] => lines.entries.flatMap(({ name, line }) => {
  const advice = schema.byName.get(name)?.deprecated
  return advice ? [{ line, setting: name, message: `${name} is deprecated.`, hint: advice }] : []
})

export const valueRules: readonly Rule[] = [
  ['E10', 'error', missing],
  ['E10', 'error', empty],
  ['E11', 'error', wrongType],
  ['E11', 'error', wrongForm],
  ['E12', 'error', wrongChoice],
  ['W13', 'warning', undeclared],
  ['W15', 'warning', renamed],
  ['W15', 'warning', deprecated],
  ['E36', 'production', movingImage],
  ['E54', 'error', noPublishedPort],
]
