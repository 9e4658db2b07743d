/** A separate place for the benchmark: a copy of the repository, with a stack that nothing else uses. */
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { cd } from 'zx/core'
import { notSource } from '../../scripts/lib/explain/ignore.ts'
import { capture, format, type Result } from '../../scripts/lib/engine/docker.ts'
import type { Engine } from '../../scripts/lib/engine/engine.ts'
import { parseSchema, type Schema } from '../../scripts/lib/env/schema.ts'
import { ensureImages } from '../../scripts/lib/engine/images.ts'
import { tidyUpInPeace } from '../../scripts/lib/errors.ts'
import { foreignImages } from '../../scripts/lib/compose/model.ts'
import { compose, openStack, readModel, stackOf } from '../../scripts/lib/compose/stack.ts'
import { layoutOf } from '../../extras/offline/private-engine/layout.ts'
import { envFile, exampleFile } from '../../scripts/lib/env/settings.ts'
import { fillEnvFile } from '../../scripts/lib/env/write.ts'
import type { Settings } from '../../scripts/lib/env/settings.ts'
import type { Stack } from '../../scripts/lib/compose/stack.ts'
import { isStandIn, standInOverlay as standIns } from '../../scripts/lib/rooms.ts'
import { warn } from '../../scripts/lib/terminal.ts'
import { withValues } from '../env-values.ts'
import type { BenchModel } from './bench-model.ts'

export const overlays = {
  development: 'compose.yaml:compose.override.yaml',
  production: 'compose.yaml:compose.production.yaml',
} as const
export type Overlay = keyof typeof overlays

export interface Workshop {
  project: string
  engine: Engine
  settings: Settings
  /** The stack that is measured. */
  stack: Stack
  model: BenchModel
  /** The same application as production builds it, whatever the overlay. */
  production: Stack
  /** The environment of a command that a user types: no engine is chosen for it. */
  userEnv: NodeJS.ProcessEnv
}

/** The image that plain `docker build` makes. */
export const plainImage = (project: string): string => `${project}-plain`

/** The name of the container in which a role is started by itself. */
export const roleContainer = (project: string): string => `${project}-role`

/** A port that is free now. */
function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => found(port))
    })
  })
}

/** The settings in which the benchmark differs from the example, so that it never meets another stack. Pure. */
export function ownSettings(schema: Schema, project: string, files: string, ports: readonly number[]): Record<string, string> {
  const published = schema.settings.filter(({ type, value }) => type.form === 'port' && value !== '')
  return {
    COMPOSE_PROJECT_NAME: project,
    COMPOSE_FILE: files,
    PROXY_BIND: '127.0.0.1',
    ...Object.fromEntries(published.map(({ name }, index) => [name, String(ports[index])])),
  }
}

/** Variables of the shell that would override the env file: another project's name, files or ports. Pure. */
export const misleading = (env: NodeJS.ProcessEnv, own: Record<string, string>): string[] =>
  Object.keys(env).filter((name) => name.startsWith('COMPOSE_') || name in own)

/** Writes the env file of a separate project, with everything else from the example. Returns the project's name. */
export async function writeSettings(overlay: Overlay): Promise<string> {
  const project = `bench-${randomBytes(4).toString('hex')}`
  const schema = parseSchema(await readFile(exampleFile, 'utf8'), exampleFile)
  const ports = await Promise.all(schema.settings.map(freePort))
  const own = ownSettings(schema, project, overlays[overlay], ports)
  for (const name of misleading(process.env, own)) delete process.env[name]
  await fillEnvFile()
  await writeFile(envFile, withValues(await readFile(envFile, 'utf8'), own))
  return project
}

/** Works in a copy of the repository, so that nothing has to be undone, and leaves it at the end. */
export async function inCopy<T>(use: () => Promise<T>): Promise<T> {
  const home = process.cwd()
  const folder = await mkdtemp(join(tmpdir(), 'bench-'))
  const copy = join(folder, 'copy')
  const isSource = (path: string): boolean => !notSource.has(basename(path)) && basename(path) !== envFile
  try {
    await cp(home, copy, { recursive: true, filter: isSource })
    await symlink(join(home, 'node_modules'), join(copy, 'node_modules'))
    cd(copy)
    return await use()
  } finally {
    cd(home)
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Removes everything of the project from the engine. From here on, signals have no effect.
 *
 * @returns false when something may be left
 */
export async function tidyUp(project: string, env: Record<string, string> = {}): Promise<boolean> {
  tidyUpInPeace()
  const run = (args: readonly string[]): Promise<Result> => capture(args, { env, tidiesUp: true })
  await run(['rm', '--force', '--volumes', roleContainer(project)])
  const down = await run(compose(stackOf(envFile), '--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5'))
  await run(['image', 'rm', '--force', `${project}-app`, `${project}-app:dev`, plainImage(project)])
  // Every rebuild has left the previous image without a name.
  await run(['image', 'prune', '--force', '--filter', `label=com.docker.compose.project=${project}`])
  return down.exitCode === 0
}

/**
 * Makes the workshop, and removes all of it when `use` ends, however that is.
 *
 * @throws CliError as `openStack` and `ensureImages`, besides what `use` throws
 */
export async function withWorkshop<T>(overlay: Overlay, use: (workshop: Workshop) => Promise<T>): Promise<T> {
  return inCopy(async () => {
    const project = await writeSettings(overlay)
    // What `up` remembers of its builds is useless afterwards. The engine stays where it is.
    process.env.PRIVATE_ENGINE_DIR = layoutOf(process.env).dir
    process.env.XDG_CACHE_HOME = resolve('../cache')
    const userEnv = { ...process.env }
    try {
      const { stack, settings, engine, model } = await openStack()
      const chosen = await ensureImages(stack, model, settings.values)
      const files = foreignImages(chosen.model).some(isStandIn) ? `compose.yaml:${standIns}` : 'compose.yaml'
      const production = { ...chosen.stack, env: { ...chosen.stack.env, COMPOSE_FILE: files } }
      return await use({ project, engine, settings, stack: chosen.stack, model: chosen.model, production, userEnv })
    } finally {
      if (!(await tidyUp(project))) warn(`Something of ${project} may be left: ${format(['ps', '--all', '--filter', `name=${project}`])}`)
    }
  })
}

/** What Compose makes of the production files, with other values for some settings. */
export const productionModel = ({ production }: Workshop, settings: Record<string, string> = {}): Promise<BenchModel> =>
  readModel({ ...production, env: { ...production.env, ...settings } })
