/** What `npm test` and `npm run test:template` have besides bats: vitest, types, and suites that could not begin. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonTestResults } from 'vitest/reporters'
import { $ } from 'zx/core'
import { judge, type Counts } from '../tests/helpers/bats.ts'
import { report } from '../scripts/lib/command.ts'
import { stopIfInterrupted } from '../scripts/lib/errors.ts'

export const none: Counts = { passed: 0, skipped: 0, failures: [] }

/** The same counts, with the name of its suite in front of each failure. */
export const named = (name: string, counts: Counts): Counts => ({
  ...counts,
  failures: counts.failures.map(({ title, details }) => ({ title: `${name}: ${title}`, details })),
})

/** One failure and nothing else. */
export const oneFailure = (title: string, details = ''): Counts => ({ ...none, failures: [{ title, details }] })

/** Counts a suite that could not begin as one failure, so that the other suites still run. */
export function countFailure(error: unknown): Counts {
  stopIfInterrupted()
  report(error)
  return oneFailure('could not begin', String(error))
}

/** Reads vitest's JSON report. A file that does not load has no failed test, so the file itself counts as a failure. */
export function readVitest({ numPassedTests, numPendingTests, testResults }: JsonTestResults): Counts {
  const failures = testResults.filter(({ status }) => status === 'failed').flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    const tests = failed.map((test) => ({ title: test.fullName, details: (test.failureMessages ?? []).join('\n') }))
    return tests.length > 0 ? tests : [{ title: name, details: message }]
  })
  return { passed: numPassedTests, skipped: numPendingTests, failures }
}

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
