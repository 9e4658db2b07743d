/** Prepares what the Docker tests need: an engine, and the images that every stack starts with. */
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureImages } from '../../scripts/lib/engine/images.ts'
import { openStack, readModel } from '../../scripts/lib/compose/stack.ts'
import { fillEnvFile } from '../../scripts/lib/env/write.ts'
import { withValues } from '../env-values.ts'
import { standInOverlay as overlay } from '../../scripts/lib/rooms.ts'

/**
 * Pulls or builds what the examples need in addition to the defaults, such as another Python. No test does that itself.
 *
 * @param folder for copies of their env files
 * @param overlays what is added to the COMPOSE_FILE of each, so that no registry is asked a second time
 */
async function prepareExamples(folder: string, overlays: string): Promise<void> {
  for (const name of await readdir('template/examples')) {
    const own = `template/examples/${name}/env.docker`
    if (!existsSync(own)) continue
    const file = join(folder, name)
    // The example's own test makes its CA.
    await writeFile(file, withValues(await readFile(own, 'utf8'), { APP_CA_FILE: '' }))
    const { stack, settings } = await openStack(file)
    const files = `${settings.values.COMPOSE_FILE ?? 'compose.yaml'}${overlays}`
    const chosen = { ...stack, env: { ...stack.env, COMPOSE_FILE: files } }
    await ensureImages(chosen, await readModel(chosen), settings.values)
  }
}

/**
 * Finds or sets up an engine, and pulls or builds the images.
 *
 * @param profiles whose services the images are for; with '' there is only the base of the application's image
 * @param examples what the examples want as well
 * @returns the environment of the tests: TEST_COMPOSE_FILES is what they put into COMPOSE_FILE,
 *   TEST_PYTHON_IMAGE the base of images of their own
 */
export async function prepareImages({ profiles = '*', examples = false } = {}): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'stack-'))
  const file = join(folder, 'env')
  try {
    await fillEnvFile(file)
    await writeFile(file, withValues(await readFile(file, 'utf8'), { COMPOSE_PROJECT_NAME: 'prepare' }))
    const { stack, settings } = await openStack(file)
    // Not as a setting, because no stack may have all of them, such as two databases under one name.
    const wanted = { ...stack, env: { ...stack.env, COMPOSE_PROFILES: profiles } }
    const chosen = await ensureImages(wanted, await readModel(wanted), settings.values)
    const overlays = chosen.stack.env.COMPOSE_FILE ? `:${overlay}` : ''
    if (examples) await prepareExamples(folder, overlays)
    return {
      TEST_COMPOSE_FILES: `compose.yaml:compose.override.yaml${overlays}`,
      TEST_EXTRA_CA_FILE: settings.values.EXTRA_CA_FILE ?? '',
      TEST_PYTHON_IMAGE: chosen.model.services.migrate?.build?.args?.PYTHON_IMAGE ?? '',
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
