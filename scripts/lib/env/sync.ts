/** Brings an env file up to date with the example of a newer template, and keeps what its owner wrote. Pure. */
import { readLines } from './file.ts'
import type { Entry } from './file.ts'
import { complete } from './init.ts'
import type { Source } from './init.ts'
import { isDockers, renamings } from './schema.ts'
import type { Schema } from './schema.ts'

export interface Synced {
  text: string
  /** Settings that are new: their line was not there. */
  added: string[]
  /** Those and others that got a random value. */
  generated: string[]
  /** What has another name now; the value is kept. */
  renamed: { from: string; to: string }[]
  /** Old names that stay where they are, because the new one is there as well, and only that counts. */
  superseded: { name: string; line: number; by: string }[]
  /** Settings that the example advises against, with its advice. */
  deprecated: { name: string; line: number; advice: string }[]
  /** Names that the example does not have: taken out of the template, or the owner's own. Nothing is deleted. */
  undeclared: { name: string; line: number }[]
}

/** `${OLD}`, `${OLD:-…}` and `$OLD` by their new name. Between single quotes nothing refers to anything. */
function withNewReferences(text: string, entries: readonly Entry[], names: ReadonlyMap<string, string>): string {
  const lines = text.split('\n')
  for (const { line, lastLine, raw } of entries) {
    if (raw.startsWith("'")) continue
    for (let index = line - 1; index < lastLine; index += 1) {
      lines[index] = lines[index]!.replaceAll(/(?<!\$)(\$\{?)([A-Za-z_]\w*)/g, (whole, sign: string, name: string) =>
        names.has(name) ? `${sign}${names.get(name)!}` : whole)
    }
  }
  return lines.join('\n')
}

/** The file with old names replaced, where the new one is not there too. */
function rename(schema: Schema, existing: string): Pick<Synced, 'text' | 'renamed' | 'superseded'> {
  const { entries } = readLines(existing)
  const names = renamings(schema)
  const present = new Set(entries.map(({ name }) => name))
  const old = entries.filter(({ name }) => names.has(name))
  const renamed = new Map(old.filter(({ name }) => !present.has(names.get(name)!)).map(({ name }) => [name, names.get(name)!]))
  const lines = existing.split('\n')
  for (const { name, line } of old) {
    const to = renamed.get(name)
    // How it was written stays, comment and quotes included.
    if (to !== undefined) lines[line - 1] = lines[line - 1]!.replace(name, to)
  }
  return {
    text: withNewReferences(lines.join('\n'), entries, renamed),
    renamed: [...renamed].map(([from, to]) => ({ from, to })),
    superseded: old.filter(({ name }) => !renamed.has(name)).map(({ name, line }) => ({ name, line, by: names.get(name)! })),
  }
}

/**
 * Adds what is new with its comments, in the place that it has in the example; gives renamed settings their new name;
 * reports the rest. Values, comments, unknown lines and their order stay. Doing it twice changes nothing more.
 */
export function sync(schema: Schema, existing: string, source: Source): Synced {
  const { text: before, renamed, superseded } = rename(schema, existing)
  const { text, added, generated } = complete(schema, before, source)
  const { entries } = readLines(text)
  const old = renamings(schema)
  return {
    text, added, generated, renamed, superseded,
    deprecated: entries.flatMap(({ name, line }) => {
      const advice = schema.byName.get(name)?.deprecated
      return advice && !added.includes(name) ? [{ name, line, advice }] : []
    }),
    undeclared: entries.flatMap(({ name, line }) => (schema.byName.has(name) || old.has(name) || isDockers(name) ? [] : [{ name, line }])),
  }
}
