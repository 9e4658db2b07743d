/** The settings of the stack, for every command: reads .env.docker and judges it. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { addressed } from '../terminal.ts'
import { check } from './check.ts'
import { finding } from './finding.ts'
import type { Finding, Values } from './finding.ts'
import { readLines } from './file.ts'
import { parseSchema } from './schema.ts'
import type { Schema } from './schema.ts'
import { lookAround } from './subject.ts'
import { readValues } from './values.ts'
import { CliError, ExitCode } from '../errors.ts'

/** The file that somebody fills in. */
export const envFile = '.env.docker'
/** Its schema and its documentation. */
export const exampleFile = '.env.docker.example'

export interface Settings {
  file: string
  schema: Schema
  values: Values
  findings: Finding[]
  /** How many settings the file has. */
  count: number
  /** Why Compose could not be asked, when it could not: values with $, # or \ in them are then left out. */
  unanswered: string | undefined
  /** Why Compose could not say what its files are, when it could not: rules that need them are then left out. */
  leftOut: string | undefined
  /** Those settings of the file whose values are left out. */
  unread: readonly string[]
}

/** What to throw for a file that the system does not let us read or write. */
export async function unusable(file: string, verb: 'read' | 'written', error: unknown): Promise<CliError> {
  // "EACCES: permission denied, open '.env.docker'"
  const [, code, reason] = /\b(E[A-Z]+): ([^,]+)/.exec(String(error)) ?? []
  const owner = await stat(file).catch(() => stat(dirname(file))).catch(() => undefined)
  const hint = `It belongs to uid ${owner?.uid}, and you are uid ${process.getuid?.()}. `
    + 'Run this as its owner, or make the project yours: sudo chown -R "$USER" .'
  return new CliError(`${file} cannot be ${verb}: ${reason ?? String(error)}.`, {
    hint: code === 'EACCES' || code === 'EPERM' ? hint : undefined, exitCode: ExitCode.config, cause: error,
  })
}

/** The text of a file, or undefined when there is none. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw await unusable(file, 'read', error)
  }
}

/** @throws CliError when the example is not there, or breaks its own rules */
export async function readSchema(): Promise<Schema> {
  const text = await readIfThere(exampleFile)
  if (text !== undefined) return parseSchema(text, exampleFile)
  throw new CliError(`${exampleFile} is not in ${process.cwd()}, and without it no setting can be checked.`, {
    hint: `Run the command in the project's folder, or get the file back: git restore ${exampleFile}`,
  })
}

/**
 * Reads an env file as Compose does and judges it. What is wrong with the file is in `findings`, and nothing
 * is thrown for it.
 *
 * @throws CliError when the file cannot be opened, or when the example breaks its own rules
 */
export async function loadSettings(file: string = envFile): Promise<Settings> {
  const [schema, text] = await Promise.all([readSchema(), readIfThere(file)])
  if (text === undefined) {
    const hint = addressed('Make it from the example: npm run env -- --init', file)
    const findings = [finding('E08', { message: 'The file does not exist.', hint })]
    return { file, schema, values: {}, findings, count: 0, unanswered: undefined, leftOut: undefined, unread: [] }
  }
  const lines = readLines(text)
  const path = resolve(file)
  const [{ values, refusal, unanswered }, around] = await Promise.all([readValues(path, lines.entries), lookAround(path)])
  const unread = lines.entries.map(({ name }) => name).filter((name) => values[name] === undefined)
  const findings = check({ schema, file, lines, values, refusal, around }).map((found) => ({ ...found, hint: addressed(found.hint, file) }))
  return { file, schema, values, findings, count: lines.entries.length, unanswered, leftOut: around.unanswered, unread }
}
