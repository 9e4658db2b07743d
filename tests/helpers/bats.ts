/** Runs bats, counts what passed, and keeps what failed. */
import { createInterface } from 'node:readline'
import { $ } from 'zx/core'
import { stopIfInterrupted } from '../../scripts/lib/errors.ts'
import { failure, info } from '../../scripts/lib/terminal.ts'

export interface Counts {
  passed: number
  skipped: number
  failures: readonly { title: string; details: string }[]
}

export const add = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  skipped: a.skipped + b.skipped,
  failures: [...a.failures, ...b.failures],
})

/** "12 passed, 1 failed, 2 skipped" */
export const inWords = ({ passed, skipped, failures }: Counts): string =>
  `${passed} passed, ${failures.length} failed, ${skipped} skipped`

/** Names the failures at the end, where they are found. Their details have been printed when they failed. */
export function tellFailures({ failures }: Counts): void {
  if (failures.length > 0) info()
  for (const { title } of failures) failure(title)
}

/** Reads a TAP report: `ok 1 title`, `ok 2 title # skip why`, `not ok 3 title` with lines of `# details` below it. */
export function readTap(text: string, prefix = ''): Counts {
  const ok = text.match(/^ok \d.*/gm) ?? []
  const skipped = ok.filter((line) => /# skip/i.test(line)).length
  const failures = [...text.matchAll(/^not ok \d+ (.*)\n?((?:#.*\n?)*)/gm)].map(([, title = '', details = '']) =>
    ({ title: `${prefix}${title}`, details: details.trimEnd().replaceAll(/^# ?/gm, '') }))
  return { passed: ok.length - skipped, skipped, failures }
}

/** Counts a runner that failed although no test did as a failure: something went wrong outside the tests. */
export const judge = (runner: string, counts: Counts, exitCode: number | null): Counts =>
  exitCode === 0 || counts.failures.length > 0 ? counts
    : { ...counts, failures: [{ title: `${runner} failed, and none of its tests did`, details: '' }] }

/**
 * Runs bats and shows each line as it comes.
 *
 * @param args of bats: files, folders, options
 * @param prefix a text in front of each line and each failure, if several run at once
 */
export async function runBats(args: readonly string[], prefix = '', env: Record<string, string> = {}): Promise<Counts> {
  stopIfInterrupted()
  const run = $({ nothrow: true, quiet: true, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', process.stderr] })
  const child = run`node_modules/bats/bin/bats --formatter tap --timing ${args}`
  createInterface({ input: child.stdout }).on('line', (line) => info(`${prefix}${line}`))
  // Ctrl-C reaches bats through the terminal. A signal to this process alone does not.
  const end = (): void => void child.kill('SIGTERM')
  process.once('SIGTERM', end)
  const { stdout, exitCode } = await child
  process.off('SIGTERM', end)
  return judge('bats', readTap(stdout, prefix), exitCode)
}
