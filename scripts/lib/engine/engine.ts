/** Finds the Docker Engine to use, and makes sure that there is one. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { quote } from 'zx/core'
import { capture } from './docker.ts'
import { adviseWithoutEngine, findPlatform, type HostFacts, isAtLeast, mayAdminister, pluginInstructions } from './advice.ts'
import { CliError, ExitCode } from '../errors.ts'
import { networkOf } from './network.ts'
import { describe, type Description, ensureRunning, isRunning } from '../../../extras/offline/private-engine/private-engine.ts'
import { clientEnvironment, type Layout, layoutOf } from '../../../extras/offline/private-engine/layout.ts'
import { info, warn } from '../terminal.ts'

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

export interface Engine {
  /** `private` is the one in the user's cache folder; any other is the user's and is never touched. */
  kind: 'existing' | 'private'
  engineVersion: string
  composeVersion: string
  /** Folder of the private engine. */
  dir?: string
}

export interface EngineSettings {
  /** `never` forbids a private engine. */
  EMBEDDED_ENGINE?: string | undefined
  /** For the set-up of a private engine, instead of the host's own. */
  APT_MIRROR?: string | undefined
  /** Certificates that a private engine trusts beside the usual ones. */
  EXTRA_CA_FILE?: string | undefined
  /** Proxies of a private engine. */
  HTTP_PROXY?: string | undefined
  HTTPS_PROXY?: string | undefined
  NO_PROXY?: string | undefined
}

export interface EngineStatus extends Omit<Partial<Engine>, 'kind'> {
  /** The engine that `up` would use; `none` when it would have to set up one. */
  kind: Engine['kind'] | 'none'
  running: boolean
  private: Description
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
 * Returns the engine to use: the one that answers, else a private one, set up and started where that is
 * possible. For a private one this process's environment is changed, so that its `docker` children use it.
 *
 * @param settings by default this process's environment
 * @throws CliError (exit code 4) with what to do: no engine, no Compose, a Compose that is too old, or a
 *   private engine that could not be set up or started
 */
export async function ensureEngine(settings: EngineSettings = process.env): Promise<Engine> {
  const found = await findEngine(settings)
  if (found) return found
  const layout = layoutOf(process.env)
  const effort = await ensureRunning(layout, networkOf({ ...settings }, process.env))
  const engine = adopt(layout, await probe(clientEnvironment(layout, process.env.PATH)))
  if (effort === 'set up') announce(layout, engine)
  return engine
}

/**
 * The engine that answers, the user's own before the private one; undefined when a private one has to be set up or
 * started first. Changes nothing but this process's environment.
 *
 * @throws CliError (exit code 4) as `ensureEngine`
 */
export async function findEngine(settings: EngineSettings = process.env): Promise<Engine | undefined> {
  const layout = layoutOf(process.env)
  // Both at once: this is on the way of every command. In a shell that has activated the private engine they are one.
  const [answer, own] = await Promise.all([probe(), activatedDir(layout) ? undefined : probePrivate(layout)])
  if (answer.engineVersion !== undefined) return toEngine(answer, activatedDir(layout))
  const advice = adviseWithoutEngine(await gatherFacts(settings, layout, answer))
  if (advice) throw new CliError(advice.message, { hint: advice.hint, exitCode: ExitCode.docker })
  return own && adopt(layout, own)
}

/** Undefined when the private engine is not running. */
const probePrivate = async (layout: Layout): Promise<Answer | undefined> =>
  (await isRunning(layout)) ? probe(clientEnvironment(layout, process.env.PATH)) : undefined

/** Makes this process's `docker` children use the private engine. */
function adopt(layout: Layout, answer: Answer): Engine {
  Object.assign(process.env, clientEnvironment(layout, process.env.PATH))
  return toEngine(answer, layout.dir)
}

/** The engine in use, and the private one, as they are now. */
export async function readStatus(): Promise<EngineStatus> {
  const layout = layoutOf(process.env)
  const description = await describe(layout)
  const answer = await probe()
  if (answer.engineVersion !== undefined) {
    return { ...toEngine(answer, activatedDir(layout)), running: true, private: description }
  }
  if (!description.running) {
    return { kind: description.installed ? 'private' : 'none', running: false, private: description }
  }
  const own = await probe(clientEnvironment(layout, process.env.PATH))
  return { ...toEngine(own, layout.dir), running: true, private: description }
}

/** Asks the engine and Compose for their versions, both at once: this is on the way of every command. */
async function probe(env: Record<string, string> = {}): Promise<Answer> {
  const options = { env, timeoutMs: PROBE_LIMIT_MS }
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

interface DockerVersion {
  Client?: { Context?: string }
  Server?: { Version: string } | null
}

/** Empty when there is no `docker`, or when it was interrupted. */
function parseVersion(stdout: string): DockerVersion {
  try {
    return JSON.parse(stdout) as DockerVersion
  } catch {
    return {}
  }
}

/**
 * @param dir folder of the private engine, when it is the one that answered
 * @throws CliError (exit code 4) when Compose is missing or too old
 */
function toEngine({ engineVersion = '', composeVersion, complaint }: Answer, dir: string | undefined): Engine {
  if (!isAtLeast(engineVersion, MINIMUM_ENGINE)) {
    throw new CliError(`Docker Engine ${engineVersion} is too old: ${MINIMUM_ENGINE[0]} is the oldest that works.`, {
      hint: 'Update it: https://docs.docker.com/engine/install/',
      exitCode: ExitCode.docker,
    })
  }
  if (!isAtLeast(composeVersion, MINIMUM_COMPOSE)) throw composeError(engineVersion, composeVersion, complaint)
  return dir === undefined
    ? { kind: 'existing', engineVersion, composeVersion }
    : { kind: 'private', engineVersion, composeVersion, dir }
}

/** Compose is too old, or not there. Docker warns when it cannot read the file that says where its plugins are. */
function composeError(engineVersion: string, composeVersion: string, complaint: string): CliError {
  const minimum = MINIMUM_COMPOSE.join('.')
  const isThere = composeVersion !== ''
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

const hasProgram = (name: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)))

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

/** The private engine's folder in a shell that read its `activate`, where it looks like any other engine. */
const activatedDir = (layout: Layout): string | undefined =>
  process.env.DOCKER_HOST === clientEnvironment(layout).DOCKER_HOST ? layout.dir : undefined

async function gatherFacts(settings: EngineSettings, layout: Layout, answer: Answer): Promise<HostFacts> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
  const chosen = process.env.DOCKER_HOST || (answer.context === 'default' ? undefined : `context ${answer.context}`)
  return {
    platform: findPlatform(process.platform, await read('/etc/os-release'), await read('/proc/version')),
    isRoot: process.getuid?.() === 0,
    hasApt: existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg'),
    mayAdminister: mayAdminister(await read('/proc/self/status')),
    isForbidden: settings.EMBEDDED_ENGINE === 'never',
    chosen: activatedDir(layout) ? undefined : chosen,
    hasSocket: existsSync('/var/run/docker.sock'),
    hasClient: answer.hasClient,
    hasDockerd: ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd'].some((path) => existsSync(path)),
    complaint: answer.complaint,
  }
}

/** Said once, after the set-up: something new lies on the machine. */
function announce(layout: Layout, { engineVersion, composeVersion }: Engine): void {
  warn('No Docker Engine answered, so a private one was set up from Debian packages.')
  info(`  Folder  ${layout.dir} (Engine ${engineVersion}, Compose ${composeVersion})`)
  info(`  Use     . ${quote(layout.activate)}      then "docker" in that shell is this engine's`)
  info('  Remove  npm run engine -- remove')
}
