/** Writes an env file: a new one, or an existing one with the secrets that it lacks. */
import { createHash, randomBytes } from 'node:crypto'
import { chown, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { check, type Finding } from './check.ts'
import { lostReferences, quoteValue, readLines, referring, unquoted } from './file.ts'
import type { Schema, Setting } from './schema.ts'
import { envFile, loadSettings, readIfThere, readSchema, unusable } from './settings.ts'
import { hostCaBundle } from '../engine/machine.ts'
import { CliError, ExitCode } from '../errors.ts'

/** Makes a secret. */
const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex')

/** Required settings, and secrets of services that are switched on, which the file does not have. */
const lackingIn = (findings: readonly Finding[]): (string | null)[] =>
  findings.filter(({ code }) => ['E10', 'E25'].includes(code)).map(({ setting }) => setting)

/**
 * The env file of a fresh checkout: the project's own settings with the defaults that they refer to, new secrets for
 * them and for their services, and values of this machine. Pure.
 */
export function newFile(schema: Schema, machine: Readonly<Record<string, string>>, random = randomHex) {
  const isOwn = ({ name, isActive }: Setting): boolean => isActive || name in machine
  const own = readLines(schema.settings.filter(isOwn).map(({ assignment }) => assignment).join('\n'))
  const values = Object.fromEntries(own.entries.map(({ name, raw }) => [name, unquoted(raw)]))
  const [lacking, referred] = [lackingIn(check({ schema, lines: own, values })), [...lostReferences(own).values()].flat()]
  const isAdded = ({ name, generate, value }: Setting): boolean => lacking.includes(name) || (!generate && value !== '' && referred.includes(name))
  // If a room declares a secret too, the room's rule counts, and not an empty line in the project's own example.
  const chosen = schema.settings.filter((one) => (isAdded(one) ? schema.byName.get(one.name) === one : isOwn(one)))
  // A secret that the example leaves empty stays so, unless a service needs it.
  const isMade = ({ name, generate, value }: Setting): boolean => generate !== undefined && (value !== '' || lacking.includes(name))
  const lines = chosen.flatMap((one, index) => {
    const { name, heading, generate, assignment } = one
    const value = isMade(one) ? random(generate!) : machine[name]
    const isNewSection = heading !== chosen[index - 1]?.heading
    return [...(isNewSection ? ['', heading ?? ''] : []), value === undefined ? assignment : `${name}=${quoteValue(value)}`]
  })
  return {
    text: ['# Settings of the Docker stack. A setting that is not here has its default, which is in .env.docker.example.', ...lines, ''].join('\n'),
    generated: chosen.filter((one) => isMade(one)).map(({ name }) => name),
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
export function withSecrets({ settings }: Schema, text: string, awaited: readonly (string | null)[], random = randomHex) {
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
  const name = `project-${createHash('sha256').update(process.cwd()).digest('hex').slice(0, 8)}`
  return {
    ...(/[a-z\d]/i.test(basename(process.cwd())) ? {} : { COMPOSE_PROJECT_NAME: name }),
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
  const machine = before.trim() === '' ? await machineValues() : undefined
  const { text, generated } = machine ? newFile(schema, machine) : withSecrets(schema, before, lackingIn((await loadSettings(file)).findings))

  // Also false when nothing was missing.
  const written = !dryRun && text !== before
  if (written) await writeSecretly(file, text)
  // The secrets that were made and, for a new file, the settings that were set for this machine.
  return { file, written, generated, fitted: Object.keys(machine ?? {}) }
}
