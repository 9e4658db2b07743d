/**
 * What is wrong with an env file: pure rules from what is known of it to findings. Each finding says what is wrong, why it
 * matters and what to do. A new rule is a function in the list at the end of its file, or a row in a table there. A code
 * never changes its meaning; numbers that are missing were given out before.
 */
import { finding } from './finding.ts'
import type { Finding } from './finding.ts'
import { addressRules } from './rules/addresses.ts'
import { fileRules, lostReferences } from './rules/file.ts'
import { stackRules } from './rules/stack.ts'
import { valueRules } from './rules/values.ts'
import { subjectOf } from './subject.ts'
import type { Input } from './subject.ts'

const rules = [...fileRules, ...valueRules, ...addressRules, ...stackRules]

/** Errors where compose.production.yaml is among the files, warnings elsewhere. */
const stricterInProduction = ['E06', 'E20', 'E36', 'E53']

/** Everything that is wrong with an env file, in the order of its lines. */
export function check(input: Input): Finding[] {
  const subject = subjectOf(input, new Set(lostReferences(input.lines).keys()))
  const isWarning = (code: string): boolean =>
    code.startsWith('W') || (stricterInProduction.includes(code) && !subject.production)
  return rules
    .flatMap((rule) => rule(subject))
    .map(({ code, line, ...one }) => {
      const found = { ...one, line: line ?? subject.entryOf.get(one.setting ?? '')?.line ?? null }
      return finding(code, found, isWarning(code) ? 'warning' : 'error')
    })
    .toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
}
