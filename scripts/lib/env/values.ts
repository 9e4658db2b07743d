/**
 * The values of an env file as Compose reads them. Compose has its own rules for quotes, `#`, `$` and escapes,
 * which no npm package shares; so Compose itself is asked, once, for all of them.
 */
import { fileURLToPath } from 'node:url'
import type { Result } from '../engine/docker.ts'
import { finding } from './finding.ts'
import type { Finding, Values } from './finding.ts'
import type { Entry } from './file.ts'

/** Go quotes the value in its message nearly as JSON does; what JSON cannot read is not looked for. */
function unquoteGo(text: string): string | undefined {
  try {
    return JSON.parse(text) as string
  } catch {
    return undefined
  }
}

/**
 * Why Compose refused the file, with the line. Its own message is not repeated, because it quotes the value.
 *
 * @returns undefined when the message is not about the env file
 */
export function explainRefusal(stderr: string, entries: readonly Entry[]): Finding | undefined {
  const about = (entry: Entry | undefined, message: string, hint: string): Finding => finding('E01', { line: entry?.line, setting: entry?.name, message, hint })
  const [, template] = /Invalid template: (".*")$/s.exec(stderr.trimEnd()) ?? []
  if (template !== undefined) {
    const text = unquoteGo(template)
    const entry = entries.find(({ raw }) => text !== undefined && raw.includes(text))
    return about(entry, `${entry?.name ?? 'A value'} has a $ that Compose cannot interpret.`, 'Put the value in single quotes, or write $$ where a $ is meant.')
  }
  const [, wanted] = /required variable (\w+) is missing a value/.exec(stderr) ?? []
  if (wanted !== undefined) {
    const entry = entries.find(({ raw }) => raw.includes(`\${${wanted}`))
    return about(entry, `${entry?.name ?? 'A value'} refers to ${wanted}, which has no value on the lines above it.`, `Set ${wanted} above, or delete the reference.`)
  }
  // Compose's own words alone: the shell that finds no docker names a line of its own.
  const [, line] = /^(?:failed to read .*: )?line (\d+): /m.exec(stderr) ?? []
  return line === undefined ? undefined : finding('E01', { line: Number(line), message: 'Compose cannot read this line.', hint: 'Compare it with .env.docker.example.' })
}

/**
 * The environment of the child: what Docker needs to start, and nothing else, so that a reference such as
 * `$USER` in the file means the same on every machine.
 */
export function bareEnvironment(): Record<string, undefined> {
  const needed = new Set(['PATH', 'HOME', 'DOCKER_CONFIG'])
  return Object.fromEntries(Object.keys(process.env).flatMap((name) => (needed.has(name) ? [] : [[name, undefined]])))
}

const readerFile = fileURLToPath(new URL('reader.yaml', import.meta.url))

export interface Reading {
  values: Values
  /** Why Compose refused the file. */
  refusal: Finding | undefined
  /** Why Compose could not be asked. */
  unanswered: string | undefined
}

const withoutPlugin = /unknown (?:shorthand )?flag: [^]*docker --help'|'compose' is not a docker command|unknown command: docker compose/

/** Why there is no answer: the first line that is no warning, up to the first quote, because what is quoted may be a value. */
export function reasonOf({ exitCode, stderr }: Pick<Result, 'exitCode' | 'stderr'>): string {
  if (exitCode === 127) return 'docker is not installed'
  if (withoutPlugin.test(stderr)) return 'the Compose plugin is not installed'
  const line = stderr.split('\n').find((text) => text.trim() !== '' && !text.startsWith('time='))
  return line?.split('"', 1)[0]?.trim() || 'it gave no answer'
}

/**
 * Reads all values of an env file: by Compose; or, when it is not there or refuses the file, by dotenv, and then
 * without those values that the two read differently.
 */
export async function readValues(path: string, text: string, entries: readonly Entry[]): Promise<Reading> {
  // zx takes a while to load: only when there is something to ask.
  const { capture } = await import('../engine/docker.ts')
  // Without --env-file: what the file says about Compose itself (COMPOSE_FILE …) would else apply to this call.
  const answer = await capture(['compose', '--file', readerFile, 'config', '--format', 'json'], {
    env: { ...bareEnvironment(), ENV_READER_FILE: path }, timeoutMs: 10_000,
  })
  if (answer.exitCode === 0) {
    // Compose writes every $ as $$, and a name without a value as null.
    const { services } = JSON.parse(answer.stdout.replaceAll('$$', () => '$')) as { services: { reader: { environment?: Record<string, string | null> } } }
    const values = Object.entries(services.reader.environment ?? {}).flatMap(([name, value]) => (value === null ? [] : [[name, value]]))
    return { values: Object.fromEntries(values) as Values, refusal: undefined, unanswered: undefined }
  }
  const { parse } = await import('dotenv')
  const alike = new Set(entries.filter(({ raw }) => !/[$#\\`]/.test(raw)).map(({ name }) => name))
  const values = Object.fromEntries(Object.entries(parse(text)).filter(([name]) => alike.has(name)))
  const refusal = answer.exitCode === 127 ? undefined : explainRefusal(answer.stderr, entries)
  return { values, refusal, unanswered: refusal ? undefined : reasonOf(answer) }
}
