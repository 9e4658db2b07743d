/** A command that runs one role to its end: migrate and seed. */
import { stripVTControlCharacters } from 'node:util'
import { common, defineCommand } from './command.ts'
import { makeRoom, saysFull } from './disk.ts'
import { lastLines } from './docker.ts'
import { CliError, ExitCode } from './errors.ts'
import { openStack } from './open-stack.ts'
import { envFile } from './settings.ts'
import { captureCompose, composeCommand, stackOf, streamCompose } from './stack.ts'
import type { Stack } from './stack.ts'
import { print, printJson, step } from './terminal.ts'

interface OneShot {
  /** Name of the command, and of the role. */
  name: string
  summary: string
  notes: string
  whenStopped: string
  /** The service in whose place the role runs. */
  service: string
  /** What is being done, e.g. `Migrating the database`. */
  title: string
  /** What it means when the role fails. */
  failure: string
  exitCode: ExitCode
}

const options = {
  verbose: { type: 'boolean', help: 'Show its output also when it succeeds' },
  'env-file': common['env-file'],
  json: common.json,
  'dry-run': common['dry-run'],
} as const

/** The command for a role that runs once. Its output stays hidden while it goes well. */
export const defineOneShot = (job: OneShot) =>
  defineCommand({
    name: job.name,
    summary: job.summary,
    options,
    notes: job.notes,
    examples: [`npm run ${job.name}`, `npm run ${job.name} -- --verbose`],
    whenStopped: job.whenStopped,
    async run({ verbose = false, 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }) {
      const args = ['run', '--rm', '--no-TTY', job.service, job.name]
      if (dryRun) return print(composeCommand(stackOf(file), ...args))
      const { stack } = await openStack(file)
      await runOnce(stack, args, job, verbose)
      if (json) printJson({ ok: true })
    },
  })

/** @throws CliError with the last lines of the role */
async function runOnce(stack: Stack, args: string[], { title, failure, exitCode }: OneShot, verbose: boolean): Promise<void> {
  const fail = (details = ''): CliError => {
    const room = saysFull(details) ? `A disk is full. ${makeRoom}\n` : ''
    return new CliError(failure, { details, hint: `${room}Again, with all of its output: ${composeCommand(stack, ...args)}`, exitCode })
  }
  if (verbose) {
    if ((await streamCompose(stack, ...args)) !== 0) throw fail()
    return
  }
  await step(title, async () => {
    const result = await captureCompose(stack, args)
    if (result.exitCode !== 0) throw fail(lastLines(stripVTControlCharacters(result.stdout + result.stderr), 15))
  })
}
