/** The check of an env file on this repository's own example, without Docker: what needs the Compose files is not judged. */
import { check } from '../../../scripts/lib/env/check.ts'
import { readLines } from '../../../scripts/lib/env/file.ts'
import type { Finding, Values } from '../../../scripts/lib/env/finding.ts'
import { interpolate } from '../../../scripts/lib/env/interpolate.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { readText } from './repository.ts'

export const example = readText('.env.docker.example')

/** The values of a file without escapes, as Compose reads it. */
function valuesOf(text: string): Values {
  const values: Record<string, string> = {}
  for (const { name, raw } of readLines(text).entries) {
    const quote = /^['"]/.exec(raw)?.[0]
    const literal = quote ? raw.slice(1, -1) : raw.replace(/\s#.*$/, '').trim()
    values[name] = quote === "'" ? literal : interpolate(literal, values)
  }
  return values
}

export const findingsOf = (text: string): Finding[] =>
  check({ schema: parseSchema(example, '.env.docker.example'), lines: readLines(text), values: valuesOf(text) })
