/** Where the images of a stack come from: a registry that answers, or else our own stand-ins. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { capture, lastLines, pullImage } from './docker.ts'
import { CliError, ExitCode } from '../errors.ts'
import { extraCaFile, valueOf } from './network.ts'
import { stopIfInterrupted } from '../interrupt.ts'
import { foreignImages } from '../compose/model.ts'
import type { Model } from '../compose/model.ts'
import { explainRefusal, faultOfRegistry, judgeRefusal } from './registry.ts'
import type { Verdict } from './registry.ts'
import { envFile as ownEnvFile } from '../env/settings.ts'
import { writeSecretly } from '../env/write.ts'
import type { Stack } from '../compose/stack.ts'
import { readModel } from '../compose/stack.ts'
import { ensureStandIns, insteadOfStandIn, isStandIn, overlay, recipeFor, selectStandIns, shortName, stoodFor, withOverlay } from '../../../extras/offline/stand-ins.ts'
import { step, warn } from '../terminal.ts'

/** A registry whose first word takes longer than this is treated as one that is not there. */
const PATIENCE_MS = 8000

/** One that somebody chose may be slow: there is nothing else to go on with. */
const PATIENCE_WITH_CHOSEN_MS = 20_000

/** Those that are not on this machine, by one question. */
export async function missing(images: readonly string[]): Promise<string[]> {
  if (images.length === 0) return []
  const { exitCode, stdout } = await capture(['image', 'inspect', '--format', '{{join .RepoTags "\\n"}}', ...images])
  // A name without a tag, or with a digest, is among nobody's tags.
  if (exitCode === 0) return []
  const there = new Set(stdout.split('\n'))
  return images.filter((image) => !there.has(shortName(image)))
}

/**
 * What the stand-ins cannot give: an image that somebody chose and that has none, or that the overlay would replace by
 * another one's, and one that it leaves alone and that is missing. Pure.
 *
 * @param wanted the images of the stack; `selected` those with the overlay; `absent` those that are not here
 */
export function withoutStandIn(wanted: readonly string[], selected: readonly string[], absent: readonly string[]): string[] {
  const stood = new Set(selected.filter(isStandIn).map((standIn) => shortName(stoodFor(standIn))))
  return wanted.filter((image) => {
    if (isStandIn(image)) return false
    if (selected.includes(image)) return absent.includes(image)
    return !recipeFor(image) || !stood.has(shortName(image))
  })
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
  verdict: Verdict,
): Promise<{ stack: Stack; model: Model }> {
  const chosen = { ...stack, env: { ...stack.env, COMPOSE_FILE: withOverlay(values.COMPOSE_FILE) } }
  const changed = await readModel(chosen)
  const strangers = withoutStandIn(foreignImages(model), foreignImages(changed), absent)
  if (strangers.length > 0) {
    throw new CliError(`No registry answers for ${absent[0]}, and there is no stand-in for ${strangers.join(', ')}.`, {
      hint: insteadOfStandIn(),
      exitCode: ExitCode.docker,
    })
  }
  const reason = verdict === 'silent' ? 'No registry answers' : 'The engine does not trust the registry that answers'
  warn(`${reason} for ${absent[0]}: stand-ins from Debian packages are used instead.`)
  await ensureStandIns(foreignImages(changed).filter(isStandIn), values)
  if (stack.envFile !== ownEnvFile) return { stack: chosen, model: changed }

  // Only now, when they are there: a file that names images which cannot be had would stop every later run.
  await writeSecretly(stack.envFile, selectStandIns(await readFile(stack.envFile, 'utf8')))
  warn(`${stack.envFile} says so now: COMPOSE_FILE names ${overlay}. Take that out to go back to the official images.`)
  return { stack, model: changed }
}

/** A pull that came to nothing. */
class Refused extends Error {
  readonly verdict: Verdict
  readonly said: string

  constructor(verdict: Verdict, said: string) {
    super(said)
    this.verdict = verdict
    this.said = said
  }
}

/**
 * Pulls one image. The engine is asked, because it may know mirrors and certificates that its client does not.
 *
 * @returns why it is not there
 */
async function pull(image: string, patienceMs: number): Promise<Refused | undefined> {
  try {
    await step(`Pulling ${image}`, async (report) => {
      const { exitCode, stderr } = await pullImage(image, patienceMs, report)
      stopIfInterrupted()
      if (exitCode !== 0) throw new Refused(exitCode === null ? 'silent' : judgeRefusal(stderr), stderr)
    })
    return undefined
  } catch (error) {
    if (error instanceof Refused) return error
    throw error
  }
}

/** @throws CliError (exit code 3) for what can be seen to be wrong without asking anybody */
function checkSettings(values: Record<string, string | undefined>): void {
  const fault = faultOfRegistry(valueOf('IMAGE_REGISTRY', values, process.env) ?? 'docker.io')
  if (fault) {
    const hint = 'For example: IMAGE_REGISTRY=mirror.example:5000/hub'
    throw new CliError(`IMAGE_REGISTRY names no registry: ${fault}.`, { hint, exitCode: ExitCode.config })
  }
  const caFile = extraCaFile(values, process.env)
  if (caFile && !existsSync(caFile)) {
    const hint = 'Correct it in .env.docker, or leave it empty.'
    throw new CliError(`EXTRA_CA_FILE names ${caFile}, and there is no such file.`, { hint, exitCode: ExitCode.config })
  }
}

/**
 * Makes sure that every image which is not built from the Dockerfile is on this machine.
 *
 * @param options.build false when nothing is going to be built, so that no base image is needed
 * @returns the stack and its model, changed when stand-ins had to be selected
 * @throws CliError exit code 3 for a setting that cannot work; 4 when an image is refused by its registry, when the
 *   one that somebody chose does not answer, or when a stand-in cannot be built
 */
export async function ensureImages(
  stack: Stack,
  model: Model,
  values: Record<string, string | undefined>,
  { build = true }: { build?: boolean } = {},
): Promise<{ stack: Stack; model: Model }> {
  checkSettings(values)
  const used = new Set(Object.values(model.services).map(({ image }) => image))
  const images = foreignImages(model).filter((image) => build || used.has(image))
  const standIns = images.filter(isStandIn)
  if (standIns.length > 0) await ensureStandIns(standIns, values)

  const absent = await missing(images.filter((image) => !isStandIn(image)))
  const imageRegistry = valueOf('IMAGE_REGISTRY', values, process.env)
  for (const [index, image] of absent.entries()) {
    const refusal = await pull(image, imageRegistry ? PATIENCE_WITH_CHOSEN_MS : PATIENCE_MS)
    if (!refusal) continue
    const { verdict, said } = refusal
    // Who named a registry wants its images, and nobody is given others without a word.
    if (!imageRegistry && (verdict === 'silent' || verdict === 'distrusted')) {
      return useStandIns(stack, model, values, absent.slice(index), verdict)
    }
    const { message, hint } = explainRefusal(verdict, { image, imageRegistry })
    throw new CliError(message, { details: lastLines(said, 3), hint, exitCode: ExitCode.docker })
  }
  return { stack, model }
}
