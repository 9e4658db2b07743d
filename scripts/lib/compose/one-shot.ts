/** A command that runs one role to its end: migrate and seed. */
import { common, defineCommand } from '../command.ts'
import { CliError } from '../errors.ts'
import type { ExitCode } from '../errors.ts'
import type { Model } from './model.ts'
import { openStack } from './open-stack.ts'
import { envFile } from '../env/settings.ts'
import { captureCompose, composeCommand, endAbandoned, stackOf } from './stack.ts'
import type { Stack } from './stack.ts'
import { print, printJson, step, underCommand } from '../terminal.ts'

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
      if (dryRun) return print(composeCommand(stackOf(file), ...runOf(job)))
      const { stack, model } = await openStack(file)
      // Two operators may do this at once.
      const container = `${model.name}-${job.name}-${process.pid}`
      try {
        await runOnce(stack, model, container, job, verbose)
      } finally {
        await endAbandoned(container)
      }
      if (json) printJson({ ok: true })
    },
  })

/** The arguments of Compose; options come from us. */
const runOf = ({ service, name }: OneShot, ...ours: string[]): string[] => ['run', '--rm', '--no-TTY', ...ours, service, name]

/** Compose's words for a service that what runs here waits for. */
const WAITED_IN_VAIN = /didn't complete successfully|dependency failed to start/

/** @throws CliError with what the role said that matters, and what it means */
async function runOnce(stack: Stack, model: Model, container: string, job: OneShot, verbose: boolean): Promise<void> {
  const args = runOf(job, '--name', container)
  const run = async (): Promise<void> => {
    // Compose's own progress would stand in front of what the role says.
    const { exitCode, stdout, stderr } = await captureCompose(stack, ['--progress', 'quiet', ...args], { isShown: verbose })
    if (exitCode === 0) return
    const { explain, explainOutput } = await import('../explain/explain.ts')
    if (WAITED_IN_VAIN.test(stderr)) throw await explain(stack, model)
    const { details, advice } = explainOutput(stdout + stderr, job.name, model)
    const hint = `${advice ? `${advice}\n` : ''}Again, with all of its output: ${composeCommand(stack, ...runOf(job))}`
    // What was shown as it came is not shown again.
    throw new CliError(job.failure, { details: verbose ? undefined : details, hint, exitCode: job.exitCode })
  }
  await (verbose ? underCommand(composeCommand(stack, ...args), run) : step(job.title, run))
}
