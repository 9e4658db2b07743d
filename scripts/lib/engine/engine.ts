/** Finds the Docker Engine to use, and says what to do if there is none, or if a part of it is missing or too old. */
import { existsSync } from 'node:fs'
import { CliError, ExitCode } from '../errors.ts'
import { loadOfflineRoom, type PrivateEngine } from '../rooms.ts'
import { capture } from './docker.ts'
import type { Values } from './machine.ts'

/** Health checks got `start_interval` in this version, and in this version of Docker's API, which Podman has too. */
const MINIMUM_ENGINE = '25.0.0'
const MINIMUM_API = '1.44'

/** `env_file` with `required: false` came with this version. */
const MINIMUM_COMPOSE = '2.24.4'

/** How Docker Engine and its plugins are installed. */
const installInstructions = [
  'Debian 13: sudo apt-get install docker.io docker-cli docker-compose docker-buildx',
  'Ubuntu:    sudo apt-get install docker.io docker-compose-v2 docker-buildx',
  'Fedora:    sudo dnf install moby-engine docker-compose docker-buildx && sudo systemctl enable --now docker',
  'macOS:     Docker Desktop, OrbStack or Colima',
  'Windows:   Docker Desktop; enable this distribution under Settings, Resources, WSL integration, and run this inside WSL',
  'Others:    https://docs.docker.com/engine/install/, with the Compose plugin',
].join('\n')

export interface Engine {
  product: 'Docker' | 'Podman'
  /** Root in a container is the user who started the engine, and every other user there is no user of this machine. */
  isRootless: boolean
  engineVersion: string
  composeVersion: string
  /** Folder of the private engine, if this process uses it. */
  dir?: string
}

type Answer = Awaited<ReturnType<typeof askForVersions>>

/** Whether a version such as `2.26.1-4` or `v5.6.1-desktop.1` is the given one or a newer one. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [found] = /\d+\.\d+(\.\d+)?/.exec(version) ?? []
  return found !== undefined && found.localeCompare(minimum, 'en', { numeric: true }) >= 0
}

/** What is known of a machine on which no engine answers. */
export interface HostFacts extends Pick<Answer, 'hasClient' | 'complaint'> {
  /** The user's own choice of an engine: DOCKER_HOST, or a context that is not the default. */
  chosen: string | undefined
  hasDockerd: boolean
  /** A container into which the socket is mounted may have no `docker` command. */
  hasSocket: boolean
}

/**
 * What helps when the user has an engine, or has chosen one, and it does not answer. Undefined when there is none.
 * An engine of the user's is never replaced behind their back. Pure.
 */
export function adviseWithoutAnswer({ chosen, hasDockerd, hasSocket, hasClient, complaint }: HostFacts): CliError | undefined {
  const cases: [applies: unknown, message: string, hint: string][] = [
    [!hasClient && (chosen || hasDockerd || hasSocket), 'The command "docker" is not installed, or not on PATH.', installInstructions],
    [/client version \S+ is too (old|new)/.test(complaint), 'The command "docker" and the Docker Engine do not understand each other.',
      'Update the older of the two (https://docs.docker.com/engine/install/), or unset DOCKER_API_VERSION.'],
    [complaint.includes('permission denied'), 'Docker Engine runs, but this user may not use it.',
      'sudo usermod -aG docker "$USER", then log out and in again. Members of that group have the power of root.'],
    [chosen, `The Docker Engine that was chosen does not answer: ${chosen}.`,
      'Start it, or choose another: unset DOCKER_HOST, or see "docker context ls".'],
    [hasDockerd, 'Docker Engine is installed, but it does not answer.',
      'sudo systemctl start docker (where there is no systemd: sudo service docker start)'],
  ]
  const found = cases.find(([applies]) => applies)
  return found && new CliError(found[1], { details: complaint.trim(), hint: found[2], exitCode: ExitCode.docker })
}

/**
 * The engine that answers, the user's own before the private one; undefined when a private one can be started. For a
 * private one this process's environment is changed, so that its `docker` children use it.
 *
 * @throws CliError (exit code 4) with what to do: no engine, no Compose, or one of them is too old
 */
export async function findEngine(): Promise<Engine | undefined> {
  const answer = await askForVersions()
  if (answer.engineVersion !== undefined) return checkVersions(answer)

  const room = await loadOfflineRoom()
  const chosen = process.env.DOCKER_HOST || (answer.context === 'default' ? undefined : `context ${answer.context}`)
  const advice = adviseWithoutAnswer({
    ...answer,
    chosen: chosen && !room?.isPrivate(chosen) ? chosen : undefined,
    hasSocket: existsSync('/var/run/docker.sock'),
    hasDockerd: ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd'].some((path) => existsSync(path)),
  })
  if (advice) throw advice

  const offer = await room?.offerEngine(process.env)
  if (offer && 'running' in offer) return offer.running && adopt(offer.running)
  throw new CliError(`No Docker Engine answers${offer ? `, and ${offer.obstacle}` : ''}.`, {
    hint: [installInstructions, offer?.wayOut].filter(Boolean).join('\n'), exitCode: ExitCode.docker,
  })
}

/** Sets up and starts the private engine. To be called when `findEngine` says that this is possible. */
export const startEngine = async (settings: Values): Promise<Engine> => adopt(await (await loadOfflineRoom())!.startEngine(settings))

async function adopt({ dir, environment }: PrivateEngine): Promise<Engine> {
  Object.assign(process.env, environment)
  return { ...checkVersions(await askForVersions()), dir }
}

/** Asks the engine and Compose for their versions, both at once: every command waits for this. */
export async function askForVersions() {
  // An engine that cannot be reached must not block `up` for as long as TCP waits.
  const options = { timeoutMs: 10_000 }
  const [version, compose] = await Promise.all([
    capture(['version', '--format', '{{json .}}'], options),
    capture(['compose', 'version', '--short'], options),
  ])
  // Empty when there is no `docker`, or when it was interrupted.
  const { Client, Server } = JSON.parse(version.stdout || '{}') as {
    Client?: { Context?: string }; Server?: { Version: string; ApiVersion?: string; Components?: { Name: string }[] } | null
  }
  const has = (name: string): boolean => Server?.Components?.some((component) => component.Name === name) ?? false
  const isPodman = has('Podman Engine')
  return {
    product: isPodman ? 'Podman' as const : 'Docker' as const,
    // Podman does not say this here.
    isRootless: isPodman ? (await capture(['info', '--format', '{{json .SecurityOptions}}'], options)).stdout.includes('name=rootless') : has('rootlesskit'),
    engineVersion: Server?.Version,
    apiVersion: Server?.ApiVersion ?? '',
    // Empty when Compose is missing.
    composeVersion: compose.exitCode === 0 ? compose.stdout.trim() : '',
    context: Client?.Context ?? 'default',
    // What a shell answers for a command that is not there.
    hasClient: version.exitCode !== 127,
    complaint: version.stderr,
  }
}

/** @throws CliError (exit code 4) when the engine or Compose is too old, or Compose is missing */
export function checkVersions({ engineVersion = '', composeVersion, complaint, product, isRootless, apiVersion }: Answer): Engine {
  const packages = "docker-compose on Debian and Fedora, docker-compose-v2 on Ubuntu, docker-compose-plugin among Docker's own"
  const parts = [
    product === 'Podman'
      ? [`Podman ${engineVersion} speaks Docker's API, and its version`, apiVersion, MINIMUM_API, 'Podman 5.8 has it, and so does Docker Engine 25.']
      : ['Docker Engine', engineVersion, MINIMUM_ENGINE, 'Update it: https://docs.docker.com/engine/install/'],
    ['Docker Compose', composeVersion, MINIMUM_COMPOSE,
      `Install the Compose plugin, ${MINIMUM_COMPOSE} or newer: https://docs.docker.com/compose/install/\nIts package is ${packages}.`],
  ] as const
  for (const [part, version, minimum, hint] of parts) {
    if (isAtLeast(version, minimum)) continue
    const message = version ? `${part} ${version} is too old: ${minimum} is the oldest that works.`
      : 'Docker Engine answers, but "docker compose" is missing. The docker-compose with a hyphen is another program, and does not help.'
    // Docker warns when it cannot read the file that says where its plugins are.
    throw new CliError(message, { details: /^WARNING: .*$/m.exec(complaint)?.[0], hint, exitCode: ExitCode.docker })
  }
  return { product, isRootless, engineVersion, composeVersion }
}
