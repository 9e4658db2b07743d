/** The text of an env file: a new one, or an existing one with the secrets that it lacks and the names of today. Pure. */
import { quoteValue, readLines } from './file.ts'
import type { Entry } from './file.ts'
import { references } from './interpolate.ts'
import { isDockers, renamings } from './schema.ts'
import type { Schema } from './schema.ts'

/** Where the values come from that differ from file to file. */
export interface Source {
  /** So many random bytes, as hex. */
  randomHex(bytes: number): string
  /** Values that belong to this machine, by setting: the owner's ids, the CA bundle. A new file gets them. */
  machine: Readonly<Record<string, string>>
  /** Settings without which the stack does not start. An existing file gets those of them that can be made. */
  awaited: ReadonlySet<string>
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

const introduction = [
  '# Settings of the Docker stack. A setting that is not here has its default: .env.docker.example has them all.',
  '# npm run env checks this file.',
]

/** The env file of a fresh checkout: what the project says of itself, with secrets of its own and what fits this machine. */
export function initialise({ settings }: Schema, { randomHex, machine }: Source): Initialised {
  const chosen = settings.filter(({ name, isActive }) => isActive || name in machine)
  const lines = chosen.flatMap(({ name, heading, generate, assignment }, index) => {
    const value = generate === undefined ? machine[name] : randomHex(generate)
    const isNewSection = heading !== chosen[index - 1]?.heading
    return [...(isNewSection ? ['', heading ?? ''] : []), value === undefined ? assignment : `${name}=${quoteValue(value)}`]
  })
  const namesOf = (some: typeof chosen): string[] => some.map(({ name }) => name)
  return {
    text: `${[...introduction, ...lines].join('\n')}\n`,
    generated: namesOf(chosen.filter(({ generate }) => generate !== undefined)),
    kept: [],
    added: namesOf(chosen),
    fitted: namesOf(chosen.filter(({ name }) => name in machine)),
  }
}

/** Between single quotes nothing refers to anything. */
const refersTo = ({ raw }: Entry, name: string): boolean => !raw.startsWith("'") && references(raw).some((one) => one.name === name)

/** Where a new setting goes: a reference reads only what stands above it, so above its reader and that one's comment; else at the end. */
function placeOf(name: string, lines: readonly string[]): number {
  const { entries } = readLines(lines.join('\n'))
  const reader = entries.find((entry) => refersTo(entry, name))
  if (!reader) return lines.length
  const top = entries.findLast(({ lastLine }) => lastLine < reader.line)?.lastLine ?? 0
  let at = reader.line - 1
  while (at > top && lines[at - 1]!.trimStart().startsWith('#')) at -= 1
  return at
}

/** An existing env file with the secrets that its services wait for. All else stays as it is; doing it twice changes nothing more. */
export function complete({ settings }: Schema, existing: string, { randomHex, awaited }: Source): Initialised {
  const end = existing.includes('\r\n') ? '\r' : ''
  const mark = existing.startsWith('\uFEFF') ? '\uFEFF' : ''
  const lines = existing.slice(mark.length).replace(/\n$/, '').split('\n')
  // Of a name that is there twice, the last one counts.
  const there = new Map(readLines(existing).entries.map((entry) => [entry.name, entry]))
  const lacking = settings.filter(({ name, generate }) => generate !== undefined && awaited.has(name) && /^(''|"")?$/.test(there.get(name)?.raw ?? ''))
  for (const { name, generate = 0 } of lacking) {
    const entry = there.get(name)
    const line = `${name}=${randomHex(generate)}${end}`
    lines.splice(entry ? entry.line - 1 : placeOf(name, lines), entry ? 1 : 0, line)
  }
  const generated = lacking.map(({ name }) => name)
  return {
    text: lacking.length === 0 ? existing : `${mark}${lines.join('\n')}\n`,
    generated,
    kept: settings.map(({ name }) => name).filter((name) => there.has(name) && !generated.includes(name)),
    added: generated.filter((name) => !there.has(name)),
    fitted: [],
  }
}

export interface Synced extends Pick<Initialised, 'text' | 'added' | 'generated'> {
  /** Settings that have another name now, and files that lie elsewhere; the rest of the value is kept. */
  renamed: { from: string; to: string }[]
  moved: { from: string; to: string }[]
  /** Old names that stay where they are, because the new one is there as well, and only that counts. */
  superseded: { name: string; line: number; by: string }[]
  /** Names that the example does not have: taken out of the template, or the owner's own. Nothing is deleted. */
  undeclared: { name: string; line: number }[]
}

/** Compose files that COMPOSE_FILE names by where they were in earlier versions of the template. */
const moves: readonly (readonly [from: string, to: string])[] = [['docker/offline/compose.yaml', 'extras/offline/compose.yaml']]

/** Changes the lines of these settings, whatever stands around the value. */
function edited(text: string, entries: readonly Entry[], change: (line: string, entry: Entry) => string): string {
  const lines = text.split('\n')
  for (const entry of entries) {
    for (let index = entry.line - 1; index < entry.lastLine; index += 1) lines[index] = change(lines[index]!, entry)
  }
  return lines.join('\n')
}

/** `${OLD}`, `${OLD:-…}` and `$OLD` by their new name. */
const withNewReferences = (line: string, names: ReadonlyMap<string, string>): string =>
  line.replaceAll(/(?<!\$)(\$\{?)([A-Za-z_]\w*)/g, (whole, sign: string, name: string) => (names.has(name) ? `${sign}${names.get(name)!}` : whole))

/** Brings an env file up to date with the example of a newer template. It adds nothing that has a default, and doing it twice changes nothing more. */
export function sync(schema: Schema, existing: string, source: Source): Synced {
  const { entries } = readLines(existing)
  const newNames = renamings(schema)
  const present = new Set(entries.map(({ name }) => name))
  const old = entries.filter(({ name }) => newNames.has(name))
  const renamed = new Map(old.filter(({ name }) => !present.has(newNames.get(name)!)).map(({ name }) => [name, newNames.get(name)!]))
  const moved = moves.filter(([from]) => entries.some(({ name, raw }) => name === 'COMPOSE_FILE' && raw.includes(from)))

  const before = edited(existing, entries, (line, { name, raw }) => {
    const own = renamed.has(name) ? line.replace(new RegExp(`^(\\uFEFF?\\s*(?:export\\s+)?)${name}\\b`), `$1${renamed.get(name)!}`) : line
    const told = raw.startsWith("'") ? own : withNewReferences(own, renamed)
    return name === 'COMPOSE_FILE' ? moved.reduce((value, [from, to]) => value.replaceAll(from, to), told) : told
  })
  const { text, added, generated } = complete(schema, before, source)
  return {
    text, added, generated,
    renamed: [...renamed].map(([from, to]) => ({ from, to })),
    moved: moved.map(([from, to]) => ({ from, to })),
    superseded: old.filter(({ name }) => !renamed.has(name)).map(({ name, line }) => ({ name, line, by: newNames.get(name)! })),
    undeclared: readLines(text).entries.flatMap(({ name, line }) => (schema.byName.has(name) || newNames.has(name) || isDockers(name) ? [] : [{ name, line }])),
  }
}
