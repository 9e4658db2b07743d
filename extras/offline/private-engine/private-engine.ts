/** Starts, stops, removes and describes the private engine. Each may be called at any time, even by two at once. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { access, constants, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { $ } from 'zx/core'
import { lastLines } from '../../../scripts/lib/engine/docker.ts'
import { CliError, ExitCode } from '../../../scripts/lib/errors.ts'
import type { Network } from '../network.ts'
import { withLock } from './lock.ts'
import { daemonConfig, daemonEnvironment, type Layout, type Receipt } from './layout.ts'
import { DOCKERD, endProcesses, findProcesses, isContainerd, isDockerd, unmount } from './processes.ts'
import { clear, saysFull, setUp } from './setup.ts'
import { step, warn } from '../../../scripts/lib/terminal.ts'

const START_LIMIT_MS = 60_000

export interface Description {
  installed: boolean
  running: boolean
  dir: string
  /** Names of the volumes that `remove` would delete. */
  volumes: string[]
  diskMegabytes: number
}

/** What had to be done for the engine to answer. */
export type Effort = 'none' | 'started' | 'set up'

/**
 * Sets the engine up if it is not, and starts it if it does not answer.
 *
 * @param network how packages and images are reached; a running engine keeps what it was started with
 * @throws CliError (exit code 4) with the evidence when the set-up or the start fails
 */
export async function ensureRunning(layout: Layout, network: Network): Promise<Effort> {
  if (await isRunning(layout)) return 'none'
  await requireCgroups()
  return locked(layout, async () => {
    let receipt = await readReceipt(layout)
    // Another process may have done it while we waited for the lock.
    if (receipt && (await answers(layout))) return 'none'
    const effort = receipt ? 'started' : 'set up'
    if (!receipt) {
      // Its files may have been deleted under a running engine.
      await endProcesses(layout)
      receipt = await setUp(layout, network)
    }
    await startDaemon(layout, receipt, network)
    return effort
  })
}

/** True when the engine is set up, whether or not it runs. */
export const isInstalled = async (layout: Layout): Promise<boolean> => (await readReceipt(layout)) !== undefined

/** True when the engine is set up and answers. */
export const isRunning = async (layout: Layout): Promise<boolean> =>
  (await isInstalled(layout)) && answers(layout)

/**
 * Stops the engine and its containers. Returns false if neither was running.
 *
 * @throws CliError (exit code 4) when it does not end in time
 */
export async function stop(layout: Layout): Promise<boolean> {
  return isNowhere(layout) ? false : locked(layout, () => stopLocked(layout))
}

/**
 * Stops the engine and deletes it: images, containers and volumes too. The caller has asked.
 * Returns the packages that the set-up installed on the host, which stay there; undefined when there was nothing.
 *
 * @throws CliError (exit code 4) when something is still mounted below its folders; then nothing is deleted
 */
export async function remove(layout: Layout): Promise<string[] | undefined> {
  if (isNowhere(layout)) return undefined
  return locked(layout, async () => {
    const receipt = await readReceipt(layout)
    await stopLocked(layout)
    await rm(layout.data, { recursive: true, force: true })
    await rm(layout.run, { recursive: true, force: true })
    await clear(layout)
    return receipt?.hostPackages ?? []
  })
}

export async function describe(layout: Layout): Promise<Description> {
  const installed = await isInstalled(layout)
  return {
    installed,
    running: installed && (await answers(layout)),
    dir: layout.dir,
    volumes: await listFolders(join(layout.data, 'volumes')),
    diskMegabytes: await measure(layout.dir),
  }
}

/** True if nothing was ever set up here, or all of it was removed. */
const isNowhere = (layout: Layout): boolean => !existsSync(layout.dir) && !existsSync(layout.run)

/** One command at a time; the parent folder serves as the lock, because it stays when the engine is removed. */
async function locked<T>(layout: Layout, critical: () => Promise<T>): Promise<T> {
  const parent = dirname(layout.dir)
  try {
    await mkdir(parent, { recursive: true })
    await access(parent, constants.W_OK)
  } catch (cause) {
    // The home folder is read-only or missing: machines that only run tests have such users.
    throw new CliError(`The private engine would be in ${layout.dir}, but nothing can be written there.`, {
      hint: 'Name a folder that can be written to and has 3 GB of room: export XDG_CACHE_HOME=/path',
      exitCode: ExitCode.docker,
      cause,
    })
  }
  return withLock(parent, critical)
}

/** Undefined if there is no engine, or if it is half-made, damaged or moved. */
async function readReceipt(layout: Layout): Promise<Receipt | undefined> {
  try {
    const receipt = JSON.parse(await readFile(layout.receipt, 'utf8')) as Receipt
    return receipt.dir === layout.dir && existsSync(join(layout.root, DOCKERD)) ? receipt : undefined
  } catch {
    return undefined
  }
}

/** Asks the socket itself: this takes milliseconds, and needs no child process. */
function answers(layout: Layout): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath: layout.socket, path: '/_ping', timeout: 2000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    ping.on('timeout', () => ping.destroy())
    ping.on('error', () => resolve(false))
    ping.end()
  })
}

async function startDaemon(
  layout: Layout,
  receipt: Receipt,
  network?: Network,
  title = 'Starting the private engine',
): Promise<void> {
  await step(title, async () => {
    if (!(await findProcesses(layout)).some(isDockerd)) await spawnDaemon(layout, receipt, network)
    const deadline = Date.now() + START_LIMIT_MS
    while (!(await answers(layout))) {
      if (!(await findProcesses(layout)).some(isDockerd)) throw await startFailure(layout, 'ended at once')
      if (Date.now() > deadline) throw await startFailure(layout, `is silent after ${START_LIMIT_MS / 1000} seconds`)
      await delay(100)
    }
    await shutLoopback(layout, receipt)
  })
}

/** Drops other machines' packets to 127.0.0.1: before Docker 28 they are forwarded before the kernel refuses them. */
async function shutLoopback(layout: Layout, receipt: Receipt): Promise<void> {
  const rule = ['PREROUTING', '-d', '127.0.0.0/8', '!', '-i', 'lo', '-j', 'DROP']
  const run = $({ quiet: true, nothrow: true, env: daemonEnvironment(layout, receipt, process.env) })
  if ((await run`iptables -t raw -C ${rule}`).exitCode === 0) return
  const { exitCode, stderr } = await run`iptables -t raw -A ${rule}`
  if (exitCode !== 0) warn('Other machines on your network segment may reach the ports on 127.0.0.1.', lastLines(stderr, 2))
}

/** Starts dockerd in a session of its own, so that it outlives this command. */
async function spawnDaemon(layout: Layout, receipt: Receipt, network: Network | undefined): Promise<void> {
  // No dockerd of ours runs, so pid files can only mislead: after a kill they name a zombie or another program.
  // dockerd would refuse to start beside the zombie, and would wait in vain for the other program.
  await rm(layout.pidFile, { force: true })
  if (!(await findProcesses(layout)).some(isContainerd)) await rm(layout.containerdPidFile, { force: true })
  // Written here, so that an engine that an older version has set up gets it too.
  const own = await readFile(layout.daemonConfig, 'utf8').catch(() => '{}')
  await writeFile(layout.daemonConfig, daemonConfig(layout, parsed(own, layout.daemonConfig)))
  const log = openSync(layout.log, 'a')
  const daemon = spawn(join(layout.root, DOCKERD), ['--config-file', layout.daemonConfig], {
    cwd: '/',
    detached: true,
    env: daemonEnvironment(layout, receipt, process.env, network),
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  await once(daemon, 'spawn')
  daemon.unref()
}

function parsed(text: string, file: string): object {
  try {
    return JSON.parse(text) as object
  } catch (error) {
    throw new CliError(`${file} is not valid JSON.`, { hint: 'Correct it, or delete it: then it is made anew.', exitCode: ExitCode.docker, cause: error })
  }
}

async function startFailure(layout: Layout, what: string): Promise<CliError> {
  const log = lastLines(await readFile(layout.log, 'utf8'), 12)
  const room = saysFull(log) ? `The disk of ${layout.dir} is full: make room there, then run this again.\n` : ''
  return new CliError(`The private engine ${what}.`, {
    details: log,
    hint: `${room}The whole log is in ${layout.log}.`,
    exitCode: ExitCode.docker,
  })
}

/** dockerd would silently wait for cgroups. */
async function requireCgroups(): Promise<void> {
  if (/ cgroup2? /.test(await readFile('/proc/mounts', 'utf8'))) return
  throw new CliError('A Docker Engine needs control groups, and this machine has none mounted.', {
    hint: 'mount -t cgroup2 none /sys/fs/cgroup',
    exitCode: ExitCode.docker,
  })
}

async function stopLocked(layout: Layout): Promise<boolean> {
  const processes = await findProcesses(layout)
  const receipt = await readReceipt(layout)
  // A killed dockerd leaves its containers running, and only a dockerd can end them.
  if (receipt && processes.length > 0 && !processes.some(isDockerd)) {
    await startDaemon(layout, receipt, undefined, 'Starting the killed engine, to end its containers')
  }
  if (processes.length > 0) await step('Stopping the private engine', () => endProcesses(layout))
  await unmount(layout)
  return processes.length > 0
}

async function listFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

/** The size without what containers have mounted there, which would be counted twice. */
async function measure(folder: string): Promise<number> {
  const { stdout } = await $({ quiet: true, nothrow: true })`du --summarize --one-file-system --block-size=1M ${folder}`
  return Number.parseInt(stdout, 10) || 0
}
