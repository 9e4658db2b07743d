/** Counting tests of several runners, and keeping what failed for the end. Pure. */

export interface Counts {
  passed: number
  skipped: number
  failures: readonly Failure[]
}

export interface Failure {
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

/** Reads a TAP report: `ok 1 title`, `ok 2 title # skip why`, `not ok 3 title` with lines of `# details` below it. */
export function readTap(report: string): Counts {
  const results = report.split(/^(?=(?:not )?ok \d)/m).filter((part) => /^(?:not )?ok /.test(part))
  const [failed, ok] = [results.filter((part) => part.startsWith('not ')), results.filter((part) => part.startsWith('ok '))]
  const skipped = ok.filter((part) => /# skip/i.test(part.split('\n', 1)[0] ?? '')).length
  return { passed: ok.length - skipped, skipped, failures: failed.map(readFailure) }
}

function readFailure(part: string): Failure {
  const [title = '', ...details] = part.trimEnd().split('\n')
  return { title: title.replace(/^not ok \d+ /, ''), details: details.map((line) => line.replace(/^# ?/, '')).join('\n') }
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
export function readVitest(report: VitestReport): Counts {
  const failures = report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (status === 'failed' && failed.length === 0) return [{ title: name, details: message }]
    return failed.map((test) => ({ title: test.fullName, details: test.failureMessages.join('\n') }))
  })
  // What is wrong outside of every file, e.g. an error that nobody waited for.
  if (!report.success && failures.length === 0) failures.push({ title: 'vitest failed, and no test did', details: '' })
  return { passed: report.numPassedTests, skipped: report.numPendingTests, failures }
}
