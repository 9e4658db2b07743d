/** What the rules look at: the file, its values, the schema, and what is known of the stack and the machine. */
import { isMisplaced } from './compose-list.ts'
import type { EnvLines } from '../file.ts'
import type { Schema, Setting } from '../schema.ts'
import type { Finding, Values } from '../finding.ts'
import { interpolate } from '../interpolate.ts'
import type { ComposeView } from './compose-view.ts'
import { straysOf } from './references.ts'
import type { Stray } from './references.ts'
import type { ProjectView } from './places.ts'

/** What only this machine knows. A field that is not there is not judged. */
export interface Machine {
  /** The variables of the shell. */
  shell?: Readonly<Record<string, string | undefined>>
  /** Bytes of memory. */
  memory?: number
  /** Mode of the env file. */
  mode?: number
  /** Does git track the env file? */
  tracked?: boolean
  /** Does git ignore it? */
  ignored?: boolean
}

export interface Input {
  schema: Schema
  /** Its name, for the hints. */
  file?: string | undefined
  /** The file as it is. */
  text: string
  lines: EnvLines
  /** The file's values as Compose reads them; a name that is absent is not judged. */
  values: Values
  /** The same, as the npm package dotenv reads them. */
  second?: Values | undefined
  /** Why Compose refused the file, or a file of its own, if it did. */
  refusals?: readonly Finding[] | undefined
  /** The Compose files; without them the rules that need them are left out. */
  compose?: ComposeView | undefined
  /** The folders and files that settings lead to; without them nothing is said of any. */
  project?: ProjectView | undefined
  machine?: Machine | undefined
}

export interface Subject extends Input {
  production: boolean
  /** The line of a name that is in the file; of one that is there twice, the last, which counts. */
  lineOf: ReadonlyMap<string, number>
  /** What stands in the file behind the sign. */
  rawOf: ReadonlyMap<string, string>
  /** Settings of which a reference leads nowhere: what is left of the value is not judged. */
  strays: ReadonlyMap<string, Stray>
  /** The value, or what is taken for a setting that is not in the file; undefined when nobody could read it. */
  effective(name: string): string | undefined
}

/** A function from the file to what is wrong with it. */
export type Rule = (subject: Subject) => Finding[]

/**
 * The overlays that COMPOSE_FILE names are the environment: compose.production.yaml makes it `production`,
 * which is what `@required=forEnv(production)` asks for.
 */
export const environments = (values: Values): string[] =>
  [...(values.COMPOSE_FILE ?? '').matchAll(/compose\.([\w-]+)\.ya?ml/g)].map(([, name]) => name!)

export function subjectOf(input: Input): Subject {
  const { schema, lines, values } = input
  const compose = isMisplaced(values) ? undefined : input.compose
  const lineOf = new Map(lines.entries.map(({ name, line }) => [name, line]))
  const lost = new Set(lines.malformed.map(({ name }) => name))
  // Where nothing could be read, or there is nothing, that alone is the finding.
  const isLost = lines.entries.length === 0
  const strays = straysOf(lines, schema)
  return {
    ...input,
    compose,
    production: environments(values).includes('production'),
    lineOf,
    rawOf: new Map(lines.entries.map(({ name, raw }) => [name, raw])),
    strays,
    effective(name) {
      if (strays.has(name)) return undefined
      if (lineOf.has(name)) return values[name]
      if (isLost || lost.has(name)) return undefined
      // Compose takes the default of its own files; what they do not name here, the example says.
      const usages = compose?.usages.filter((usage) => usage.name === name) ?? []
      const word = usages.find(({ operator }) => /^:?-$/.test(operator))?.word
      const otherwise = usages.length > 0 ? word : schema.byName.get(name)?.value
      return interpolate(otherwise ?? '', values)
    },
  }
}

/** Where to point: the first of the names that is in the file. */
export const at = ({ lineOf }: Subject, ...names: string[]): { line: number | undefined; setting: string | undefined } => {
  const setting = names.find((name) => lineOf.has(name)) ?? names[0]
  return { setting, line: lineOf.get(setting ?? '') }
}

/** The names in COMPOSE_PROFILES. */
export const profilesOn = ({ values }: Subject): string[] =>
  (values.COMPOSE_PROFILES ?? '').split(',').map((name) => name.trim()).filter(Boolean)

/** Readers of a setting that are no service. */
const noService = new Set(['build', 'compose', 'scripts'])

/** The services that the schema says read it. */
export const listedServices = ({ services }: Setting): string[] => services.filter((name) => !noService.has(name))

/** Has the file another value than the example? It is the more likely mistake of two. */
export const isChanged = (name: string | undefined, { schema, lineOf, values }: Subject): boolean =>
  name !== undefined && lineOf.has(name) && values[name] !== schema.byName.get(name)?.value

/** The settings that stand in the file and could be read, each with its line and its value. */
export const given = ({ schema, lineOf, values, strays }: Subject): { setting: Setting; line: number; value: string }[] =>
  schema.settings.flatMap((setting) => {
    const [line, value] = [lineOf.get(setting.name), values[setting.name]]
    return line === undefined || value === undefined || strays.has(setting.name) ? [] : [{ setting, line, value }]
  })
