/**
 * The schema of the settings: .env.docker.example, where comment lines that begin with @ are the rules of the
 * setting below them. That setting may be a comment itself (`# WEB_THREADS=16`): then its value is the default.
 * A subset of what varlock calls env-spec, with @default, @generate, @service and @was added.
 */
import { isQuoted, readLines } from './file.ts'
import type { Entry } from './file.ts'
import { anyString, describe, fits, parseType } from './types.ts'
import type { ValueType } from './types.ts'
import { CliError } from '../errors.ts'

export interface Setting {
  name: string
  /** Where it stands in the example, counted from 1. */
  line: number
  /** Its value in the example, without quotes: of a line that is commented out, the default. */
  value: string
  /** Its line is no comment: the project says it of itself. */
  isActive: boolean
  /** What holds where the env file does not have it. */
  default: string
  /** The `# --- Title ---` above it. */
  heading: string | undefined
  type: ValueType
  /** May it be empty? */
  required: boolean
  /** Never printed. */
  sensitive: boolean
  /** How many random bytes `--init` writes, as hex. */
  generate: number | undefined
  /** Who reads it. */
  services: readonly string[]
  /** What to use instead. */
  deprecated: string | undefined
  /** The names that it had in earlier versions of the template. */
  was: readonly string[]
  /** Its own line as it stands in the example, or would without the # in front. */
  assignment: string
}

export interface Schema {
  settings: readonly Setting[]
  byName: ReadonlyMap<string, Setting>
}

/** Every old name with its new one. */
export const renamings = ({ settings }: Schema): Map<string, string> =>
  new Map(settings.flatMap(({ name, was }) => was.map((old) => [old, name] as const)))

/** Docker reads these by itself, whether the example declares them or not. */
export const isDockers = (name: string): boolean => /^(COMPOSE|DOCKER|BUILDKIT)_/.test(name)

/** One `@name`, `@name=value`, `@name="text"` or `@name(a, b)`. */
type Decorators = Map<string, string>

const isHeading = (line: string): boolean => /^# --- .+ ---$/.test(line)

/** A comment line that begins with @ is a rule; every other one is a sentence. */
const isRule = (line: string): boolean => /^#\s*@/.test(line)

/** `# NAME=value` right below a rule, or below a setting whose rule it shares. */
function uncommented(lines: readonly string[]): string[] {
  const found: string[] = []
  for (const line of lines) {
    const above = found.at(-1) ?? ''
    found.push(/^# [A-Z]\w*=/.test(line) && (isRule(above) || /^\w+=/.test(above)) ? line.slice(2) : line)
  }
  return found
}

const words = (text: string): string[] => text.split(',').map((word) => word.trim()).filter(Boolean)

/** What stands after the name of each decorator; nothing after a bare `@name`. */
const shapes: Readonly<Record<string, RegExp>> = {
  type: /^=[^"]+$/,
  required: /^$/,
  optional: /^$/,
  default: /^="[^"]+"$/,
  sensitive: /^$/,
  generate: /^=hex\([1-9]\d*\)$/,
  service: /^\([^)]+\)$/,
  deprecated: /^="[^"]*"$/,
  was: /^\(\w+(?:\s*,\s*\w+)*\)$/,
}

/** Reads `# @type=port(min=1) @service(a, b)` lines. Problems are sentences without the line. */
function readDecorators(lines: readonly string[], report: (problem: string) => void): Decorators {
  const decorators: Decorators = new Map()
  for (const line of lines) {
    const text = line.replace(/^#\s*/, '')
    const known = /@(\w+)((?:="[^"]*"|=\w+(?:\([^)]*\))?|\([^)]*\))?)(?:\s+|$)/y
    while (known.lastIndex < text.length) {
      const from = known.lastIndex
      const [, name, value = ''] = known.exec(text) ?? []
      if (name === undefined) {
        report(`"${text.slice(from)}" is no decorator`)
        break
      }
      const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined
      if (!shape) report(`@${name} is none of ${Object.keys(shapes).map((word) => `@${word}`).join(', ')}`)
      else if (!shape.test(value)) report(`@${name} cannot be written @${name}${value}`)
      else if (decorators.has(name)) report(`@${name} is there twice`)
      else decorators.set(name, value)
    }
  }
  return decorators
}

/** The text in the brackets or quotes of a decorator's value. */
const inside = (value: string | undefined): string | undefined => value && /[("](.*)[)"]$/.exec(value)?.[1]

/** Enough to judge a default; what the stack gets is read by Compose. */
const unquoted = (raw: string): string => (isQuoted(raw) ? raw.slice(1, -1) : raw.replace(/\s#.*$/, '').trim())

type Place = Pick<Setting, 'heading' | 'assignment' | 'isActive'>

function readSetting({ name, line, lastLine, raw }: Entry, rules: Decorators, { heading, assignment, isActive }: Place, report: (problem: string) => void): Setting {
  const value = unquoted(raw)
  const type = rules.has('type') ? parseType(rules.get('type')!.slice(1)) : anyString

  if ('problem' in type) report(type.problem)
  // A reference to another setting is only known once Compose has read it.
  else if (value !== '' && !value.includes('$') && !fits(value, type)) report(`its own value is wrong: it has to be ${describe(type)}`)
  if (rules.has('required') && rules.has('optional')) report('it is both @required and @optional')
  if (rules.has('generate') && !rules.has('sensitive')) report('@generate needs @sensitive: what is random is a secret')
  if (rules.has('default') && !isActive) report('it is commented out, so its value is the default already')
  if (line !== lastLine) report('its value goes over several lines')

  return {
    name, line, value, isActive, heading, assignment,
    default: isActive ? inside(rules.get('default')) ?? '' : value,
    type: 'problem' in type ? anyString : type,
    // Without a word about it, a setting that has a value here cannot do without one.
    required: rules.has('required') || (value !== '' && !rules.has('optional')),
    sensitive: rules.has('sensitive'),
    generate: rules.has('generate') ? Number(inside(rules.get('generate'))) : undefined,
    services: words(inside(rules.get('service')) ?? ''),
    deprecated: inside(rules.get('deprecated')),
    was: words(inside(rules.get('was')) ?? ''),
  }
}

/** The unbroken run of comment lines above a line; a heading or another setting ends it. `line` counts from 1. */
function commentAbove(lines: readonly string[], line: number): string[] {
  let first = line - 1
  while (first > 0 && lines[first - 1]!.startsWith('#') && !isHeading(lines[first - 1]!)) first -= 1
  return lines.slice(first, line - 1)
}

/**
 * Reads the annotated example.
 *
 * @param file its name, for the message
 * @throws CliError that lists every line on which the example breaks its own language: a mistake of whoever
 *   wrote the example, never of whoever fills in .env.docker
 */
export function parseSchema(text: string, file: string): Schema {
  const written = text.split(/\r?\n/)
  const lines = uncommented(written)
  const { entries, malformed } = readLines(lines.join('\n'))
  const problems = malformed.map(({ line, problem }) => ({ line, problem }))
  const byName = new Map<string, Setting>()
  const ruleLines = new Set(lines.flatMap((line, index) => (isRule(line) ? [index + 1] : [])))
  let rules: Decorators = new Map()

  for (const entry of entries) {
    const { name, line } = entry
    const report = (problem: string): void => void problems.push({ line, problem: `${name}: ${problem}` })
    const comment = commentAbove(lines, line)
    comment.forEach((_, index) => ruleLines.delete(line - 1 - index))
    if (byName.has(name)) report('it is there twice')
    // Settings without a blank line between them share the sentences of the first, and the rule above them.
    const neighbour = entries.some(({ lastLine }) => lastLine === line - 1 - comment.length)
    if (comment.every((one) => isRule(one)) && !neighbour) report('no sentence above it says what it is for')
    if (comment.length > 0 || !neighbour) rules = readDecorators(comment.filter(isRule), report)
    const assignment = lines[line - 1]!
    const place = { heading: lines.slice(0, line).findLast(isHeading), assignment, isActive: written[line - 1] === assignment }
    byName.set(name, readSetting(entry, rules, place, report))
  }
  for (const { name, line, was } of byName.values()) {
    const present = was.find((old) => byName.has(old))
    if (present) problems.push({ line, problem: `${name}: @was(${present}) names a setting that is still there` })
  }
  for (const line of ruleLines) problems.push({ line, problem: 'a rule without a setting right below it' })

  if (problems.length > 0) {
    throw new CliError(`${file} breaks its own rules. The mistake is in that file, not in your settings.`, {
      details: problems.toSorted((a, b) => a.line - b.line).map(({ line, problem }) => `${file}:${line}  ${problem}`).join('\n'),
      hint: `Correct these lines, or take back the last change: git restore ${file}`,
    })
  }
  return { settings: [...byName.values()], byName }
}
