/** Looks what lies where the settings lead to, for the rules that hold an env file against the project. */
import { readdir, readFile, stat } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import { foldersTo, isOfCertificates, placesOf } from './checks/places.ts'
import type { ProjectView } from './checks/places.ts'
import type { Schema } from './schema.ts'
import type { Values } from './finding.ts'

/** A link counts as what it leads to, and as nothing when it leads nowhere. */
async function named(folder: string, entry: Dirent): Promise<string[]> {
  const target = entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => undefined) : entry
  return target ? [target.isDirectory() ? `${entry.name}/` : entry.name] : []
}

/** Undefined when it is none, or may not be read. */
async function namesIn(folder: string): Promise<string[] | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
  return entries && (await Promise.all(entries.map((entry) => named(folder, entry)))).flat()
}

/** One entry for each name for which there is something. */
async function known<T>(names: readonly string[], read: (name: string) => Promise<T | undefined>): Promise<Record<string, T>> {
  const all = await Promise.all([...new Set(names)].map(async (name) => ({ name, found: await read(name) })))
  return Object.fromEntries(all.flatMap(({ name, found }) => (found === undefined ? [] : [[name, found]])))
}

export async function projectOf(schema: Schema, values: Values): Promise<ProjectView> {
  const places = placesOf(schema, values).flatMap(({ path, ...place }) => (path === undefined ? [] : [{ ...place, path }]))
  const [folders, certificates] = await Promise.all([
    known(places.flatMap(({ path }) => foldersTo(path)), namesIn),
    known(places.filter((place) => isOfCertificates(place)).map(({ path }) => path), (path) => readFile(path, 'utf8').catch(() => undefined)),
  ])
  return { folders, certificates }
}
