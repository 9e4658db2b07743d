/** The settings of the stack, for every command: read and judge .env.docker, or write it. */
import { createHash, randomBytes } from 'node:crypto'
import { chown, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { addressed } from '../words.ts'
import { lookAround } from './around.ts'
import { check } from './check.ts'
import { finding } from './finding.ts'
import type { Finding, Values } from './finding.ts'
import { readLines } from './file.ts'
import { complete, initialise, mask } from './init.ts'
import type { Initialised, Source } from './init.ts'
import { sync } from './sync.ts'
import type { Synced } from './sync.ts'
import { parseSchema } from './schema.ts'
import type { Schema } from './schema.ts'
import { readValues } from './values.ts'
import { roomOf } from '../engine/disk.ts'
import { CliError, ExitCode } from '../errors.ts'
import { hostCaBundle } from '../engine/network.ts'

/** The file that somebody fills in. */
export const envFile = '.env.docker'
/** Its schema, its documentation and its defaults. */
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

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ENOENT: 'its folder does not exist',
  ENOSPC: 'the disk is full',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
}

/** What helps, for the reasons that have a remedy. */
async function remedy(path: string, code: string): Promise<string | undefined> {
  if (code === 'ENOSPC') {
    const room = await roomOf(dirname(path))
    return `${room?.folder ?? 'Its folder'} has ${room?.megabytes ?? 0} MB left. Make room there, then run this again: nothing was changed.`
  }
  if (code !== 'EACCES' && code !== 'EPERM') return undefined
  const owned = await stat(path).catch(() => stat(dirname(path)))
  return `It belongs to uid ${owned.uid}, and you are uid ${process.getuid?.()}. Run this as its owner, or make the project yours: sudo chown -R "$USER" .`
}

async function unusable(file: string, verb: 'read' | 'written', error: unknown): Promise<CliError> {
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  const message = `${file} cannot be ${verb}: ${reasons[code] ?? code}.`
  const hint = await remedy(resolve(file), code).catch(() => undefined)
  return new CliError(message, { hint, exitCode: ExitCode.config, cause: error })
}

/** The text of a file, or undefined when there is none. */
async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw await unusable(file, 'read', error)
  }
}

/** @throws CliError when it is not there, or breaks its own rules */
export async function readExample(): Promise<{ text: string; schema: Schema }> {
  const text = await readIfThere(exampleFile)
  if (text !== undefined) return { text, schema: parseSchema(text, exampleFile) }
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
  const [{ schema }, text] = await Promise.all([readExample(), readIfThere(file)])
  if (text === undefined) {
    const absent = finding('E08', { message: 'The file does not exist.', hint: addressed('Make it from the example: npm run env -- --init', file) })
    return { file, schema, values: {}, findings: [absent], count: 0, unanswered: undefined, leftOut: undefined, unread: [] }
  }
  const lines = readLines(text)
  const path = resolve(file)
  const [{ values, refusal, unanswered }, around] = await Promise.all([readValues(path, text, lines.entries), lookAround(path)])
  const unread = lines.entries.map(({ name }) => name).filter((name) => values[name] === undefined)
  const findings = check({ schema, file, lines, values, refusal, around }).map((found) => ({ ...found, hint: addressed(found.hint, file) }))
  return { file, schema, values, findings, count: lines.entries.length, unanswered, leftOut: around.unanswered, unread }
}

/** Can Compose make a project's name of a folder's? It keeps small letters, digits, - and _, after the first letter or digit. Pure. */
export const namesProject = (folder: string): boolean => /[a-z0-9]/.test(folder.toLowerCase())

/** The same for the same folder, and another for every other. */
const projectNameFor = (folder: string): string => `project-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`

/** What belongs to this machine: a name where the folder's gives none, and the owner: files that containers write into the checkout shall be its owner's. */
async function machineValues({ byName }: Schema): Promise<Record<string, string>> {
  const { uid, gid } = await stat('.')
  const bundle = hostCaBundle(process.env)
  const folder = process.cwd()
  const isNamed = byName.get('COMPOSE_PROJECT_NAME')?.assignment !== 'COMPOSE_PROJECT_NAME=' || namesProject(basename(folder))
  return {
    ...(isNamed ? {} : { COMPOSE_PROJECT_NAME: projectNameFor(folder) }),
    ...(uid === 0 ? {} : { APP_UID: String(uid) }),
    ...(uid === 0 || gid === 0 ? {} : { APP_GID: String(gid) }),
    ...(bundle === undefined ? {} : { EXTRA_CA_FILE: bundle }),
  }
}

/**
 * Writes the whole file or nothing, readable by its owner alone. Somebody who runs this as root in another
 * user's folder gets a file of that user.
 */
export async function writeSecretly(file: string, text: string): Promise<void> {
  // A link keeps pointing at the file that it names.
  const target = await realpath(file).catch(() => resolve(file))
  const temporary = `${target}.${process.pid}.tmp`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (process.getuid?.() === 0) {
      const owner = await stat(target).catch(() => stat(dirname(target)))
      await chown(temporary, owner.uid, owner.gid)
    }
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw await unusable(file, 'written', error)
  }
}

/** The names and lines that are read from the file as it is, which has to be readable for that. */
function requireReadable(file: string, existing: string): void {
  const [broken] = readLines(existing).malformed
  if (!broken) return
  throw new CliError(`${file}:${broken.line} cannot be read, so nothing is added to the file. ${broken.problem}`, {
    hint: broken.hint, exitCode: ExitCode.config,
  })
}

const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex')

export interface SyncResult extends Omit<Synced, 'text'> {
  file: string
  written: boolean
  /** Where the file is as it was; undefined when nothing was written. */
  backup: string | undefined
  /** The new content, fit to be shown: secrets are masked. */
  preview: string
}

/**
 * Brings an env file up to date with the example, and keeps the old one beside it, for its owner alone.
 *
 * @throws CliError (exit code 3) when there is no such file, when it has unreadable lines, or cannot be written
 */
export async function syncEnvFile(file: string = envFile, options: { dryRun?: boolean } = {}): Promise<SyncResult> {
  const [{ schema }, existing] = await Promise.all([readExample(), readIfThere(file)])
  if (existing === undefined) {
    throw new CliError(`${file} does not exist, so there is nothing to bring up to date.`, {
      hint: 'Make it from the example: npm run env -- --init', exitCode: ExitCode.config,
    })
  }
  requireReadable(file, existing)
  const { text, ...report } = sync(schema, existing, { randomHex, machine: await machineValues(schema) })
  const written = !options.dryRun && text !== existing
  const backup = written ? `${file}.bak` : undefined
  if (backup) {
    await writeSecretly(backup, existing)
    await writeSecretly(file, text)
  }
  return { file, ...report, written, backup, preview: mask(schema, text) }
}

/** Secrets that services which are switched on wait for, as the check sees it. */
async function awaitedIn(file: string): Promise<ReadonlySet<string>> {
  const { findings } = await loadSettings(file)
  return new Set(findings.flatMap(({ code, setting }) => (code === 'E25' && setting !== null ? [setting] : [])))
}

export interface InitResult extends Omit<Initialised, 'text'> {
  file: string
  /** False when nothing was missing, and in a dry run. */
  written: boolean
  /** The new content, fit to be shown: secrets are masked. */
  preview: string
}

/**
 * Makes the env file from the example, with random secrets; or adds to an existing one what it lacks, and
 * keeps every value that is there.
 *
 * @throws CliError (exit code 3) when the existing file has unreadable lines, or when it cannot be written
 */
export async function initEnvFile(file: string = envFile, options: { dryRun?: boolean } = {}): Promise<InitResult> {
  const [{ text: example, schema }, existing = ''] = await Promise.all([readExample(), readIfThere(file)])
  const machine = await machineValues(schema)
  requireReadable(file, existing)
  const source: Source = { randomHex, machine }
  const result = existing.trim() === '' ? initialise(schema, example, source) : complete(schema, existing, { ...source, awaited: await awaitedIn(file) })
  const written = !options.dryRun && result.text !== existing
  if (written) await writeSecretly(file, result.text)
  const { text, ...report } = result
  return { file, ...report, written, preview: mask(schema, text) }
}
