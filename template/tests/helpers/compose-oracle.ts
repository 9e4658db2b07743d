/** How Compose itself reads an env file, to compare ours with: this machine's Compose, and another in TEST_COMPOSE. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { capture } from '../../../scripts/lib/engine/docker.ts'
import { readLines, type EnvLines } from '../../../scripts/lib/env/file.ts'
import { readValues, type Reading } from '../../../scripts/lib/env/values.ts'

const folder = mkdtempSync(join(tmpdir(), 'compose oracle '))
afterAll(() => rmSync(folder, { recursive: true }))

const own = process.env.PATH ?? ''

/** A PATH with a `docker` in front that is this docker-compose. */
function pathOf(command: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'docker'), `#!/bin/sh\nshift\nexec '${command}' "$@"\n`)
  chmodSync(join(bin, 'docker'), 0o755)
  return [bin, own].join(delimiter)
}

/** The Compose versions to ask, each with the PATH that finds it. */
export const composes: readonly (readonly [version: string, path: string])[] = [own, ...(process.env.TEST_COMPOSE ? [pathOf(process.env.TEST_COMPOSE)] : [])].flatMap((path) => {
  const { status, stdout } = spawnSync('docker', ['compose', 'version', '--short'], { env: { ...process.env, PATH: path }, encoding: 'utf8' })
  return status === 0 ? [[stdout.trim(), path] as const] : []
})

export interface Told {
  /** True if Compose refuses the file. */
  isRefused: boolean
  /** The line that it names. */
  line: number | undefined
  values: Record<string, string>
}

let count = 0

/** What Compose puts in for `${NAME}` when the text is its env file. */
export async function ask(path: string, text: string, names: readonly string[]): Promise<Told> {
  const base = join(folder, String((count += 1)))
  const environment = Object.fromEntries(names.map((name) => [name, `\${${name}-UNSET}`]))
  writeFileSync(`${base}.env`, text)
  writeFileSync(`${base}.yaml`, JSON.stringify({ services: { reader: { image: 'none', environment } } }))
  const bare = Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined]))
  const { exitCode, stdout, stderr } = await capture(['compose', '--env-file', `${base}.env`, '--file', `${base}.yaml`, 'config', '--format', 'json'], {
    env: { ...bare, PATH: path, HOME: process.env.HOME, DOCKER_CONFIG: process.env.DOCKER_CONFIG },
  })
  if (exitCode !== 0) return { isRefused: true, line: Number(/line (\d+):/.exec(stderr)?.[1]) || undefined, values: {} }
  const { services } = JSON.parse(stdout) as { services: { reader: { environment?: Record<string, string> } } }
  const values = Object.entries(services.reader.environment ?? {}).filter(([, value]) => value !== 'UNSET')
  return { isRefused: false, line: undefined, values: Object.fromEntries(values.map(([name, value]) => [name, value.replaceAll('$$', '$')])) }
}

/** What we say of the same text, with the Compose that is first on PATH: see `useCompose`. */
export async function weSay(text: string): Promise<EnvLines & Reading> {
  const file = join(folder, `${(count += 1)}.env`)
  writeFileSync(file, text)
  const lines = readLines(text)
  const reading = await readValues(file, lines.entries)
  // On a busy machine the first answer may come too late.
  return { ...lines, ...(reading.unanswered ? await readValues(file, lines.entries) : reading) }
}

/** Makes our own code find this Compose, until the surrounding tests are over. */
export function useCompose(path: string): void {
  beforeAll(() => void (process.env.PATH = path))
  afterAll(() => void (process.env.PATH = own))
}

/** A few at a time: each starts a process. */
export async function forEach<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all([0, 1, 2].map(async () => {
    for (const item of queue) await run(item)
  }))
}
