/** The settings of the stack, for every command: reads .env.docker and judges it. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { addressed } from '../terminal.ts'
import { check, type Finding } from './check.ts'
import { readLines } from './file.ts'
import { parseSchema, type Schema } from './schema.ts'
import { lookAround } from './subject.ts'
import { readValues } from './values.ts'
import type { Values } from '../engine/machine.ts'
import { CliError, ExitCode } from '../errors.ts'

/** The file that the user fills in. */
export const envFile = '.env.docker'
/** Its schema and its documentation. */
export const exampleFile = '.env.docker.example'

export interface Settings {
  file: string
  schema: Schema
  values: Values
  findings: Finding[]
  /** The settings that the file has. Some values may be unknown. */
  names: readonly string[]
  /** Why Compose did not answer, if so: values with $, # or \, and what needs its files, are then not judged. */
  leftOut: string | undefined
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

/** The settings of the example, and of the examples of rooms in extras/. @throws CliError when one breaks its rules */
export async function readSchema(): Promise<Schema> {
  const entries = await readdir('extras', { withFileTypes: true }).catch(() => [])
  const rooms = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `extras/${name}/env.docker.example`)
  const [own, ...others] = await Promise.all([exampleFile, ...rooms].map(async (file) => {
    const text = await readIfThere(file)
    return text === undefined ? undefined : parseSchema(text, file)
  }))
  const settings = [own, ...others].flatMap((schema) => schema?.settings ?? [])
  if (own) return { settings, byName: new Map(settings.map((setting) => [setting.name, setting])) }
  throw new CliError(`${exampleFile} is not in ${process.cwd()}, and without it no setting can be checked.`, {
    hint: `Run the command in the project's folder, or get the file back: git restore ${exampleFile}`,
  })
}

/**
 * Reads an env file as Compose does and judges it. Its mistakes are in `findings`, and nothing is thrown for them.
 *
 * @throws CliError when the file cannot be opened, or the example breaks its own rules
 */
export async function loadSettings(file: string = envFile): Promise<Settings> {
  const [schema, text] = await Promise.all([readSchema(), readIfThere(file)])
  if (text === undefined) {
    const hint = addressed('Make it from the example: npm run env -- --init', file)
    const absent: Finding = { code: 'E08', severity: 'error', line: null, setting: null, message: 'The file does not exist.', hint }
    return { file, schema, values: {}, findings: [absent], names: [], leftOut: undefined }
  }
  const lines = readLines(text)
  const path = resolve(file)
  const [{ values, refusal, unanswered }, around] = await Promise.all([readValues(path, lines.entries), lookAround(path)])
  const findings = check({ schema, file, lines, values, refusal, around }).map((found) => ({ ...found, hint: addressed(found.hint, file) }))
  return { file, schema, values, findings, names: lines.entries.map(({ name }) => name), leftOut: unanswered ?? around.unanswered }
}
