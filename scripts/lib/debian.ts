/** Debian packages as a source: of the private engine, and of the stand-in images. */
import { existsSync } from 'node:fs'
import { $ } from 'zx/core'
import { lastLines } from './docker.ts'
import { CliError, ExitCode } from './errors.ts'
import { stopIfInterrupted } from './interrupt.ts'
import { step } from './terminal.ts'

/** The oldest Debian release whose Compose is new enough for our Compose files. */
export const SUITE = 'trixie'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Packages that we need on the host, by a file that shows that they are there. */
const HOST_PACKAGES = {
  mmdebstrap: '/usr/bin/mmdebstrap',
  patchelf: '/usr/bin/patchelf',
  'debian-archive-keyring': KEYRING,
} as const

/** The Debian mirror in the output of `apt-get indextargets`; undefined on a host of another distribution. Pure. */
export function findDebianMirror(sources: string): string | undefined {
  const own = 'Debian|Debian|main|'
  return sources.split('\n').find((line) => line.startsWith(own))?.slice(own.length)
}

/** The mirror to use: the one that is set, else the host's own. Asks apt, whose files have two formats and many places. */
export async function debianMirror(aptMirror: string | undefined): Promise<string | undefined> {
  if (aptMirror) return aptMirror
  const format = '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)'
  const { stdout } = await $({ quiet: true, nothrow: true })`apt-get indextargets --format ${format} ${'Created-By: Packages'}`
  return findDebianMirror(stdout)
}

/**
 * The last arguments of mmdebstrap. A whole source line takes any of apt's ways to a mirror; without a mirror
 * mmdebstrap uses Debian's public one. Pure.
 */
export const sourceArgs = (mirror: string | undefined): string[] =>
  mirror ? [`deb [signed-by=${KEYRING}] ${mirror} ${SUITE} main`] : []

/** Installs what the host lacks, and returns the names of what was missing. */
export async function installHostPackages(names: readonly (keyof typeof HOST_PACKAGES)[]): Promise<string[]> {
  const missing = names.filter((name) => !existsSync(HOST_PACKAGES[name]))
  if (missing.length === 0) return []
  // A foreign source that does not answer is no reason to stop: whether the install works decides.
  const script = 'apt-get update; exec apt-get install --yes --no-install-recommends "$@"'
  await runStep(`Installing ${missing.join(', ')} on this machine`, 'sh', ['-c', script, 'sh', ...missing])
  return missing
}

/**
 * Runs one long step; the last line that the program wrote is shown beside the title while it runs.
 *
 * @throws CliError (exit code 4) that names the step and quotes its last lines
 */
export async function runStep(title: string, program: string, args: readonly string[]): Promise<void> {
  stopIfInterrupted()
  await step(title, async (report) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const child = $({ quiet: true, nothrow: true, env })`${program} ${args}`
    child.stderr.on('data', (chunk: Buffer) => report(lastLines(chunk.toString(), 1)))
    const { exitCode, stdall } = await child
    if (exitCode === 0) return
    throw new CliError(`This step failed: ${title}.`, {
      details: lastLines(stdall, 12),
      hint: 'If this machine reaches another Debian mirror, name it in APT_MIRROR.',
      exitCode: ExitCode.docker,
    })
  })
}
