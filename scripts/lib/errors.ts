/** Exit codes, so that a caller can tell the failures apart. 128 + n means "ended by signal n". */
export const ExitCode = {
  ok: 0,
  failed: 1,
  /** A flag or a word that the command does not know. */
  usage: 2,
  /** A setting, or a port that is taken. */
  config: 3,
  /** No engine, no Compose, no images. */
  docker: 4,
  /** The image could not be built. */
  build: 5,
  /** The migration failed. */
  migration: 6,
  /** A service stopped, or did not become healthy in time. */
  unhealthy: 7,
  /** The data does not fit where it shall go. */
  data: 8,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

export interface FailureInfo {
  /** What to do next: a sentence with a command in it. */
  hint?: string | undefined
  /** The evidence: the last lines of a log, the text of a check. */
  details?: string | undefined
  exitCode?: ExitCode | undefined
  /** The evidence once more, for programs: part of what --json prints. */
  data?: Readonly<Record<string, unknown>> | undefined
  cause?: unknown
}

/** A failure that we expected: it has a plain message, a way out, and no stack trace. */
export class CliError extends Error {
  override name = 'CliError'
  readonly hint: string | undefined
  readonly details: string | undefined
  readonly exitCode: ExitCode
  readonly data: Readonly<Record<string, unknown>> | undefined

  constructor(message: string, info: FailureInfo = {}) {
    super(message, { cause: info.cause })
    this.hint = info.hint
    this.details = info.details
    this.exitCode = info.exitCode ?? ExitCode.failed
    this.data = info.data
  }
}
