/** What the Docker tests find ready: an engine, and the images that every stack begins with. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureImages } from './images.ts'
import { openStack } from './open-stack.ts'
import { initEnvFile } from './settings.ts'
import { pythonImage } from './model.ts'
import { overlay } from './stand-ins.ts'

/**
 * Finds or sets up an engine, and pulls or builds the images.
 *
 * @param profiles whose services the images are for; with '' there is only the base of the application's image
 * @returns the environment of the tests: TEST_COMPOSE_FILES is what they put into COMPOSE_FILE,
 *   TEST_PYTHON_IMAGE the base of images of their own
 */
export async function prepareImages({ profiles = '*' }: { profiles?: string } = {}): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'stack-'))
  const file = join(folder, 'env')
  try {
    await writeFile(file, `COMPOSE_PROJECT_NAME=prepare\nCOMPOSE_PROFILES=${profiles}\n`)
    await initEnvFile(file)
    const { stack, model, settings } = await openStack(file)
    const chosen = await ensureImages(stack, model, settings.values)
    const development = 'compose.yaml:compose.override.yaml'
    return {
      TEST_COMPOSE_FILES: chosen.stack.env.COMPOSE_FILE ? `${development}:${overlay}` : development,
      TEST_EXTRA_CA_FILE: settings.values.EXTRA_CA_FILE ?? '',
      TEST_PYTHON_IMAGE: pythonImage(chosen.model),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
