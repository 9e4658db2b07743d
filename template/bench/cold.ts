/** The bare start: no engine, no image, nothing but Node and this repository. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { networkOf } from '../../extras/offline/network.ts'
import { readStatus, type EngineStatus } from '../../extras/offline/status.ts'
import { ensureRunning, remove, stop } from '../../extras/offline/private-engine/private-engine.ts'
import { cacheFolder, clientEnvironment, layoutOf } from '../../extras/offline/private-engine/layout.ts'
import { step, warn } from '../../scripts/lib/terminal.ts'
import type { Measured } from './figures.ts'
import { timeNpm } from './timing.ts'
import { inCopy, tidyUp, writeSettings, type Overlay } from './workshop.ts'

/** Why the row is left out: an engine that is not ours would have to be stopped for it. Pure. */
export function whyNotCold({ kind }: Pick<EngineStatus, 'kind'>, { EMBEDDED_ENGINE }: NodeJS.ProcessEnv): string | undefined {
  if (kind === 'existing') return 'the engine here is your own, which is never stopped or replaced.'
  return EMBEDDED_ENGINE === 'never' ? 'EMBEDDED_ENGINE=never forbids setting up a private engine.' : undefined
}

/** The environment of a shell that knows no engine, with a cache folder without one. Pure. */
export function bareEnvironment(env: NodeJS.ProcessEnv, cache: string): NodeJS.ProcessEnv {
  const layout = layoutOf(env)
  const { DOCKER_HOST, DOCKER_CONFIG, PRIVATE_ENGINE_DIR: _, ...rest } = env
  const own = clientEnvironment(layout)
  return {
    ...rest,
    ...(DOCKER_HOST === undefined || DOCKER_HOST === own.DOCKER_HOST ? {} : { DOCKER_HOST }),
    ...(DOCKER_CONFIG === undefined || DOCKER_CONFIG === own.DOCKER_CONFIG ? {} : { DOCKER_CONFIG }),
    PATH: (env.PATH ?? '').split(':').filter((folder) => folder !== layout.bin).join(':'),
    XDG_CACHE_HOME: cache,
  }
}

/** What the bare start does to the machine, so that a test can watch the order. */
export interface ColdEffects {
  /** Stops the private engine of the user. True when it ran. */
  stopOld(): Promise<boolean>
  /** Starts the stack where no engine is, and returns the seconds. */
  coldUp(): Promise<number>
  /** Removes what `coldUp` made. */
  removeNew(): Promise<void>
  startOld(): Promise<void>
}

/**
 * Never two engines at once: they would share their bridges. However the start ends, the new engine is removed, and
 * then the old one runs again if it ran before.
 */
export async function coldStart({ stopOld, coldUp, removeNew, startOld }: ColdEffects): Promise<number> {
  const ran = await stopOld()
  try {
    return await coldUp()
  } finally {
    await removeNew()
    if (ran) await startOld()
  }
}

/** @returns the figure, or why it was left out */
export async function bareStart(overlay: Overlay): Promise<Measured | { leftOut: string }> {
  const leftOut = whyNotCold(await readStatus(), process.env)
  if (leftOut) return { leftOut }
  const old = layoutOf(process.env)
  // Next to the user's own, so that it is on the same disk.
  const parent = dirname(cacheFolder(process.env))
  await mkdir(parent, { recursive: true })
  const cache = await mkdtemp(join(parent, 'bench-'))
  const fresh = layoutOf({ XDG_CACHE_HOME: cache })

  const coldUp = (): Promise<number> =>
    inCopy(async () => {
      const project = await writeSettings(overlay)
      const env = bareEnvironment(process.env, cache)
      try {
        return await step('Starting the stack without engine and images', () => timeNpm(['run', '--silent', 'up'], env))
      } finally {
        // The bridges of its networks would outlive the engine.
        await tidyUp(project, clientEnvironment(fresh, process.env.PATH))
      }
    })
  const seconds = await coldStart({
    stopOld: () => {
      warn('The private engine stops for this and starts again afterwards, with those of its containers that have a restart policy.')
      return stop(old)
    },
    coldUp,
    removeNew: async () => {
      await remove(fresh)
      await rm(cache, { recursive: true, force: true })
    },
    startOld: async () => {
      await ensureRunning(old, networkOf({}, process.env))
    },
  })
  return { samples: [seconds] }
}
