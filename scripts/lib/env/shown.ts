/** What of the settings may be shown to anybody, and what may not. Pure. */
import { readLines } from './file.ts'
import type { Values } from './finding.ts'
import { interpolate } from './interpolate.ts'
import type { Schema } from './schema.ts'
import { CliError, ExitCode } from '../errors.ts'
import { nearest } from '../words.ts'

/** Is there one of the secrets in the text, or may there be one: a URL with a user in it? */
export function holdsSecret(text: string, { settings }: Schema, values: Readonly<Record<string, string | undefined>>): boolean {
  const secrets = settings.filter(({ sensitive }) => sensitive).map(({ name }) => values[name])
  return secrets.some((secret) => secret && text.includes(secret)) || /:\/\/[^/]*@/.test(text)
}

/** True for what is marked as one, for what has one in it, and for a name that nobody declared. */
export function isSecret(name: string, value: string, schema: Schema, values: Readonly<Record<string, string | undefined>>): boolean {
  if (value === '') return false
  return schema.byName.get(name)?.sensitive !== false || holdsSecret(value, schema, values)
}

/** Passwords in URLs become ***. Rather too much than too little: a password may have an @ of its own. */
export const redactUrls = (text: string): string => text.replaceAll(/(:\/\/[^\s:@/'"]*):[^\s'"]+@/g, '$1:***@')

const hidden = '********'

/**
 * The text of an env file without secrets, and without what may be one: values of names that the example does not
 * declare, passwords in URLs, settings that are commented out.
 */
export function mask(schema: Schema, text: string): string {
  const shown: (string | undefined)[] = text.split('\n').map((line) => line.replace(/^(\s*#\s*[A-Za-z_]\w*=)\S.*$/, `$1${hidden}`))
  for (const { name, line, lastLine, raw } of readLines(text).entries) {
    const isOpen = schema.byName.get(name)?.sensitive === false && !/:\/\/[^/]*@/.test(raw)
    if (isOpen || raw === '') continue
    shown.fill(undefined, line - 1, lastLine)
    shown[line - 1] = `${name}=${hidden}`
  }
  return shown.filter((line) => line !== undefined).join('\n')
}

interface Source {
  file: string
  schema: Schema
  values: Values
  /** Why Compose could not be asked, and which settings cannot be known without it. */
  unanswered: string | undefined
  unread: readonly string[]
}

/**
 * `npm run env -- --print NAME`: the value that Compose takes, of the shell, else of the file, else the default. A
 * secret is printed on request alone, also into a pipe: the log of a CI job is one.
 *
 * @throws CliError (exit code 2) for a name that nobody knows and for a secret, 3 when the value cannot be known
 */
export function printedValue(
  name: string, { file, schema, values, unanswered, unread }: Source,
  { showSecret, shell }: { showSecret: boolean; shell: Readonly<Record<string, string | undefined>> },
): string {
  const setting = schema.byName.get(name)
  if (!setting && values[name] === undefined && !unread.includes(name)) {
    const meant = nearest(name, [...schema.byName.keys(), ...Object.keys(values)])
    throw new CliError(`${name} is no setting, and ${file} does not have it.`, {
      hint: meant ? `Did you mean ${meant}?` : '.env.docker.example has them all.',
      exitCode: ExitCode.usage,
    })
  }
  if (unread.includes(name) && shell[name] === undefined) {
    throw new CliError(`${name} cannot be read: ${unanswered ?? 'Compose refuses the file'}.`, {
      hint: 'npm run env says what is wrong with the file.', exitCode: ExitCode.config,
    })
  }
  const value = shell[name] ?? values[name] ?? interpolate(setting?.default ?? '', values)
  if (!showSecret && isSecret(name, value, schema, values)) {
    throw new CliError(`${name} is a secret, or may be one, and is not printed.`, {
      hint: `When it may be seen where this goes: --print ${name} --show-secret`,
      exitCode: ExitCode.usage,
    })
  }
  return value
}
