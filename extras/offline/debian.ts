/** Debian packages, from which the private engine and the stand-in images are made. */
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { $ } from 'zx/core'
import { lastLines } from '../../scripts/lib/engine/docker.ts'
import { CliError, ExitCode, stopIfInterrupted } from '../../scripts/lib/errors.ts'
import { proxyEnvironment, splitLogin, type Network } from './network.ts'
import { step } from '../../scripts/lib/terminal.ts'

/** The Debian releases that we use. */
export type Suite = 'bookworm' | 'trixie' | 'forky'

/** The oldest Debian release whose Compose is new enough for our Compose files. */
export const SUITE: Suite = 'trixie'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Packages that we need on the host, each with a file that shows that it is installed. */
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

/** The certificates that this machine trusts, where Debian keeps them. */
export const HOST_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

/**
 * The last arguments of mmdebstrap. A whole source line can name a mirror in any of apt's ways; without a mirror
 * mmdebstrap uses Debian's public one. The line stays in the new root, so it never holds a password. The lists of an
 * unreleased Debian are valid for a week, and a mirror without a network may be older. Pure.
 */
export function sourceArgs(mirror: string | undefined, suite: Suite): string[] {
  const lists = suite === 'forky' ? ' check-valid-until=no' : ''
  return mirror ? [`deb [signed-by=${KEYRING}${lists}] ${splitLogin(mirror).plain} ${suite} main`] : []
}

/** apt's file with the login to a mirror; empty if the mirror needs none. apt allows no blank in a login. Pure. */
export function authConf(mirror: string): string {
  const { plain, login } = splitLogin(mirror)
  if (!login) return ''
  const [origin] = /^[^:]+:\/\/[^/]+/.exec(plain) ?? [plain]
  return `machine ${origin}/\nlogin ${login.user}\npassword ${login.password}\n`
}

/**
 * mmdebstrap's options for a mirror with a login, or with a CA of its own. Both are in files outside the new root, so
 * no process list and no image shows them.
 */
async function writeAccess(folder: string, mirror: string, { caFile }: Network): Promise<string[]> {
  const options: string[] = []
  const login = authConf(mirror)
  if (login) {
    await writeFile(join(folder, 'login'), login, { mode: 0o600 })
    options.push(`Dir::Etc::Netrc "${join(folder, 'login')}";`)
  }
  if (caFile) {
    // apt downloads as a user of its own, which must be able to read the bundle.
    await chmod(folder, 0o711)
    const usual = await readFile(HOST_CERTIFICATES, 'utf8').catch(() => '')
    await writeFile(join(folder, 'ca.pem'), `${usual}\n${await readFile(caFile, 'utf8')}`, { mode: 0o644 })
    options.push(`Acquire::https::CAInfo "${join(folder, 'ca.pem')}";`)
  }
  return options.map((option) => `--aptopt=${option}`)
}

/**
 * Runs mmdebstrap with the mirror of the network, else with the host's own.
 *
 * @param options the release, where the new root goes, and further arguments
 * @throws CliError as `runStep`
 */
export async function runMmdebstrap(
  title: string,
  { suite, target, args }: { suite: Suite; target: string; args: readonly string[] },
  network: Network,
): Promise<void> {
  const mirror = await debianMirror(network.aptMirror)
  const folder = await mkdtemp(join(tmpdir(), 'mirror-'))
  try {
    const access = mirror ? await writeAccess(folder, mirror, network) : []
    await runStep(title, 'mmdebstrap', [...access, ...args, suite, target, ...sourceArgs(mirror, suite)], proxyEnvironment(network))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Installs what the host lacks, and returns the names of what was missing. */
export async function installHostPackages(
  names: readonly (keyof typeof HOST_PACKAGES)[],
  network: Network,
): Promise<string[]> {
  const missing = names.filter((name) => !existsSync(HOST_PACKAGES[name]))
  if (missing.length === 0) return []
  // If another source does not answer, that is no reason to stop: only a failed install is.
  const script = 'apt-get update; exec apt-get install --yes --no-install-recommends "$@"'
  await runStep(`Installing ${missing.join(', ')} on this machine`, 'sh', ['-c', script, 'sh', ...missing], proxyEnvironment(network))
  return missing
}

/**
 * What to do about a step in which apt failed, judged by its output. Pure.
 */
export function adviseOnApt(said: string): string {
  // mmdebstrap's words if it is not root and has no user namespaces.
  if (/unable to pick chroot mode/.test(said)) return 'Stand-ins are made from Debian packages by root: run this command once as root.'
  if (/certificate/i.test(said) && /verif|trusted|issuer/i.test(said)) {
    return 'The mirror has a certificate that is not trusted here: name the file of its CA in EXTRA_CA_FILE.'
  }
  if (/\b40[13] +(unauthorized|forbidden)/i.test(said)) {
    return 'The mirror refuses the user or the password: check APT_MIRROR, in which both must be percent-encoded.'
  }
  if (/\b404 +not found|does not have a release file/i.test(said)) {
    return 'The mirror answers, but does not have this Debian release there: check the path in APT_MIRROR.'
  }
  return 'Set APT_MIRROR to a Debian mirror that this machine reaches. If it needs a proxy, set HTTP_PROXY and HTTPS_PROXY.'
}

/**
 * Runs one long step; the last line that the program wrote is shown beside the title while it runs.
 *
 * @throws CliError (exit code 4) that names the step and quotes its last lines
 */
export async function runStep(
  title: string,
  program: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<void> {
  stopIfInterrupted()
  await step(title, async (report) => {
    const env = { ...process.env, ...environment, DEBIAN_FRONTEND: 'noninteractive' }
    const child = $({ quiet: true, nothrow: true, env })`${program} ${args}`
    child.stderr.on('data', (chunk: Buffer) => report(lastLines(chunk.toString(), 1)))
    const { exitCode, stdall } = await child
    if (exitCode === 0) return
    throw new CliError(`This step failed: ${title}.`, {
      details: lastLines(stdall, 12),
      hint: adviseOnApt(stdall),
      exitCode: ExitCode.docker,
    })
  })
}
