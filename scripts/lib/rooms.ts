/** The rooms of extras/: features that may be deleted. The core asks for them here, and works without them. */
import { existsSync } from 'node:fs'

const urlOf = (path: string): URL => new URL(`../../extras/${path}`, import.meta.url)

/** Is this file of a room there? Its path begins below extras/. */
export const hasRoom = (path: string): boolean => existsSync(urlOf(path))

/**
 * Loads a file of a room.
 *
 * @param path below extras/, for example `offline/room.ts`
 * @returns what the file exports; undefined when the room was deleted
 */
export const loadRoom = async <T>(path: string): Promise<T | undefined> =>
  hasRoom(path) ? ((await import(urlOf(path).href)) as T) : undefined
