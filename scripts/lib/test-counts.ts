/** Counting tests of several runners. Pure. */

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export const none: Counts = { passed: 0, failed: 0, skipped: 0 }

export const add = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
})

/** Counts the lines of a TAP report: `ok 1 title`, `ok 2 title # skip why`, `not ok 3 title`. */
export function countTap(report: string): Counts {
  const lines = report.split('\n')
  const ok = lines.filter((line) => /^ok \d/.test(line))
  const skipped = ok.filter((line) => /# skip/i.test(line)).length
  return { passed: ok.length - skipped, failed: lines.filter((line) => /^not ok \d/.test(line)).length, skipped }
}
