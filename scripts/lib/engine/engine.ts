/** Finds the Docker Engine to use, and makes sure that there is one. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { CliError, ExitCode } from '../errors.ts'
import { adviseWithoutAnswer, findPlatform, installInstructions, isAtLeast, pluginInstructions } from './advice.ts'
import type { Platform } from './advice.ts'
import { capture } from './docker.ts'
import { loadOfflineRoom } from './offline-room.ts'
import type { PrivateEngine } from './offline-room.ts'

/** `env_file` with `required: false` came with this one. */
const MINIMUM_COMPOSE = [2, 24, 4] as const

/** What Compose 5 wants to build with. */
const MINIMUM_BUILDX = [0, 17, 0] as const

/** `start_interval` of the health checks came with this one. */
const MINIMUM_ENGINE = [25, 0, 0] as const

/** An engine that nobody can reach must not hold up `up` for as long as TCP likes to wait. */
const PROBE_LIMIT_MS = 10_000

/** What a shell answers for a command that is not there. */
const COMMAND_NOT_FOUND = 127

type Values = Readonly<Record<string, string | undefined>>

export interface Engine {
  engineVersion: string
  composeVersion: string
  /** Folder of the private engine, when this process was made to use it. */
  dir?: string
}

/** What Docker said when it was asked for its versions. */
interface Answer {
  engineVersion: string | undefined
  composeVersion: string
  context: string
  hasClient: boolean
  complaint: string
}

/**
 * Returns the engine to use: the one that answers, else a private one, which is set up and started where that is
 * possible. For a private one this process's environment is changed, so that its `docker` children use it.
 *
 * @param settings by default this process's environment
 * @throws CliError (exit code 4) with what to do: no engine, no Compose, a Compose that is too old, or a
 *   private engine that could not be set up or started
 */
export async function ensureEngine(settings: Values = process.env): Promise<Engine> {
  const found = await findEngine(settings)
  if (found) return found
  // Nothing was found and nothing was thrown: there is a room, and it can start one.
  const room = await loadOfflineRoom()
  return adopt(await room!.startEngine(settings))
}

/**
 * The engine that answers, the user's own before the private one; undefined when a private one can be started.
 * Changes nothing but this process's environment.
 *
 * @throws CliError (exit code 4) as `ensureEngine`
 */
export async function findEngine(settings: Values = process.env): Promise<Engine | undefined> {
  const answer = await askForVersions()
  if (answer.engineVersion !== undefined) return checkVersions(answer)

  const room = await loadOfflineRoom()
  const chosen = process.env.DOCKER_HOST || (answer.context === 'default' ? undefined : `context ${answer.context}`)
  const platform = await readPlatform()
  const advice = adviseWithoutAnswer({
    platform,
    chosen: room?.isPrivate(chosen ?? '') ? undefined : chosen,
    hasSocket: existsSync('/var/run/docker.sock'),
    hasClient: answer.hasClient,
    hasDockerd: ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd'].some((path) => existsSync(path)),
    complaint: answer.complaint,
  })
  if (advice) throw new CliError(advice.message, { hint: advice.hint, exitCode: ExitCode.docker })

  const offer = await room?.offerEngine(settings)
  if (offer && 'running' in offer) return offer.running && adopt(offer.running)
  const instructions = installInstructions[platform]
  throw new CliError(`No Docker Engine answers${offer ? `, and ${offer.obstacle}` : ''}.`, {
    hint: offer?.wayOut ? `${instructions}\n${offer.wayOut}` : instructions,
    exitCode: ExitCode.docker,
  })
}

/** Makes this process's `docker` children use the private engine. */
async function adopt({ dir, environment }: PrivateEngine): Promise<Engine> {
  Object.assign(process.env, environment)
  return { ...checkVersions(await askForVersions()), dir }
}

async function readPlatform(): Promise<Platform> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
  return findPlatform(process.platform, await read('/etc/os-release'), await read('/proc/version'))
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
  const options = { timeoutMs: PROBE_LIMIT_MS }
  const [version, compose] = await Promise.all([
    capture(['version', '--format', '{{json .}}'], options),
    capture(['compose', 'version', '--short'], options),
  ])
  const { Client, Server } = parseVersion(version.stdout)
  return {
    engineVersion: Server?.Version,
    composeVersion: compose.exitCode === 0 ? compose.stdout.trim() : '',
    context: Client?.Context ?? 'default',
    hasClient: version.exitCode !== COMMAND_NOT_FOUND,
    complaint: version.stderr,
  }
}

/** @throws CliError (exit code 4) when the engine or Compose is too old, or Compose is missing */
export function checkVersions({ engineVersion = '', composeVersion, complaint }: Answer): Engine {
  if (!isAtLeast(engineVersion, MINIMUM_ENGINE)) {
    throw new CliError(`Docker Engine ${engineVersion} is too old: ${MINIMUM_ENGINE[0]} is the oldest that works.`, {
      hint: 'Update it: https://docs.docker.com/engine/install/',
      exitCode: ExitCode.docker,
    })
  }
  if (!isAtLeast(composeVersion, MINIMUM_COMPOSE)) throw composeError(engineVersion, composeVersion, complaint)
  return { engineVersion, composeVersion }
}

/** Compose is too old, or not there. Docker warns when it cannot read the file that says where its plugins are. */
function composeError(engineVersion: string, composeVersion: string, complaint: string): CliError {
  const minimum = MINIMUM_COMPOSE.join('.')
  const isThere = composeVersion !== ''
  const hasProgram = (name: string): boolean => (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))
  const oldOne = !isThere && hasProgram('docker-compose') ? ' The docker-compose with a hyphen is another program, and does not serve.' : ''
  return new CliError(
    isThere
      ? `Docker Compose ${composeVersion} is too old: ${minimum} is the oldest that works.`
      : `Docker Engine ${engineVersion} answers, but "docker compose" is missing.${oldOne}`,
    {
      details: isThere ? undefined : /^WARNING: .*$/m.exec(complaint)?.[0],
      hint: `Install the Compose plugin, ${minimum} or newer.\n${pluginInstructions('compose')}`,
      exitCode: ExitCode.docker,
    },
  )
}

/**
 * Why a build failed before it began, where that is known: Compose 5 builds with the Buildx plugin alone, and without
 * it falls back on a builder that knows none of what the Dockerfile uses. Undefined when that is not the cause.
 */
export async function explainWithoutBuildx({ composeVersion }: Engine): Promise<CliError | undefined> {
  if (!isAtLeast(composeVersion, [5, 0, 0])) return undefined
  const { exitCode, stdout } = await capture(['buildx', 'version'])
  const [version] = /\d+\.\d+\.\d+/.exec(stdout) ?? []
  const isThere = exitCode === 0 && version !== undefined
  if (isThere && isAtLeast(version, MINIMUM_BUILDX)) return undefined
  const minimum = MINIMUM_BUILDX.slice(0, 2).join('.')
  const state = isThere ? `and ${version} is too old` : 'and that is missing'
  return new CliError(`Docker Compose ${composeVersion} builds with the Buildx plugin, ${state}: it has to be ${minimum} or newer.`, {
    hint: `Install it.\n${pluginInstructions('buildx')}`,
    exitCode: ExitCode.docker,
  })
}
