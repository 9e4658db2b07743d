/**
 * Remembers what an image was built from, so that `up` on a stack where nothing changed does not start
 * BuildKit to find that out. Forgetting is harmless: then it is built, from the cache.
 */
import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './network.ts'
import { capture } from './docker.ts'
import { baseImages } from '../compose/model.ts'
import type { Model, Service } from '../compose/model.ts'

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
