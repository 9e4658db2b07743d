/** Rules about the file itself and about this machine, whatever the settings mean. */
import { basename } from 'node:path'
import { quote } from 'zx/core'
import { nearest } from '../../words.ts'
import { references } from '../file.ts'
import type { Entry, EnvLines } from '../file.ts'
import type { Found } from '../finding.ts'
import type { Schema } from '../schema.ts'
import { about, given, ofEach } from './subject.ts'
import type { Advice, Rule, Subject } from './subject.ts'

/** Compose refuses the whole file for one line that it cannot read, and stops at the first. Unless it names a setting, that is one of ours. */
function unreadable({ lines: { malformed }, refusal }: Subject): Found[] {
  const ours = malformed.map(({ line, name, problem, hint }) => ({ line, setting: name, message: problem, hint }))
  if (!refusal || (refusal.setting === null && ours.length > 0)) return ours
  return [...ours, { ...refusal, line: refusal.line ?? undefined, setting: refusal.setting ?? undefined }]
}

const empty = ({ lines: { entries, malformed } }: Subject): Found[] => (entries.length + malformed.length > 0 ? [] : [{
  message: 'There is no setting in the file, so nothing says what to start.', hint: 'npm run env -- --init adds what is missing.',
}])

function duplicated({ lines: { entries } }: Subject): Found[] {
  const again = entries.filter(({ name }, index) => entries.findIndex((other) => other.name === name) < index)
  if (again.length > 5) {
    const message = `${again.length} settings are set twice, from line ${again[0]!.line} on, and only the last of each counts.`
    return [{ line: again[0]!.line, message, hint: 'Has a second file been put behind the first? Delete one of the two.' }]
  }
  return again.map(({ name, line }) => {
    const earlier = entries.find((other) => other.name === name)!.line
    return { line, setting: name, message: `${name} is set twice: line ${earlier} has it too, and only the last one counts.`, hint: 'Delete one of the lines.' }
  })
}

/** What of the value refers to something: no comment, nothing in single quotes, and no $ that is escaped. */
function referring({ raw }: Entry): string {
  if (raw.startsWith("'")) return ''
  return raw.startsWith('"') ? raw.replaceAll(/\\[\\$]/g, '') : raw.replace(/\s#.*$/s, '')
}

/** The names that the value cannot do without: none with a default or an alternative, and none in such a word. */
function needed(entry: Entry): string[] {
  const all = references(referring(entry))
  const inWords = new Set(all.flatMap(({ word }) => references(word).map(({ name }) => name)))
  return all.filter(({ name, operator }) => operator === '' && !inWords.has(name)).map(({ name }) => name)
}

/** Names of settings in a URL or a number that were meant as references: in single quotes, or in braces without a $. */
function literals({ name, raw }: Entry, { byName }: Schema): string[] {
  const { type, sensitive } = byName.get(name) ?? {}
  const isText = !type || (type.form === 'string' && !(sensitive && /^'\$\{\w+\}'$/.test(raw)))
  const pattern = raw.startsWith("'") ? /\$\{(\w+)\}/g : /(?<!\$)\{(\w+)\}/g
  return isText ? [] : [...raw.matchAll(pattern)].map(([, other]) => other!).filter((other) => byName.has(other))
}

/** References that lead nowhere, by setting. Compose reads from above: what a setting refers to has to stand there. */
export function lostReferences({ entries, malformed }: EnvLines, schema: Schema): Map<string, string[]> {
  // The value of a line that cannot be read is not known; that is told there.
  const above = new Set(malformed.map(({ name }) => name))
  // Where it would be empty as well, nothing is lost.
  const isEmpty = (name: string): boolean => ['', "''", '""'].includes(entries.find((entry) => entry.name === name)?.raw ?? schema.byName.get(name)?.value ?? '-')
  return new Map(entries.flatMap((entry): [string, string[]][] => {
    const names = [...needed(entry).filter((name) => !above.has(name) && !isEmpty(name)), ...literals(entry, schema)]
    above.add(entry.name)
    return names.length > 0 ? [[entry.name, names]] : []
  }))
}

/** A lost reference: of a setting, to a name; and the setting that was meant by that, if one was. */
interface Lost { entry: Entry; name: string; meant: string | undefined }

/** One for each setting. The shell may have what the file has not. */
function lostIn({ lines, schema, entryOf, around: { shell = {} } }: Subject): Lost[] {
  const known = [...entryOf.keys(), ...schema.byName.keys()]
  return [...lostReferences(lines, schema)].flatMap(([setting, names]) => names.filter((one) => shell[one] === undefined).slice(0, 1).map((name) => {
    // In a password the $ may be meant, and what follows is a piece of it, which is not shown.
    const isShown = schema.byName.get(setting)?.sensitive === false || /^[A-Z]+(_[A-Z\d]+)+$/.test(name)
    const meant = known.includes(name) ? name : nearest(name, known.filter((one) => one !== setting))
    return { entry: entryOf.get(setting)!, name, meant: isShown ? meant : undefined }
  }))
}

function lostAdvice({ entry: { name: setting, raw }, name, meant }: Lost, { schema, lines }: Subject): NonNullable<Advice> {
  if (raw.startsWith("'")) {
    const hint = /[\s#]/.test(raw) ? 'Put the value in double quotes instead.' : 'Take the quotes away.'
    return [`${setting} is in single quotes, in which \${${name}} is no reference.`, hint]
  }
  if (!raw.includes(`$${name}`) && !raw.includes(`\${${name}`)) return [`${setting} has {${name}} without a $ in front, which is no reference.`, `Write \${${name}}.`]
  const message = `${setting} refers to ${name}, which has no value on the lines above it, so that part is empty.`
  const below = lines.entries.find((other) => other.name === name)
  if (below) return [message, name === setting ? 'Write the value itself.' : `It stands on line ${below.line}: move ${setting} below it.`]
  const { sensitive, value } = schema.byName.get(name) ?? {}
  if (value === undefined) return [message, `Did you mean ${meant}?`]
  return [message, `Set ${name} above it${sensitive || value.includes('$') ? '' : `: ${name}=${value}`}`]
}

const leadsNowhere = (subject: Subject): Found[] =>
  lostIn(subject).filter(({ meant }) => meant !== undefined).map((lost) => about(subject, lost.entry.name, lostAdvice(lost, subject)))

const strayDollar = (subject: Subject): Found[] => lostIn(subject).filter(({ meant }) => meant === undefined).map(({ entry: { name } }) => about(subject, name, [
  `${name} has a $ that Compose takes for a reference to a setting that is not there: that part is lost.`,
  'Put the value in single quotes if the $ is meant, or set the name above.',
]))

/** Is there something in the file that nobody else may have? The example's own secrets are everybody's. */
const hasSecrets = (subject: Subject): boolean =>
  given(subject).some(({ setting: { sensitive, type }, value, raw }) =>
    sensitive && value !== '' && !value.includes('local-only') && !raw.includes('${') && (type.form !== 'url' || /:\/\/[^/]*@/.test(value)))

/** A finding about the file as a whole, where it holds secrets. */
const whereSecretsAre = (isFound: (subject: Subject) => boolean, message: string, hint: (file: string) => string) => (subject: Subject): Found[] =>
  isFound(subject) && hasSecrets(subject) ? [{ line: 1, message, hint: hint(subject.file) }] : []

const tracked = whereSecretsAre(({ around }) => around.git === 'tracked', 'Git tracks this file, and there are secrets in it.',
  (file) => `git rm --cached ${quote(file)}, and name it in .gitignore. Then change the secrets: the history has them.`)

const notIgnored = whereSecretsAre(({ around }) => around.git === 'neither',
  'Git does not ignore this file, and there are secrets in it: the next "git add ." takes them along.',
  (file) => `Add this line to .gitignore: ${basename(file)}`)

const readableByOthers = whereSecretsAre(({ around: { mode = 0, git } }) => (mode & 0o077) !== 0 && git !== 'tracked',
  'Others on this machine may read the file and the secrets in it.', (file) => `chmod 600 ${quote(file)}`)

/** Proxies are meant to come from the shell. */
const hiddenByShell = ofEach(({ name, value }, { around: { shell = {} } }) => {
  const there = shell[name]
  if (there === undefined || there === value || /^(HTTP|HTTPS|NO)_PROXY$/.test(name)) return undefined
  return [`${name} is ${there === '' ? 'empty' : 'another value'} in this shell, and the shell's is taken.`, `unset ${name}`]
})

const shellSaysWhichStack = (subject: Subject): Found[] =>
  ['COMPOSE_FILE', 'COMPOSE_PROFILES', 'COMPOSE_PROJECT_NAME'].filter((name) => subject.around.shell?.[name] !== undefined && !subject.entryOf.has(name))
    .map((name) => about(subject, name, [
      `${name} is set in this shell and not in the file: in another shell it is another stack.`,
      `unset ${name}, or write it into the file.`,
    ]))

export const fileRules: readonly Rule[] = [
  ['E01', 'error', unreadable],
  ['E02', 'error', duplicated],
  ['E76', 'error', empty],
  ['E80', 'error', leadsNowhere],
  ['W81', 'warning', strayDollar],
  ['E06', 'production', tracked],
  ['W07', 'warning', readableByOthers],
  ['W77', 'warning', notIgnored],
  ['W70', 'warning', hiddenByShell],
  ['W71', 'warning', shellSaysWhichStack],
]
