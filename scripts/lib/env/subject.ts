/** What the rules look at: the file, its values, the schema, the Compose files, the disk, git and the shell. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { hostsOf, type Model, type Service } from '../compose/model.ts'
import type { Values } from '../engine/machine.ts'
import { lostReferences, type EnvLines } from './file.ts'
import { isSecret, type Schema, type Setting } from './schema.ts'
import { askCompose, reasonOf } from './values.ts'

/** What a rule finds. Without a line it is about the line of its setting. */
export interface Found {
  code: string
  line?: number | null | undefined
  setting?: string | null | undefined
  /** A sentence that never holds the value of a secret. */
  message: string
  /** What to do about it. */
  hint: string
}

/** What a rule says about a setting, or about none. */
export const found = (code: string, setting: string | undefined, message: string, hint: string): Found =>
  ({ code, setting, message, hint })

/** A field that is not there is not judged. */
export interface Around {
  /** All services of the Compose files with the values put in, including those that are switched off. */
  model?: Model | undefined
  disk?: typeof disk
  /** The variables of the shell. */
  shell?: Values
  /** Mode of the env file. */
  mode?: number
  /** What git does with the env file. */
  git?: 'tracked' | 'ignored' | 'neither' | undefined
}

/** Returns the other value where we may not look. */
function orElse<T>(look: () => T, other: T): T {
  try { return look() } catch { return other }
}

/** Paths start at the folder of the project. */
const disk = {
  kindOf: (path: string) => orElse<'file' | 'folder' | 'absent' | 'unknown'>(() => {
    const is = statSync(path, { throwIfNoEntry: false })
    return is ? (is.isDirectory() ? 'folder' : 'file') : 'absent'
  }, 'unknown'),
  namesIn: (folder: string) => orElse<string[]>(() => readdirSync(folder), []),
  textOf: (path: string) => orElse(() => readFileSync(path, 'utf8'), ''),
}
export type Disk = typeof disk

/** Undefined where there is no git, or no repository. */
async function gitSays(path: string): Promise<Around['git']> {
  const args = ['status', '--porcelain', '--ignored', '--untracked-files=all', '--', path]
  const answer = await promisify(execFile)('git', args, { timeout: 5000 }).catch(() => undefined)
  const marks = { '!!': 'ignored', '??': 'neither' } as const
  return answer && (marks[answer.stdout.slice(0, 2) as keyof typeof marks] ?? 'tracked')
}

/** Asks Compose, with all profiles and without the shell, so that a file is judged the same on every machine. */
export async function lookAround(path: string): Promise<Around & { unanswered: string | undefined }> {
  // A fixed project name, because Compose may refuse the one in the file.
  const asked = askCompose(['--env-file', path, '--project-name', 'check', '--profile', '*'], path)
  const [{ model, ...answer }, { mode }, git] = await Promise.all([asked, stat(path), gitSays(path)])
  return { model, unanswered: model ? undefined : reasonOf(answer), disk, shell: process.env, mode, git }
}

export interface Input {
  schema: Schema
  /** Its name, for the hints. */
  file?: string
  lines: EnvLines
  /** The file's values as Compose reads them; a name that is absent is not judged. */
  values: Values
  /** Why Compose refused the file, if it did. */
  refusal?: Found | undefined
  around?: Around
}

export type Subject = ReturnType<typeof subjectOf>
export type NamedService = Subject['services'][number]

/** Says what is wrong with the file. */
export type Rule = (subject: Subject) => Found[]

export function subjectOf(input: Input) {
  const { schema, file = '.env.docker', lines, values, around = {} } = input
  // If a name is there twice, the last one counts.
  const entryOf = new Map(lines.entries.map((entry) => [entry.name, entry]))
  // A value with a lost reference is not judged.
  const lost = lostReferences(lines)
  const unreadable = new Set(lines.malformed.map(({ setting }) => setting))
  const profiles = (values.COMPOSE_PROFILES ?? '').split(',').map((name) => name.trim()).filter(Boolean)
  const isOn = ({ profiles: own = [] }: Service): boolean =>
    own.length === 0 || [...own, '*'].some((name) => profiles.includes(name))
  const services = Object.entries(around.model?.services ?? {})
    .map(([name, service]) => ({ ...service, name, isOn: isOn(service), hosts: hostsOf(name, service) }))
  return {
    ...input, file, around, entryOf, profiles, services, lost,
    production: /compose\.production\.ya?ml/.test(values.COMPOSE_FILE ?? ''),
    /** The value, or the default of a setting that is not in the file; undefined if it cannot be known. */
    effective(name: string): string | undefined {
      if (lost.has(name)) return undefined
      if (entryOf.has(name)) return values[name]
      // A line without a name may be any setting.
      const isUnknown = unreadable.has(name) || unreadable.has(undefined)
      return isUnknown ? undefined : schema.byName.get(name)?.default ?? ''
    },
  }
}

/** The settings that stand in the file and could be read. `raw` is the value with its quotes and comment. */
export const given = ({ schema, entryOf, values, lost }: Subject) => schema.settings.flatMap((setting) => {
  const [name, entry, value] = [setting.name, entryOf.get(setting.name), values[setting.name]]
  return !entry || value === undefined || lost.has(name) ? [] : [{ setting, name, value, raw: entry.raw }]
})

/** Makes a rule that judges each of these settings. */
export const ofEach = (judge: (one: ReturnType<typeof given>[number], subject: Subject) => Found | undefined): Rule => (subject) =>
  given(subject).flatMap((one) => judge(one, subject) ?? [])

/** The services that read a setting, as the schema says: not the build, Compose or the scripts. */
export const readers = ({ services }: Setting): string[] =>
  services.filter((name) => !['build', 'compose', 'scripts'].includes(name))

/** The value for a message, unless it may hold a secret: in front of an @ there may be a password. */
export const shown = (name: string, value: string, { schema, values }: Subject): string =>
  isSecret(name, value, schema, values) || /:\/\/|@/.test(value) ? '' : `; it is ${JSON.stringify(value)}`
