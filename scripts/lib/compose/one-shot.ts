/** A command that runs one role to its end: migrate and seed. */
import { common, defineCommand } from '../command.ts'
import type { Command } from '../command.ts'
import { envFile } from '../env/settings.ts'
import { CliError } from '../errors.ts'
import type { ExitCode } from '../errors.ts'
import { print, printJson, step } from '../terminal.ts'
import { captureCompose, composeCommand, endAbandoned, openStack, stackOf } from './stack.ts'

/** The name of the command is also that of the role. */
interface OneShot extends Pick<Command, 'name' | 'summary' | 'notes' | 'whenStopped'> {
  /** The service in whose place the role runs. */
  service: string
  /** What is being done, e.g. `Migrating the database`. */
  title: string
  /** What it means when the role fails. */
  failure: string
  exitCode: ExitCode
}

/** Compose's words for a service that what runs here waits for. */
const WAITED_IN_VAIN = /didn't complete successfully|dependency failed to start/

/** The command for a role that runs once. Its output stays hidden while it goes well. */
export const defineOneShot = ({ service, title, failure, exitCode, ...command }: OneShot) =>
  defineCommand({
    ...command,
    options: { 'env-file': common['env-file'], json: common.json, 'dry-run': common['dry-run'] },
    async run({ 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }) {
      const role = command.name
      const plain = ['run', '--rm', '--no-TTY', service, role]
      if (dryRun) return print(composeCommand(stackOf(file), ...plain))
      const { stack, model } = await openStack(file)
      // Two operators may do this at once.
      const container = `${model.name}-${role}-${process.pid}`
      // Compose's own progress would stand in front of what the role says.
      const args = ['--progress', 'quiet', 'run', '--rm', '--no-TTY', '--name', container, service, role]
      const run = async (): Promise<void> => {
        const result = await captureCompose(stack, args)
        if (result.exitCode === 0) return
        const { explain, explainOutput } = await import('../explain/explain.ts')
        if (WAITED_IN_VAIN.test(result.stderr)) throw await explain(stack, model)
        const { details, advice } = explainOutput(result.stdout + result.stderr, role, model)
        const again = `Again, with all of its output: ${composeCommand(stack, ...plain)}`
        throw new CliError(failure, { details, hint: advice ? `${advice}\n${again}` : again, exitCode })
      }
      try {
        await step(title, run)
      } finally {
        await endAbandoned(container)
      }
      if (json) printJson({ ok: true })
    },
  })
