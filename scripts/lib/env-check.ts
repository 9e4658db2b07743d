/** What is wrong with an env file: pure rules from (schema, lines, values) to findings. */
import type { EnvLines } from './env-file.ts'
import type { Schema, Setting } from './env-schema.ts'
import { describe, fits } from './env-types.ts'
import { nearest } from './nearest.ts'

/** Stable names, so that a finding can be looked up: E is an error, W a warning. */
export type FindingCode = 'E01' | 'E02' | 'E08' | 'E10' | 'E11' | 'E12' | 'W13' | 'W15' | 'E20'

export interface Finding {
  code: FindingCode
  severity: 'error' | 'warning'
  /** The line in the env file, counted from 1; null when the finding is about something that is not there. */
  line: number | null
  setting: string | null
  /** A sentence that never holds the value of a secret. */
  message: string
  /** What to do about it. */
  hint: string
}

export type Values = Readonly<Record<string, string>>

interface Subject {
  schema: Schema
  lines: EnvLines
  values: Values
  /** Why Compose refused the file, if it did. */
  refusal: Finding | undefined
}

export function finding(
  code: FindingCode,
  about: { line?: number | undefined; setting?: string | undefined; message: string; hint: string },
): Finding {
  const { line = null, setting = null, message, hint } = about
  return { code, severity: code.startsWith('E') ? 'error' : 'warning', line, setting, message, hint }
}

/** Docker reads these by itself, whether the example declares them or not. */
const isDockers = (name: string): boolean => /^(COMPOSE|DOCKER|BUILDKIT)_/.test(name)

/**
 * The overlays that COMPOSE_FILE names are the environment: compose.production.yaml makes it `production`,
 * which is what `@required=forEnv(production)` asks for.
 */
const environments = (values: Values): string[] =>
  [...(values.COMPOSE_FILE ?? '').matchAll(/compose\.([\w-]+)\.ya?ml/g)].map(([, name]) => name!)

const isRequired = ({ required }: Setting, values: Values): boolean =>
  typeof required === 'boolean' ? required : environments(values).some((name) => required.includes(name))

/**
 * The value for a message, or undefined when it may be a secret: it is one, refers to one, or is a URL, which may
 * carry a password.
 */
function printable(value: string, { schema, values }: Subject): string | undefined {
  const secrets = schema.settings.filter(({ sensitive }) => sensitive).map(({ name }) => values[name])
  const hasSecret = secrets.some((secret) => secret && value.includes(secret))
  return hasSecret || value.includes('://') ? undefined : JSON.stringify(value)
}

/** How to write the setting, with its documentation where it has an address. */
function remedy({ name, example, value, sensitive, docs, line }: Setting): string {
  const sample = example ?? (sensitive ? '' : value)
  const how = sample ? `For example: ${name}=${sample}` : `What it is for stands in .env.docker.example:${line}.`
  return docs ? `${how} See ${docs}` : how
}

function unreadable({ lines, refusal }: Subject): Finding[] {
  const ours = lines.malformed.map(({ line, name, problem, hint }) =>
    finding('E01', { line, setting: name, message: problem, hint }))
  // Compose stops at the first line that it cannot read. Unless it names a setting, that is one of ours.
  return refusal && (refusal.setting || ours.length === 0) ? [...ours, refusal] : ours
}

function duplicated({ lines }: Subject): Finding[] {
  const first = new Map<string, number>()
  return lines.entries.flatMap(({ name, line }) => {
    const earlier = first.get(name)
    if (earlier === undefined) {
      first.set(name, line)
      return []
    }
    const message = `${name} is set twice: line ${earlier} has it too, and only the last one counts.`
    return [finding('E02', { line, setting: name, message, hint: 'Delete one of the lines.' })]
  })
}

function unknown({ schema, lines }: Subject): Finding[] {
  const strangers = lines.entries.filter(({ name }) => !schema.byName.has(name) && !isDockers(name))
  return strangers.map(({ name, line }) => {
    const meant = nearest(name, [...schema.byName.keys()])
    const hint = meant ? `Did you mean ${meant}?` : 'Fine when it is a name of your own; otherwise delete the line.'
    return finding('W13', { line, setting: name, message: `${name} is not declared in .env.docker.example.`, hint })
  })
}

function missing({ schema, lines, values }: Subject): Finding[] {
  const present = new Set([...lines.entries, ...lines.malformed].map(({ name }) => name))
  return schema.settings
    // The example's default is also the one in the Compose files: only without one is a missing setting missed.
    .filter((setting) => !present.has(setting.name) && setting.value === '' && isRequired(setting, values))
    .map((setting) => finding('E10', {
      setting: setting.name,
      message: `${setting.name} is missing, and it is required.`,
      hint: setting.generate ? 'npm run env -- --init adds it and makes a value.' : remedy(setting),
    }))
}

/** One finding at most for each value: what is empty has no wrong form. */
function wrongValue(subject: Subject): Finding[] {
  const { schema, lines, values } = subject
  const lineOf = new Map(lines.entries.map(({ name, line }) => [name, line]))
  return schema.settings.flatMap((setting) => {
    const { name, type } = setting
    const [line, value] = [lineOf.get(name), values[name]]
    if (line === undefined || value === undefined) return []
    if (value === '') {
      if (!isRequired(setting, values)) return []
      const hint = setting.generate ? 'npm run env -- --init makes a value.' : remedy(setting)
      return [finding('E10', { line, setting: name, message: `${name} is empty, and it is required.`, hint })]
    }
    if (fits(value, type)) return []
    const shown = printable(value, subject)
    const message = `${name} has to be ${describe(type)}${shown ? `; it is ${shown}` : ''}.`
    if (type.form === 'enum') {
      const meant = nearest(value, type.choices)
      const hint = meant ? `Did you mean ${meant}?` : remedy(setting)
      return [finding('E12', { line, setting: name, message, hint })]
    }
    const hint = setting.generate ? 'Delete the line; npm run env -- --init then makes a new value.' : remedy(setting)
    return [finding('E11', { line, setting: name, message, hint })]
  })
}

const deprecated = ({ schema, lines }: Subject): Finding[] =>
  lines.entries.flatMap(({ name, line }) => {
    const advice = schema.byName.get(name)?.deprecated
    return advice ? [finding('W15', { line, setting: name, message: `${name} is deprecated.`, hint: advice })] : []
  })

/** What the example's secrets have in them, so that docker/check-secrets.sh knows them too. */
const everybodyKnows = 'local-only'

/** A setting that refers to such a secret is mended by mending that one, so only what is written there counts. */
function knownSecret({ schema, lines, values }: Subject): Finding[] {
  if (!environments(values).includes('production')) return []
  return lines.entries.filter(({ name, raw }) => schema.byName.get(name)?.sensitive && raw.includes(everybodyKnows)).map(({ name, line }) => {
    const message = `${name} has the value of .env.docker.example, which everybody knows, and this is production.`
    return finding('E20', { line, setting: name, message, hint: 'Give it one of your own, such as the output of: openssl rand -hex 24' })
  })
}

/** A new rule is a function in this list, and a row in the table of its test. */
const rules: readonly ((subject: Subject) => Finding[])[] = [
  unreadable, duplicated, unknown, missing, wrongValue, deprecated, knownSecret,
]

/**
 * Everything that is wrong with an env file, in the order of its lines.
 *
 * @param values the file's values as Compose reads them; a name that is absent is not judged
 */
export function check(schema: Schema, lines: EnvLines, values: Values, refusal?: Finding): Finding[] {
  const subject = { schema, lines, values, refusal }
  return rules.flatMap((rule) => rule(subject)).toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
}

/** True when nothing stops the stack from being started. */
export const isUsable = (findings: readonly Finding[]): boolean =>
  findings.every(({ severity }) => severity === 'warning')
