/** The question before data is deleted. */
import { CliError, ExitCode } from './errors.ts'
import { info } from './terminal.ts'

interface Question {
  /** What has to be typed: the project's name, because "y" is typed too easily. */
  name: string
  /** What would happen, where nobody can be asked. */
  refusal: string
  /** What is at stake, a line each. */
  details: string
  /** The sentence above the details. */
  warning: string
  /** The command that asks nobody. */
  command: string
  /** What has not happened when the answer is another. */
  kept: string
}

/**
 * Has the user type the project's name.
 *
 * @throws CliError (exit code 2) where nobody can be asked, (exit code 1) when the name is another
 */
export async function confirm({ name, refusal, details, warning, command, kept }: Question): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CliError(refusal, { details, hint: `If that is what you want: ${command}`, exitCode: ExitCode.usage })
  }
  info(`${warning}\n${details.replaceAll(/^/gm, '  ')}`)
  const { isCancel, text } = await import('@clack/prompts')
  const answer = await text({ message: `Type ${name} to delete them`, output: process.stderr })
  if (isCancel(answer) || answer !== name) throw new CliError(kept)
}
