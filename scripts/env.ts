/** `npm run env`: checks .env.docker against .env.docker.example, writes it, or says what is in it. */
import { common, defineCommand, main } from './lib/command.ts'
import { inLine } from './lib/env/check.ts'
import { isSecret } from './lib/env/schema.ts'
import { loadSettings, type Settings } from './lib/env/settings.ts'
import { fillEnvFile, type Filled } from './lib/env/write.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { amount, failure, info, nearest, ok, print, printJson, warn } from './lib/terminal.ts'

/** Shows errors, then warnings, then the count, because many users read only the last line. */
function showFindings({ file, findings, names }: Settings): void {
  const errors = findings.filter(({ severity }) => severity === 'error')
  const warnings = findings.filter(({ severity }) => severity === 'warning')
  for (const error of errors) failure(inLine(file, error), undefined, error.hint)
  for (const warning of warnings) warn(inLine(file, warning), warning.hint)
  const counted = `${file}: ${amount(names.length, 'setting')}, ${amount(errors.length, 'error')}, ${amount(warnings.length, 'warning')}`
  if (errors.length > 0) failure(counted)
  else ok(counted)
}

/** Reads the settings by the Compose of this shell, or else by the one that a private engine brought. */
async function askSettings(file?: string): Promise<Settings> {
  const settings = await loadSettings(file)
  if (!settings.leftOut) return settings
  const { findEngine } = await import('./lib/engine/engine.ts')
  const engine = await findEngine().catch(() => undefined)
  return engine?.dir ? loadSettings(file) : settings
}

function refuse(message: string, hint?: string, exitCode: ExitCode = ExitCode.usage): never {
  throw new CliError(message, { hint, exitCode })
}

/** Shows what was done, or what would be done. */
function showFilled({ file, generated, fitted, written }: Filled, dryRun: boolean): void {
  const changes = { generated, 'set for this machine': fitted }
  const done = Object.entries(changes).filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${names.length} ${what} (${names.join(', ')})`).join(', ') || 'nothing to add'
  if (dryRun) info(`${file} was not written. This would be done: ${done}`)
  else ok(`${file} ${written ? 'written' : 'is up to date'}: ${done}`)
}

/**
 * `--print NAME`: the value that Compose takes: the shell's, or else the file's, or else the default. A secret is
 * printed only on request, even into a pipe: the log of a CI job is a pipe too.
 *
 * @throws CliError (exit code 2) for an unknown name and for a secret, 3 when the value cannot be known
 */
function printedValue(name: string, showSecret: boolean, { file, schema, values, findings, names, leftOut }: Settings): string {
  // Defaults complete a file. They do not replace a missing one.
  const absent = findings.find(({ code }) => code === 'E08')
  if (absent) refuse(`${file} does not exist.`, absent.hint, ExitCode.config)
  const setting = schema.byName.get(name)
  if (!setting && !names.includes(name)) {
    const meant = nearest(name, [...schema.byName.keys(), ...names])
    refuse(`${name} is not a setting, and ${file} does not have it.`, meant ? `Did you mean ${meant}?` : '.env.docker.example lists them all.')
  }
  const value = process.env[name] ?? values[name] ?? (names.includes(name) ? undefined : setting?.default)
  if (value === undefined) refuse(`${name} cannot be read: ${leftOut}.`, 'npm run env says what is wrong with the file.', ExitCode.config)
  if (showSecret || !isSecret(name, value, schema, values)) return value
  refuse(`${name} is a secret, or may be one, and is not printed.`, `If the output may contain it: --print ${name} --show-secret`)
}

export const env = defineCommand({
  name: 'env',
  summary: 'Check the settings in .env.docker against the rules in .env.docker.example.',
  options: {
    init: { type: 'boolean', help: 'Write the file with generated secrets, or add those that it lacks; keeps every value' },
    sync: { type: 'boolean', help: 'After an update of the template: add the secrets that the file lacks' },
    'dry-run': { type: 'boolean', help: 'With --init or --sync: say what would change, and write nothing' },
    print: { type: 'string', value: 'name', help: 'Print one value as Compose reads it; a secret only with --show-secret' },
    'show-secret': { type: 'boolean', help: 'With --print: print the value even if it is a secret' },
    strict: { type: 'boolean', help: 'Warnings fail too' },
    'env-file': common['env-file'], json: common.json,
  },
  notes: 'Every setting: .env.docker.example.\n\nExit codes: 0 in order (there may be warnings), 2 wrong usage, 3 something has to be corrected.',
  examples: [
    'npm run env', 'npm run env -- --init', 'npm run env -- --strict --env-file .env.staging',
    'port=$(npm run --silent env -- --print WEB_PORT)', 'npm run --silent env -- --json | jq .findings',
  ],
  async run({
    init = false, sync = false, 'dry-run': dryRun = false, print: name, 'show-secret': showSecret = false, strict = false,
    'env-file': file, json = false,
  }) {
    const modes = Object.entries({ init, sync, print: name !== undefined, strict }).filter(([, isOn]) => isOn).map(([mode]) => mode)
    if (modes.length > 1) refuse(`--${modes[0]} and --${modes[1]} are two things: run one after the other.`)
    if (showSecret && name === undefined) refuse('--show-secret needs --print: nothing else prints a secret.')
    if (dryRun && !init && !sync) refuse('--dry-run needs --init or --sync: nothing else changes the file.')

    if (init || sync) {
      const filled = await fillEnvFile(file, { dryRun })
      return json ? printJson({ ok: true, ...filled }) : showFilled(filled, dryRun)
    }
    const settings = await askSettings(file)
    if (name !== undefined) {
      const value = printedValue(name, showSecret, settings)
      return json ? printJson({ ok: true, name, value }) : print(value)
    }
    const { findings, leftOut } = settings
    if (leftOut) info(`Compose did not answer (${leftOut}): addresses, ports, profiles, and values with $, # or \\ in them are perhaps not checked. npm run doctor says what is missing.`)
    const usable = findings.every(({ severity }) => severity === 'warning' && !strict)
    if (json) printJson({ ok: usable, file: settings.file, findings, leftOut: leftOut ?? null })
    else showFindings(settings)
    if (!usable) process.exitCode = ExitCode.config
  },
})

await main(env, import.meta.url)
