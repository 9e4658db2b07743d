/** What must not be in an image: the secrets of the env file in the first argument, and of the model in the second. A line each. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseModel } from '../../scripts/lib/compose/model.ts'
import { loadSettings } from '../../scripts/lib/env/settings.ts'
import type { Schema } from '../../scripts/lib/env/schema.ts'

/** What an application calls a secret of its own. A key that browsers get is none. */
const isCalledSecret = (name: string): boolean => /^(?!.*publi).*(?:password|passwd|secret|token|key|credentials?)$/i.test(name)

/** Of an address its password or token. Of several lines the longest, because each line is looked for by itself. */
function tellingPart(value: string): string {
  const [, user = '', password = user] = /:\/\/([^\s:/@]*)(?::([^\s@]*))?@/.exec(value) ?? []
  return value.includes('://') ? password : value.split(/\r?\n/).toSorted((a, b) => b.length - a.length)[0]!
}

/** Words of less than eight letters are left out, because any image may have them. */
export function secretsOf({ byName }: Schema, variables: readonly (readonly [name: string, value: string | null | undefined])[]): string[] {
  // Variables of their own are in it.
  const inside = variables.flatMap(([name, value]) => (name === 'BUILD_SECRETS' ? (value ?? '').split(/\s+/) : []))
    .map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const)
  const found = [...variables.filter(([name]) => name !== 'BUILD_SECRETS'), ...inside].filter(([name, value]) => byName.get(name)?.sensitive || isCalledSecret(name) || value?.includes('://'))
  return [...new Set(found.map(([, value]) => tellingPart(value ?? '')))].filter(({ length }) => length >= 8)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [envFile, modelFile] = process.argv.slice(2)
  const { schema, values } = await loadSettings(envFile)
  const { services } = parseModel(readFileSync(modelFile!, 'utf8').replaceAll('$$', '$'))
  const told = Object.values(services).flatMap(({ environment = {} }) => Object.entries(environment))
  for (const secret of secretsOf(schema, [...Object.entries(values), ...told])) console.log(secret)
}
