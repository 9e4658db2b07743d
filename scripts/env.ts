/** `npm run env`: checks .env.docker against .env.docker.example, writes it, or says what is in it. */
import { common, defineCommand, main } from './lib/command.ts'
import { isUsable } from './lib/env/finding.ts'
import type { Finding } from './lib/env/finding.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { loadSettings } from './lib/env/settings.ts'
import type { Settings } from './lib/env/settings.ts'
import { printedValue } from './lib/env/shown.ts'
import { initEnvFile, syncEnvFile } from './lib/env/write.ts'
import type { InitResult, SyncResult } from './lib/env/write.ts'
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
  for (const group of [errors, warnings].filter(({ length }) => length > 0)) {
    for (const finding of group) showFinding(file, finding)
    info()
  }
  const counted = `${amount(errors.length, 'error')}, ${amount(warnings.length, 'warning')}`
  if (errors.length > 0) failure(`${file}: ${counted}`)
  else ok(`${file}: ${amount(count, 'setting')}, ${counted}`)
}

const named = (names: readonly string[]): string => (names.length > 0 ? ` (${names.join(', ')})` : '')

function showInit({ file, generated, kept, added, fitted, written }: Omit<InitResult, 'preview'>, dryRun: boolean): void {
  const counts = [
    `${generated.length} generated${named(generated)}`,
    `${kept.length} kept`,
    // In a new file every setting is added: the list would be the whole file.
    `${added.length} added${kept.length > 0 ? named(added) : ''}`,
    ...(fitted.length > 0 ? [`${fitted.length} set for this machine${named(fitted)}`] : []),
  ].join(', ')
  if (dryRun) info(`\n${file} would be: ${counts}. Secrets are masked here, and nothing was written.`)
  else ok(written ? `${file} written: ${counts}` : `${file} is complete: ${counts}`)
}

/** Each mode does something else with the file, and two flags go with a mode alone. */
function refuseMixtures(modes: Readonly<Record<'init' | 'sync' | 'print' | 'strict', boolean>>, { showSecret, dryRun }: { showSecret: boolean; dryRun: boolean }): void {
  const [first, second] = (['init', 'sync', 'print', 'strict'] as const).filter((name) => modes[name])
  const refuse = (message: string): never => { throw new CliError(message, { exitCode: ExitCode.usage }) }
  if (second !== undefined) refuse(`--${first} and --${second} are two things: run one after the other.`)
  if (showSecret && !modes.print) refuse('--show-secret needs --print: nothing else prints a secret.')
  if (dryRun && !modes.init && !modes.sync) refuse('--dry-run needs --init or --sync: nothing else changes the file.')
}

/** What was done, and what is left to the owner. */
function showSync({ file, added, generated, renamed, moved, superseded, undeclared, written, backup }: Omit<SyncResult, 'preview'>, dryRun: boolean): void {
  for (const { from, to } of renamed) info(`  ${from} is called ${to} now: renamed, with its value. Do the same in your application's env file if it refers to it.`)
  for (const { from, to } of moved) info(`  ${from} is ${to} now: changed in COMPOSE_FILE.`)
  for (const { name, line, by } of superseded) info(`  ${file}:${line}  ${name} is called ${by} now, which is there too: delete the old line.`)
  for (const { name, line } of undeclared) info(`  ${file}:${line}  ${name} is not in .env.docker.example: it was removed there, or is a name of your own.`)
  const counts = `${added.length} added${named(added)}, ${generated.length} generated${named(generated)}, ${renamed.length + moved.length} renamed`
  if (dryRun) info(`\n${file} would be: ${counts}. Secrets are masked here, and nothing was written.`)
  else ok(written ? `${file} brought up to date: ${counts}. As it was: ${backup}` : `${file} is up to date`)
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
  notes: [
    'Every setting: .env.docker.example.',
    '',
    'Exit codes: 0 in order (there may be warnings), 2 wrong usage, 3 something has to be corrected.',
  ].join('\n'),
  examples: [
    'npm run env', 'npm run env -- --init', 'npm run env -- --strict --env-file .env.staging',
    'port=$(npm run --silent env -- --print WEB_PORT)', 'npm run --silent env -- --json | jq .findings',
  ],
  async run({
    init = false, sync = false, 'dry-run': dryRun = false, print: name, 'show-secret': showSecret = false, strict = false,
    'env-file': file, json = false,
  }) {
    refuseMixtures({ init, sync, print: name !== undefined, strict }, { showSecret, dryRun })
    const show = <R extends { preview: string }>({ preview, ...report }: R, tell: (result: Omit<R, 'preview'>) => void): void => {
      if (json) return printJson({ ok: true, ...report })
      if (dryRun) print(preview.trimEnd())
      tell(report)
    }
    if (sync) return show(await syncEnvFile(file, { dryRun }), (result) => showSync(result, dryRun))
    if (init) return show(await initEnvFile(file, { dryRun }), (result) => showInit(result, dryRun))

    const settings = await loadSettings(file)
    if (name !== undefined) {
      // A default is what holds beside a file, not instead of one.
      const absent = settings.findings.find(({ code }) => code === 'E08')
      if (absent) throw new CliError(`${settings.file} does not exist.`, { hint: absent.hint, exitCode: ExitCode.config })
      const value = printedValue(name, settings, { showSecret, shell: process.env })
      return json ? printJson({ ok: true, name, value }) : print(value)
    }
    if (settings.unread.length > 0 && !settings.unanswered) {
      info(`Not judged before Compose can read the file: ${settings.unread.join(', ')}`)
    }
    const usable = isUsable(settings.findings) && !(strict && settings.findings.length > 0)
    if (settings.unanswered) {
      info(`Compose could not be asked (${settings.unanswered}): values with $, # or \\ in them are not judged, nor is what needs its files.`)
    } else if (settings.leftOut) {
      info(`The Compose files are not looked at (${settings.leftOut}): addresses, ports and readers of settings are not judged.`)
    }
    if (json) printJson({ ok: usable, file: settings.file, findings: settings.findings, leftOut: settings.leftOut ?? null })
    else showFindings(settings)
    if (!usable) process.exitCode = ExitCode.config
  },
})

await main(env, import.meta.url)
