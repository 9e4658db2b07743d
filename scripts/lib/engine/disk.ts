/** Room on the disks of this machine. */
import { statfs } from 'node:fs/promises'

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
