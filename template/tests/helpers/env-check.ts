/** The check of an env file on this repository's own example and Compose files, without Docker. */
import { basename, dirname, isAbsolute, join } from 'node:path'
import { parse as parseDotenv } from 'dotenv'
import { parse } from 'yaml'
import { composeView, envFilesOf } from '../../../scripts/lib/env/checks/compose-view.ts'
import type { ComposeView, RawModel } from '../../../scripts/lib/env/checks/compose-view.ts'
import { foldersTo } from '../../../scripts/lib/env/checks/places.ts'
import type { ProjectView } from '../../../scripts/lib/env/checks/places.ts'
import type { Machine } from '../../../scripts/lib/env/checks/subject.ts'
import { check } from '../../../scripts/lib/env/check.ts'
import { readLines } from '../../../scripts/lib/env/file.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import type { Finding, Values } from '../../../scripts/lib/env/finding.ts'
import { interpolate } from '../../../scripts/lib/env/interpolate.ts'
import { files, readText } from './repository.ts'

type Node = Record<string, unknown>

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Stands for a value that a later file takes back. */
const reset = 'RESET'
/** Begins a list that a later file puts in place of another. */
const override = 'OVERRIDE'

/** What Compose makes of two files, as far as ours need it: mappings are joined, lists one after the other. */
function merged(one: unknown, other: unknown): unknown {
  if (other === reset) return undefined
  if (Array.isArray(other) && other[0] === override) return other.slice(1) as unknown[]
  if (Array.isArray(one) && Array.isArray(other)) return [...(one as unknown[]), ...(other as unknown[])]
  if (!isNode(other)) return other ?? one
  const earlier = isNode(one) ? one : {}
  const names = new Set([...Object.keys(earlier), ...Object.keys(other)])
  return Object.fromEntries([...names].map((name) => [name, name in other ? merged(earlier[name], other[name]) : earlier[name]]))
}

/** The Compose files of a COMPOSE_FILE, merged and not interpolated. `more` is a file of an adopter. */
export function rawModel(composeFile: string, more = ''): RawModel {
  const texts = [...composeFile.split(':').filter((name) => name.startsWith('compose')).map((name) => readText(name)), more].filter(Boolean)
  const nodes = texts.map((text) => parse(text.replaceAll(/!reset \S+/g, reset).replaceAll('!override [', `[${override}, `), { merge: true, logLevel: 'silent' }) as Node)
  return nodes.reduce((one, other) => merged(one, other) as Node, {}) as unknown as RawModel
}

export const example = readText('.env.docker.example')

/** The values of a file without escapes, as Compose reads it. */
export function valuesOf(text: string): Values {
  const values: Record<string, string> = {}
  for (const { name, raw } of readLines(text).entries) {
    const quote = /^['"]/.exec(raw)?.[0]
    const literal = quote ? raw.slice(1, -1) : raw.replace(/\s#.*$/, '').trim()
    values[name] = quote === "'" ? literal : interpolate(literal, values)
  }
  return values
}

/** The folders that these files lie in. */
function foldersOf(paths: readonly string[]): ProjectView['folders'] {
  const folders: Record<string, string[]> = {}
  const add = (path: string, name: string): void => void (folders[dirname(path)] ??= []).push(name)
  for (const path of new Set(paths.flatMap((file) => foldersTo(dirname(file)).slice(1)))) add(path, `${basename(path)}/`)
  for (const path of paths) add(path, basename(path))
  return folders
}

const ownFolders = foldersOf(files)

interface Around {
  machine?: Machine
  /** Another Compose file at the end. */
  more?: string
  /** Other files in the project than the repository's. */
  paths?: readonly string[]
  /** Files of certificates, by path. */
  certificates?: ProjectView['certificates']
  /** Another schema than the example's. */
  schemaText?: string
}

export function viewFor(values: Values, more = ''): ComposeView {
  const model = rawModel(values.COMPOSE_FILE ?? 'compose.yaml:compose.override.yaml', more)
  const profiles = (values.COMPOSE_PROFILES ?? '').split(',')
  const paths = envFilesOf(model, values)
  const textOf = (path: string): string => (!isAbsolute(path) && files.includes(join(path)) ? readText(path) : '')
  return composeView(model, profiles, values, {
    composeFiles: [...files.filter((file) => /^compose.*\.yaml$/.test(file)).map((file) => readText(file)), more],
    envFiles: Object.fromEntries(paths.map((path) => [path, textOf(path)])),
  })
}

/** All findings for an env file. */
export function findingsOf(text: string, { machine, more = '', paths, certificates = {}, schemaText = example }: Around = {}): Finding[] {
  const values = valuesOf(text)
  return check({
    schema: parseSchema(schemaText, '.env.docker.example'), text, lines: readLines(text), values, second: parseDotenv(text),
    compose: viewFor(values, more), project: { folders: paths ? foldersOf(paths) : ownFolders, certificates }, machine: { shell: {}, memory: 16 * 1024 ** 3, ...machine },
  })
}
