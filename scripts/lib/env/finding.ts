/** What the check of an env file has to say: one finding, and how it is made. */

export interface Finding {
  /** Stable: a code never changes its meaning, and the code of a rule that is gone is not given out again. */
  code: string
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

/** What a rule finds. Without a line it is about the line of its setting. */
export interface Found {
  code: string
  line?: number | null | undefined
  setting?: string | null | undefined
  message: string
  hint: string
}

/** What a rule says about a setting, or about none. */
export const found = (code: string, setting: string | undefined, message: string, hint: string): Found =>
  ({ code, setting, message, hint })

export const finding = (
  code: string, { line, setting, message, hint }: Omit<Found, 'code'>, severity: Finding['severity'] = 'error',
): Finding => ({ code, severity, line: line ?? null, setting: setting ?? null, message, hint })

/** True when nothing stops the stack from being started. */
export const isUsable = (findings: readonly Finding[]): boolean =>
  findings.every(({ severity }) => severity === 'warning')
