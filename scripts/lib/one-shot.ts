/** A command that runs one role to its end: migrate and seed. */
import { stripVTControlCharacters } from 'node:util'
import { common, defineCommand } from './command.ts'
import { explainOutput } from './diagnose.ts'
import { CliError, ExitCode } from './errors.ts'
import { explain } from './explain.ts'
import type { Model } from './model.ts'
import { openStack } from './open-stack.ts'
import { envFile } from './settings.ts'
import { explainMissing, readSource } from './source-files.ts'
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
      const { stack, model } = await openStack(file)
      await runOnce(stack, model, args, job, verbose)
      if (json) printJson({ ok: true })
    },
  })

/** Compose's words for a service that what runs here waits for. */
const WAITED_IN_VAIN = /didn't complete successfully|dependency failed to start/

/** @throws CliError with what the role said that matters, and what it means */
async function runOnce(stack: Stack, model: Model, args: string[], job: OneShot, verbose: boolean): Promise<void> {
  const fail = (output = ''): CliError => {
    const source = readSource(model)
    const { details, advice } = explainOutput(output, { role: job.name, explainModule: (name) => source && explainMissing(source, name) })
    const hint = `${advice ? `${advice}\n` : ''}Again, with all of its output: ${composeCommand(stack, ...args)}`
    return new CliError(job.failure, { details, hint, exitCode: job.exitCode })
  }
  if (verbose) {
    if ((await streamCompose(stack, ...args)) !== 0) throw fail()
    return
  }
  await step(job.title, async () => {
    // Compose's own progress would stand in front of what the role says.
    const { exitCode, stdout, stderr } = await captureCompose(stack, ['--progress', 'quiet', ...args])
    if (exitCode === 0) return
    throw WAITED_IN_VAIN.test(stderr) ? await explain(stack, model) : fail(stripVTControlCharacters(stdout + stderr))
  })
}
