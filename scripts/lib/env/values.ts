/**
 * The values of an env file as Compose reads them. Compose has its own rules for quotes, `#`, `$` and escapes,
 * which no npm package shares; so Compose itself is asked, once, for all of them.
 */
import { parseModel } from '../compose/model.ts'
import { capture, type Result } from '../engine/docker.ts'
import type { Values } from '../engine/machine.ts'
import type { Entry } from './file.ts'
import type { Found } from './subject.ts'

/** Why Compose refused the file, if it did. Its own message is not repeated, because it quotes the value. */
export function explainRefusal(stderr: string, entries: readonly Entry[]): Found | undefined {
  // The second message is about ${NAME:?}, if NAME has no value on the lines above.
  const [, template, wanted] = /Invalid template: "(.*)"$|required variable (\w+) is missing/s.exec(stderr.trimEnd()) ?? []
  const refused = template ?? (wanted && `\${${wanted}`)
  if (refused !== undefined) {
    // Go writes some characters as escapes, so the text between them is looked for.
    const pieces = refused.split(/\\./)
    const { line, name } = entries.find(({ raw }) => pieces.every((piece) => raw.includes(piece))) ?? {}
    const hint = 'If the $ is literal, write $$ or put the value in single quotes. If not, set what it refers to on a line above.'
    return { code: 'E01', line, setting: name, message: `${name ?? 'A value'} has a $ that Compose cannot interpret.`, hint }
  }
  // Only Compose's own words count: a shell that finds no docker names a line too.
  const [, line] = /^(?:failed to read .*: )?line (\d+): /m.exec(stderr) ?? []
  const hint = 'Compare it with .env.docker.example.'
  return line === undefined ? undefined : { code: 'E01', line: Number(line), message: 'Compose cannot read this line.', hint }
}

/** Asks Compose, with only what Docker needs of the shell, so that `$USER` in the file means the same everywhere. */
export async function askCompose(args: readonly string[], file: string, input?: string) {
  const others = Object.keys(process.env).filter((name) => !['PATH', 'HOME', 'SHLVL', 'DOCKER_CONFIG'].includes(name))
  const env = { ...Object.fromEntries(others.map((name) => [name, undefined])), ENV_READER_FILE: file }
  const answer = await capture(['compose', ...args, 'config', '--format', 'json'], { env, timeoutMs: 10_000, ...(input && { input }) })
  const isKnown = answer.exitCode === 0 && answer.stdout.trim() !== ''
  return { ...answer, model: isKnown ? parseModel(answer.stdout) : undefined }
}

export type Reading = Awaited<ReturnType<typeof readValues>>

const withoutPlugin = /unknown (?:shorthand )?flag: [^]*docker --help'|'compose' is not a docker command|unknown command: docker compose/

/** Why there is no answer: the first line that is not a warning, up to the first quote, which may begin a value. */
export function reasonOf({ exitCode, stderr }: Pick<Result, 'exitCode' | 'stderr'>): string {
  if (exitCode === 127) return 'docker is not installed'
  if (withoutPlugin.test(stderr)) return 'the Compose plugin is not installed'
  const line = stderr.split('\n').find((text) => text.trim() !== '' && !text.startsWith('time='))
  return line?.split('"', 1)[0]?.trim() || 'it gave no answer'
}

/** Asks Compose for the values. If it is missing or refuses: why, and the values that mean the same to every reader. */
export async function readValues(path: string, entries: readonly Entry[]) {
  // The file is the environment of a service. It is not an --env-file: what it says about Compose itself (COMPOSE_FILE
  // …) would apply to this call. Without /dev/null, a .env in the folder would apply too.
  const reader = JSON.stringify({ services: { reader: { image: 'none', env_file: '${ENV_READER_FILE}' } } })
  const answer = await askCompose(['--file', '-', '--env-file', '/dev/null'], path, reader)
  if (answer.model) {
    // A name without a value is null.
    const values = Object.entries(answer.model.services.reader?.environment ?? {}).filter(([, value]) => value !== null)
    return { values: Object.fromEntries(values) as Values, refusal: undefined, unanswered: undefined }
  }
  const { parse } = await import('dotenv')
  const alike = entries.filter(({ raw }) => !/[$#\\`]/.test(raw)).map(({ name, raw }) => [name, parse(`${name}=${raw}`)[name] ?? ''])
  const refusal = answer.exitCode === 127 ? undefined : explainRefusal(answer.stderr, entries)
  return { values: Object.fromEntries(alike) as Values, refusal, unanswered: refusal ? undefined : reasonOf(answer) }
}
