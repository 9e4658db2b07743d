/** What is wrong with an env file: pure rules from (schema, lines, values, Compose files) to findings. */
import { addressRules } from './checks/addresses.ts'
import { severityOf } from './checks/codes.ts'
import { commandRules } from './checks/commands.ts'
import { listRules } from './checks/compose-list.ts'
import { composeRules } from './checks/compose.ts'
import { dependencyRules } from './checks/dependencies.ts'
import { envFileRules } from './checks/env-files.ts'
import { fileRules } from './checks/file.ts'
import { formRules } from './checks/forms.ts'
import { machineRules } from './checks/machine.ts'
import { memoryRules } from './checks/memory.ts'
import { pathRules } from './checks/paths.ts'
import { portRules } from './checks/ports.ts'
import { proxyRules } from './checks/proxy.ts'
import { referenceRules } from './checks/references.ts'
import { schemaRules } from './checks/schema.ts'
import { secretRules } from './checks/secrets.ts'
import { separatorRules } from './checks/separators.ts'
import { subjectOf } from './checks/subject.ts'
import type { Input, Rule } from './checks/subject.ts'
import { togetherRules } from './checks/together.ts'
import type { Finding } from './finding.ts'

/** A new rule is a function in one of these lists, a row in the table of codes, and one in the table of its test. */
const rules: readonly Rule[] = [
  ...fileRules, ...referenceRules, ...schemaRules, ...formRules, ...separatorRules, ...secretRules, ...listRules, ...composeRules, ...addressRules,
  ...proxyRules, ...portRules, ...togetherRules, ...commandRules, ...memoryRules, ...machineRules, ...pathRules, ...dependencyRules, ...envFileRules,
]

/** Everything that is wrong with an env file, in the order of its lines. */
export function check(input: Input): Finding[] {
  const subject = subjectOf(input)
  return rules
    .flatMap((rule) => rule(subject))
    .map((found) => ({ ...found, severity: severityOf(found.code, subject.production) }))
    .toSorted((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity))
}
