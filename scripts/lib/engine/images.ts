/** Where the images of a stack come from: a registry that answers, or else the stand-ins of extras/offline. */
import { existsSync } from 'node:fs'
import { capture, lastLines, pullImage } from './docker.ts'
import { CliError, ExitCode } from '../errors.ts'
import { extraCaFile, valueOf } from './machine.ts'
import { isStandIn, loadOfflineRoom } from './offline-room.ts'
import { stopIfInterrupted } from '../interrupt.ts'
import { foreignImages } from '../compose/model.ts'
import type { Model } from '../compose/model.ts'
import { explainRefusal, faultOfRegistry, judgeRefusal } from './registry.ts'
import type { Verdict } from './registry.ts'
import type { Stack } from '../compose/stack.ts'
import { step } from '../terminal.ts'

/** A registry whose first word takes longer than this is treated as one that is not there. */
const PATIENCE_MS = 8000

/** One that somebody chose may be slow: there is nothing else to go on with. */
const PATIENCE_WITH_CHOSEN_MS = 20_000

/** An image's name as Docker shows it: what Docker Hub is and has is left out. */
export const shortName = (image: string): string => image.replace(/^docker\.io\//, '').replace(/^library\//, '')

/** Those that are not on this machine, by one question. */
export async function missing(images: readonly string[]): Promise<string[]> {
  if (images.length === 0) return []
  const { exitCode, stdout } = await capture(['image', 'inspect', '--format', '{{join .RepoTags "\\n"}}', ...images])
  // A name without a tag, or with a digest, is among nobody's tags.
  if (exitCode === 0) return []
  const there = new Set(stdout.split('\n'))
  return images.filter((image) => !there.has(shortName(image)))
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

/** After which answers stand-ins may serve. */
const reasons: Partial<Record<Verdict, string>> = {
  silent: 'No registry answers',
  distrusted: 'The engine does not trust the registry that answers',
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
  const room = await loadOfflineRoom()
  // Without the room they are images like any others, which no registry has.
  const standIns = room ? images.filter(isStandIn) : []
  if (standIns.length > 0) await room!.ensureStandIns(standIns, values)

  const absent = await missing(images.filter((image) => !standIns.includes(image)))
  const imageRegistry = valueOf('IMAGE_REGISTRY', values, process.env)
  for (const [index, image] of absent.entries()) {
    const refusal = await pull(image, imageRegistry ? PATIENCE_WITH_CHOSEN_MS : PATIENCE_MS)
    if (!refusal) continue
    const { verdict, said } = refusal
    // If IMAGE_REGISTRY is set, stand-ins are never used silently.
    const reason = imageRegistry ? undefined : reasons[verdict]
    const instead = reason && (await room?.useStandIns(stack, model, values, absent.slice(index), reason))
    if (instead) return instead
    const { message, hint } = explainRefusal(verdict, { image, imageRegistry })
    throw new CliError(message, { details: lastLines(said, 3), hint, exitCode: ExitCode.docker })
  }
  return { stack, model }
}
