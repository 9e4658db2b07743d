/** What to say when no Docker Engine answers, or when a part of it is missing or too old. Loaded only then. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { CliError, ExitCode } from '../errors.ts'
import { capture } from './docker.ts'
import { isAtLeast } from './engine.ts'
import type { Answer, Engine } from './engine.ts'

export type Platform = 'debian' | 'fedora' | 'linux' | 'wsl' | 'darwin' | 'win32'

/** What is known of a machine on which no engine answers. */
export interface HostFacts {
  platform: Platform
  /** The user's own choice of an engine: DOCKER_HOST, or a context that is not the default. */
  chosen: string | undefined
  /** dockerd of the host's own packages. */
  hasDockerd: boolean
  /** The socket of an engine. A container into which it is mounted has that, and perhaps no `docker` command. */
  hasSocket: boolean
  hasClient: boolean
  /** What `docker version` said. */
  complaint: string
}

/**
 * What helps when the user has an engine, or has chosen one, and it does not answer. Undefined when there is none.
 * An engine of the user's is never replaced behind their back. Pure.
 */
export function adviseWithoutAnswer(host: HostFacts): { message: string; hint: string } | undefined {
  const { chosen, hasDockerd, complaint } = host
  const misunderstanding = /client version \S+ is too (old|new)\..*/.exec(complaint)?.[0].trim()
  const cases: [applies: unknown, message: string, hint: string][] = [
    [
      !host.hasClient && (chosen || hasDockerd || host.hasSocket),
      'The command "docker" is not installed, or not on PATH.',
      installInstructions[host.platform],
    ],
    [
      misunderstanding,
      `The command "docker" and the Docker Engine do not understand each other: ${misunderstanding}`,
      'Update the older of the two (https://docs.docker.com/engine/install/), or unset DOCKER_API_VERSION.',
    ],
    [
      complaint.includes('permission denied'),
      'Docker Engine runs, but this user may not use it.',
      'sudo usermod -aG docker "$USER", then log out and in again. Members of that group are as mighty as root.',
    ],
    [
      chosen,
      `The Docker Engine that was chosen does not answer: ${chosen}.`,
      'Start it, or choose another: unset DOCKER_HOST, or see "docker context ls".',
    ],
    [
      hasDockerd,
      'Docker Engine is installed, but it does not answer.',
      'sudo systemctl start docker (where there is no systemd: sudo service docker start)',
    ],
  ]
  const [, message, hint] = cases.find(([applies]) => applies) ?? []
  return message === undefined || hint === undefined ? undefined : { message, hint }
}

const start = 'sudo systemctl enable --now docker'

/** How Docker Engine and Compose are installed on each platform, in a few lines. */
export const installInstructions: Readonly<Record<Platform, string>> = {
  debian: [
    'Debian 13: sudo apt-get install docker.io docker-cli docker-compose docker-buildx',
    'Ubuntu:    sudo apt-get install docker.io docker-compose-v2 docker-buildx',
    'Others:    https://docs.docker.com/engine/install/',
  ].join('\n'),
  fedora: `sudo dnf install moby-engine docker-compose docker-buildx && ${start}`,
  wsl: [
    'Start Docker Desktop on Windows and enable this distribution under Settings, Resources, WSL integration;',
    'or install Docker Engine here: https://docs.docker.com/engine/install/',
  ].join('\n'),
  darwin: 'Install and start Docker Desktop, OrbStack or Colima: https://docs.docker.com/desktop/',
  win32: 'Install Docker Desktop with the WSL 2 backend, and run this inside WSL: https://docs.docker.com/desktop/',
  linux: `Install Docker Engine and its Compose plugin: https://docs.docker.com/engine/install/, then ${start}`,
}

/** How the plugins of `docker` are installed: Compose, or Buildx. Their packages have different names everywhere. */
export const pluginInstructions = (plugin: 'compose' | 'buildx'): string =>
  [
    `Debian 13:             sudo apt-get install docker-${plugin}`,
    `Ubuntu:                sudo apt-get install ${plugin === 'compose' ? 'docker-compose-v2' : 'docker-buildx'}`,
    `Docker's own packages: sudo apt-get install docker-${plugin}-plugin (or dnf)`,
    `Others:                https://docs.docker.com/${plugin === 'compose' ? 'compose/install/' : 'go/buildx/'}`,
  ].join('\n')

/** Looks at the machine on which no engine answers. */
export async function factsOf({ context, hasClient, complaint }: Answer, isPrivate: (dockerHost: string) => boolean): Promise<HostFacts> {
  const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
  const chosen = process.env.DOCKER_HOST || (context === 'default' ? undefined : `context ${context}`)
  return {
    platform: findPlatform(process.platform, await textOf('/etc/os-release'), await textOf('/proc/version')),
    chosen: isPrivate(chosen ?? '') ? undefined : chosen,
    hasSocket: existsSync('/var/run/docker.sock'),
    hasClient,
    hasDockerd: ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd'].some((path) => existsSync(path)),
    complaint,
  }
}

/** The kind of machine, from `process.platform`, /etc/os-release and /proc/version. */
export function findPlatform(platform: NodeJS.Platform, osRelease: string, kernel: string): Platform {
  if (platform === 'darwin' || platform === 'win32') return platform
  if (/microsoft/i.test(kernel)) return 'wsl'
  const family = osRelease.match(/^ID(_LIKE)?=.*$/gm)?.join(' ') ?? ''
  if (/debian|ubuntu/.test(family)) return 'debian'
  return /fedora|rhel/.test(family) ? 'fedora' : 'linux'
}

/** Compose is too old, or not there. Docker warns when it cannot read the file that says where its plugins are. */
export function explainCompose({ engineVersion, composeVersion, complaint }: Answer, minimum: string): CliError {
  const hint = `Install the Compose plugin, ${minimum} or newer.\n${pluginInstructions('compose')}`
  if (composeVersion !== '') {
    return new CliError(`Docker Compose ${composeVersion} is too old: ${minimum} is the oldest that works.`, { hint, exitCode: ExitCode.docker })
  }
  const hasOldOne = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'docker-compose')))
  const oldOne = hasOldOne ? ' The docker-compose with a hyphen is another program, and does not serve.' : ''
  return new CliError(`Docker Engine ${engineVersion} answers, but "docker compose" is missing.${oldOne}`, {
    details: /^WARNING: .*$/m.exec(complaint)?.[0], hint, exitCode: ExitCode.docker,
  })
}

/**
 * Why a build failed before it began, where that is known: Compose 5 builds with the Buildx plugin alone, and without
 * it falls back on a builder that knows none of what the Dockerfile uses. Undefined when that is not the cause.
 */
export async function explainWithoutBuildx({ composeVersion }: Engine): Promise<CliError | undefined> {
  if (!isAtLeast(composeVersion, [5, 0, 0])) return undefined
  const { stdout } = await capture(['buildx', 'version'])
  const [version] = /\d+\.\d+\.\d+/.exec(stdout) ?? []
  if (version && isAtLeast(version, [0, 17, 0])) return undefined
  const state = version ? `and ${version} is too old` : 'and that is missing'
  return new CliError(`Docker Compose ${composeVersion} builds with the Buildx plugin, ${state}: it has to be 0.17 or newer.`, {
    hint: `Install it.\n${pluginInstructions('buildx')}`,
    exitCode: ExitCode.docker,
  })
}
