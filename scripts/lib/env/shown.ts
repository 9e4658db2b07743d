/** What of the settings may be shown to anybody, and what may not. Pure. */
import { readLines } from './file.ts'
import type { Schema } from './schema.ts'
import type { Settings } from './settings.ts'
import { CliError, ExitCode } from '../errors.ts'
import { nearest } from '../terminal.ts'

type Shell = Readonly<Record<string, string | undefined>>

/** True for what is marked as one, for what has one in it or may have (a URL with a user), and for a name that nobody declared. */
export function isSecret(name: string, value: string, { settings, byName }: Schema, values: Shell): boolean {
  const secrets = settings.filter(({ sensitive }) => sensitive).map((setting) => values[setting.name])
  const holdsOne = /:\/\/[^/]*@/.test(value) || secrets.some((secret) => secret && value.includes(secret))
  return value !== '' && (byName.get(name)?.sensitive !== false || holdsOne)
}

/** The text of an env file in which every value that is a secret, or may be one, is ********; so is what is commented out. */
export function mask(schema: Schema, text: string): string {
  const { entries } = readLines(text)
  return text.split('\n').flatMap((content, index) => {
    const entry = entries.find(({ line, lastLine }) => line <= index + 1 && index < lastLine)
    if (!entry) return content.replace(/^(\s*#\s*[A-Za-z_]\w*=)\S.*$/, '$1********')
    if (!isSecret(entry.name, entry.raw, schema, {})) return content
    return entry.line === index + 1 ? `${entry.name}=********` : []
  }).join('\n')
}

/**
 * `npm run env -- --print NAME`: the value that Compose takes, of the shell, else of the file, else the default. A
 * secret is printed on request alone, also into a pipe: the log of a CI job is one.
 *
 * @throws CliError (exit code 2) for a name that nobody knows and for a secret, 3 when the value cannot be known
 */
export function printedValue(name: string, showSecret: boolean, settings: Settings, shell: Shell): string {
  const { file, schema, values, findings, unanswered, unread } = settings
  const refuse = (message: string, hint: string, exitCode: ExitCode): never => {
    throw new CliError(message, { hint, exitCode })
  }
  // A default is what holds beside a file, not instead of one.
  const absent = findings.find(({ code }) => code === 'E08')
  if (absent) refuse(`${file} does not exist.`, absent.hint, ExitCode.config)
  const setting = schema.byName.get(name)
  if (!setting && values[name] === undefined && !unread.includes(name)) {
    const meant = nearest(name, [...schema.byName.keys(), ...Object.keys(values)])
    const hint = meant ? `Did you mean ${meant}?` : '.env.docker.example has them all.'
    refuse(`${name} is no setting, and ${file} does not have it.`, hint, ExitCode.usage)
  }
  if (unread.includes(name) && shell[name] === undefined) {
    const why = unanswered ?? 'Compose refuses the file'
    refuse(`${name} cannot be read: ${why}.`, 'npm run env says what is wrong with the file.', ExitCode.config)
  }
  const value = shell[name] ?? values[name] ?? (setting?.default ?? '')
  if (!showSecret && isSecret(name, value, schema, values)) {
    const hint = `When it may be seen where this goes: --print ${name} --show-secret`
    refuse(`${name} is a secret, or may be one, and is not printed.`, hint, ExitCode.usage)
  }
  return value
}
