/** The runners of tests that `npm test` starts: each counts what passed, and keeps what failed for the end. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { JsonTestResults } from 'vitest/reporters'
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

/** Reads vitest's JSON report. A file that does not even load has no failed test in it: it is a failure itself. */
export function readVitest({ numPassedTests, numPendingTests, testResults }: JsonTestResults): Counts {
  const failures = testResults.filter(({ status }) => status === 'failed').flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    const tests = failed.map((test) => ({ title: test.fullName, details: (test.failureMessages ?? []).join('\n') }))
    return tests.length > 0 ? tests : [{ title: name, details: message }]
  })
  return { passed: numPassedTests, skipped: numPendingTests, failures }
}

/** A runner that failed although no test did: something went wrong outside of all of them. */
const judge = (runner: string, counts: Counts, exitCode: number | null): Counts =>
  exitCode === 0 || counts.failures.length > 0 ? counts : add(counts, oneFailure(`${runner} failed, and none of its tests did`))

/** @param args of `vitest run`: files, options */
export async function runVitest(args: readonly string[] = []): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'vitest-'))
  const output = join(folder, 'report.json')
  try {
    const shown = $({ nothrow: true, stdio: ['inherit', process.stderr, process.stderr] })
    const { exitCode } = await shown`npx vitest run ${args} --reporter=default --reporter=json --outputFile.json=${output}`
    return judge('vitest', readVitest(JSON.parse(await readFile(output, 'utf8'))), exitCode)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Runs bats and shows each line as it comes.
 *
 * @param args of bats: files, folders, options
 * @param prefix what stands in front of each line where several run at once
 */
export async function runBats(args: readonly string[], prefix = '', env: Record<string, string> = {}): Promise<Counts> {
  stopIfInterrupted()
  const run = $({ nothrow: true, quiet: true, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', process.stderr] })
  const child = run`node_modules/bats/bin/bats --formatter tap --timing ${args}`
  createInterface({ input: child.stdout }).on('line', (line) => info(`${prefix}${line}`))
  // Ctrl-C reaches it by the terminal. A signal for us alone does not.
  const end = (): void => void child.kill('SIGTERM')
  process.once('SIGTERM', end)
  const { stdout, exitCode } = await child
  process.off('SIGTERM', end)
  return judge('bats', readTap(stdout), exitCode)
}

/** The type check, as one test. */
export async function runTypes(): Promise<Counts> {
  const { exitCode, stdout, stderr } = await $({ nothrow: true, quiet: true, preferLocal: true })`tsc`
  return exitCode === 0 ? { ...none, passed: 1 } : oneFailure('tsc', `${stdout}${stderr}`.trim())
}
