/** What this machine says about itself: its certificates, the room on its disks, a folder in which Buildx can work. */
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { warn } from '../terminal.ts'
import { capture } from './docker.ts'

export type Values = Readonly<Record<string, string | undefined>>

/** A setting as Compose sees it: a variable of the shell wins over the file. */
export const valueOf = (name: string, settings: Values, env: NodeJS.ProcessEnv): string | undefined =>
  (env[name] ?? settings[name]) || undefined

/** Whether the engine runs on another machine: DOCKER_HOST says so, or else the context that is chosen. */
export async function isFarEngine(): Promise<boolean> {
  const host = process.env.DOCKER_HOST || (await capture(['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])).stdout
  return /^(?:tcp|ssh|https?):/.test(host)
}

/**
 * The CA bundle that the tools of this machine are told to use, or undefined when they are told of none.
 * A network that inspects TLS has its own CA: what works on the machine then fails inside a build.
 */
export const hostCaBundle = (env: NodeJS.ProcessEnv): string | undefined =>
  [env.SSL_CERT_FILE, env.PIP_CERT, env.REQUESTS_CA_BUNDLE, env.CURL_CA_BUNDLE, env.NODE_EXTRA_CA_CERTS].find((path) => path && existsSync(path))

/** The bytes left for ordinary programs on the disk of a folder; undefined if the folder cannot be looked at. */
export async function roomOf(folder: string): Promise<number | undefined> {
  const found = await statfs(folder).catch(() => undefined)
  return found && found.bavail * found.bsize
}

/** How to make room on the engine's disk without losing data. */
export const makeRoom = 'docker system df shows what takes up the room; docker builder prune and docker image prune delete what can be made again.'

/**
 * Call this before a build. Buildx keeps its state in Docker's folder in the user's home, and no build begins if it
 * cannot write there: the home may be read-only or missing (many users of CI), or ~/.docker may belong to root after a
 * "sudo docker". Then Buildx gets a folder for this run, and we say so.
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
    warn(`${folder} cannot be written to, and Buildx keeps its state there: for this run it gets another folder. If you run docker yourself, set BUILDX_CONFIG=/path.`)
  }
}
