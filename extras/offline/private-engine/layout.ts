/** Where the private engine is kept and what its files say. Nothing here touches the machine. */
import { createHash } from 'node:crypto'
import { homedir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { Network } from '../network.ts'

type Environment = Record<string, string | undefined>

export interface Layout {
  /** Everything below is kept here, in the user's cache. Only what needs a short path is in `run`. */
  dir: string
  /** The Debian packages, unpacked. */
  root: string
  /** For PATH: `docker` alone, so that nothing else from `root` hides a program of the host. */
  bin: string
  /** Images, containers and volumes. */
  data: string
  /** DOCKER_CONFIG of the private `docker`: says where Compose and Buildx are. */
  clientConfig: string
  daemonConfig: string
  activate: string
  log: string
  /** The set-up writes it last: a folder without it is half-made. */
  receipt: string
  /** Sockets and pid files. Socket paths are limited to 107 characters, and a cache folder may be deep. */
  run: string
  socket: string
  pidFile: string
  containerdPidFile: string
}

/** What the set-up tells the commands that run after it. */
export interface Receipt {
  /** The programs contain the path of this folder, so a moved folder does not work. */
  dir: string
  suite: string
  /** Folder of the shared libraries, e.g. `<root>/usr/lib/x86_64-linux-gnu`. */
  libraries: string
  /** Packages that the host did not have before. */
  hostPackages: string[]
}

/** Where this room keeps files that it can make again. */
export const cacheFolder = (env: Environment): string =>
  // With an empty HOME, homedir() is empty, and the cache would be in the current folder.
  join(env.XDG_CACHE_HOME || join(homedir() || userInfo().homedir, '.cache'), 'python-docker-starter')

/** The layout below `PRIVATE_ENGINE_DIR`, or below the user's cache folder. */
export function layoutOf(env: Environment): Layout {
  const dir = resolve(env.PRIVATE_ENGINE_DIR || join(cacheFolder(env), 'engine'))
  const id = createHash('sha256').update(dir).digest('hex').slice(0, 8)
  const run = `/run/python-docker-starter-${id}`
  return {
    dir,
    root: join(dir, 'root'),
    bin: join(dir, 'bin'),
    data: join(dir, 'data'),
    clientConfig: join(dir, 'config'),
    daemonConfig: join(dir, 'daemon.json'),
    activate: join(dir, 'activate'),
    log: join(dir, 'dockerd.log'),
    receipt: join(dir, 'receipt.json'),
    run,
    socket: join(run, 'docker.sock'),
    pidFile: join(run, 'docker.pid'),
    containerdPidFile: join(run, 'exec', 'containerd', 'containerd.pid'),
  }
}

/** What a set-up makes, and may therefore delete again. The data is not in it: only `remove` deletes that. */
export const madeBySetUp = (layout: Layout): string[] => [
  layout.root,
  layout.bin,
  layout.clientConfig,
  layout.daemonConfig,
  layout.activate,
  layout.log,
  layout.receipt,
]

/** What a `docker` child needs in its environment to use the private engine. */
export function clientEnvironment(layout: Layout, path = ''): Record<'PATH' | 'DOCKER_HOST' | 'DOCKER_CONFIG', string> {
  const others = path.split(':').filter((entry) => entry !== '' && entry !== layout.bin)
  return {
    PATH: [layout.bin, ...others].join(':'),
    DOCKER_HOST: `unix://${layout.socket}`,
    DOCKER_CONFIG: layout.clientConfig,
  }
}

/**
 * dockerd's environment: it calls iptables, runc and containerd by name, and must find those of its own root. It
 * pulls images, so it needs the proxies, and the certificates beside those in /etc/ssl/certs.
 */
export function daemonEnvironment(layout: Layout, receipt: Receipt, env: Environment, network?: Network): Environment {
  return {
    ...env,
    ...network?.proxies,
    ...(network?.caFile ? { SSL_CERT_FILE: network.caFile } : {}),
    PATH: [join(layout.root, 'usr/sbin'), join(layout.root, 'usr/bin'), env.PATH].join(':'),
    XTABLES_LIBDIR: join(receipt.libraries, 'xtables'),
  }
}

/**
 * With a configuration of its own, the daemon does not read the host's /etc/docker/daemon.json. Without `gc` this
 * engine would keep every step that was ever built, until the disk is full.
 *
 * @param own what the file holds now: it is written at every start, and what the user has added stays
 */
export const daemonConfig = (layout: Layout, own: object = {}): string =>
  json({
    builder: { gc: { enabled: true, defaultKeepStorage: '10GB' } },
    ...own,
    hosts: [`unix://${layout.socket}`],
    'data-root': layout.data,
    'exec-root': join(layout.run, 'exec'),
    pidfile: layout.pidFile,
  })

export const clientConfig = (layout: Layout): string =>
  json({ cliPluginsExtraDirs: [join(layout.root, 'usr/libexec/docker/cli-plugins')] })

/** Read by `. activate` in any POSIX shell. */
export function activateScript(layout: Layout): string {
  const { DOCKER_HOST, DOCKER_CONFIG } = clientEnvironment(layout)
  return [
    '# Makes "docker" in this shell use the private engine:  . path/to/activate',
    `export PATH=${shellQuote(layout.bin)}:"$PATH"`,
    `export DOCKER_HOST=${shellQuote(DOCKER_HOST)}`,
    `export DOCKER_CONFIG=${shellQuote(DOCKER_CONFIG)}`,
    '',
  ].join('\n')
}

/** Mount points below one of the folders, the deepest first, from the text of /proc/self/mountinfo. */
export function mountsBelow(mountinfo: string, folders: readonly string[]): string[] {
  return mountinfo
    .split('\n')
    .map((line) => unescapeOctal(line.split(' ')[4] ?? ''))
    .filter((point) => folders.some((folder) => point.startsWith(`${folder}/`)))
    .toReversed()
}

/** mountinfo writes a blank as `\040`. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

const shellQuote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
