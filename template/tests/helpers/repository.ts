/** What this repository consists of, for the tests that compare something with it. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parse } from 'yaml'
import type { Command } from '../../../scripts/lib/command.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import type { Script } from './markdown.ts'

export const root = fileURLToPath(new URL('../../..', import.meta.url))

export const readText = (file: string): string => readFileSync(`${root}/${file}`, 'utf8')

/** What git says, line by line. */
export const git = (...args: string[]): string[] =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split(/[\n\0]/).filter(Boolean)

/** Every file that is tracked, or would be with `git add .`, and is there. */
export const files: readonly string[] = git('ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate').filter((file) =>
  existsSync(`${root}/${file}`),
)

export const examples = files.filter((file) => /^(\.|extras\/[\w-]+\/)env\.docker\.example$/.test(file))
export const settings: readonly string[] = examples.flatMap((file) => parseSchema(readText(file), file).settings.map(({ name }) => name))

/** Every service of every Compose file. */
export const services: readonly string[] = files
  .filter((file) => /^(extras\/[\w-]+\/)?compose.*\.yaml$/.test(file))
  .flatMap((file) => Object.keys((parse(readText(file), { logLevel: 'silent' }) as { services: object }).services))

async function describeScript(file: string): Promise<Script> {
  const exported = Object.values((await import(pathToFileURL(`${root}/${file}`).href)) as Record<string, Command>)
  const command = exported.find((value) => typeof value?.run === 'function')
  if (!command) throw new Error(`${file} exports no command.`)
  const options = Object.entries({ ...command.options, help: { type: 'boolean', short: 'h' } })
  const names = ([name, { short }]: (typeof options)[number]): string[] => [`--${name}`, ...(short ? [`-${short}`] : [])]
  return {
    flags: options.flatMap((option) => names(option)),
    withValue: options.filter(([, { type }]) => type === 'string').flatMap((option) => names(option)),
    words: command.positionals?.choices ?? [],
  }
}

/** The scripts of package.json: what each takes, or null for one that is no file of scripts/. */
export async function npmScripts(): Promise<Map<string, Script | null>> {
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  const entries = Object.entries(scripts).map(async ([name, line]) => {
    const script = /scripts\/[\w-]+\.ts/.exec(line)?.[0]
    return [name, script ? await describeScript(script) : null] as const
  })
  return new Map(await Promise.all(entries))
}
