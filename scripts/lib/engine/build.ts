/**
 * What surrounds a build: whether it is needed at all, a folder in which Buildx can work, and a disk that may become
 * full.
 */
import { createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { baseImages } from '../compose/model.ts'
import type { Model, Service } from '../compose/model.ts'
import { CliError } from '../errors.ts'
import { warn } from '../terminal.ts'
import { capture } from './docker.ts'
import { cacheFolder, isFull, makeRoom, roomOf } from './machine.ts'
import type { Room } from './machine.ts'

/** What .dockerignore keeps out of every build, or what changes without changing the image. */
export const notSource = new Set(['.git', 'node_modules', '.venv', '__pycache__', '.pytest_cache', '.ruff_cache', '.mypy_cache', '.next'])

/**
 * Name, size and time of every file below a path: what git looks at to see whether something changed. A link is
 * what it says and not what it points to, in the image as here.
 */
async function listFiles(path: string): Promise<string[]> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return [`${path} is not there`]
  if (found.isSymbolicLink()) return [`${path} -> ${await readlink(path)}`]
  if (!found.isDirectory()) return [`${path} ${found.size} ${found.mtimeMs} ${found.mode}`]
  // A folder that we may not read is one that the build names.
  const names = (await readdir(path).catch(() => [])).filter((name) => !notSource.has(name) && !name.endsWith('.pyc'))
  return (await Promise.all(names.map((name) => listFiles(join(path, name))))).flat()
}

const built = (model: Model): Required<Pick<Service, 'image' | 'build'>>[] =>
  Object.values(model.services).flatMap(({ image, build }) => (image && build ? [{ image, build }] : []))

/** The ids of images, in the order asked for; an image that is not there makes the answer differ from every other. */
async function imageIds(images: readonly string[]): Promise<string> {
  const { stdout, exitCode } = await capture(['image', 'inspect', '--format', '{{.Id}}', ...images])
  return exitCode === 0 ? stdout : `missing ${Date.now()}`
}

/** One number for all that the images of the stack are made of, and for the images as they are now. */
async function stampOf(model: Model): Promise<string> {
  const services = built(model)
  const sources = services.flatMap(({ build: { args } }) => [args?.APP_DIR, args?.FRONTEND_DIR].filter((path) => path))
  const paths = ['Dockerfile', '.dockerignore', 'docker', ...sources.map(String)]
  const bases = services.flatMap(({ build }) => baseImages(build))
  const [files, ids] = await Promise.all([
    Promise.all(paths.map(listFiles)),
    imageIds([...services.map(({ image }) => image), ...bases]),
  ])
  return createHash('sha256').update(JSON.stringify([services, files, ids])).digest('hex')
}

const stampFile = (model: Model): string => {
  const place = createHash('sha256').update(`${process.cwd()}\n${model.name}`).digest('hex').slice(0, 16)
  return join(cacheFolder(process.env), 'builds', place)
}

/** True when the images are those of the last build, and nothing that they are made of has changed since. */
export async function isBuilt(model: Model): Promise<boolean> {
  const [now, then] = await Promise.all([stampOf(model), readFile(stampFile(model), 'utf8').catch(() => '')])
  return now === then
}

/** To be called after a build. A cache that cannot be written costs the next `up` a second, and nothing else. */
export async function rememberBuild(model: Model): Promise<void> {
  const file = stampFile(model)
  try {
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, await stampOf(model))
  } catch {}
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
