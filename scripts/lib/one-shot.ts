/** A role that runs once and ends: migrate and seed. */
import { stripVTControlCharacters } from 'node:util'
import { CliError, ExitCode } from './errors.ts'
import { lastLines } from './docker.ts'
import { captureCompose, composeCommand, streamCompose } from './stack.ts'
import type { Stack } from './stack.ts'
import { print, step } from './terminal.ts'

export interface OneShot {
  /** What is being done, e.g. `Migrating the database`. */
  title: string
  service: string
  role: string
  /** What it means when the role fails. */
  failure: string
  exitCode: ExitCode
}

/**
 * Runs a role in a container of its own. Its output stays hidden while it goes well.
 *
 * @param verbose shows the output as it comes
 * @throws CliError with the last lines of the role
 */
export async function runOnce(stack: Stack, { title, service, role, failure, exitCode }: OneShot, verbose: boolean): Promise<void> {
  const args = ['run', '--rm', '--no-TTY', service, role]
  const fail = (details?: string): CliError =>
    new CliError(failure, { details, hint: `Again, with all of its output: ${composeCommand(stack, ...args)}`, exitCode })
  if (verbose) {
    if ((await streamCompose(stack, ...args)) !== 0) throw fail()
    return
  }
  await step(title, async () => {
    const result = await captureCompose(stack, args)
    if (result.exitCode !== 0) throw fail(lastLines(stripVTControlCharacters(result.stdout + result.stderr), 15))
  })
}

/** `--dry-run`. */
export const printOnce = (stack: Stack, { service, role }: OneShot): void =>
  print(composeCommand(stack, 'run', '--rm', '--no-TTY', service, role))
