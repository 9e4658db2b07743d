import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { CliError } from '../../../scripts/lib/errors.ts'

/**
 * Runs `critical` while no other process runs its own for the same folder; others wait.
 *
 * flock(1) holds the lock for as long as its standard input is open, which is as long as this process lives.
 * The kernel releases the lock however the process ends, so there are no stale locks.
 *
 * @throws CliError when the folder cannot be locked, and whatever `critical` throws
 */
export async function withLock<T>(folder: string, critical: () => Promise<T>): Promise<T> {
  // In a session of its own, because Ctrl-C must not release the lock while we still tidy up.
  const holder = spawn('flock', [folder, 'sh', '-c', 'echo locked; exec cat'], { detached: true })
  const ended = once(holder, 'close')
  const locked = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)])
  if (!locked) throw new CliError(`Cannot lock ${folder}.`)
  try {
    return await critical()
  } finally {
    holder.stdin.end()
    await ended
  }
}
