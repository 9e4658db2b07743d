/** What every command of this project shares: flags and help from one table, one place that reports errors. */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { catchSignals, CliError, ExitCode, interruption } from './errors.ts'
import { addressed, failure, nearest, print, printJson } from './terminal.ts'

interface Option {
  type: 'boolean' | 'string'
  short?: string
  /** Name of the value in the help text, e.g. `seconds`. */
  value?: string
  help: string
}

type Options = Record<string, Option>

/** What `run` receives: strings and booleans by the option's name; a flag that was not given is undefined. */
export type Values<O extends Options> = { [K in keyof O]?: O[K]['type'] extends 'boolean' ? boolean : string }

export interface Command<O extends Options = Options> {
  name: string
  /** One sentence for `--help`. */
  summary: string
  options: O
  /** Words after the flags: one of `choices`, or any, which the help calls `word`. If absent, no word is accepted. */
  positionals?: { choices?: readonly string[]; help: string; word?: string }
  /** What the command changes, and its exit codes where they need an explanation. */
  notes?: string
  examples?: readonly string[]
  /** What is left after Ctrl-C, and what to do about it; a function if that depends on how far it got. */
  whenStopped?: string | (() => string)
  run(values: Values<O>, positionals: string[]): Promise<void>
}

/** The options that mean the same everywhere. */
export const common = {
  'env-file': { type: 'string', value: 'path', help: 'Settings to use instead of .env.docker' },
  json: { type: 'boolean', help: 'Print the result as one JSON object on standard output' },
  'dry-run': { type: 'boolean', help: 'Print the commands that would run, and change nothing' },
} as const satisfies Options

/** For a command that asks. */
export const yesOption = { type: 'boolean', short: 'y', help: 'Do not ask' } as const

const help = { type: 'boolean', short: 'h', help: 'Show this help' } as const

/** An option as it is typed. */
const flagOf = (name: string, option?: Option): string => `--${name}${option?.value ? ` <${option.value}>` : ''}`

/** Keeps the option table's literal types, so that `values` is typed by it. */
export const defineCommand = <const O extends Options>(command: Command<O>): Command<O> => command

/** The text of `--help`, made from the same table that the parser uses. */
export function renderHelp<O extends Options>({ name, summary, options, positionals, notes, examples }: Command<O>): string {
  const all: Options = { ...options, help }
  const flags = Object.entries(all).map(([long, option]) => `${option.short ? `-${option.short}, ` : '    '}${flagOf(long, option)}`)
  const width = Math.max(...flags.map((flag) => flag.length))
  const rows = Object.values(all).map((option, index) => `  ${flags[index]!.padEnd(width)}  ${option.help}`)
  const usage = `Usage: npm run ${name} -- ${positionals ? `<${positionals.word ?? positionals.choices?.join('|')}> ` : ''}[options]`
  const list = examples && ['Examples:', ...examples.map((line) => `  ${line}`)].join('\n')
  return [summary, usage, positionals?.help, ['Options:', ...rows].join('\n'), notes, list].filter(Boolean).join('\n\n')
}

/** Reads the arguments strictly. @throws CliError (exit code 2) for an unknown flag, value or word */
export function parse<O extends Options>(command: Command<O>, argv: string[]): { values: Values<O> & { help?: boolean }; positionals: string[] } {
  const options = { ...command.options, help }
  try {
    const parsed = parseArgs({ args: argv, options, allowPositionals: command.positionals !== undefined, strict: true })
    const choices = command.positionals?.choices
    const stranger = choices && parsed.positionals.find((word) => !choices.includes(word))
    if (stranger === undefined) return parsed
    throw new Error(`"${stranger}" is not one of ${choices!.join(', ')}.`)
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.(?: |$)/)
    const word = /^Unknown option '--(.+)'/.exec(sentence)?.[1]
    const meant = word && nearest(word, Object.keys(options))
    const hint = `${meant ? `Did you mean --${meant}? ` : ''}npm run ${command.name} -- --help lists the options.`
    throw new CliError(`${sentence}.`, { hint, exitCode: ExitCode.usage })
  }
}

/**
 * Without `--` in front, npm silently takes an option for its own: `--dry-run` arrives as `npm_config_dry_run`, and
 * `--no-build` as an empty `npm_config_build`.
 *
 * @throws CliError (exit code 2), because the command would not do what was asked
 */
export function requireAllOptions({ name, options }: Pick<Command, 'name' | 'options'>, env: NodeJS.ProcessEnv): void {
  // npm's own configuration may set these three permanently, so they say nothing about this call.
  const taken = Object.keys(options).filter((option) => !['json', 'only', 'yes'].includes(option)).filter((option) => {
    const value = env[`npm_config_${option.replace(/^no-/, '').replaceAll('-', '_')}`]
    return option.startsWith('no-') ? value === '' : Boolean(value)
  })
  if (taken.length === 0) return
  throw new CliError(`npm took ${taken.map((option) => `--${option}`).join(' and ')} for itself.`, {
    hint: `Write -- in front: npm run ${name} -- ${taken.map((option) => flagOf(option, options[option])).join(' ')}`, exitCode: ExitCode.usage,
  })
}

/** Tells a user (or, with `--json`, a program) what went wrong with the stack of an env file. Returns the exit code. */
export function report(error: unknown, json = false, envFile?: string): ExitCode {
  const { message: plain, hint: way, details, exitCode, data } = error instanceof CliError ? error : new CliError(String(error))
  const message = addressed(plain, envFile)
  const hint = way && addressed(way, envFile)
  if (json) printJson({ ok: false, failure: { message, details, hint, exitCode, ...data } })
  if (error instanceof CliError) failure(message, details, hint)
  // A bug of ours: the stack trace helps.
  else console.error(error)
  return exitCode
}

/** Runs the command when its file is the program that was started; does nothing when a test imports it. */
export async function main<O extends Options>(command: Command<O>, moduleUrl: string): Promise<void> {
  if (moduleUrl !== pathToFileURL(process.argv[1] ?? '').href) return
  catchSignals()
  // zx starts bash. If no shell has started that bash, it takes our pipe for a remote login, and runs ~/.bashrc.
  process.env.SHLVL = '1'
  // `npm run … | head` closes the pipe: nothing reads it any more, which is not a failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
  // If only standard error is closed, the command goes on to its end.
  process.stderr.on('error', () => undefined)
  const argv = process.argv.slice(2)
  let envFile: string | undefined
  try {
    requireAllOptions(command, process.env)
    const { values, positionals } = parse(command, argv)
    envFile = (values as { 'env-file'?: string })['env-file']
    if (values.help) print(renderHelp(command))
    else await command.run(values, positionals)
  } catch (error) {
    const left = typeof command.whenStopped === 'function' ? command.whenStopped() : command.whenStopped
    process.exitCode = report(interruption(left) ?? error, argv.includes('--json'), envFile)
  }
}
