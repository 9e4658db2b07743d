/** What the check of an env file has to say: one finding, and how it is made. */
import { severityOf } from './checks/codes.ts'
import type { FindingCode } from './checks/codes.ts'

export interface Finding {
  /** Stable: docs/settings-checks.md has a paragraph about each. */
  code: FindingCode
  severity: 'error' | 'warning'
  /** The line in the env file, counted from 1; null when the finding is about something that is not there. */
  line: number | null
  setting: string | null
  /** A sentence that never holds the value of a secret. */
  message: string
  /** What to do about it. */
  hint: string
}

/** Values of settings by name, as Compose reads them. */
export type Values = Readonly<Record<string, string>>

interface About {
  line?: number | undefined
  setting?: string | undefined
  message: string
  hint: string
}

/** A finding, as bad as it is outside of production; the check makes it worse where it is. */
export function finding(code: FindingCode, { line, setting, message, hint }: About): Finding {
  return { code, severity: severityOf(code, false), line: line ?? null, setting: setting ?? null, message, hint }
}

/** True when nothing stops the stack from being started. */
export const isUsable = (findings: readonly Finding[]): boolean =>
  findings.every(({ severity }) => severity === 'warning')
