/** What the rules look at: the file, its values, the schema, and what lies around the file. */
import { hostsOf } from '../../compose/model.ts'
import type { Model, Service } from '../../compose/model.ts'
import type { Entry, EnvLines } from '../file.ts'
import type { Finding, Found, Values } from '../finding.ts'
import type { Schema, Setting } from '../schema.ts'
import { isSecret } from '../shown.ts'

/** What is at a path: `unknown` where we may not look. */
type Kind = 'file' | 'folder' | 'absent' | 'unknown'

/** Paths are seen from the folder of the project. */
export interface Disk {
  kindOf(path: string): Kind
  namesIn(folder: string): string[]
}

/** A field that is not there is not judged. */
export interface Around {
  /** All services of the Compose files with the values put in, those that are switched off too. */
  model?: Model | undefined
  disk?: Disk
  /** The variables of the shell. */
  shell?: Readonly<Record<string, string | undefined>>
  /** Mode of the env file. */
  mode?: number
  /** What git does with the env file. */
  git?: 'tracked' | 'ignored' | 'neither' | undefined
}

export interface Input {
  schema: Schema
  /** Its name, for the hints. */
  file?: string
  lines: EnvLines
  /** The file's values as Compose reads them; a name that is absent is not judged. */
  values: Values
  /** Why Compose refused the file, if it did. */
  refusal?: Finding | undefined
  around?: Around
}

export interface Subject extends Input {
  file: string
  around: Around
  production: boolean
  /** The entry of a name; of one that is there twice the last, which counts. */
  entryOf: ReadonlyMap<string, Entry>
  /** The names in COMPOSE_PROFILES. */
  profiles: readonly string[]
  services: readonly NamedService[]
  /** Settings with a reference that leads nowhere. What is left of the value is not judged. */
  lost: ReadonlySet<string>
  /** The value, or what holds for a setting that is not in the file; undefined when nobody can know. */
  effective(name: string): string | undefined
}

export interface NamedService extends Service {
  name: string
  isOn: boolean
  /** The names under which other containers reach it. */
  hosts: readonly string[]
}

/** From the file to what is wrong with it. */
export type Rule = readonly [
  code: string,
  /** `production`: an error where compose.production.yaml is among the files, a warning elsewhere. */
  severity: Finding['severity'] | 'production',
  find: (subject: Subject) => Found[],
]

/** @param lost see `Subject` */
export function subjectOf(input: Input, lost: ReadonlySet<string>): Subject {
  const { schema, file = '.env.docker', lines, values, around = {} } = input
  const entryOf = new Map(lines.entries.map((entry) => [entry.name, entry]))
  const unreadable = new Set(lines.malformed.map(({ name }) => name))
  const profiles = (values.COMPOSE_PROFILES ?? '').split(',').map((name) => name.trim()).filter(Boolean)
  const isOn = ({ profiles: own = [] }: Service): boolean => own.length === 0 || profiles.includes('*') || own.some((name) => profiles.includes(name))
  const services = Object.entries(around.model?.services ?? {}).map(([name, service]) => ({ ...service, name, isOn: isOn(service), hosts: hostsOf(name, service) }))

  return {
    ...input, file, around, entryOf, profiles, services, lost,
    production: /compose\.production\.ya?ml/.test(values.COMPOSE_FILE ?? ''),
    effective(name) {
      if (lost.has(name)) return undefined
      if (entryOf.has(name)) return values[name]
      if (unreadable.has(name) || entryOf.size === 0) return undefined
      return schema.byName.get(name)?.default ?? ''
    },
  }
}

export interface Given {
  setting: Setting
  name: string
  value: string
  /** As it stands in the file, quotes and comment included. */
  raw: string
}

/** The settings that stand in the file and could be read. */
export const given = ({ schema, entryOf, values, lost }: Subject): Given[] => schema.settings.flatMap((setting) => {
  const { name } = setting
  const [entry, value] = [entryOf.get(name), values[name]]
  return !entry || value === undefined || lost.has(name) ? [] : [{ setting, name, value, raw: entry.raw }]
})

/** What a rule has to say about a setting; undefined when it is in order. */
export type Advice = readonly [message: string, hint: string] | undefined

/** A finding about the first of the settings that is in the file. */
export function about({ entryOf }: Subject, names: string | readonly string[], [message, hint]: NonNullable<Advice>): Found {
  const setting = typeof names === 'string' ? names : (names.find((name) => entryOf.has(name)) ?? names[0])
  return { setting, line: entryOf.get(setting ?? '')?.line, message, hint }
}

/** A rule about each setting that stands in the file and could be read. */
export const ofEach = (judge: (given: Given, subject: Subject) => Advice) => (subject: Subject): Found[] =>
  given(subject).flatMap((one) => {
    const advice = judge(one, subject)
    return advice ? [about(subject, one.name, advice)] : []
  })

/** The services that the schema says read it: not the build, nor Compose, nor the scripts. */
export const readers = ({ services }: Setting): string[] => services.filter((name) => !['build', 'compose', 'scripts'].includes(name))

/** Does the file have another value than the example? Of two settings that do not fit, it is the likelier mistake. */
export const isChanged = (name: string, { schema, entryOf, values }: Subject): boolean => entryOf.has(name) && values[name] !== schema.byName.get(name)?.value

/** The value for a message, unless it may hold a secret. */
export const shown = (name: string, value: string, { schema, values }: Subject): string =>
  isSecret(name, value, schema, values) || value.includes('://') ? '' : `; it is ${JSON.stringify(value)}`
