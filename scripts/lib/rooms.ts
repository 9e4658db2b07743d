/** The rooms of extras/: features that may be deleted. The core asks for them here, and works without them. */
import { existsSync } from 'node:fs'
import type { Model } from './compose/model.ts'
import type { ModelledStack, Stack } from './compose/stack.ts'
import type { Values } from './engine/machine.ts'

const urlOf = (path: string): URL => new URL(`../../extras/${path}`, import.meta.url)

/** Is this file of a room there? Its path begins below extras/. */
export const hasRoom = (path: string): boolean => existsSync(urlOf(path))

/** What a file of a room exports, for example of `offline/room.ts`; undefined when the room was deleted. */
const loadRoom = async <T>(path: string): Promise<T | undefined> =>
  hasRoom(path) ? ((await import(urlOf(path).href)) as T) : undefined

/** An engine that runs in a folder of its own. */
export interface PrivateEngine {
  dir: string
  /** What a `docker` child needs in its environment to use it. */
  environment: Record<string, string>
}

/** The private engine that runs, if one does; or why there can be none on this machine, and what would change that. */
export type Offer = { running: PrivateEngine | undefined } | { obstacle: string; wayOut?: string }

/** What extras/offline does for the core: a private engine where none answers, and stand-ins where no registry does. */
export interface OfflineRoom {
  /** Is this DOCKER_HOST the socket of the private engine? */
  isPrivate(dockerHost: string): boolean
  /** Changes nothing. */
  offerEngine(settings: Values): Promise<Offer>
  /** Starts the private engine, and sets it up first where that is needed. */
  startEngine(settings: Values): Promise<PrivateEngine>
  /** Builds those of these stand-ins that are missing or out of date. */
  ensureStandIns(images: readonly string[], settings: Values): Promise<void>
  /**
   * Builds stand-ins for a stack and selects them.
   *
   * @param absent the images that are missing; the first one could not be pulled
   * @param reason why it could not, as the first half of a sentence
   * @returns undefined when this stack must not get stand-ins
   */
  useStandIns(
    stack: Stack, model: Model, settings: Values, absent: readonly string[], reason: string,
  ): Promise<ModelledStack | undefined>
}

export const loadOfflineRoom = async (): Promise<OfflineRoom | undefined> =>
  (await loadRoom<{ room: OfflineRoom }>('offline/room.ts'))?.room

/** The Compose file that selects stand-ins. */
export const standInOverlay = 'extras/offline/compose.yaml'

/** COMPOSE_FILE with that overlay last. Empty, COMPOSE_FILE means the two files of development. */
export const withStandIns = (files: string | undefined): string => `${files || 'compose.yaml:compose.override.yaml'}:${standInOverlay}`

/** Is this the name of a stand-in? */
export const isStandIn = (image: string): boolean => image.startsWith('stand-in/')
