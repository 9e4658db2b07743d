/** Writes an env file: a new one, one with the secrets that it lacks, or one brought up to date. */
import { createHash, randomBytes } from 'node:crypto'
import { chown, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { readLines } from './file.ts'
import { complete, initialise, sync } from './fill.ts'
import type { Initialised, Source, Synced } from './fill.ts'
import { mask } from './shown.ts'
import type { Schema } from './schema.ts'
import { envFile, loadSettings, readIfThere, readSchema, unusable } from './settings.ts'
import { hostCaBundle } from '../engine/machine.ts'
import { CliError, ExitCode } from '../errors.ts'

/** Can Compose make a project's name of a folder's? It keeps small letters, digits, - and _, after the first letter or digit. Pure. */
const namesProject = (folder: string): boolean => /[a-z0-9]/.test(folder.toLowerCase())

/** The same for the same folder, and another for every other. */
const projectNameFor = (folder: string): string => `project-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`

/** What belongs to this machine: a project name where the folder gives none, the owner of the checkout, and its CA bundle. */
async function machineValues({ byName }: Schema): Promise<Record<string, string>> {
  const { uid, gid } = await stat('.')
  const bundle = hostCaBundle(process.env)
  const folder = process.cwd()
  return {
    ...(byName.get('COMPOSE_PROJECT_NAME')?.value || namesProject(basename(folder)) ? {} : { COMPOSE_PROJECT_NAME: projectNameFor(folder) }),
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

/** Required settings and secrets of services that are switched on, which the file does not have. */
async function awaitedIn(file: string): Promise<ReadonlySet<string>> {
  const { findings } = await loadSettings(file)
  return new Set(findings.flatMap(({ code, setting }) => (['E10', 'E25'].includes(code) && setting !== null ? [setting] : [])))
}

async function sourceFor(schema: Schema, file: string | undefined): Promise<Source> {
  return {
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    machine: await machineValues(schema),
    awaited: file === undefined ? new Set() : await awaitedIn(file),
  }
}

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
  const [schema, existing] = await Promise.all([readSchema(), readIfThere(file)])
  if (existing === undefined) {
    throw new CliError(`${file} does not exist, so there is nothing to bring up to date.`, {
      hint: 'Make it from the example: npm run env -- --init', exitCode: ExitCode.config,
    })
  }
  requireReadable(file, existing)
  const { text, ...report } = sync(schema, existing, await sourceFor(schema, file))
  const written = !options.dryRun && text !== existing
  const backup = written ? `${file}.bak` : undefined
  if (backup) {
    await writeSecretly(backup, existing)
    await writeSecretly(file, text)
  }
  return { file, ...report, written, backup, preview: mask(schema, text) }
}

export interface InitResult extends Omit<Initialised, 'text'> {
  file: string
  /** False when nothing was missing, and in a dry run. */
  written: boolean
  /** The new content, fit to be shown: secrets are masked. */
  preview: string
}

/**
 * Makes the env file from the example, with random secrets; or adds to an existing one what its services wait for,
 * and keeps every value that is there.
 *
 * @throws CliError (exit code 3) when the existing file has unreadable lines, or when it cannot be written
 */
export async function initEnvFile(file: string = envFile, options: { dryRun?: boolean } = {}): Promise<InitResult> {
  const [schema, existing = ''] = await Promise.all([readSchema(), readIfThere(file)])
  requireReadable(file, existing)
  const isNew = existing.trim() === ''
  const source = await sourceFor(schema, isNew ? undefined : file)
  const { text, ...report } = isNew ? initialise(schema, source) : complete(schema, existing, source)
  const written = !options.dryRun && text !== existing
  if (written) await writeSecretly(file, text)
  return { file, ...report, written, preview: mask(schema, text) }
}
