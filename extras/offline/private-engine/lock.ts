import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { CliError } from '../../../scripts/lib/errors.ts'

/**
 * Runs `critical` while no other process runs its own for the same folder; others wait.
 *
 * flock(1) holds the lock for as long as its standard input is open, which is as long as we live:
 * the kernel gives the lock back however we end, so that there is no stale lock to recognise.
 *
 * @throws CliError when the folder cannot be locked, besides what `critical` throws
 */
export async function withLock<T>(folder: string, critical: () => Promise<T>): Promise<T> {
  // In a session of its own: a Ctrl-C must not take the lock away while we still tidy up.
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
