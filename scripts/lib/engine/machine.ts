/** What this machine says about itself: its certificates, its cache folder, the room on its disks. */
import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'

export type Values = Readonly<Record<string, string | undefined>>

/** Where this project keeps what it can make again. */
export const cacheFolder = (env: NodeJS.ProcessEnv): string =>
  // An empty HOME would put it into the folder that we are in.
  join(env.XDG_CACHE_HOME || join(homedir() || userInfo().homedir, '.cache'), 'python-docker-starter')

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

/** A setting as Compose sees it: a variable of the shell wins over the file. */
export const valueOf = (name: string, settings: Values, env: NodeJS.ProcessEnv): string | undefined =>
  (env[name] ?? settings[name]) || undefined

const MEGABYTE = 1024 ** 2

/** With less than this, what did not fit did not fit: it was larger. */
const FULL = 32

export interface Room {
  folder: string
  megabytes: number
}

/** The room that ordinary programs have on the disk of a folder; undefined when the folder cannot be looked at. */
export async function roomOf(folder: string): Promise<Room | undefined> {
  const found = await statfs(folder).catch(() => undefined)
  return found && { folder, megabytes: Math.floor((found.bavail * found.bsize) / MEGABYTE) }
}

export const isFull = ({ megabytes }: Room): boolean => megabytes < FULL

/** Does a program say that it met a full disk? */
export const saysFull = (text: string): boolean => /no space left on device|enough free space|disk quota exceeded/i.test(text)

/** How the engine's disk gets room again without losing data. */
export const makeRoom =
  'docker system df shows what takes the room; docker builder prune and docker image prune delete what can be made again.'
