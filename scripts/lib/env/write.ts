/** Writes an env file: a new one, or an existing one with the secrets that it lacks. */
import { createHash, randomBytes } from 'node:crypto'
import { chown, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { quoteValue, readLines, referring, unquoted } from './file.ts'
import type { Schema } from './schema.ts'
import { envFile, loadSettings, readIfThere, readSchema, unusable } from './settings.ts'
import { hostCaBundle } from '../engine/machine.ts'
import { CliError, ExitCode } from '../errors.ts'

/** Makes a secret of that many random bytes, as hex. */
type Random = (bytes: number) => string

/** The env file of a fresh checkout: the project's own settings, new secrets, and values of this machine. Pure. */
export function newFile({ settings }: Schema, machine: Readonly<Record<string, string>>, random: Random) {
  const chosen = settings.filter(({ name, isActive }) => isActive || name in machine)
  const lines = chosen.flatMap(({ name, heading, generate, assignment }, index) => {
    const value = generate === undefined ? machine[name] : random(generate)
    const isNewSection = heading !== chosen[index - 1]?.heading
    return [...(isNewSection ? ['', heading ?? ''] : []), value === undefined ? assignment : `${name}=${quoteValue(value)}`]
  })
  return {
    text: ['# Settings of the Docker stack. A setting that is not here has its default, which is in .env.docker.example.', ...lines, ''].join('\n'),
    generated: chosen.filter(({ generate }) => generate).map(({ name }) => name),
  }
}

/** Sets a secret on its own empty line, or above the first reference, which reads only lines above, or at the end. */
function withSecret(text: string, name: string, value: string): string {
  const { entries } = readLines(text)
  const lines = text.replace(/\n?$/, '\n').split('\n')
  const end = text.includes('\r\n') ? '\r' : ''
  // If a name is there twice, the last one counts.
  const own = entries.findLast((entry) => entry.name === name)
  const reader = entries.find(({ raw }) => new RegExp(`\\$\\{?${name}\\b`).test(referring(raw)))
  const line = (own ?? reader)?.line ?? lines.length
  return lines.toSpliced(line - 1, own ? 1 : 0, `${name}=${value}${end}`).join('\n')
}

/** Adds the awaited settings that are secrets. All else stays as it is, and a second run changes nothing more. Pure. */
export function withSecrets({ settings }: Schema, text: string, awaited: readonly (string | null)[], random: Random) {
  const there = new Map(readLines(text).entries.map(({ name, raw }) => [name, unquoted(raw)]))
  const lacking = settings.filter(({ name, generate }) => generate && awaited.includes(name) && !there.get(name))
  return {
    text: lacking.reduce((before, { name, generate = 0 }) => withSecret(before, name, random(generate)), text),
    generated: lacking.map(({ name }) => name),
  }
}

/** The values of this machine: a project name if the folder gives none (日本), the checkout's owner, its CA bundle. */
async function machineValues(): Promise<Record<string, string>> {
  const { uid, gid } = await stat('.')
  const bundle = hostCaBundle(process.env)
  const folder = process.cwd()
  const name = `project-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`
  return {
    ...(/[a-z\d]/i.test(basename(folder)) ? {} : { COMPOSE_PROJECT_NAME: name }),
    ...(uid === 0 ? {} : { APP_UID: String(uid) }),
    ...(uid === 0 || gid === 0 ? {} : { APP_GID: String(gid) }),
    ...(bundle === undefined ? {} : { EXTRA_CA_FILE: bundle }),
  }
}

/**
 * Writes the whole file or nothing, readable by its owner alone. If root runs this in another user's folder, the file
 * belongs to that user.
 */
export async function writeSecretly(file: string, text: string): Promise<void> {
  // A link keeps pointing at the file that it names.
  const target = await realpath(file).catch(() => resolve(file))
  const temporary = `${target}.${process.pid}.tmp`
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx', flush: true })
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

export type Filled = Awaited<ReturnType<typeof fillEnvFile>>

/**
 * Makes the env file from the example; or adds the secrets that its services wait for, and keeps every value.
 *
 * @throws CliError (exit code 3) when the file has unreadable lines or cannot be written
 */
export async function fillEnvFile(file: string = envFile, { dryRun = false } = {}) {
  const [schema, existing = ''] = await Promise.all([readSchema(), readIfThere(file)])
  // A byte order mark may only stand at the beginning, and a line may be put above it.
  const before = existing.replace(/^\uFEFF/, '')
  const [broken] = readLines(before).malformed
  if (broken) {
    throw new CliError(`${file}:${broken.line} cannot be read, so nothing is added to the file. ${broken.message}`, { hint: broken.hint, exitCode: ExitCode.config })
  }
  const random: Random = (bytes) => randomBytes(bytes).toString('hex')
  const machine = before.trim() === '' ? await machineValues() : undefined
  // Required settings and secrets of services that are switched on, which the file does not have.
  const awaited = machine ? [] : (await loadSettings(file)).findings.filter(({ code }) => ['E10', 'E25'].includes(code))
  const { text, generated } = machine ? newFile(schema, machine, random)
    : withSecrets(schema, before, awaited.map(({ setting }) => setting), random)

  // Also false when nothing was missing.
  const written = !dryRun && text !== before
  if (written) await writeSecretly(file, text)
  // The secrets that were made and, for a new file, the settings that were set for this machine.
  return { file, written, generated, fitted: Object.keys(machine ?? {}) }
}
