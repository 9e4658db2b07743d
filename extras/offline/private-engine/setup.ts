/** Sets up the private engine's files from Debian packages, beside the host's own packages. */
import { chmod, mkdir, readdir, rm, rmdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { installHostPackages, runMmdebstrap, runStep, SUITE } from '../debian.ts'
import { roomOf } from '../../../scripts/lib/engine/machine.ts'
import { CliError, ExitCode } from '../../../scripts/lib/errors.ts'
import type { Network } from '../network.ts'
import {
  activateScript, clientConfig, type Layout, madeBySetUp, type Receipt,
} from './layout.ts'

/** Whether a program says that the disk is full. */
export const saysFull = (text: string): boolean => /no space left on device|enough free space|disk quota exceeded/i.test(text)

/** The disk space that the set-up takes at its peak, with the packages that it unpacks. */
const MEGABYTES = 700

const PACKAGES = ['docker.io', 'docker-cli', 'docker-compose', 'docker-buildx']

/** The programs that run on the host. They must use their own libraries. */
const PROGRAMS = [
  'usr/sbin/dockerd',
  'usr/sbin/docker-proxy',
  'usr/sbin/runc',
  'usr/sbin/xtables-nft-multi',
  'usr/bin/containerd',
  'usr/bin/containerd-shim-runc-v2',
  'usr/bin/docker',
  'usr/libexec/docker/cli-plugins/docker-buildx',
  'usr/libexec/docker/cli-plugins/docker-compose',
]

/** Links that a package script would have made, but unpacking runs no script. */
const IPTABLES = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-restore`, `${name}-save`])

/**
 * Sets up the engine's folder; the caller holds the lock and starts the engine.
 * A half-made folder is completed, and one that cannot be completed is deleted again.
 *
 * @param network where the packages come from
 * @throws CliError (exit code 4) that names the step and quotes its last lines
 */
export async function setUp(layout: Layout, network: Network): Promise<Receipt> {
  try {
    await clear(layout)
    await requireUsable(layout)
    const hostPackages = await installHostPackages(['mmdebstrap', 'patchelf', 'debian-archive-keyring'], network)
    await mkdir(layout.root, { recursive: true })
    // apt's own unprivileged user must be able to reach the root that apt fills, whatever our umask is.
    await Promise.all([layout.dir, layout.root].map((folder) => chmod(folder, 0o755)))
    await runMmdebstrap('Unpacking Docker from Debian packages', { suite: SUITE, target: layout.root, args: mmdebstrapArgs }, network)
    const loader = join(layout.root, findLoader(await readdir(join(layout.root, 'usr/lib'), { recursive: true })))
    await runStep('Tying the programs to their libraries', 'patchelf', patchelfArgs(layout.root, loader))
    await writeFiles(layout)
    const receipt: Receipt = { dir: layout.dir, suite: SUITE, libraries: dirname(loader), hostPackages }
    await writeFile(layout.receipt, `${JSON.stringify(receipt, null, 2)}\n`)
    return receipt
  } catch (error) {
    await clear(layout)
    throw error instanceof CliError && saysFull(error.details ?? '') ? withFullDisk(error, layout) : error
  }
}

const ELSEWHERE = 'name another folder: export XDG_CACHE_HOME=/path'

const withFullDisk = ({ message, details, exitCode }: CliError, { dir }: Layout): CliError =>
  new CliError(message, { details, hint: `The disk of ${dir} became full. Make room there, or ${ELSEWHERE}`, exitCode })

/**
 * Refuses a folder in which the set-up cannot succeed, before half a minute of downloads.
 *
 * @throws CliError (exit code 4) that names the folder and how to choose another
 */
async function requireUsable({ dir }: Layout): Promise<void> {
  if (dir.includes(':')) {
    throw new CliError(`A private engine cannot be in ${dir}: a colon separates the entries of PATH.`, {
      hint: `Please ${ELSEWHERE}`,
      exitCode: ExitCode.docker,
    })
  }
  const folder = dirname(dir)
  const left = Math.floor((await roomOf(folder) ?? Infinity) / 1024 ** 2)
  if (left >= MEGABYTES) return
  throw new CliError(`A private engine takes ${MEGABYTES} MB, and ${folder} has ${left} MB left. Nothing was set up.`, {
    hint: `Make room there, or ${ELSEWHERE}\nThe images of a first start take about 2 GB more.`,
    exitCode: ExitCode.docker,
  })
}

/** Deletes what a set-up made, and the folder if nothing else is in it. */
export async function clear(layout: Layout): Promise<void> {
  // A killed set-up may have left a child that still writes. It ends when it misses the files that are deleted here.
  const options = { recursive: true, force: true, maxRetries: 20 }
  await Promise.all(madeBySetUp(layout).map((path) => rm(path, options)))
  await rmdir(layout.dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error
  })
}

const mmdebstrapArgs: readonly string[] = ['--variant=extract', `--include=${PACKAGES.join(',')}`]

/** The dynamic loader among the files below usr/lib, e.g. `usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1`. */
export function findLoader(files: readonly string[]): string {
  const loader = files.find((file) => /^[^/]+-linux-[^/]+\/ld-linux[^/]*\.so\.\d+$/.test(file))
  if (loader === undefined) throw new CliError('The unpacked packages contain no dynamic loader.')
  return join('usr/lib', loader)
}

/** @param loader an absolute path, because the kernel reads it from the program when it starts the program */
export const patchelfArgs = (root: string, loader: string): string[] => [
  '--set-interpreter',
  loader,
  '--force-rpath',
  '--set-rpath',
  dirname(loader),
  ...PROGRAMS.map((program) => join(root, program)),
]

async function writeFiles(layout: Layout): Promise<void> {
  const sbin = join(layout.root, 'usr/sbin')
  await Promise.all(IPTABLES.map((name) => symlink('xtables-nft-multi', join(sbin, name))))
  await Promise.all([layout.bin, layout.clientConfig].map((folder) => mkdir(folder)))
  await symlink(join(layout.root, 'usr/bin/docker'), join(layout.bin, 'docker'))
  await writeFile(join(layout.clientConfig, 'config.json'), clientConfig(layout))
  await writeFile(layout.activate, activateScript(layout))
}
