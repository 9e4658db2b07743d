/** The disk on which the engine keeps images, build cache, containers and volumes. */
import { isFull, makeRoom, roomOf } from './disk.ts'
import type { Room } from './disk.ts'
import { capture } from './docker.ts'
import { CliError } from '../errors.ts'

/** A quick disk is full, and has its room again, within a second. */
const LOOK_EVERY_MS = 100

/** The engine's folder; empty when it is on another machine, where we cannot look. */
async function engineFolder(): Promise<string> {
  if (/^(tcp|ssh|https?):/.test(process.env.DOCKER_HOST ?? '')) return ''
  return (await capture(['info', '--format', '{{.DockerRootDir}}'], { timeoutMs: 5000 })).stdout.trim()
}

/**
 * Runs what fills the engine's disk. When it fails and the disk was full meanwhile, the failure says so: a step that
 * failed gives back what it had taken, so that only who looked in time knows.
 */
export async function watchingDisk<T>(critical: () => Promise<T>): Promise<T> {
  const folder = engineFolder().catch(() => '')
  let lowest: Room | undefined
  const look = async (): Promise<void> => {
    // An engine in a virtual machine has a folder that is not on this machine.
    const room = await roomOf(await folder)
    if (room && room.megabytes < (lowest?.megabytes ?? Infinity)) lowest = room
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  try {
    return await critical()
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    await look()
    throw lowest && isFull(lowest) ? withFullDisk(error, lowest) : error
  } finally {
    clearInterval(timer)
  }
}

const withFullDisk = ({ message, details, exitCode }: CliError, { folder, megabytes }: Room): CliError =>
  new CliError(message, {
    details,
    hint: [
      `The disk of the engine was full: ${folder} had ${megabytes} MB left. A first start takes about 2 GB there.`,
      makeRoom,
    ].join('\n'),
    exitCode,
  })
