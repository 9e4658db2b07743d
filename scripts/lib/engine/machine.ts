/** What this machine says about itself: its certificates, the room on its disks, a folder in which Buildx can work. */
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { CliError } from '../errors.ts'
import { warn } from '../terminal.ts'
import { capture } from './docker.ts'

export type Values = Readonly<Record<string, string | undefined>>

/** A setting as Compose sees it: a variable of the shell wins over the file. */
export const valueOf = (name: string, settings: Values, env: NodeJS.ProcessEnv): string | undefined =>
  (env[name] ?? settings[name]) || undefined

/** Variables that tell the tools of a machine which certificates to trust, the general ones first. */
const caVariables = ['SSL_CERT_FILE', 'PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS']

/**
 * The CA bundle that the tools of this machine are told to use, or undefined when they are told of none.
 * A network that inspects TLS has its own CA: what works on the machine then fails inside a build.
 */
export const hostCaBundle = (env: NodeJS.ProcessEnv): string | undefined =>
  caVariables.map((name) => env[name]).find((path) => path && existsSync(path))

/** The certificates that builds trust: those of the settings, else those of this machine's tools. */
export const extraCaFile = (settings: Values, env: NodeJS.ProcessEnv): string | undefined =>
  valueOf('EXTRA_CA_FILE', settings, env) ?? hostCaBundle(env)

export interface Room {
  folder: string
  megabytes: number
}

/** The room that ordinary programs have on the disk of a folder; undefined when the folder cannot be looked at. */
export async function roomOf(folder: string): Promise<Room | undefined> {
  const found = await statfs(folder).catch(() => undefined)
  return found && { folder, megabytes: Math.floor((found.bavail * found.bsize) / 1024 ** 2) }
}

/** With less than this, what did not fit did not fit: it was larger. */
export const isFull = ({ megabytes }: Room): boolean => megabytes < 32

/** How the engine's disk gets room again without losing data. */
export const makeRoom =
  'docker system df shows what takes the room; docker builder prune and docker image prune delete what can be made again.'

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
