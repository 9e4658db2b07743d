/** The runners of tests that `npm test` starts, each with its counts as the result. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { $ } from 'zx/core'
import { stopIfInterrupted } from './interrupt.ts'
import { info } from './terminal.ts'
import { add, none, oneFailure, readTap, readVitest } from './test-counts.ts'
import type { Counts } from './test-counts.ts'

/** @param args of `vitest run`: files, options */
export async function runVitest(args: readonly string[] = []): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'vitest-'))
  const outputFile = join(folder, 'report.json')
  try {
    await $({ nothrow: true, stdio: ['inherit', process.stderr, process.stderr] })`npx vitest run ${args} --reporter=default --reporter=json --outputFile.json=${outputFile}`
    return readVitest(JSON.parse(await readFile(outputFile, 'utf8')))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Runs bats and shows each line as it comes.
 *
 * @param args of bats: files, folders, options
 * @param options.prefix what stands in front of each line where several run at once
 */
export async function runBats(args: readonly string[], { prefix = '', env = {} }: { prefix?: string; env?: Record<string, string> } = {}): Promise<Counts> {
  stopIfInterrupted()
  const all = { ...process.env, ...env }
  const child = $({ nothrow: true, quiet: true, env: all, stdio: ['ignore', 'pipe', process.stderr] })`node_modules/bats/bin/bats --formatter tap --timing ${args}`
  createInterface({ input: child.stdout }).on('line', (line) => info(`${prefix}${line}`))
  // Ctrl-C reaches it by the terminal. A signal for us alone does not.
  const end = (): void => void child.kill('SIGTERM')
  process.once('SIGTERM', end)
  const { stdout, exitCode } = await child
  process.off('SIGTERM', end)
  const counts = readTap(stdout)
  return exitCode !== 0 && counts.failures.length === 0 ? add(counts, oneFailure('bats failed, and none of its tests did')) : counts
}

/** The type check, as one test. */
export async function runTypes(): Promise<Counts> {
  const { exitCode, stdout, stderr } = await $({ nothrow: true, quiet: true, preferLocal: true })`tsc`
  return exitCode === 0 ? { ...none, passed: 1 } : oneFailure('tsc', `${stdout}${stderr}`.trim())
}
