/** Options that never reach the command: without a -- in front npm takes them for its own, and says nothing. Pure. */
import type { Command } from './command.ts'
import { CliError, ExitCode } from './errors.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** npm has these too, and they may be set for good in its own files: that they are says nothing about this call. */
const npmsOwn = new Set(['json', 'only', 'yes'])

/** Those of the options that npm was given, as it hands them on to what it runs. */
export const takenByNpm = (names: readonly string[], env: Environment): string[] =>
  names.filter((name) => {
    const [, no, key] = /^(no-)?(.*)$/.exec(name)!
    const value = env[`npm_config_${key!.replaceAll('-', '_')}`]
    return !npmsOwn.has(name) && (no ? value === '' : Boolean(value))
  })

/** @throws CliError (exit code 2) when npm kept options for itself: what would run is not what was asked for */
export function requireAllOptions({ name, options }: Pick<Command, 'name' | 'options'>, env: Environment): void {
  const taken = takenByNpm(Object.keys(options), env)
  if (taken.length === 0) return
  const flags = taken.map((one) => `--${one}`)
  const typed = taken.map((one, index) => (options[one]!.value ? `${flags[index]} <${options[one]!.value}>` : flags[index]))
  throw new CliError(`npm has taken ${flags.join(' and ')} for itself, and the command did not get ${taken.length > 1 ? 'them' : 'it'}.`, {
    hint: `Write -- in front: npm run ${name} -- ${typed.join(' ')}`, exitCode: ExitCode.usage,
  })
}
