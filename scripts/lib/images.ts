/** Where the images of a stack come from: a registry that answers, or else our own stand-ins. */
import { readFile, writeFile } from 'node:fs/promises'
import { capture, stream } from './docker.ts'
import { CliError, ExitCode } from './errors.ts'
import { foreignImages } from './model.ts'
import type { Model } from './model.ts'
import { envFile as ownEnvFile } from './settings.ts'
import type { Stack } from './stack.ts'
import { readModel } from './stack.ts'
import { ensureStandIns, isStandIn, overlay, selectStandIns } from './stand-ins.ts'
import { warn } from './terminal.ts'

/** A registry that does not answer within this time is treated as one that is not there. */
const PROBE_LIMIT_MS = 8000

/**
 * What the answer to a look-up says: the image is there; the registry is, but refuses; or nobody answers. Pure.
 */
export function judgeProbe(exitCode: number | null, stderr: string): 'there' | 'refused' | 'silent' {
  if (exitCode === 0) return 'there'
  const refusal = /no such manifest|manifest unknown|not found: |denied|unauthorized|toomanyrequests|too many requests/i
  return refusal.test(stderr) ? 'refused' : 'silent'
}

async function missing(images: readonly string[]): Promise<string[]> {
  if (images.length === 0) return []
  const { exitCode, stdout } = await capture(['image', 'inspect', '--format', '{{join .RepoTags "\\n"}}', ...images])
  // A name without a tag, or with a digest, is among nobody's tags.
  if (exitCode === 0) return []
  const there = new Set(stdout.split('\n'))
  return images.filter((image) => !there.has(image.replace(/^docker\.io\/(library\/)?/, '')))
}

/**
 * Selects the stand-ins for this stack. In the project's own .env.docker it is written down, so that plain
 * Compose commands do the same; any other env file is somebody's, and only this run is told.
 */
async function chooseStandIns(stack: Stack, values: Record<string, string | undefined>, image: string): Promise<Stack> {
  if (stack.envFile === ownEnvFile) {
    await writeFile(stack.envFile, selectStandIns(await readFile(stack.envFile, 'utf8')))
    warn(`No registry answers for ${image}: stand-ins from Debian packages are used instead.`)
    warn(`${stack.envFile} says so now: COMPOSE_FILE names ${overlay}. Take that out to go back to the official images.`)
    return stack
  }
  warn(`No registry answers for ${image}: stand-ins from Debian packages are used in this run (${overlay}).`)
  const files = values.COMPOSE_FILE || 'compose.yaml:compose.override.yaml'
  return { ...stack, env: { ...stack.env, COMPOSE_FILE: `${files}:${overlay}` } }
}

/**
 * Makes sure that every image which is not built from the Dockerfile is on this machine.
 *
 * @returns the stack and its model, changed when stand-ins had to be selected
 * @throws CliError (exit code 4) when an image is refused by its registry, or a stand-in cannot be built
 */
export async function ensureImages(
  stack: Stack,
  model: Model,
  values: Record<string, string | undefined>,
): Promise<{ stack: Stack; model: Model }> {
  const images = foreignImages(model)
  const standIns = images.filter(isStandIn)
  if (standIns.length > 0) await ensureStandIns(standIns, values)

  const [first, ...others] = await missing(images.filter((image) => !isStandIn(image)))
  if (first === undefined) return { stack, model }

  const probe = await capture(['manifest', 'inspect', first], { timeoutMs: PROBE_LIMIT_MS })
  if (judgeProbe(probe.exitCode, probe.stderr) === 'silent') {
    const chosen = await chooseStandIns(stack, values, first)
    const changed = await readModel(chosen)
    await ensureStandIns(foreignImages(changed).filter(isStandIn), values)
    return { stack: chosen, model: changed }
  }
  for (const image of [first, ...others]) {
    if ((await stream(['pull', image])) === 0) continue
    throw new CliError(`The image ${image} could not be pulled.`, {
      hint: 'Its registry answers, so the name, the tag or the permission is wrong: compare the …_IMAGE settings in .env.docker, or log in with docker login.',
      exitCode: ExitCode.docker,
    })
  }
  return { stack, model }
}
