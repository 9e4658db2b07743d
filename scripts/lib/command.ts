/** What every command of this project shares: flags and help from one table, one place that reports errors. */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { catchSignals, CliError, ExitCode, wasInterrupted } from './errors.ts'
import { failure, print, printJson } from './terminal.ts'
import { addressed, nearest } from './words.ts'

/** As package.json says it under "engines". */
export const MINIMUM_NODE = [20, 19] as const

interface Option {
  type: 'boolean' | 'string'
  short?: string
  /** Name of the value in the help text, e.g. `seconds`. */
  value?: string
  help: string
}

export type Options = Record<string, Option>

/** What `run` receives: strings and booleans by the option's name; a flag that was not given is undefined. */
export type Values<O extends Options> = {
  [K in keyof O]?: O[K]['type'] extends 'boolean' ? boolean : string
}

export interface Command<O extends Options = Options> {
  name: string
  /** One sentence for `--help`. */
  summary: string
  options: O
  /** Words after the flags, e.g. `status|start|stop`; none are accepted when this is absent. */
  positionals?: { name: string; help: string; choices?: readonly string[] }
  /** What the command changes, and its exit codes where they need a word. */
  notes?: string
  examples?: readonly string[]
  /** What is left after Ctrl-C, and what to do about it; a function where that depends on how far it came. */
  whenStopped?: string | (() => string)
  run(values: Values<O>, positionals: string[]): Promise<void>
}

/** The options that mean the same everywhere; a command picks those that make sense for it. */
export const common = {
  'env-file': { type: 'string', value: 'path', help: 'Settings to use instead of .env.docker' },
  json: { type: 'boolean', help: 'Print the result as one JSON object on standard output' },
  'dry-run': { type: 'boolean', help: 'Print the commands that would run, and change nothing' },
  yes: { type: 'boolean', short: 'y', help: 'Do not ask' },
} as const satisfies Options

const help = { type: 'boolean', short: 'h', help: 'Show this help' } as const

/** Keeps the option table's literal types, so that `values` is typed by it. */
export const defineCommand = <const O extends Options>(command: Command<O>): Command<O> => command

/** The text of `--help`, made from the same table that the parser uses. */
export function renderHelp<O extends Options>(command: Command<O>): string {
  const rows = Object.entries({ ...command.options, help }).map(([name, option]: [string, Option]) => [
    `${option.short ? `-${option.short}, ` : '    '}--${name}${option.value ? ` <${option.value}>` : ''}`,
    option.help,
  ])
  const width = Math.max(...rows.map(([flag]) => flag?.length ?? 0))
  const words = command.positionals ? ` <${command.positionals.name}>` : ''
  return [
    command.summary,
    '',
    `Usage: npm run ${command.name} -- ${words ? `${words.trim()} ` : ''}[options]`,
    ...(command.positionals ? ['', command.positionals.help] : []),
    '',
    'Options:',
    ...rows.map(([flag, text]) => `  ${flag?.padEnd(width)}  ${text}`),
    ...(command.notes ? ['', command.notes] : []),
    ...(command.examples ? ['', 'Examples:', ...command.examples.map((line) => `  ${line}`)] : []),
  ].join('\n')
}

/**
 * Reads the arguments strictly.
 *
 * @throws CliError (exit code 2) for a flag, a value or a word that the command does not know
 */
export function parse<O extends Options>(
  command: Command<O>,
  argv: string[],
): { values: Values<O> & { help?: boolean }; positionals: string[] } {
  const options = { ...command.options, help }
  const usage = (message: string, hint = ''): CliError =>
    new CliError(message, { hint: `${hint}npm run ${command.name} -- --help lists the options.`, exitCode: ExitCode.usage })
  let parsed
  try {
    parsed = parseArgs({ args: argv, options, allowPositionals: command.positionals !== undefined, strict: true })
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('. ')
    const [, word] = /^Unknown option '--([^']+)'/.exec(sentence) ?? []
    const meant = word && nearest(word, Object.keys(options))
    throw usage(sentence.replace(/\.?$/, '.'), meant && `Did you mean --${meant}? `)
  }
  const choices = command.positionals?.choices
  const stranger = choices && parsed.positionals.find((word) => !choices.includes(word))
  if (stranger !== undefined) throw usage(`"${stranger}" is none of ${choices?.join(', ')}.`)
  return parsed
}

/** Without `--` in front, npm takes an option for its own and says nothing: it hands it on as `npm_config_dry_run`. */
export const takenByNpm = (names: readonly string[], env: Readonly<Record<string, string | undefined>>): string[] =>
  names.filter((name) => {
    // npm's own files may set these for good: so they say nothing about this call.
    if (['json', 'only', 'yes'].includes(name)) return false
    const value = env[`npm_config_${name.replace(/^no-/, '').replaceAll('-', '_')}`]
    return name.startsWith('no-') ? value === '' : Boolean(value)
  })

/** @throws CliError (exit code 2) when npm kept an option for itself: something else would run than was asked for */
function requireAllOptions({ name, options }: Pick<Command, 'name' | 'options'>): void {
  const taken = takenByNpm(Object.keys(options), process.env)
  if (taken.length === 0) return
  const flags = taken.map((one) => `--${one}`)
  const typed = taken.map((one) => (options[one]!.value ? `--${one} <${options[one]!.value}>` : `--${one}`))
  throw new CliError(`npm took ${flags.join(' and ')} for itself, so the command did not get ${taken.length > 1 ? 'them' : 'it'}.`, {
    hint: `Write -- in front: npm run ${name} -- ${typed.join(' ')}`, exitCode: ExitCode.usage,
  })
}

/** Tells a person (or, with `--json`, a program) what went wrong with the stack of an env file. Returns the exit code. */
export function report(error: unknown, json = false, envFile?: string): ExitCode {
  if (!(error instanceof CliError)) {
    // A bug of ours: the stack is what helps.
    if (json) printJson({ ok: false, failure: { message: String(error), exitCode: ExitCode.failed } })
    console.error(error)
    return ExitCode.failed
  }
  const { details, exitCode, data } = error
  const message = addressed(error.message, envFile)
  const hint = error.hint && addressed(error.hint, envFile)
  if (json) printJson({ ok: false, failure: { message, details, hint, exitCode, ...data } })
  failure(message, details, hint)
  return exitCode
}

/** npm has refused to install on an old Node; but the one that runs this may be another. */
export function isOldNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])
}

/** Runs the command when its file is the program that was started; does nothing when a test imports it. */
export async function main<O extends Options>(command: Command<O>, moduleUrl: string): Promise<void> {
  if (moduleUrl !== pathToFileURL(process.argv[1] ?? '').href) return
  if (isOldNode(process.versions.node)) {
    // In plain words: what colours them is not there either.
    process.stderr.write(`Node ${process.versions.node} is too old: ${MINIMUM_NODE.join('.')} is the oldest that works. Get a newer one: https://nodejs.org/\n`)
    process.exitCode = ExitCode.failed
    return
  }
  catchSignals()
  // `npm run … | head` closes the pipe: nobody listens any more, which is no failure.
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      // Where only the talk has nobody to hear it, what was begun is brought to its end.
      if (output === process.stdout) process.exit()
    })
  }
  const argv = process.argv.slice(2)
  let envFile: string | undefined
  try {
    requireAllOptions(command)
    const { values, positionals } = parse(command, argv)
    envFile = (values as { 'env-file'?: string })['env-file']
    if (values.help) print(renderHelp(command))
    else await command.run(values, positionals)
  } catch (error) {
    const json = argv.includes('--json')
    if (wasInterrupted()) {
      const left = typeof command.whenStopped === 'function' ? command.whenStopped() : command.whenStopped
      if (json) printJson({ ok: false, failure: { message: 'Stopped.', exitCode: process.exitCode } })
      failure('Stopped.', undefined, left && addressed(left, envFile))
    } else process.exitCode = report(error, json, envFile)
  }
}
