/**
 * What is wrong with an env file: pure rules from (schema, lines, values, what lies around the file) to findings.
 * Each finding says itself what is wrong, why it matters and what to do. A new rule is a small function and a row in the
 * table of its file. A code never changes its meaning; numbers that are missing in the tables were given out before.
 */
import { finding } from './finding.ts'
import type { Finding } from './finding.ts'
import { addressRules } from './rules/addresses.ts'
import { fileRules, lostReferences } from './rules/file.ts'
import { secretRules } from './rules/secrets.ts'
import { stackRules } from './rules/stack.ts'
import { subjectOf } from './rules/subject.ts'
import type { Input } from './rules/subject.ts'
import { togetherRules } from './rules/together.ts'
import { valueRules } from './rules/values.ts'

const rules = [...fileRules, ...valueRules, ...secretRules, ...addressRules, ...stackRules, ...togetherRules]

/** Everything that is wrong with an env file, in the order of its lines. */
export function check(input: Input): Finding[] {
  const subject = subjectOf(input, new Set(lostReferences(input.lines, input.schema).keys()))
  return rules
    .flatMap(([code, severity, find]) => find(subject).map((found) => finding(code, found, severity === 'production' ? (subject.production ? 'error' : 'warning') : severity)))
    .toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
}
