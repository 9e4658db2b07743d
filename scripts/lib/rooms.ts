/** extras/offline, a room that may be deleted. The core asks for it here, and works without it. */
import { existsSync } from 'node:fs'
import type { Model } from './compose/model.ts'
import type { ModelledStack, Stack } from './compose/stack.ts'
import type { Values } from './engine/machine.ts'

const offlineRoom = new URL('../../extras/offline/room.ts', import.meta.url)

/** An engine that runs in a folder of its own. */
export interface PrivateEngine {
  dir: string
  /** What a `docker` child needs in its environment to use it. */
  environment: Record<string, string>
}

/** The private engine that runs, if one does; or why there can be none on this machine, and what would change that. */
export type Offer = { running: PrivateEngine | undefined } | { obstacle: string; wayOut?: string }

/** What the room does for the core: a private engine where none answers, and stand-ins where no registry does. */
export interface OfflineRoom {
  /** Is this DOCKER_HOST the socket of the private engine? */
  isPrivate(dockerHost: string): boolean
  /** Says whether a private engine runs or can be set up. Changes nothing. */
  offerEngine(settings: Values): Promise<Offer>
  /** Starts the private engine, and sets it up first where that is needed. */
  startEngine(settings: Values): Promise<PrivateEngine>
  /** Builds those of the given stand-ins that are missing or out of date. */
  ensureStandIns(images: readonly string[], settings: Values): Promise<void>
  /**
   * Builds stand-ins for a stack and selects them, unless this stack must not get any.
   *
   * @param absent the images that are missing; the first one could not be pulled
   * @param reason why it could not, as the first half of a sentence
   */
  useStandIns(stack: Stack, model: Model, settings: Values, absent: readonly string[], reason: string): Promise<ModelledStack | undefined>
  /** The stack with the stand-ins on which its containers were started; undefined if there are none. */
  asItWasStarted(stack: Stack, model: Model, settings: Values): Promise<ModelledStack | undefined>
}

/** The room; undefined when it was deleted. */
export const loadOfflineRoom = async (): Promise<OfflineRoom | undefined> =>
  existsSync(offlineRoom) ? ((await import(offlineRoom.href)) as { room: OfflineRoom }).room : undefined

/** The Compose file that selects stand-ins. */
export const standInOverlay = 'extras/offline/compose.yaml'

/** Is this the name of a stand-in? */
export const isStandIn = (image: string): boolean => image.startsWith('stand-in/')
