/** Where a missing setting goes in an existing env file: as in the example, and above what refers to it. Pure. */
import { readLines } from './file.ts'
import type { Entry } from './file.ts'
import type { Schema, Setting } from './schema.ts'
import { references } from './interpolate.ts'

/** The names that a value refers to; between single quotes it refers to nothing. */
const namesIn = (raw: string): string[] => (raw.startsWith("'") ? [] : references(raw).map(({ name }) => name))

const referredTo = ({ name, assignment }: Setting): string[] => namesIn(assignment.slice(name.length + 1))

/** The names, and what refers to them among the missing settings, which go above what refers to those. */
function withReferring(names: readonly string[], missing: readonly Setting[]): Set<string> {
  const found = new Set(names)
  // In the example a setting refers only to what stands above it.
  for (const setting of missing) if (referredTo(setting).some((name) => found.has(name))) found.add(setting.name)
  return found
}

/** Up from a line, over the comment that belongs to it and the blank lines before that, but into no value and over no heading of its own. */
function above(lines: readonly string[], index: number, entries: readonly Entry[], heading: string | undefined): number {
  const top = entries.findLast(({ lastLine }) => lastLine <= index)?.lastLine ?? 0
  let at = index
  while (at > top && lines[at - 1]!.trimStart().startsWith('#') && lines[at - 1]!.trimEnd() !== heading) at -= 1
  while (at > top && lines[at - 1]!.trim() === '') at -= 1
  return at
}

const lineWith = (lines: readonly string[], heading: string | undefined): number => lines.findIndex((line) => line.trimEnd() === heading)

/** Before the next section of the example that is there, or at the end. */
function placeOfSection(setting: Setting, { settings }: Schema, lines: readonly string[], entries: readonly Entry[]): number {
  const next = settings.slice(settings.indexOf(setting)).find(({ heading }) => heading !== setting.heading && lineWith(lines, heading) !== -1)
  return next ? above(lines, lineWith(lines, next.heading), entries, undefined) : lines.length
}

export interface Place {
  /** Index of the line in front of which it goes. */
  at: number
  /** Its section is not there either, and begins with it. */
  isNewSection: boolean
}

/**
 * Behind the nearest setting that stands before it in its section of the example, else behind the section's heading,
 * else where the section belongs. A reference reads only what stands above it, which goes before all of that.
 *
 * @param missing the settings that are not there yet, in the order of the example
 */
export function placeFor(setting: Setting, schema: Schema, lines: readonly string[], missing: readonly Setting[]): Place {
  const { entries } = readLines(lines.join('\n'))
  const endOf = new Map(entries.map(({ name, lastLine }) => [name, lastLine]))
  const before = schema.settings.slice(0, schema.settings.indexOf(setting))
  const neighbour = before.findLast(({ name, heading }) => heading === setting.heading && endOf.has(name))
  const heading = lineWith(lines, setting.heading)
  const isNewSection = !neighbour && heading === -1

  const section = isNewSection ? missing.filter((one) => one.heading === setting.heading) : [setting]
  const referring = withReferring(section.map(({ name }) => name), missing)
  const reader = entries.find(({ raw }) => namesIn(raw).some((name) => referring.has(name)))
  const lowest = reader ? above(lines, reader.line - 1, entries, setting.heading) : lines.length
  const highest = Math.max(...referredTo(setting).map((name) => endOf.get(name) ?? 0))
  const wanted = neighbour ? endOf.get(neighbour.name)! : isNewSection ? placeOfSection(setting, schema, lines, entries) : heading + 1
  return { at: Math.min(Math.max(wanted, highest), lowest), isNewSection }
}
