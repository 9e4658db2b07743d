/** How a command ends when it does not end well: exit codes, failures that we expect, and signals. */

/** These codes let a caller tell the failures apart. */
export const ExitCode = {
  failed: 1,
  usage: 2, // a flag or a word that the command does not know
  config: 3, // a setting, or a port that is taken
  docker: 4, // no engine, no Compose, no images
  build: 5, // the image could not be built
  migration: 6,
  unhealthy: 7, // a service stopped, or did not become healthy in time
  data: 8, // the data does not fit its target
  SIGINT: 130, // 128 + n means "ended by signal n"
  SIGTERM: 143,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** A failure that we expected: it has a plain message, a way out, and no stack trace. */
export class CliError extends Error {
  /** What to do next: a sentence with a command in it. */
  readonly hint?: string | undefined
  /** The evidence: the last lines of a log, the text of a check. */
  readonly details?: string | undefined
  readonly exitCode: ExitCode = ExitCode.failed
  /** The evidence once more, for programs: part of what --json prints. */
  readonly data?: Readonly<Record<string, unknown>> | undefined

  constructor(message: string, { cause, ...more }: Partial<Omit<CliError, 'name' | 'message' | 'stack'>> = {}) {
    super(message, { cause })
    Object.assign(this, more)
  }
}

/** One Ctrl-C may come as several signals: npm hands on its own, and timeout(1) signals its child and the group. */
const SAME_KEY_MS = 1000

let stopped: { exitCode: ExitCode; at: number } | undefined
let isTidyingUp = false

/**
 * The child handles a signal first: the terminal sends it to the whole group, and Compose tidies up after itself. So
 * from here on, SIGINT and SIGTERM only set a mark and the exit code: we wait for the child's end, and begin nothing
 * more. A later signal ends us at once, unless something is being tidied up.
 */
export function catchSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stopped ??= { exitCode: ExitCode[signal], at: performance.now() }
      process.exitCode = stopped.exitCode
      if (!isTidyingUp && performance.now() - stopped.at > SAME_KEY_MS) process.exit()
    })
  }
}

/** From here on no signal ends us, so that everything that is being removed is gone in the end. */
export function tidyUpInPeace(): void {
  isTidyingUp = true
}

/** True after a signal. */
export const wasInterrupted = (): boolean => stopped !== undefined

/** The failure after a signal, whatever else failed because of it. */
export const interruption = (hint?: string): CliError | undefined =>
  stopped && new CliError('Stopped.', { hint, exitCode: stopped.exitCode })

/** Call this before something new is begun. @throws CliError after a signal */
export function stopIfInterrupted(): void {
  const error = interruption()
  if (error) throw error
}
