/** What may be shown to anybody, and what may not. Pure. */
import type { Schema } from './schema.ts'

type Values = Readonly<Record<string, string | undefined>>

/** Is there one of the secrets in the text, or may there be one: a URL with a user in it? */
export function holdsSecret(text: string, { settings }: Schema, values: Values): boolean {
  const secrets = settings.filter(({ sensitive }) => sensitive).map(({ name }) => values[name])
  return secrets.some((secret) => secret && text.includes(secret)) || /:\/\/[^/]*@/.test(text)
}

/** True for what is marked as one, for what has one in it, and for a name that nobody declared. */
export function isSecret(name: string, value: string, schema: Schema, values: Values): boolean {
  if (value === '') return false
  return schema.byName.get(name)?.sensitive !== false || holdsSecret(value, schema, values)
}

/** Passwords in URLs become ***. Rather too much than too little: a password may have an @ of its own. */
export const redactUrls = (text: string): string => text.replaceAll(/(:\/\/[^\s:@/'"]*):[^\s'"]+@/g, '$1:***@')
