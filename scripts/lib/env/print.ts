/** `npm run env -- --print NAME`: one value, as Compose reads it. Pure. */
import { isSecret } from './secrets.ts'
import type { Values } from './finding.ts'
import type { Schema } from './schema.ts'
import { CliError, ExitCode } from '../errors.ts'
import { interpolate } from './interpolate.ts'
import { nearest } from '../words.ts'

interface Source {
  file: string
  schema: Schema
  values: Values
  /** Why Compose could not be asked, and which settings cannot be known without it. */
  unanswered: string | undefined
  unread: readonly string[]
}

/**
 * The value that Compose takes: of the shell, else of the file, else the default. A secret is printed on request
 * alone, also into a pipe: the log of a CI job is one.
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
      hint: meant ? `Did you mean ${meant}?` : 'docs/settings.md has them all.',
      exitCode: ExitCode.usage,
    })
  }
  if (unread.includes(name) && shell[name] === undefined) {
    throw new CliError(`${name} cannot be read: ${unanswered ?? 'Compose refuses the file'}.`, {
      hint: 'npm run env says what is wrong with the file.', exitCode: ExitCode.config,
    })
  }
  const value = shell[name] ?? values[name] ?? interpolate(setting?.value ?? '', values)
  if (!showSecret && isSecret(name, value, schema, values)) {
    throw new CliError(`${name} is a secret, or may be one, and is not printed.`, {
      hint: `When it may be seen where this goes: --print ${name} --show-secret`,
      exitCode: ExitCode.usage,
    })
  }
  return value
}
