/** The runners of tests that `npm test` starts: each counts what passed, and keeps what failed for the end. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { $ } from 'zx/core'
import { report } from './command.ts'
import { stopIfInterrupted } from './errors.ts'
import { failure, info } from './terminal.ts'

export interface Counts {
  passed: number
  skipped: number
  failures: readonly Failure[]
}

interface Failure {
  title: string
  details: string
}

export const none: Counts = { passed: 0, skipped: 0, failures: [] }

export const add = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  skipped: a.skipped + b.skipped,
  failures: [...a.failures, ...b.failures],
})

/** One failure and nothing else. */
export const oneFailure = (title: string, details = ''): Counts => ({ ...none, failures: [{ title, details }] })

/** The same counts, each failure under the name of the file or suite that it is from. */
export const named = (name: string, counts: Counts): Counts => ({
  ...counts,
  failures: counts.failures.map(({ title, details }) => ({ title: `${name}: ${title}`, details })),
})

/** "12 passed, 1 failed, 2 skipped" */
export const inWords = ({ passed, skipped, failures }: Counts): string =>
  `${passed} passed, ${failures.length} failed, ${skipped} skipped`

/** A suite that could not even begin is a failure among the others, and the others still run. */
export function countFailure(error: unknown): Counts {
  stopIfInterrupted()
  report(error)
  return oneFailure('could not begin', String(error))
}

/** What failed, once more at the end: between a thousand lines that are well nobody finds it. */
export function tellFailures({ failures }: Counts): void {
  if (failures.length > 0) info()
  for (const { title, details } of failures) {
    const lines = details.split('\n')
    // Where it failed stands first, what it saw stands last.
    failure(title, lines.length <= 40 ? details : [...lines.slice(0, 10), '…', ...lines.slice(-29)].join('\n'))
  }
}

/** Reads a TAP report: `ok 1 title`, `ok 2 title # skip why`, `not ok 3 title` with lines of `# details` below it. */
export function readTap(text: string): Counts {
  const results = text.split(/^(?=(?:not )?ok \d)/m)
  const ok = results.filter((part) => part.startsWith('ok '))
  const skipped = ok.filter((part) => /^.*# skip/i.test(part)).length
  const failures = results.filter((part) => part.startsWith('not ok ')).map((part) => {
    const [title = '', ...details] = part.trimEnd().split('\n')
    return { title: title.replace(/^not ok \d+ /, ''), details: details.map((line) => line.replace(/^# ?/, '')).join('\n') }
  })
  return { passed: ok.length - skipped, skipped, failures }
}

/** The members of vitest's JSON report that are read here. */
export interface VitestReport {
  success: boolean
  numPassedTests: number
  numPendingTests: number
  testResults: readonly {
    name: string
    status: string
    message: string
    assertionResults: readonly { fullName: string; status: string; failureMessages: readonly string[] }[]
  }[]
}

/** Reads vitest's JSON report. A file that does not even load has no failed test in it: it is a failure itself. */
export function readVitest({ success, numPassedTests, numPendingTests, testResults }: VitestReport): Counts {
  const failures = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (status === 'failed' && failed.length === 0) return [{ title: name, details: message }]
    return failed.map((test) => ({ title: test.fullName, details: test.failureMessages.join('\n') }))
  })
  // What is wrong outside of every file, e.g. an error that nobody waited for.
  if (!success && failures.length === 0) failures.push({ title: 'vitest failed, and no test did', details: '' })
  return { passed: numPassedTests, skipped: numPendingTests, failures }
}

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
