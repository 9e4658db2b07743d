/** `npm run env`: checks .env.docker against .env.docker.example, writes it, or says what is in it. */
import { common, defineCommand, main } from './lib/command.ts'
import { isUsable } from './lib/env/finding.ts'
import type { Finding } from './lib/env/finding.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { loadSettings } from './lib/env/settings.ts'
import type { Settings } from './lib/env/settings.ts'
import { printedValue } from './lib/env/shown.ts'
import { fillEnvFile } from './lib/env/write.ts'
import type { Filled } from './lib/env/write.ts'
import { amount, failure, indent, info, ok, print, printJson, warn } from './lib/terminal.ts'

function showFinding(file: string, { code, severity, line, message, hint }: Finding): void {
  const text = `${file}${line === null ? '' : `:${line}`}  ${message} (${code})`
  if (severity === 'error') return failure(text, undefined, hint)
  warn(text)
  info(indent(hint, '→ '))
}

/** Errors, then warnings, then the count: what a reader of the last line needs. */
function showFindings({ file, findings, count }: Settings): void {
  const errors = findings.filter(({ severity }) => severity === 'error')
  const warnings = findings.filter(({ severity }) => severity === 'warning')
  for (const finding of [...errors, ...warnings]) showFinding(file, finding)
  const counted = `${file}: ${amount(count, 'setting')}, ${amount(errors.length, 'error')}, ${amount(warnings.length, 'warning')}`
  if (errors.length > 0) failure(counted)
  else ok(counted)
}

/** What was done, or would be. */
function showFilled({ file, generated, fitted, renamed, written, backup, preview }: Filled, dryRun: boolean): void {
  if (dryRun) print(preview.trimEnd())
  const changes = { generated, 'set for this machine': fitted, renamed: renamed.map(({ from, to }) => `${from} to ${to}`) }
  const done = Object.entries(changes).filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${names.length} ${what} (${names.join(', ')})`).join(', ') || 'nothing to add'
  if (dryRun) info(`\n${file} would be: ${done}. Secrets are masked here, and nothing was written.`)
  else ok(`${file} ${written ? 'written' : 'is up to date'}: ${done}${backup ? `. As it was: ${backup}` : ''}`)
}

export const env = defineCommand({
  name: 'env',
  summary: 'Check the settings in .env.docker against the rules in .env.docker.example.',
  options: {
    init: { type: 'boolean', help: 'Write the file with generated secrets, or add those that it lacks; keeps every value' },
    sync: { type: 'boolean', help: 'After an update of the template: rename settings, add missing secrets; keeps a backup' },
    'dry-run': { type: 'boolean', help: 'With --init or --sync: print the content, secrets masked, and write nothing' },
    print: { type: 'string', value: 'name', help: 'Print one value as Compose reads it; of a secret only with --show-secret' },
    'show-secret': { type: 'boolean', help: 'With --print: print it although it is a secret' },
    strict: { type: 'boolean', help: 'Warnings fail too' },
    'env-file': common['env-file'],
    json: common.json,
  },
  notes: 'Every setting: .env.docker.example.\n\n'
    + 'Exit codes: 0 in order (there may be warnings), 2 wrong usage, 3 something has to be corrected.',
  examples: [
    'npm run env', 'npm run env -- --init', 'npm run env -- --strict --env-file .env.staging',
    'port=$(npm run --silent env -- --print WEB_PORT)', 'npm run --silent env -- --json | jq .findings',
  ],
  async run({
    init = false, sync = false, 'dry-run': dryRun = false, print: name, 'show-secret': showSecret = false, strict = false,
    'env-file': file, json = false,
  }) {
    const modes = Object.entries({ init, sync, print: name !== undefined, strict }).filter(([, isOn]) => isOn).map(([mode]) => mode)
    const refuse = (message: string): never => { throw new CliError(message, { exitCode: ExitCode.usage }) }
    if (modes.length > 1) refuse(`--${modes[0]} and --${modes[1]} are two things: run one after the other.`)
    if (showSecret && name === undefined) refuse('--show-secret needs --print: nothing else prints a secret.')
    if (dryRun && !init && !sync) refuse('--dry-run needs --init or --sync: nothing else changes the file.')

    if (init || sync) {
      const { preview, ...report } = await fillEnvFile(file, { sync, dryRun })
      return json ? printJson({ ok: true, ...report }) : showFilled({ preview, ...report }, dryRun)
    }
    const settings = await loadSettings(file)
    if (name !== undefined) {
      const value = printedValue(name, showSecret, settings, process.env)
      return json ? printJson({ ok: true, name, value }) : print(value)
    }
    const { findings, unread, unanswered, leftOut } = settings
    if (unanswered) {
      info(`Compose could not be asked (${unanswered}): values with $, # or \\ in them are not judged, nor is what needs its files.`)
    } else {
      if (unread.length > 0) info(`Not judged before Compose can read the file: ${unread.join(', ')}`)
      if (leftOut) info(`The Compose files are not looked at (${leftOut}): addresses, ports and readers of settings are not judged.`)
    }
    const usable = isUsable(findings) && !(strict && findings.length > 0)
    if (json) printJson({ ok: usable, file: settings.file, findings, leftOut: leftOut ?? null })
    else showFindings(settings)
    if (!usable) process.exitCode = ExitCode.config
  },
})

await main(env, import.meta.url)
