/** Where the images of a stack come from: a registry that answers, or else our own stand-ins. */
import { readFile, writeFile } from 'node:fs/promises'
import { capture, stream } from './docker.ts'
import { CliError, ExitCode } from './errors.ts'
import { foreignImages } from './model.ts'
import type { Model } from './model.ts'
import { envFile as ownEnvFile } from './settings.ts'
import type { Stack } from './stack.ts'
import { readModel } from './stack.ts'
import { ensureStandIns, isStandIn, overlay, selectStandIns, standsFor } from './stand-ins.ts'
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
 * What the stand-ins cannot give: an image that somebody chose and that they would replace, or one that is missing
 * and has none. Pure.
 *
 * @param wanted the images of the stack; `selected` those with the overlay; `absent` those that are not here
 */
export function withoutStandIn(wanted: readonly string[], selected: readonly string[], absent: readonly string[]): string[] {
  const replaced = wanted.filter((image) => !selected.includes(image))
  const chosen = replaced.filter((image) => !isStandIn(image) && !standsFor.has(image))
  return [...chosen, ...absent.filter((image) => !replaced.includes(image))]
}

/**
 * Builds the stand-ins and selects them for this stack. In the project's own .env.docker it is written down, so
 * that plain Compose commands do the same; any other env file is somebody's, and only this run is told.
 */
async function useStandIns(
  stack: Stack,
  model: Model,
  values: Record<string, string | undefined>,
  absent: readonly string[],
): Promise<{ stack: Stack; model: Model }> {
  const files = values.COMPOSE_FILE || 'compose.yaml:compose.override.yaml'
  const chosen = { ...stack, env: { ...stack.env, COMPOSE_FILE: `${files}:${overlay}` } }
  const changed = await readModel(chosen)
  const strangers = withoutStandIn(foreignImages(model), foreignImages(changed), absent)
  if (strangers.length > 0) {
    throw new CliError(`No registry answers for ${absent[0]}, and there is no stand-in for ${strangers.join(', ')}.`, {
      hint: `Stand-ins exist for ${[...standsFor].join(', ')}. Try again with a network, or load the image with docker load.`,
      exitCode: ExitCode.docker,
    })
  }
  warn(`No registry answers for ${absent[0]}: stand-ins from Debian packages are used instead.`)
  await ensureStandIns(foreignImages(changed).filter(isStandIn), values)
  if (stack.envFile !== ownEnvFile) return { stack: chosen, model: changed }

  // Only now, when they are there: a file that names images which cannot be had would stop every later run.
  await writeFile(stack.envFile, selectStandIns(await readFile(stack.envFile, 'utf8')))
  warn(`${stack.envFile} says so now: COMPOSE_FILE names ${overlay}. Take that out to go back to the official images.`)
  return { stack, model: changed }
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

  const absent = await missing(images.filter((image) => !isStandIn(image)))
  const [first] = absent
  if (first === undefined) return { stack, model }

  const probe = await capture(['manifest', 'inspect', first], { timeoutMs: PROBE_LIMIT_MS })
  if (judgeProbe(probe.exitCode, probe.stderr) === 'silent') {
    return useStandIns(stack, model, values, absent)
  }
  for (const image of absent) {
    if ((await stream(['pull', image])) === 0) continue
    throw new CliError(`The image ${image} could not be pulled.`, {
      hint: 'Its registry answers, so the name, the tag or the permission is wrong: compare the …_IMAGE settings in .env.docker, or log in with docker login.',
      exitCode: ExitCode.docker,
    })
  }
  return { stack, model }
}
