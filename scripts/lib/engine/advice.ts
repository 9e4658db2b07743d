/** What to say when no Docker Engine answers, or when a part of it is missing or too old. Pure: facts in, words out. */

export type Platform = 'debian' | 'fedora' | 'linux' | 'wsl' | 'darwin' | 'win32'

/** What is known of a machine on which no engine answers. */
export interface HostFacts {
  platform: Platform
  /** The user's own choice of an engine: DOCKER_HOST, or a context that is not the default. */
  chosen: string | undefined
  /** dockerd of the host's own packages. */
  hasDockerd: boolean
  /** The socket of an engine, which a machine can have without its command: a container into which it is mounted. */
  hasSocket: boolean
  hasClient: boolean
  /** What `docker version` said. */
  complaint: string
}

export interface Advice {
  message: string
  hint: string
}

/**
 * What helps when the user has an engine, or has chosen one, and it does not answer. Undefined when there is none.
 * An engine of the user's is never replaced behind their back.
 */
export function adviseWithoutAnswer(host: HostFacts): Advice | undefined {
  if (!host.hasClient && (host.chosen || host.hasDockerd || host.hasSocket)) {
    return {
      message: 'The command "docker" is not installed, or not on PATH.',
      hint: installInstructions(host.platform),
    }
  }
  const [misunderstanding] = /client version \S+ is too (old|new)\..*/.exec(host.complaint) ?? []
  if (misunderstanding) {
    return {
      message: `The command "docker" and the Docker Engine do not understand each other: ${misunderstanding.trim()}`,
      hint: 'Update the older of the two (https://docs.docker.com/engine/install/), or unset DOCKER_API_VERSION.',
    }
  }
  if (host.complaint.includes('permission denied')) {
    return {
      message: 'Docker Engine runs, but this user may not use it.',
      hint: 'sudo usermod -aG docker "$USER", then log out and in again. Members of that group are as mighty as root.',
    }
  }
  if (host.chosen) {
    return {
      message: `The Docker Engine that was chosen does not answer: ${host.chosen}.`,
      hint: 'Start it, or choose another: unset DOCKER_HOST, or see "docker context ls".',
    }
  }
  if (host.hasDockerd) {
    return {
      message: 'Docker Engine is installed, but it does not answer.',
      hint: 'sudo systemctl start docker (where there is no systemd: sudo service docker start)',
    }
  }
  return undefined
}

/** How Docker Engine and Compose are installed there, in a few lines. */
export function installInstructions(platform: Platform): string {
  const start = 'sudo systemctl enable --now docker'
  switch (platform) {
    case 'debian':
      return [
        'Debian 13: sudo apt-get install docker.io docker-cli docker-compose docker-buildx',
        'Ubuntu:    sudo apt-get install docker.io docker-compose-v2 docker-buildx',
        'Others:    https://docs.docker.com/engine/install/',
      ].join('\n')
    case 'fedora':
      return `sudo dnf install moby-engine docker-compose docker-buildx && ${start}`
    case 'wsl':
      return [
        'Start Docker Desktop on Windows and enable this distribution under Settings, Resources, WSL integration;',
        'or install Docker Engine here: https://docs.docker.com/engine/install/',
      ].join('\n')
    case 'darwin':
      return 'Install and start Docker Desktop, OrbStack or Colima: https://docs.docker.com/desktop/'
    case 'win32':
      return 'Install Docker Desktop with the WSL 2 backend, and run this inside WSL: https://docs.docker.com/desktop/'
    case 'linux':
      return `Install Docker Engine and its Compose plugin: https://docs.docker.com/engine/install/, then ${start}`
  }
}

/** How the plugins of `docker` are installed: Compose, or Buildx. Their packages have different names everywhere. */
export const pluginInstructions = (plugin: 'compose' | 'buildx'): string =>
  [
    `Debian 13:             sudo apt-get install docker-${plugin}`,
    `Ubuntu:                sudo apt-get install ${plugin === 'compose' ? 'docker-compose-v2' : 'docker-buildx'}`,
    `Docker's own packages: sudo apt-get install docker-${plugin}-plugin (or dnf)`,
    `Others:                https://docs.docker.com/${plugin === 'compose' ? 'compose/install/' : 'go/buildx/'}`,
  ].join('\n')

/** The kind of machine, from `process.platform`, /etc/os-release and /proc/version. */
export function findPlatform(platform: NodeJS.Platform, osRelease: string, kernel: string): Platform {
  if (platform === 'darwin' || platform === 'win32') return platform
  if (/microsoft/i.test(kernel)) return 'wsl'
  const family = osRelease.match(/^ID(_LIKE)?=.*$/gm)?.join(' ') ?? ''
  if (/debian|ubuntu/.test(family)) return 'debian'
  return /fedora|rhel/.test(family) ? 'fedora' : 'linux'
}

/** Whether a version such as `2.26.1-4` or `v5.6.1-desktop.1` is the given one or a newer one. */
export function isAtLeast(version: string, minimum: readonly [number, number, number]): boolean {
  const found = /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number)
  if (!found) return false
  const different = minimum.findIndex((part, index) => found[index] !== part)
  return different === -1 || found[different]! > minimum[different]!
}
