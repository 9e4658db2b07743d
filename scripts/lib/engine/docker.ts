/** The one door to Docker: nothing else in this project starts `docker`. */
import { createInterface } from 'node:readline'
import { $, quote, type ProcessOutput } from 'zx/core'
import { CliError, ExitCode, stopIfInterrupted } from '../errors.ts'
import { showCommand } from '../terminal.ts'

export type Result = Pick<ProcessOutput, 'exitCode' | 'stdout' | 'stderr'>

export interface RunOptions {
  /** Added to this process's environment for the child. */
  env?: Record<string, string | undefined>
  /** Ends the child after this many milliseconds; the exit code is then null. */
  timeoutMs?: number
  /** Ends the child when it is aborted; the exit code is then null. */
  signal?: AbortSignal
  /** What the child reads from its standard input. */
  input?: string
  /** Gets each line of the child's standard output as it comes. */
  onLine?: (line: string) => void
  /** Shows what the child writes as it comes. */
  isShown?: boolean
  /** For a child that tidies up: it is started even after Ctrl-C, and another Ctrl-C does not reach it. */
  tidiesUp?: boolean
}

/** The command, as a user would type it. */
export const format = (args: readonly string[]): string => ['docker', ...args].map((arg) => quote(arg)).join(' ')

/** Runs `docker …` and returns what it said, whatever the exit code. @throws CliError after Ctrl-C, and runs nothing */
export async function capture(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  if (!options.tidiesUp) stopIfInterrupted()
  const child = $({
    quiet: true,
    nothrow: true,
    env: { ...process.env, ...options.env },
    detached: options.tidiesUp ?? false,
    timeout: options.timeoutMs ?? 0,
    ...(options.signal && { signal: options.signal }),
  })`docker ${args}`
  if (options.input !== undefined) {
    // If a child ends before it has read everything, its exit code says why.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input)
  }
  if (options.onLine) createInterface({ input: child.stdout }).on('line', options.onLine)
  if (options.isShown) for (const output of [child.stdout, child.stderr]) output.pipe(process.stderr, { end: false })
  const { exitCode, stdout, stderr } = await child
  return { exitCode, stdout, stderr }
}

/** Runs `docker …` and returns its standard output. @throws CliError with the last lines that Docker wrote */
export async function read(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await capture(args, options)
  if (exitCode === 0) return stdout
  throw new CliError(`${format(args)} failed.`, { details: lastLines(stderr || stdout), exitCode: ExitCode.docker })
}

/** Runs `docker …` with our terminal, so that Compose and BuildKit draw their own progress. Returns the exit code. */
export async function stream(args: readonly string[], { env: more, signal }: Pick<RunOptions, 'env' | 'signal'> = {}): Promise<number | null> {
  stopIfInterrupted()
  const env = { ...process.env, ...more }
  // Standard output belongs to our result (`--json`), so the child's goes to standard error.
  const run = $({ quiet: true, nothrow: true, env, stdio: ['inherit', process.stderr, process.stderr], ...(signal && { signal }) })
  showCommand(format(args))
  return (await run`docker ${args}`).exitCode
}

/** The last lines of a log, without the empty ones at its end. */
export const lastLines = (text: string, count = 20): string => text.trimEnd().split('\n').slice(-count).join('\n')
