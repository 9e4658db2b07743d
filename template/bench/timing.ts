/** Runs commands and times them. */
import { setTimeout as delay } from 'node:timers/promises'
import { $ } from 'zx/core'
import { capture, format, lastLines, type Result, type RunOptions } from '../../scripts/lib/engine/docker.ts'
import { CliError, stopIfInterrupted } from '../../scripts/lib/errors.ts'

function requireSuccess(command: string, { exitCode, stdout, stderr }: Result): void {
  if (exitCode === 0) return
  throw new CliError(`${command} failed.`, { details: lastLines(stderr || stdout, 12) })
}

/**
 * Seconds that a Docker command takes. Like npm, it is started by zx, so that both pay the same for that.
 *
 * @throws CliError with its last lines when it fails
 */
export async function timeDocker(args: readonly string[], options: RunOptions = {}): Promise<number> {
  const started = performance.now()
  const result = await capture(args, options)
  const seconds = (performance.now() - started) / 1000
  requireSuccess(format(args), result)
  return seconds
}

/**
 * Seconds that an npm command takes, npm's own start included: the time that a user waits.
 *
 * @throws CliError with its last lines when it fails
 */
export async function timeNpm(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  stopIfInterrupted()
  const started = performance.now()
  const result = await $({ quiet: true, nothrow: true, env })`npm ${args}`
  const seconds = (performance.now() - started) / 1000
  stopIfInterrupted()
  requireSuccess(['npm', ...args].join(' '), result)
  return seconds
}

/**
 * Runs both in turn, A B, B A, A B …, so that a machine that slows down slows down both. The first run of each
 * fills caches and is not counted.
 */
export async function inTurn(
  runs: number,
  own: () => Promise<number>,
  plain: () => Promise<number>,
): Promise<{ samples: number[]; plain: number[] }> {
  const samples: number[] = []
  const others: number[] = []
  for (let run = 0; run <= runs; run += 1) {
    const counts = run > 0
    const isOwnFirst = run % 2 === 1
    const first = await (isOwnFirst ? own : plain)()
    const second = await (isOwnFirst ? plain : own)()
    if (!counts) continue
    samples.push(isOwnFirst ? first : second)
    others.push(isOwnFirst ? second : first)
  }
  return { samples, plain: others }
}

/** Waits, and ends at once after Ctrl-C. */
export async function rest(seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000
  for (let left = end - performance.now(); left > 0; left = end - performance.now()) {
    stopIfInterrupted()
    await delay(Math.min(left, 250))
  }
}
