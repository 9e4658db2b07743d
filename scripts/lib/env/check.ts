/**
 * What is wrong with an env file: pure rules from what is known of it to findings. Each finding says what is wrong, why it
 * matters and what to do. A new rule is a function in the list at the end of its file, or a row in a table there. A code
 * never changes its meaning; numbers that are missing were given out before.
 */
import { addressRules } from './rules/addresses.ts'
import { fileRules } from './rules/file.ts'
import { stackRules } from './rules/stack.ts'
import { valueRules } from './rules/values.ts'
import { subjectOf } from './subject.ts'
import type { Found, Input } from './subject.ts'

export interface Finding extends Found {
  severity: 'error' | 'warning'
  /** The line in the env file, counted from 1; null when the finding is about something that is not there. */
  line: number | null
  setting: string | null
}

const rules = [...fileRules, ...valueRules, ...addressRules, ...stackRules]

/** Errors where compose.production.yaml is among the files, warnings elsewhere. */
const stricterInProduction = ['E06', 'E20', 'E36', 'E53']

/** Everything that is wrong with an env file, in the order of its lines. */
export function check(input: Input): Finding[] {
  const subject = subjectOf(input)
  return rules.flatMap((rule) => rule(subject)).map(({ code, line, setting = null, ...words }): Finding => {
    const isWarning = code.startsWith('W') || (stricterInProduction.includes(code) && !subject.production)
    const at = line ?? subject.entryOf.get(setting ?? '')?.line ?? null
    return { code, severity: isWarning ? 'warning' : 'error', line: at, setting, ...words }
  }).toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
}
