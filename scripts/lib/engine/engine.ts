/** Finds the Docker Engine to use, and makes sure that there is one. */
import { CliError, ExitCode } from '../errors.ts'
import { loadOfflineRoom } from '../rooms.ts'
import type { PrivateEngine } from '../rooms.ts'
import { capture } from './docker.ts'
import type { Values } from './machine.ts'

/** `env_file` with `required: false` came with this one. */
const MINIMUM_COMPOSE = [2, 24, 4] as const

/** `start_interval` of the health checks came with this one. */
const MINIMUM_ENGINE = [25, 0, 0] as const

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
export function isAtLeast(version: string, minimum: readonly [number, number, number]): boolean {
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number)
  if (!found) return false
  const different = minimum.findIndex((part, index) => found[index] !== part)
  return different === -1 || found[different]! > minimum[different]!
}

/**
 * The engine to use: the one that answers, else a private one, which is set up and started where that is possible.
 *
 * @throws CliError (exit code 4) with what to do
 */
export async function ensureEngine(settings: Values = process.env): Promise<Engine> {
  const found = await findEngine(settings)
  if (found) return found
  // Nothing was found and nothing was thrown: there is a room, and it can start one.
  const room = await loadOfflineRoom()
  return adopt(await room!.startEngine(settings))
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
    hint: offer?.wayOut ? `${installInstructions}\n${offer.wayOut}` : installInstructions,
    exitCode: ExitCode.docker,
  })
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
export async function checkVersions(answer: Answer): Promise<Engine> {
  const { engineVersion = '', composeVersion } = answer
  if (!isAtLeast(engineVersion, MINIMUM_ENGINE)) {
    throw new CliError(`Docker Engine ${engineVersion} is too old: ${MINIMUM_ENGINE[0]} is the oldest that works.`, {
      hint: 'Update it: https://docs.docker.com/engine/install/',
      exitCode: ExitCode.docker,
    })
  }
  if (!isAtLeast(composeVersion, MINIMUM_COMPOSE)) {
    const { explainCompose } = await import('./advice.ts')
    throw explainCompose(answer, MINIMUM_COMPOSE.join('.'))
  }
  return { engineVersion, composeVersion }
}
