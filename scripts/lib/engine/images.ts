/** Where the images of a stack come from: a registry that answers, or else the stand-ins of extras/offline. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { foreignImages, type Model } from '../compose/model.ts'
import type { ModelledStack, Stack } from '../compose/stack.ts'
import { CliError, ExitCode, stopIfInterrupted } from '../errors.ts'
import { isStandIn, loadOfflineRoom } from '../rooms.ts'
import { step } from '../terminal.ts'
import { capture, lastLines } from './docker.ts'
import { isFarEngine, valueOf, type Values } from './machine.ts'

/** The kinds of answer that need different remedies, by Docker's words: it has no codes. The first match counts. */
const signs = {
  // This is first, because the words for a missing proxy contain the words for a missing registry.
  other: /proxyconnect |proxy authentication required/i,
  distrusted: /x509: |tls: failed to verify|certificate signed by unknown authority/i,
  // Docker Hub answers "denied" also for a name that does not exist.
  refused: /no basic auth credentials|unauthorized|denied|forbidden|\b40[13]\b/i,
  unknown: /manifest unknown|name unknown|not found|\b404\b|: unknown:|no matching manifest/i,
  silent: /no such host|server misbehaving|dial tcp [^ ]*: i\/o timeout|connection refused|unreachable|no route to host/i,
  slow: /i\/o timeout|connection reset|deadline exceeded|request canceled|TLS handshake timeout|: EOF/i,
}

export type Verdict = keyof typeof signs

/** What Docker's words mean. Pure. */
export const judgeRefusal = (said: string): Verdict =>
  (Object.keys(signs) as Verdict[]).find((verdict) => signs[verdict].test(said)) ?? 'other'

/** The registry in an image's name: `docker.io` where none is named. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/')
  return rest.length > 0 && /[.:]|^localhost$/.test(first) ? first : 'docker.io'
}

/**
 * Whether the registry of an image cannot even be connected to. An engine with a proxy or a mirror reaches it by
 * another way than we do, and so does an engine on another machine: then only its own words count.
 */
export async function isOutOfReach(image: string): Promise<boolean> {
  const ways = '{{.HTTPProxy}}{{.HTTPSProxy}}{{with .RegistryConfig}}{{range .Mirrors}}{{.}}{{end}}{{end}}'
  if ((await isFarEngine()) || (await capture(['info', '--format', ways])).stdout.trim() !== '') return false
  const { hostname, port } = new URL(`https://${registryOf(image).replace(/^docker\.io$/, 'registry-1.docker.io')}`)
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) })
  return once(socket, 'connect', { signal: AbortSignal.timeout(5000) }).then(() => false, () => true).finally(() => socket.destroy())
}

/** Why an image could not be pulled, and what to do. Pure. */
export function explainRefusal(verdict: Verdict, image: string, imageRegistry?: string): { message: string; hint: string } {
  const host = registryOf(image)
  const where = imageRegistry ? `${host}, which IMAGE_REGISTRY names,` : host
  const names = imageRegistry
    ? 'The name is IMAGE_REGISTRY, a slash and the …_IMAGE setting: compare both in .env.docker. Docker Hub keeps its official images in library/.'
    : 'Compare the …_IMAGE settings in .env.docker.'
  const sentences: Record<Verdict, [message: string, hint: string]> = {
    other: [`The image ${image} could not be pulled.`, `The lines above are the engine's own words. ${names}`],
    distrusted: [`The engine does not trust the certificate of ${host}.`,
      `Put its CA where every engine on this machine looks, in /etc/docker/certs.d/${host}/ca.crt (a rootless one: ~/.config/docker/certs.d), and try again.`],
    refused: [`${where} wants a user and a password for ${image}, or different ones.`,
      `docker login${host === 'docker.io' ? '' : ` ${host}`}, then try again. The password belongs there, and not in .env.docker.\n${names}`],
    unknown: [`${where} has no image ${image}.`, names],
    slow: [`${where} is there, but too slow for ${image}.`, `Try again: what was pulled is kept. ${names}`],
    silent: [`${where} does not answer.`, imageRegistry ? 'Correct IMAGE_REGISTRY in .env.docker. Empty, it means Docker Hub.'
      : 'Try again with a network, name a registry that answers in IMAGE_REGISTRY, or load the image with docker load.'],
  }
  const [message, hint] = sentences[verdict]
  return { message, hint }
}

/** An image's name as Docker shows it: without docker.io/ and library/. */
export const shortName = (image: string): string => image.replace(/^docker\.io\//, '').replace(/^library\//, '')

/** The images that are not on this machine, by one question. */
async function missing(images: readonly string[]): Promise<string[]> {
  if (images.length === 0) return []
  const { exitCode, stdout } = await capture(['image', 'inspect', '--format', '{{join .RepoTags "\\n"}}', ...images])
  // A name without a tag, or with a digest, is not in any list of tags.
  if (exitCode === 0) return []
  const there = new Set(stdout.split('\n'))
  return images.filter((image) => !there.has(shortName(image)))
}

/**
 * Makes sure that every image which is not built from the Dockerfile is on this machine. Each is pulled by itself:
 * `docker compose pull` leaves out the bases of builds, asks the registry for the application's own image, blames one
 * image's failure on all, and waits 25 seconds for a registry that is silent.
 *
 * @param options.build false when nothing is going to be built, so that no base image is needed
 * @param options.pull pulls also the images that are there: a tag gets security updates
 * @returns the stack and its model, changed when stand-ins had to be selected
 * @throws CliError (exit code 4) when an image cannot be had
 */
export async function ensureImages(stack: Stack, model: Model, values: Values, { build = true, pull = false } = {}): Promise<ModelledStack> {
  const used = new Set(Object.values(model.services).map(({ image }) => image))
  const images = foreignImages(model).filter((image) => build || used.has(image))
  // Loading the room takes a while. Without the room, stand-ins are images like any others, which no registry has.
  const room = images.some(isStandIn) ? await loadOfflineRoom() : undefined
  const standIns = room ? images.filter(isStandIn) : []
  await room?.ensureStandIns(standIns, values)

  const fromRegistry = images.filter((image) => !standIns.includes(image))
  const absent = pull ? fromRegistry : await missing(fromRegistry)
  const imageRegistry = valueOf('IMAGE_REGISTRY', values, process.env)
  for (const [index, image] of absent.entries()) {
    let reason: string | undefined
    try {
      await step(`Pulling ${image}`, async (report) => {
        // The engine is asked, because it may know mirrors and certificates that its client does not.
        const { exitCode, stderr } = await capture(['pull', image], { onLine: report })
        stopIfInterrupted()
        if (exitCode === 0) return
        let verdict = judgeRefusal(stderr)
        if (verdict === 'slow' && (await isOutOfReach(image))) verdict = 'silent'
        const { message, hint } = explainRefusal(verdict, image, imageRegistry)
        // If IMAGE_REGISTRY is set, stand-ins are never used silently.
        if (!imageRegistry && !pull && ['distrusted', 'silent'].includes(verdict)) reason = message.slice(0, -1)
        throw new CliError(message, { details: lastLines(stderr, 3), hint, exitCode: ExitCode.docker })
      })
    } catch (error) {
      const instead = reason && (await (await loadOfflineRoom())?.useStandIns(stack, model, values, absent.slice(index), reason))
      if (!instead) throw error
      return instead
    }
  }
  return { stack, model }
}
