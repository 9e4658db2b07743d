/** `npm run env`: checks .env.docker against .env.docker.example, or writes it. */
import { common, defineCommand, main } from './lib/command.ts'
import { isUsable } from './lib/env-check.ts'
import type { Finding } from './lib/env-check.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { initEnvFile, loadSettings } from './lib/settings.ts'
import type { InitResult, Settings } from './lib/settings.ts'
import { failure, indent, info, ok, print, printJson, warn } from './lib/terminal.ts'

/** "1 error", "2 errors". */
const amount = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

function showFinding(file: string, { severity, line, message, hint }: Finding): void {
  const text = `${file}${line === null ? '' : `:${line}`}  ${message}`
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

function showInit({ file, generated, kept, added, fitted, written, preview }: InitResult, dryRun: boolean): void {
  if (dryRun) print(preview.trimEnd())
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

export const env = defineCommand({
  name: 'env',
  summary: 'Check the settings in .env.docker against the rules in .env.docker.example.',
  options: {
    init: { type: 'boolean', help: 'Write the file with generated secrets, or add what it lacks; keeps every value' },
    'dry-run': { type: 'boolean', help: 'With --init: print the content, secrets masked, and write nothing' },
    'env-file': common['env-file'],
    json: common.json,
  },
  notes: 'Exit codes: 0 in order (there may be warnings), 3 something has to be corrected.',
  examples: ['npm run env', 'npm run env -- --init', 'npm run --silent env -- --json | jq .findings'],
  async run({ init = false, 'dry-run': dryRun = false, 'env-file': file, json = false }) {
    if (dryRun && !init) {
      throw new CliError('--dry-run needs --init: a check changes nothing.', { exitCode: ExitCode.usage })
    }
    if (init) {
      const result = await initEnvFile(file, { dryRun })
      const { preview: _preview, ...report } = result
      if (json) printJson({ ok: true, ...report })
      else showInit(result, dryRun)
      return
    }

    const settings = await loadSettings(file)
    const usable = isUsable(settings.findings)
    if (settings.unanswered) {
      info(`Compose could not be asked (${settings.unanswered}): values with $, # or \\ in them are not judged.`)
    }
    if (json) printJson({ ok: usable, file: settings.file, findings: settings.findings })
    else showFindings(settings)
    if (!usable) process.exitCode = ExitCode.config
  },
})

await main(env, import.meta.url)
