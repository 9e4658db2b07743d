/**
 * The schema of the settings: .env.docker.example, where comment lines that begin with @ are the rules of the
 * setting below them. That setting may be a comment itself (`# WEB_THREADS=16`): then its value is the default.
 * A subset of what varlock calls env-spec, with @default, @generate and @service added. Pure.
 */
import { readLines, unquoted, type Entry } from './file.ts'
import type { Values } from '../engine/machine.ts'
import { CliError } from '../errors.ts'

/** The form of a value: what `@type=` says, such as `number(isInt=true, min=1)` or `enum(uv, pip)`. */
export type ValueType = NonNullable<ReturnType<typeof parseType>>

export type Setting = ReturnType<typeof settingOf>
export type Schema = ReturnType<typeof parseSchema>

/** By form: the words after "has to be", and whether a value fits. */
const forms: Readonly<Record<string, readonly [words: string, fits: (value: string) => boolean]>> = {
  string: ['text', () => true],
  number: ['a number', (value) => /^-?\d+(\.\d+)?$/.test(value)],
  boolean: ['true or false', (value) => /^(true|false)$/.test(value)],
  // The choices follow.
  enum: ['one of', () => true],
  port: ['a port number from 1 to 65535', (value) => /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535],
  url: [
    'a URL with its scheme, such as https://example.com or redis://redis:6379/0',
    (value) => /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(value) && URL.canParse(value),
  ],
  duration: ['a duration such as 30s, 5m or 1h30m', (value) => /^(\d+(\.\d+)?(us|ms|s|m|h))+$/.test(value)],
  size: ['a size such as 512m or 2g', (value) => /^\d+(\.\d+)?[kmg]b?$/i.test(value)],
}

/** `public` marks a URL for browsers: for them, localhost means the user's own machine. */
const optionNames = ['isInt', 'min', 'minLength', 'startsWith', 'public']

/** What the value has to be, in words that follow "has to be". */
export function describe({ form, options: { isInt, min, minLength, startsWith }, choices }: ValueType): string {
  return [
    isInt === 'true' ? 'a whole number' : forms[form]![0],
    choices.join(', '),
    min && `of at least ${min}`,
    minLength && `of at least ${minLength} characters`,
    startsWith && `that begins with ${startsWith}`,
  ].filter(Boolean).join(' ')
}

export function fits(value: string, { form, options: { isInt, min, minLength, startsWith }, choices }: ValueType): boolean {
  if (form === 'enum') return choices.includes(value)
  const isInRange = min === undefined || Number(value) >= Number(min)
  const isWhole = isInt !== 'true' || Number.isInteger(Number(value))
  return forms[form]![1](value) && isInRange && isWhole && value.length >= Number(minLength ?? 0) && value.startsWith(startsWith ?? '')
}

const words = (text = ''): string[] => text.split(',').map((word) => word.trim()).filter(Boolean)

/** Reads what stands behind `@type=`; undefined when it has a form or an option that is not known. */
function parseType(text: string) {
  const [, form = '', brackets] = /^(\w+)(?:\((.*)\))?$/.exec(text) ?? []
  const [listed, isEnum] = [words(brackets), form === 'enum']
  const options: Readonly<Record<string, string>> = Object.fromEntries(isEnum ? [] : listed.map((word) => word.split('=', 2)))
  const isKnown = Object.hasOwn(forms, form) && Object.keys(options).every((name) => optionNames.includes(name))
  return isKnown ? { form, options, choices: isEnum ? listed : [] } : undefined
}

const ruleNames = ['type', 'optional', 'default', 'sensitive', 'generate', 'service']

/** `@type=port`, `@service(a, b)` or `@default="text"`, with what is in the quotes or brackets. */
const rule = /\s*@(\w+)(?:="([^"]*)"|=(\w+(?:\([^)]*\))?)|\(([^)]*)\))?(?=\s|$)/g

/** Where the example declares a setting. An active line is not a comment: the project sets it for itself. */
interface Place {
  file: string
  line: number
  /** The `# --- Title ---` above it. */
  heading: string | undefined
  /** The line as it stands there, or would without the # in front. */
  assignment: string
  isActive: boolean
}

function settingOf({ name, raw }: Entry, type: ValueType, rules: ReadonlyMap<string, string>, place: Place) {
  const value = unquoted(raw)
  const generate = rules.get('generate')
  return {
    ...place, name, type, rules,
    // For a line that is commented out, this is the default.
    value,
    // Used if the env file does not have the setting.
    default: place.isActive ? rules.get('default') ?? '' : value,
    // Unless it is marked as optional, a setting that has a value here must have one.
    required: value !== '' && !rules.has('optional'),
    // Never printed. A random value is a secret.
    sensitive: rules.has('sensitive') || generate !== undefined,
    // How many random bytes `--init` writes, as hex.
    generate: generate === undefined ? undefined : Number(/\d+/.exec(generate)?.[0] ?? 32),
    services: words(rules.get('service')),
  }
}

/** @throws CliError with the first line on which the example breaks its own rules, which is not the user's mistake */
export function parseSchema(text: string, file: string) {
  const byName = new Map<string, Setting>()
  let heading: string | undefined
  let rules = new Map<string, string>()
  let above: 'rule' | 'setting' | 'other' = 'other'

  // The blank line at the end ends the last rule.
  for (const [index, written] of [...text.split(/\r?\n/), ''].entries()) {
    const refuse = (problem: string): never => {
      throw new CliError(`${file}:${index + 1}  ${problem}. The mistake is in that file, not in your settings.`, {
        hint: `Correct the line, or take back the last change: git restore ${file}`,
      })
    }
    const isActive = above === 'other' || !/^# [A-Z]\w*=/.test(written)
    const assignment = isActive ? written : written.slice(2)
    const [entry] = readLines(assignment).entries
    if (entry) {
      const type = parseType(rules.get('type') ?? 'string') ?? refuse(`@type=${rules.get('type')} of ${entry.name} is not known`)
      const earlier = byName.get(entry.name)
      // The project's own line may stand right below the default.
      if (earlier && (earlier.isActive || earlier.rules !== rules)) refuse(`Line ${earlier.line} declares ${entry.name} already: write the value there`)
      byName.set(entry.name, settingOf(entry, type, rules, { file, line: index + 1, heading, assignment, isActive }))
      above = 'setting'
      continue
    }
    const isRule = /^#\s*@/.test(written)
    if (above === 'rule' && !isRule) refuse('The line above is a rule, and this is not a setting')
    // Settings on consecutive lines share their comment and rules.
    if (above !== 'rule') rules = new Map()
    if (/^# --- .+ ---$/.test(written)) heading = written
    if (isRule) {
      for (const [, name = '', inQuotes, word, inBrackets] of written.matchAll(rule)) rules.set(name, inQuotes ?? word ?? inBrackets ?? '')
      const unknown = [...rules.keys()].find((name) => !ruleNames.includes(name)) ?? written.slice(1).replaceAll(rule, '').trim()
      if (unknown) refuse(`"${unknown}" is not a rule. Rules: @${ruleNames.join(', @')}`)
    }
    above = isRule ? 'rule' : 'other'
  }
  return { settings: [...byName.values()], byName }
}

/** True for what is marked as a secret, what contains one or may (a URL with a user), and an undeclared name. */
export function isSecret(name: string, value: string, { settings, byName }: Schema, values: Values): boolean {
  const secrets = settings.filter(({ sensitive }) => sensitive).map((setting) => values[setting.name])
  const holdsOne = /:\/\/[^/]*@/.test(value) || secrets.some((secret) => secret && value.includes(secret))
  return value !== '' && (byName.get(name)?.sensitive !== false || holdsOne)
}
