/** `docker compose config` of every variant: by the engine's own Compose, and by the one in the linters' image. */
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { $ } from 'zx/core'
import { complaints, environmentOf, profilesOf, snapshots, variants, withoutExtensions } from './compose-variants.ts'
import type { Outcome, Variant } from './compose-variants.ts'
import { capture, read } from '../../scripts/lib/engine/docker.ts'

const folder = 'template/lint/config'

export type Configs = readonly (readonly [Variant, Outcome])[]

/** Runs as many at a time as there are processors. Returns the results in the order of the items. */
async function sideBySide<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await run(item)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return results
}

const knownProfiles = async (): Promise<string[]> => profilesOf(await readFile('compose.yaml', 'utf8'))

/** Whether Compose accepts every variant, without a warning. */
export function judgeConfigs(configs: Configs): Outcome {
  const stdout = complaints(configs)
  return { exitCode: stdout === '' ? 0 : 1, stdout, stderr: '' }
}

/** What the engine's own Compose makes of every variant. */
export async function readOwnConfigs(): Promise<Configs> {
  const args = ['compose', '--env-file', '.env.docker.example', 'config', '--quiet']
  const all = variants(await knownProfiles())
  return sideBySide(all, async (variant) => [variant, await capture(args, { env: environmentOf(variant) })] as const)
}

/** What the Compose of the linters' image makes of every variant; `run` is how a tool is run in there. */
export async function readConfigs(run: readonly string[]): Promise<Configs> {
  const all = variants(await knownProfiles())
  const environments = JSON.stringify(all.map((variant) => environmentOf(variant)))
  const outcomes = JSON.parse(await read([...run, 'template/lint/compose_configs.py', environments])) as Outcome[]
  return all.map((variant, index) => [variant, outcomes[index]!])
}

const snapshotText = ({ files, profiles }: Variant, config: string): string =>
  `# What Compose makes of COMPOSE_FILE=${files} and COMPOSE_PROFILES=${profiles}
# with the defaults of .env.docker.example. Written by: npm run lint -- --update
${withoutExtensions(config)}`

/** The lines in which a snapshot differs from what Compose says now; nothing when it is up to date. */
export async function difference(file: string, text: string): Promise<string> {
  const old = await readFile(file, 'utf8').catch(() => null)
  if (old === text) return ''
  if (old === null) return `${file} does not exist.`
  const { stdout } = await $({ quiet: true, nothrow: true, input: text })`git diff --no-index --no-color --unified=1 -- ${file} -`
  const [, ...changes] = stdout.split(/^(?=@@)/m)
  return [file, ...changes.join('').trimEnd().split('\n').slice(0, 40)].join('\n')
}

/** Whether the reviewed files of template/lint/config are what Compose makes today. `update` writes them again. */
export async function checkSnapshots(configs: Configs, update: boolean): Promise<Outcome> {
  const wanted = Object.entries(snapshots(await knownProfiles()))
  const differences = await Promise.all(
    wanted.map(async ([name, title]) => {
      const [variant, { exitCode, stdout }] = configs.find(([one]) => one.title === title)!
      if (exitCode !== 0) return `${title}: Compose does not take it.`
      const file = `${folder}/${name}`
      const text = snapshotText(variant, stdout)
      if (update) await writeFile(file, text)
      return difference(file, text)
    }),
  )
  const stdout = differences.filter(Boolean).join('\n\n')
  const stderr = stdout && '\n\nIf that is meant: npm run lint -- --update writes them anew, and git diff shows the change.'
  return { exitCode: stdout === '' ? 0 : 1, stdout, stderr }
}
