/** What to say when no Docker Engine answers, or when a part of it is missing or too old. Loaded only then. */
import { existsSync } from 'node:fs'
import { CliError, ExitCode } from '../errors.ts'
import type { Answer } from './engine.ts'

/** How Docker Engine and its plugins are installed. */
export const installInstructions = [
  'Debian 13: sudo apt-get install docker.io docker-cli docker-compose docker-buildx',
  'Ubuntu:    sudo apt-get install docker.io docker-compose-v2 docker-buildx',
  'Fedora:    sudo dnf install moby-engine docker-compose docker-buildx && sudo systemctl enable --now docker',
  'macOS:     Docker Desktop, OrbStack or Colima',
  'Windows:   Docker Desktop; enable this distribution under Settings, Resources, WSL integration, and run this inside WSL',
  'Others:    https://docs.docker.com/engine/install/, with the Compose plugin',
].join('\n')

export type HostFacts = ReturnType<typeof lookAtHost>

/** What is known of a machine on which no engine answers. */
export function lookAtHost({ context, hasClient, complaint }: Answer, isPrivate: (dockerHost: string) => boolean) {
  const chosen = process.env.DOCKER_HOST || (context === 'default' ? undefined : `context ${context}`)
  return {
    /** The user's own choice of an engine: DOCKER_HOST, or a context that is not the default. */
    chosen: chosen && !isPrivate(chosen) ? chosen : undefined,
    // A container into which it is mounted has that, and perhaps no `docker` command.
    hasSocket: existsSync('/var/run/docker.sock'),
    hasDockerd: ['/usr/sbin/dockerd', '/usr/bin/dockerd', '/usr/local/bin/dockerd'].some((path) => existsSync(path)),
    hasClient,
    complaint,
  }
}

/**
 * What helps when the user has an engine, or has chosen one, and it does not answer. Undefined when there is none.
 * An engine of the user's is never replaced behind their back. Pure.
 */
export function adviseWithoutAnswer({ chosen, hasDockerd, hasSocket, hasClient, complaint }: HostFacts): CliError | undefined {
  const isHere = chosen || hasDockerd || hasSocket
  const cases: [applies: unknown, message: string, hint: string][] = [
    [!hasClient && isHere, 'The command "docker" is not installed, or not on PATH.', installInstructions],
    [
      /client version \S+ is too (old|new)/.test(complaint),
      'The command "docker" and the Docker Engine do not understand each other.',
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
  const found = cases.find(([applies]) => applies)
  return found && new CliError(found[1], { details: complaint.trim(), hint: found[2], exitCode: ExitCode.docker })
}

/** How the Compose plugin is installed. Its package has another name everywhere. */
const composeInstructions = [
  'Debian 13:             sudo apt-get install docker-compose docker-buildx',
  'Ubuntu:                sudo apt-get install docker-compose-v2 docker-buildx',
  "Docker's own packages: sudo apt-get install docker-compose-plugin docker-buildx-plugin (or dnf)",
  'Others:                https://docs.docker.com/compose/install/',
].join('\n')

/** A part is too old, or Compose is not there. */
export function explainVersion(part: string, version: string, minimum: string, complaint: string): CliError {
  const message = version === ''
    ? 'Docker Engine answers, but "docker compose" is missing. The docker-compose with a hyphen is another program, and does not serve.'
    : `${part} ${version} is too old: ${minimum} is the oldest that works.`
  const hint = part === 'Docker Engine'
    ? 'Update it: https://docs.docker.com/engine/install/'
    : `Install the Compose plugin, ${minimum} or newer.\n${composeInstructions}`
  // Docker warns when it cannot read the file that says where its plugins are.
  return new CliError(message, { details: /^WARNING: .*$/m.exec(complaint)?.[0], hint, exitCode: ExitCode.docker })
}
