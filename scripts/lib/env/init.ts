/** Writes the text of an env file: a copy of the example, or an existing file with what it lacks. */
import { quoteValue, readLines } from './file.ts'
import { placeFor } from './place.ts'
import type { Schema, Setting } from './schema.ts'

/** Where the values come from that differ from machine to machine. */
export interface Source {
  /** So many random bytes, as hex. */
  randomHex(bytes: number): string
  /** Values that belong to this machine, by setting: the owner's ids, the CA bundle. */
  machine: Readonly<Record<string, string>>
  /** Optional secrets that a service cannot start without: an empty one is made, as a required one is. */
  awaited?: ReadonlySet<string>
}

export interface Initialised {
  text: string
  /** Settings that got a random value. */
  generated: string[]
  /** Settings that were there and stay as they are. */
  kept: string[]
  /** Settings whose line was not there. */
  added: string[]
  /** Those of them that were set to what fits this machine. */
  fitted: string[]
}

/** The line of a setting that has no value yet: the example's own, unless it is a secret or this machine's. */
function newLine({ name, generate, assignment }: Setting, { randomHex, machine }: Source): string {
  const value = generate === undefined ? machine[name] : randomHex(generate)
  return value === undefined ? assignment : `${name}=${quoteValue(value)}`
}

const fittedOf = (added: readonly string[], { machine }: Source): string[] => added.filter((name) => name in machine)

/** A secret whose line is there and empty, and that something needs: the user asked for it and has none yet. */
const lacksSecret = (setting: Setting | undefined, raw: string, { awaited }: Source): setting is Setting =>
  setting?.generate !== undefined && (setting.required === true || awaited?.has(setting.name) === true) && /^(''|"")?$/.test(raw)

/** The env file of a fresh checkout: the example, with values of its own. */
export function initialise(schema: Schema, example: string, source: Source): Initialised {
  const lines = example.split('\n')
  for (const setting of schema.settings) lines[setting.line - 1] = newLine(setting, source)
  const generated = schema.settings.filter(({ generate }) => generate !== undefined).map(({ name }) => name)
  const added = schema.settings.map(({ name }) => name)
  return { text: lines.join('\n'), generated, kept: [], added, fitted: fittedOf(added, source) }
}

/**
 * An existing env file with the settings that it lacks. Every value, comment and unknown line of the user stays;
 * doing it twice changes nothing more.
 */
export function complete(schema: Schema, existing: string, source: Source): Initialised {
  const end = existing.includes('\r\n') ? '\r' : ''
  const mark = existing.startsWith('\uFEFF') ? '\uFEFF' : ''
  const lines = existing.slice(mark.length).replace(/\n$/, '').split('\n')
  const { entries } = readLines(existing)
  const there = new Set(entries.map(({ name }) => name))
  const generated: string[] = []

  // Of a name that is there twice, the last one counts.
  for (const { name, line, raw } of new Map(entries.map((entry) => [entry.name, entry])).values()) {
    const setting = schema.byName.get(name)
    if (!lacksSecret(setting, raw, source)) continue
    lines[line - 1] = newLine(setting, source) + end
    generated.push(name)
  }

  const missing = schema.settings.filter(({ name }) => !there.has(name))
  for (const [index, setting] of missing.entries()) {
    const { at, isNewSection } = placeFor(setting, schema, lines, missing.slice(index))
    const block = [...(isNewSection && setting.heading ? [setting.heading, ''] : []), ...setting.comment, newLine(setting, source)]
    // A blank line keeps it apart from what stands above, or at the top from what stands below.
    lines.splice(at, 0, ...(at === 0 ? [...block, ''] : ['', ...block]).map((line) => line + end))
    if (setting.generate !== undefined) generated.push(setting.name)
  }
  const added = missing.map(({ name }) => name)
  const kept = schema.settings.map(({ name }) => name).filter((name) => there.has(name) && !generated.includes(name))
  const report = { generated, kept, added, fitted: fittedOf(added, source) }
  return { text: added.length + generated.length === 0 ? existing : `${mark}${lines.join('\n')}\n`, ...report }
}

const hidden = '********'

/**
 * The text as it may be shown: without secrets, and without what may be one (values of names that the example
 * does not declare, passwords in URLs, settings that are commented out).
 */
export function mask(schema: Schema, text: string): string {
  const lines = text.split('\n')
  const commentedOut = /^(\s*#\s*[A-Za-z_]\w*=)\S.*$/
  const declared = new Set(schema.settings.flatMap(({ comment }) => comment))
  const shown: (string | undefined)[] = lines.map((line) =>
    declared.has(line) ? line : line.replace(commentedOut, `$1${hidden}`))
  for (const { name, line, lastLine, raw } of readLines(text).entries) {
    const open = schema.byName.get(name)?.sensitive === false && !/:\/\/[^/]*@/.test(raw)
    if (open || raw === '') continue
    shown.fill(undefined, line - 1, lastLine)
    shown[line - 1] = `${name}=${hidden}`
  }
  return shown.filter((line) => line !== undefined).join('\n')
}
