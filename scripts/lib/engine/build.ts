/** What surrounds a build: a folder in which Buildx can work, and a disk that may become full. */
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError } from '../errors.ts'
import { warn } from '../terminal.ts'
import { capture } from './docker.ts'
import { isFull, makeRoom, roomOf } from './machine.ts'
import type { Room } from './machine.ts'

/**
 * To be called before a build. Buildx keeps its state in Docker's folder in the user's home, and no build begins where
 * it cannot write there: a home that is read-only or missing (many users of CI), or a ~/.docker that belongs to root
 * after a "sudo docker". Then it gets a folder for this run, and we say so.
 */
export function ensureBuildxFolder(): void {
  const folder = process.env.BUILDX_CONFIG || join(process.env.DOCKER_CONFIG || join(homedir(), '.docker'), 'buildx')
  try {
    mkdirSync(folder, { recursive: true })
    for (const name of ['.', ...readdirSync(folder)]) accessSync(join(folder, name), constants.W_OK)
  } catch {
    const temporary = mkdtempSync(join(tmpdir(), 'buildx-'))
    process.once('exit', () => rmSync(temporary, { recursive: true, force: true }))
    process.env.BUILDX_CONFIG = temporary
    warn(`${folder} cannot be written to, and Buildx keeps its state there: for this run it gets another folder. Docker by hand needs BUILDX_CONFIG=/path.`)
  }
}

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
    if (!lowest || !isFull(lowest)) throw error
    const full = `The disk of the engine was full: ${lowest.folder} had ${lowest.megabytes} MB left. A first start takes about 2 GB there.`
    throw new CliError(error.message, { details: error.details, hint: `${full}\n${makeRoom}`, exitCode: error.exitCode })
  } finally {
    clearInterval(timer)
  }
}
