/**
 * Finds what is wrong with an env file, by pure rules. Each finding says what is wrong, why it matters and what to do.
 * The rules about the file itself are here. A new rule is a function in the list at the end of its file, or a row in a
 * table there. A code never changes its meaning; missing numbers were used before.
 */
import { basename } from 'node:path'
import { quote } from 'zx/core'
import { nearest } from '../terminal.ts'
import { lostReferences, readLines } from './file.ts'
import { notReached } from './rules/addresses.ts'
import { stackRules } from './rules/stack.ts'
import { valueRules } from './rules/values.ts'
import { found, given, subjectOf, type Found, type Input, type Rule, type Subject } from './subject.ts'

export interface Finding extends Found {
  severity: 'error' | 'warning'
  /** The line in the env file, counted from 1; null when the finding is about something that is not there. */
  line: number | null
  setting: string | null
}

/** A finding in one line: where, what, and its code. */
export const inLine = (file: string, { line, message, code }: Finding): string =>
  `${file}${line === null ? '' : `:${line}`}  ${message} (${code})`

/** Compose stops at the first line that it cannot read. Unless it names a setting, that is among those found here. */
const unreadable: Rule = ({ lines: { malformed }, refusal }) =>
  refusal && (refusal.setting || malformed.length === 0) ? [...malformed, refusal] : malformed

const duplicated: Rule = ({ lines: { entries } }) => entries.flatMap(({ name, line }, index) => {
  const earlier = entries.slice(0, index).find((other) => other.name === name)
  const message = `${name} is set twice: line ${earlier?.line} has it too, and only the last one counts.`
  return earlier ? [{ ...found('E02', name, message, 'Delete one of the lines.'), line }] : []
})

const losesPart = (name: string): string =>
  `${name} has a $ that Compose takes for a reference to something that is not there, so that part is lost.`

/** At most one finding for each setting. The shell may have a name that the file does not have. */
const leadsNowhere: Rule = ({ schema, entryOf, lost, around: { shell } }) => [...lost].flatMap(([setting, names]) => {
  const name = names.find((one) => shell?.[one] === undefined)
  if (name === undefined) return []
  const others = [...entryOf.keys(), ...schema.byName.keys()]
  const meant = others.includes(name) ? name : nearest(name, others.filter((other) => other !== setting))
  // In a password the $ may be literal. Then a part of the password follows, which is not shown.
  const isShown = schema.byName.get(setting)?.sensitive === false || /^[A-Z]+(_[A-Z\d]+)+$/.test(name)
  if (meant === undefined || !isShown) {
    return found('W81', setting, losesPart(setting), 'Put the value in single quotes if the $ is literal, or set what it refers to on a line above.')
  }
  return found('E80', setting, `${setting} refers to ${name}, which has no value on the lines above it, so that part is empty.`,
    meant === name ? `Set ${name} on a line above ${setting}.` : `Did you mean ${meant}?`)
})

/** Compose also replaces every $NAME in the env files that it hands to the application and to the frontend. */
const lostBeside: Rule = ({ entryOf, effective, around: { disk, shell } }) => ['APP_ENV_FILE', 'FRONTEND_ENV_FILE'].flatMap((setting) => {
  const file = effective(setting)
  const lines = readLines((file && disk?.textOf(file)) || '')
  const lost = [...lostReferences(lines)].filter(([, names]) => names.some((name) => !entryOf.has(name) && shell?.[name] === undefined))
  return lost.map(([name]) => {
    const { line } = lines.entries.findLast((entry) => entry.name === name)!
    return found('W81', setting, `${file}:${line}  ${losesPart(name)}`,
      'Put the value in single quotes there if the $ is literal, or set what it refers to on a line above.')
  })
})

/** Does the file contain a secret? The example's own secrets do not count, because they are public. */
const hasSecrets = (subject: Subject): boolean => given(subject).some(({ setting: { sensitive, type }, value, raw }) => {
  const isOpen = value === '' || value.includes('local-only') || raw.includes('${')
  return sensitive && !isOpen && (type.form !== 'url' || /:\/\/[^/]*@/.test(value))
})

const openSecrets: Rule = (subject) => {
  const { file, around: { git, mode = 0 } } = subject
  if (!hasSecrets(subject)) return []
  if (git === 'tracked') {
    return [found('E06', undefined, 'Git tracks this file, and there are secrets in it.',
      `git rm --cached ${quote(file)}, and name it in .gitignore. Then change the secrets: the history has them.`)]
  }
  return [
    ...(git === 'neither' ? [found('W77', undefined, 'Git does not ignore this file, and there are secrets in it.',
      `Add this line to .gitignore: ${basename(file)}`)] : []),
    ...(mode & 0o077 ? [found('W07', undefined, 'Others on this machine may read this file and the secrets in it.',
      `chmod 600 ${quote(file)}`)] : []),
  ]
}

/** Proxies are meant to come from the shell. COMPOSE_… counts even if the file lacks it: it says which stack it is. */
const hiddenByShell: Rule = ({ schema, entryOf, effective, around: { shell = {} } }) => schema.settings.flatMap(({ name }) => {
  const [there, here] = [shell[name], effective(name)]
  const isMeant = /^(HTTP|HTTPS|NO)_PROXY$/.test(name) || !(entryOf.has(name) || name.startsWith('COMPOSE_'))
  if (isMeant || there === undefined || here === undefined || there === here) return []
  return [found('W70', name, `${name} has another value in this shell, and the shell wins.`, `unset ${name}`)]
})

const rules = [unreadable, duplicated, leadsNowhere, lostBeside, openSecrets, hiddenByShell, ...valueRules, notReached, ...stackRules]

/** Errors where compose.production.yaml is among the files, warnings elsewhere. */
const stricterInProduction = ['E06', 'E20', 'E36', 'E53']

/** Everything that is wrong with an env file, in the order of its lines. */
export function check(input: Input): Finding[] {
  const subject = subjectOf(input)
  return rules.flatMap((rule) => rule(subject)).map(({ code, line, setting = null, ...words }): Finding => {
    const isWarning = code.startsWith('W') || (stricterInProduction.includes(code) && !subject.production)
    const at = line ?? subject.entryOf.get(setting ?? '')?.line ?? null
    return { code, severity: isWarning ? 'warning' : 'error', line: at, setting, ...words }
  }).toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
}
