/** The figures of the production image: its size, and what it costs to build it again. All in the copy. */
import { randomBytes } from 'node:crypto'
import { appendFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { read } from '../../scripts/lib/engine/docker.ts'
import { CliError } from '../../scripts/lib/errors.ts'
import { valueOf } from '../../scripts/lib/engine/machine.ts'
import { compose, type Stack } from '../../scripts/lib/compose/stack.ts'
import { step } from '../../scripts/lib/terminal.ts'
import { buildArguments, secretVariables } from './bench-model.ts'
import type { Measured } from './figures.ts'
import { parseHistory, partsOver, SURPLUS } from './layers.ts'
import { inTurn, timeDocker } from './timing.ts'
import { plainImage, productionModel, type Workshop } from './workshop.ts'

/** The images of the stack and of production; with the production overlay they are one. */
export async function buildImages({ stack, production }: Workshop): Promise<void> {
  for (const [title, one] of [['Building the image of the stack', stack], ['Building the production image', production]] as const) {
    await step(title, () => timeDocker(compose(one, 'build'), { env: one.env }))
  }
}

/** A comment that no build has seen, so nothing after it is in a cache. It is valid in Python and TOML. */
const change = (file: string): Promise<void> => appendFile(file, `# ${randomBytes(8).toString('hex')}\n`)

/** One source file of the application, the same in every run. */
async function anySource(folder: string): Promise<string> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.py'))
  const [first] = files.toSorted((a, b) => a.length - b.length || a.localeCompare(b))
  if (first === undefined) throw new CliError(`There is no Python file in ${folder}, so no line can be changed.`)
  return join(folder, first)
}

async function rebuild(workshop: Workshop, runs: number, file: string, settings: Record<string, string>): Promise<Measured> {
  const { production, project, settings: { values } } = workshop
  const model = await productionModel(workshop, settings)
  const plain = buildArguments(model, plainImage(project))
  const env = Object.fromEntries(secretVariables(model).map((name) => [name, valueOf(name, values, process.env) ?? '']))
  const own: Stack = { ...production, env: { ...production.env, ...settings } }
  const changed = (build: () => Promise<number>) => async (): Promise<number> => {
    await change(file)
    return build()
  }
  return inTurn(
    runs,
    changed(() => timeDocker(compose(own, 'build'), { env: own.env })),
    changed(() => timeDocker(plain, { env })),
  )
}

export async function sourceRebuild(workshop: Workshop, runs: number): Promise<Measured> {
  return rebuild(workshop, runs, await anySource(workshop.settings.values.APP_DIR || 'app'), {})
}

/** A small package without dependencies. */
const NEW_DEPENDENCY = 'humanize==4.12.3'

/**
 * The dependency goes into PYTHON_EXTRA_PACKAGES, which every installer honours; the comment in the manifest makes
 * each run install all of it again, as a change of the manifest does.
 */
export async function dependencyRebuild(workshop: Workshop, runs: number): Promise<Measured> {
  const { APP_DIR, PYTHON_MANIFEST, PYTHON_EXTRA_PACKAGES = '' } = workshop.settings.values
  const manifest = join(APP_DIR || 'app', PYTHON_MANIFEST || 'requirements.txt')
  return rebuild(workshop, runs, manifest, { PYTHON_EXTRA_PACKAGES: `${PYTHON_EXTRA_PACKAGES} ${NEW_DEPENDENCY}`.trim() })
}

/** What the image adds to its base, layer by layer, and the part that has no known cause. */
export async function imageSize(workshop: Workshop): Promise<{ image: Measured; surplus: Measured }> {
  const model = await productionModel(workshop)
  const image = Object.values(model.services).find(({ build }) => build)?.image ?? ''
  const history = async (name: string): Promise<string> => read(['history', '--no-trunc', '--human=false', '--format', 'json', name])
  const [own, base] = await Promise.all([image, model.services.migrate?.build?.args?.PYTHON_IMAGE ?? ''].map(history))
  const parts = partsOver(parseHistory(own!), parseHistory(base!).length)
  const sum = parts.reduce((total, { value }) => total + value, 0)
  const surplus = parts.find(({ name }) => name === SURPLUS)?.value ?? 0
  return { image: { samples: [sum], parts }, surplus: { samples: [surplus] } }
}
