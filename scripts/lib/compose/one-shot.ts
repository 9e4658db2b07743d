/** A role that runs once, to its end: migrate and seed. */
import { common, defineCommand, type Command } from '../command.ts'
import { read } from '../engine/docker.ts'
import { envFile } from '../env/settings.ts'
import { CliError, ExitCode } from '../errors.ts'
import { indent, info, print, printJson, showCommand, step } from '../terminal.ts'
import { firstCause, hasFailed, waitsFor, type Container, type Model } from './model.ts'
import { captureCompose, composeCommand, endAbandoned, openStack, readContainers, refuseOtherFolder, stackOf, type Stack } from './stack.ts'

export interface Job {
  role: string
  /** The service in whose place the role runs. */
  service: string
  title: string
  /** What it means when the role fails. */
  failure: string
  exitCode: ExitCode
  /** Its output is meant for people, such as a password that is printed once. Other output is hidden on success. */
  tells?: boolean
}

export const migration: Job = {
  role: 'migrate', service: 'migrate', title: 'Migrating the database',
  failure: 'The database was not migrated. What ran before still runs.', exitCode: ExitCode.migration,
}

const runOf = ({ service, role }: Job, ...options: string[]): string[] => ['run', '--rm', '--no-TTY', ...options, service, role]

/**
 * Runs a role to its end.
 *
 * @param all the containers of the stack
 * @throws CliError, with the job's exit code, and the part of its output that matters
 */
export async function runOnce(stack: Stack, model: Model, job: Job, all: readonly Container[], { options = [] as string[], verbose = false } = {}): Promise<void> {
  // Two users may run this at the same time.
  const container = `${model.name}-${job.role}-${process.pid}`
  const again = composeCommand(stack, ...runOf(job, ...options))
  const run = async (): Promise<string> => {
    // Compose's own progress would stand in front of what the role says.
    const { exitCode, stdout, stderr } = await captureCompose(stack, ['--progress', 'quiet', ...runOf(job, ...options, '--name', container)], { isShown: verbose })
    const told = stdout + stderr
    if (exitCode === 0) return told
    const { explainCause, explainOutput } = await import('../explain/explain.ts')
    // Another service failed, and this one needs it.
    const isAwaited = /didn't complete successfully/.test(stderr)
    const needed = waitsFor(model, job.service).filter(([, condition]) => isAwaited || condition !== 'service_completed_successfully').map(([name]) => name)
    const cause = firstCause((await readContainers(model.name)).filter(({ service }) => needed.includes(service)), model.services)
    if (cause && cause.state !== 'created' && hasFailed(cause)) throw await explainCause(stack, model, cause)
    const { details, advice } = explainOutput(told, job.role, model)
    const { moreMemory } = await import('../explain/clues.ts')
    const killed = `Likely: it was killed, because it used more memory than it may have. ${moreMemory({ role: job.service, model })}`
    const hint = [exitCode === 137 ? killed : advice, verbose ? '' : `Again, with all of its output: ${again}`].filter(Boolean).join('\n')
    throw new CliError(job.failure, { details: verbose ? undefined : details, hint, exitCode: job.exitCode })
  }
  // Doctor would go on to report why an earlier one failed.
  const failed = all.filter((one) => one.service === job.role && one.state === 'exited' && one.exitCode !== 0)
  if (failed.length > 0) await read(['rm', ...failed.map(({ id }) => id)])
  if (verbose) showCommand(again)
  try {
    const told = await (verbose ? run() : step(job.title, run))
    if (job.tells && !verbose && told.trim()) info(indent(told.trimEnd()))
  } finally {
    await endAbandoned(container)
  }
}

/** The command for a role that runs once. */
export const defineOneShot = (job: Job, command: Pick<Command, 'summary' | 'notes' | 'whenStopped'>) =>
  defineCommand({
    ...command,
    name: job.role,
    options: { verbose: { type: 'boolean', help: 'Show its output even when it succeeds' }, ...common },
    async run({ verbose = false, 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }) {
      if (dryRun) return print(composeCommand(stackOf(file), ...runOf(job)))
      const { stack, model, settings } = await openStack(file)
      const all = await readContainers(model.name)
      refuseOtherFolder(model.name, all, settings.values)
      await runOnce(stack, model, job, all, { verbose })
      if (json) printJson({ ok: true })
    },
  })
