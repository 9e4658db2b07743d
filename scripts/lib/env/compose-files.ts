/** Asks Compose what its files say, before any value is put in, for the rules that hold an env file against them. */
import { readdir, readFile } from 'node:fs/promises'
import { explainMissingFile } from './checks/compose-list.ts'
import { composeView, envFilesOf, unread } from './checks/compose-view.ts'
import type { ComposeView, RawModel } from './checks/compose-view.ts'
import { isQuoted } from './file.ts'
import type { Entry } from './file.ts'
import { bareEnvironment, reasonOf } from './values.ts'
import type { Finding, Values } from './finding.ts'

export interface ComposeFiles {
  /** Undefined when Compose could not be asked, or does not take its files. */
  model: RawModel | undefined
  /** What is wrong with COMPOSE_FILE. */
  refusal: Finding | undefined
  /** Why there is no model, when the env file is not to blame. */
  unanswered: string | undefined
}

/**
 * What the file says about Compose itself, as far as it can be known before Compose has read it: then a line that
 * nobody can read does not hide what else is wrong. Pure.
 *
 * @returns undefined when it takes Compose to read it
 */
export function ownVariables(entries: readonly Entry[]): Record<string, string> | undefined {
  const own = entries.filter(({ name }) => name === 'COMPOSE_FILE' || name === 'COMPOSE_PATH_SEPARATOR')
  if (own.some(({ raw }) => /[$\\]|\s#/.test(raw))) return undefined
  return Object.fromEntries(own.map(({ name, raw }) => [name, isQuoted(raw) ? raw.slice(1, -1) : raw.trim()]))
}

/** The Compose files of this folder. */
const composeFilesHere = async (): Promise<string[]> => (await readdir('.')).filter((name) => /^(docker-)?compose.*\.ya?ml$/.test(name))

/** Asks Compose for its files as they are merged, with every profile. */
export async function readComposeFiles(path: string, entries: readonly Entry[]): Promise<ComposeFiles> {
  const { capture } = await import('../engine/docker.ts')
  const own = ownVariables(entries)
  // A name of its own: the one in the file may be one that Compose does not take.
  const args = ['compose', '--env-file', own ? '/dev/null' : path, '--project-name', 'check', '--profile', '*', 'config', '--no-interpolate', '--format', 'json']
  const answer = await capture(args, { env: { ...bareEnvironment(), ...own }, timeoutMs: 10_000 })
  const nothing = { model: undefined, refusal: undefined, unanswered: undefined }
  if (answer.exitCode !== 0 || answer.stdout.trim() === '') {
    const raw = entries.findLast(({ name }) => name === 'COMPOSE_FILE')?.raw ?? ''
    const refusal = explainMissingFile(answer.stderr, entries, own ?? { COMPOSE_FILE: raw }, await composeFilesHere())
    return refusal ? { ...nothing, refusal } : { ...nothing, unanswered: reasonOf(answer) }
  }
  return { ...nothing, model: JSON.parse(answer.stdout) as RawModel }
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')

/** The model with the values put in, as far as they are known, and with what the files around it say. */
export async function viewOf(model: RawModel, known: Values, unreadNames: readonly string[] = []): Promise<ComposeView> {
  const values = { ...known, ...Object.fromEntries(unreadNames.map((name) => [name, unread])) }

  const names = await composeFilesHere()
  const envFiles = envFilesOf(model, values)
  const [composeFiles, envTexts] = await Promise.all([
    Promise.all(names.map((name) => textOf(name))),
    Promise.all(envFiles.map((file) => textOf(file))),
  ])
  const profiles = (values.COMPOSE_PROFILES ?? '').split(',').map((name) => name.trim())
  return composeView(model, profiles, values, {
    composeFiles, envFiles: Object.fromEntries(envFiles.map((file, index) => [file, envTexts[index]!])),
  })
}
