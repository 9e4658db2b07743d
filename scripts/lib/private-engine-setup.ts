/** Sets up the private engine's files from Debian packages, beside the host's own packages. */
import { mkdir, readdir, rm, rmdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { debianMirror, installHostPackages, runStep, sourceArgs, SUITE } from './debian.ts'
import { CliError } from './errors.ts'
import {
  activateScript, clientConfig, daemonConfig, type Layout, madeBySetUp, type Receipt,
} from './private-engine-layout.ts'

const PACKAGES = ['docker.io', 'docker-cli', 'docker-compose', 'docker-buildx']

/** The programs that run on the host: they must use the libraries that they came with. */
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

/** Names that a package script would have made; unpacking alone runs no script. */
const IPTABLES = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-restore`, `${name}-save`])

/**
 * Sets up the engine's folder; the caller holds the lock and starts the engine.
 * A half-made folder is completed, and one that cannot be completed is deleted again.
 *
 * @param aptMirror a Debian mirror to use instead of the host's own
 * @throws CliError (exit code 4) that names the step and quotes its last lines
 */
export async function setUp(layout: Layout, aptMirror: string | undefined): Promise<Receipt> {
  try {
    await clear(layout)
    const hostPackages = await installHostPackages(['mmdebstrap', 'patchelf', 'debian-archive-keyring'])
    const mirror = await debianMirror(aptMirror)
    // apt's own unprivileged user must be able to reach the root that it fills.
    await mkdir(layout.root, { recursive: true, mode: 0o755 })
    await runStep('Unpacking Docker from Debian packages', 'mmdebstrap', mmdebstrapArgs(layout.root, mirror))
    const loader = join(layout.root, findLoader(await readdir(join(layout.root, 'usr/lib'), { recursive: true })))
    await runStep('Tying the programs to their libraries', 'patchelf', patchelfArgs(layout.root, loader))
    await writeFiles(layout)
    const receipt: Receipt = { dir: layout.dir, suite: SUITE, libraries: dirname(loader), hostPackages }
    await writeFile(layout.receipt, `${JSON.stringify(receipt, null, 2)}\n`)
    return receipt
  } catch (error) {
    await clear(layout)
    throw error
  }
}

/** Deletes what a set-up made, and the folder if nothing else is in it. */
export async function clear(layout: Layout): Promise<void> {
  await Promise.all(madeBySetUp(layout).map((path) => rm(path, { recursive: true, force: true })))
  await rmdir(layout.dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error
  })
}

export const mmdebstrapArgs = (root: string, mirror: string | undefined): string[] => [
  '--variant=extract',
  `--include=${PACKAGES.join(',')}`,
  SUITE,
  root,
  ...sourceArgs(mirror),
]

/** The dynamic loader among the files below usr/lib, e.g. `usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1`. */
export function findLoader(files: readonly string[]): string {
  const loader = files.find((file) => /^[^/]+-linux-[^/]+\/ld-linux[^/]*\.so\.\d+$/.test(file))
  if (loader === undefined) throw new CliError('The unpacked packages contain no dynamic loader.')
  return join('usr/lib', loader)
}

/** @param loader absolute, because the kernel reads it from the program when it starts it */
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
  await writeFile(layout.daemonConfig, daemonConfig(layout))
  await writeFile(layout.activate, activateScript(layout))
}
