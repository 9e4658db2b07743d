/** A command that runs one role to its end: migrate and seed. */
import { common, defineCommand } from '../command.ts'
import { envFile } from '../env/settings.ts'
import { CliError } from '../errors.ts'
import type { ExitCode } from '../errors.ts'
import { print, printJson, step, underCommand } from '../terminal.ts'
import type { Model } from './model.ts'
import { captureCompose, composeCommand, endAbandoned, openStack, stackOf } from './stack.ts'
import type { Stack } from './stack.ts'

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
      const args = runOf(job, '--name', container)
      const run = async (): Promise<void> => {
        // Compose's own progress would stand in front of what the role says.
        const { exitCode, stdout, stderr } = await captureCompose(stack, ['--progress', 'quiet', ...args], { isShown: verbose })
        if (exitCode !== 0) throw await explainFailure(job, stack, model, { stdout, stderr, isShown: verbose })
      }
      try {
        await (verbose ? underCommand(composeCommand(stack, ...args), run) : step(job.title, run))
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

interface Said {
  stdout: string
  stderr: string
  /** What was shown as it came is not shown again. */
  isShown: boolean
}

/** What the role said that matters, and what it means. */
async function explainFailure(job: OneShot, stack: Stack, model: Model, { stdout, stderr, isShown }: Said): Promise<CliError> {
  const { explain, explainOutput } = await import('../explain/explain.ts')
  if (WAITED_IN_VAIN.test(stderr)) return explain(stack, model)
  const { details, advice } = explainOutput(stdout + stderr, job.name, model)
  const hint = `${advice ? `${advice}\n` : ''}Again, with all of its output: ${composeCommand(stack, ...runOf(job))}`
  return new CliError(job.failure, { details: isShown ? undefined : details, hint, exitCode: job.exitCode })
}
