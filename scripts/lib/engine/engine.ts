/** Finds the Docker Engine to use, and makes sure that there is one. */
import { CliError, ExitCode } from '../errors.ts'
import { loadOfflineRoom } from '../rooms.ts'
import type { PrivateEngine } from '../rooms.ts'
import { capture } from './docker.ts'
import type { Values } from './machine.ts'

/** `start_interval` of the health checks came with this one. */
const MINIMUM_ENGINE = '25.0.0'

/** `env_file` with `required: false` came with this one. */
const MINIMUM_COMPOSE = '2.24.4'

export interface Engine {
  engineVersion: string
  composeVersion: string
  /** Folder of the private engine, when this process was made to use it. */
  dir?: string
}

/** What Docker said when it was asked for its versions. */
export interface Answer {
  engineVersion: string | undefined
  /** Empty when Compose is missing. */
  composeVersion: string
  context: string
  hasClient: boolean
  complaint: string
}

/** Whether a version such as `2.26.1-4` or `v5.6.1-desktop.1` is the given one or a newer one. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [found] = /\d+\.\d+\.\d+/.exec(version) ?? []
  return found !== undefined && found.localeCompare(minimum, 'en', { numeric: true }) >= 0
}

/**
 * The engine that answers, the user's own before the private one; undefined when a private one can be started. For a
 * private one this process's environment is changed, so that its `docker` children use it.
 *
 * @throws CliError (exit code 4) with what to do: no engine, no Compose, one that is too old
 */
export async function findEngine(settings: Values = process.env): Promise<Engine | undefined> {
  const answer = await askForVersions()
  if (answer.engineVersion !== undefined) return checkVersions(answer)

  const room = await loadOfflineRoom()
  const { adviseWithoutAnswer, installInstructions, lookAtHost } = await import('./advice.ts')
  const advice = adviseWithoutAnswer(lookAtHost(answer, (dockerHost) => room?.isPrivate(dockerHost) ?? false))
  if (advice) throw advice

  const offer = await room?.offerEngine(settings)
  if (offer && 'running' in offer) return offer.running && adopt(offer.running)
  throw new CliError(`No Docker Engine answers${offer ? `, and ${offer.obstacle}` : ''}.`, {
    hint: [installInstructions, offer?.wayOut].filter(Boolean).join('\n'),
    exitCode: ExitCode.docker,
  })
}

/** Sets up and starts the private engine. To be called when `findEngine` says that this is possible. */
export async function startEngine(settings: Values): Promise<Engine> {
  const room = await loadOfflineRoom()
  return adopt(await room!.startEngine(settings))
}

async function adopt({ dir, environment }: PrivateEngine): Promise<Engine> {
  Object.assign(process.env, environment)
  return { ...await checkVersions(await askForVersions()), dir }
}

/** Empty when there is no `docker`, or when it was interrupted. */
function parseVersion(stdout: string): { Client?: { Context?: string }; Server?: { Version: string } | null } {
  try {
    return JSON.parse(stdout) as ReturnType<typeof parseVersion>
  } catch {
    return {}
  }
}

/** Asks the engine and Compose for their versions, both at once: every command waits for this. */
export async function askForVersions(): Promise<Answer> {
  // An engine that nobody can reach must not hold up `up` for as long as TCP likes to wait.
  const options = { timeoutMs: 10_000 }
  const [version, compose] = await Promise.all([
    capture(['version', '--format', '{{json .}}'], options),
    capture(['compose', 'version', '--short'], options),
  ])
  const { Client, Server } = parseVersion(version.stdout)
  return {
    engineVersion: Server?.Version,
    composeVersion: compose.exitCode === 0 ? compose.stdout.trim() : '',
    context: Client?.Context ?? 'default',
    // What a shell answers for a command that is not there.
    hasClient: version.exitCode !== 127,
    complaint: version.stderr,
  }
}

/** @throws CliError (exit code 4) when the engine or Compose is too old, or Compose is missing */
export async function checkVersions({ engineVersion = '', composeVersion, complaint }: Answer): Promise<Engine> {
  const parts = [
    ['Docker Engine', engineVersion, MINIMUM_ENGINE],
    ['Docker Compose', composeVersion, MINIMUM_COMPOSE],
  ] as const
  const old = parts.find(([, version, minimum]) => !isAtLeast(version, minimum))
  if (!old) return { engineVersion, composeVersion }
  const { explainVersion } = await import('./advice.ts')
  const [part, version, minimum] = old
  throw explainVersion(part, version, minimum, complaint)
}
