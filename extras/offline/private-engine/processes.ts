/** Finds and ends the private engine's processes and mounts. */
import { readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { $ } from 'zx/core'
import { CliError, ExitCode } from '../../../scripts/lib/errors.ts'
import { type Layout, mountsBelow } from './layout.ts'

/** Containers get their own time to stop before dockerd ends. */
const STOP_LIMIT_MS = 120_000
const UNMOUNT_LIMIT_MS = 10_000

/** The daemon itself, below the engine's root. */
export const DOCKERD = 'usr/sbin/dockerd'
const CONTAINERD = 'usr/bin/containerd'

/** The programs that outlive a command. A `docker` in a terminal belongs to its user, and is not ended. */
const DAEMONS = [DOCKERD, CONTAINERD, 'usr/bin/containerd-shim-runc-v2', 'usr/sbin/docker-proxy']

interface DaemonProcess {
  pid: number
  /** Path below the engine's root, e.g. `usr/sbin/dockerd`. */
  program: string
}

/**
 * The engine's processes, found by the program that they run. Pid files are not used: after a kill or a
 * reboot they name no process, or another one.
 */
export async function findProcesses(layout: Layout): Promise<DaemonProcess[]> {
  const root = await resolveLinks(layout.root)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      // The link of a zombie, or of a process that has just ended, cannot be read.
      const link = await readlink(`/proc/${pid}/exe`).catch(() => '')
      const program = link.replace(/ \(deleted\)$/, '').slice(root.length + 1)
      return link.startsWith(`${root}/`) && DAEMONS.includes(program) ? [{ pid, program }] : []
    }),
  )
  return found.flat()
}

export const isDockerd = ({ program }: DaemonProcess): boolean => program === DOCKERD
export const isContainerd = ({ program }: DaemonProcess): boolean => program === CONTAINERD

/** Ends dockerd first, which ends its containers and its containerd. Then ends what is left, one by one. */
export async function endProcesses(layout: Layout): Promise<void> {
  const deadline = Date.now() + STOP_LIMIT_MS
  const asked = new Set<number>()
  for (let left = await findProcesses(layout); left.length > 0; left = await findProcesses(layout)) {
    if (Date.now() > deadline) {
      throw new CliError(`The private engine did not end: ${left.map(({ pid }) => pid).join(', ')} still run.`, {
        hint: `Its log is in ${layout.log}.`, exitCode: ExitCode.docker,
      })
    }
    const next = left.some(isDockerd) ? left.filter(isDockerd) : left
    for (const { pid } of next.filter((daemon) => !asked.has(daemon.pid))) {
      terminate(pid)
      asked.add(pid)
    }
    await delay(50)
  }
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    // It ended after we looked.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Unmounts what a killed engine leaves: deleting through a mount would delete what is mounted there. A process that has
 * just ended may keep a mount busy: the kernel closes its files after it has taken the program from /proc.
 */
export async function unmount(layout: Layout): Promise<void> {
  const deadline = Date.now() + UNMOUNT_LIMIT_MS
  const folders = await Promise.all([layout.dir, layout.run].map(resolveLinks))
  const mounts = async (): Promise<string[]> => mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folders)
  for (let left = await mounts(); left.length > 0; left = await mounts()) {
    if (Date.now() > deadline) {
      throw new CliError('Something is still mounted in the folders of the private engine.', {
        details: left.join('\n'), hint: 'End the processes that use it, then try again.', exitCode: ExitCode.docker,
      })
    }
    for (const point of left) await $({ quiet: true, nothrow: true })`umount ${point}`
    await delay(50)
  }
}

/** The kernel knows only real paths, and a cache folder may be a link. */
const resolveLinks = (path: string): Promise<string> => realpath(path).catch(() => path)
