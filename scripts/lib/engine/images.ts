/** Where the images of a stack come from: a registry that answers, or else the stand-ins of extras/offline. */
import { existsSync } from 'node:fs'
import { foreignImages } from '../compose/model.ts'
import type { Model } from '../compose/model.ts'
import type { Stack } from '../compose/stack.ts'
import { CliError, ExitCode } from '../errors.ts'
import { stopIfInterrupted } from '../interrupt.ts'
import { step } from '../terminal.ts'
import { capture, lastLines, pullImage } from './docker.ts'
import { extraCaFile, valueOf } from './machine.ts'
import { isStandIn, loadOfflineRoom } from '../rooms.ts'

/** A registry whose first word takes longer than this is treated as one that is not there. */
const PATIENCE_MS = 8000

/** One that somebody chose may be slow: there is nothing else to go on with. */
const PATIENCE_WITH_CHOSEN_MS = 20_000

/** What a registry's answer means. `silent`: nobody answered. `distrusted`: the engine does not accept its certificate. */
export type Verdict = 'unknown' | 'login' | 'forbidden' | 'limited' | 'distrusted' | 'plain' | 'proxy' | 'broken' | 'silent'

/** The first that fits counts; the text is Docker's own, which has no codes. */
const signs: readonly (readonly [Verdict, RegExp])[] = [
  ['proxy', /proxyconnect |proxy authentication required/i],
  ['distrusted', /x509: |tls: failed to verify|certificate signed by unknown authority/i],
  ['plain', /server gave HTTP response to HTTPS client/i],
  ['limited', /toomanyrequests|too many requests/i],
  ['login', /no basic auth credentials|unauthorized|401/i],
  ['forbidden', /denied|forbidden|403/i],
  ['unknown', /manifest unknown|name unknown|not found|404|: unknown:|no matching manifest/i],
  ['silent', /no such host|server misbehaving|i\/o timeout|connection refused|connection reset|unreachable|no route to host|deadline exceeded|request canceled|TLS handshake timeout|: EOF/i],
]

/** What Docker's words mean; a pull that was given up said nothing. */
export const judgeRefusal = (said: string): Verdict =>
  said.trim() === '' ? 'silent' : (signs.find(([, sign]) => sign.test(said))?.[0] ?? 'broken')

/** The registry in an image's name: `docker.io` where none is named. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/')
  return rest.length > 0 && /[.:]|^localhost$/.test(first) ? first : 'docker.io'
}

/**
 * Why an image could not be had, and what to do. Pure.
 *
 * @param about the image, and the setting IMAGE_REGISTRY when it is set
 */
export function explainRefusal(
  verdict: Verdict,
  { image, imageRegistry }: { image: string; imageRegistry: string | undefined },
): { message: string; hint: string } {
  const host = registryOf(image)
  const where = imageRegistry ? `${host}, which IMAGE_REGISTRY names,` : host
  const login = `docker login ${host === 'docker.io' ? '' : host}`.trimEnd()
  const names = imageRegistry
    ? 'The name is IMAGE_REGISTRY, a slash and the …_IMAGE setting: compare both in .env.docker. Docker Hub keeps its official images in library/.'
    : 'Compare the …_IMAGE settings in .env.docker.'
  const texts: Record<Verdict, [message: string, hint: string]> = {
    unknown: [`${where} has no image ${image}.`, names],
    login: [
      `${where} wants a user and a password for ${image}, or other ones.`,
      `${login}, then try again. The password belongs there, and not into .env.docker.`,
    ],
    // Docker Hub answers this also for a name that does not exist.
    forbidden: [`${where} has no image ${image}, or not for everybody.`, `${names} For an image that is private: ${login}`],
    limited: [`${where} has had too many requests from here.`, `Log in (${login}), wait, or name a mirror in IMAGE_REGISTRY.`],
    distrusted: [
      `The engine does not trust the certificate of ${host}.`,
      `Put its CA where every engine on this machine looks, in /etc/docker/certs.d/${host}/ca.crt, and try again.`,
    ],
    plain: [
      `${where} speaks plain HTTP, which the engine does not accept.`,
      'Give it a certificate; or name it under "insecure-registries" in the engine\'s daemon.json and start the engine again.',
    ],
    proxy: [
      `The engine's proxy does not let it through to ${host}.`,
      'Compare the engine\'s proxy settings: "proxies" in its daemon.json, or HTTPS_PROXY where it was started.',
    ],
    broken: [`The image ${image} could not be pulled.`, `The lines above are the engine's own words. ${names}`],
    silent: [
      `${where} does not answer.`,
      imageRegistry
        ? 'Correct IMAGE_REGISTRY in .env.docker. Empty, it means Docker Hub.'
        : 'Try again with a network, name a registry that answers in IMAGE_REGISTRY, or load the image with docker load.',
    ],
  }
  const [message, hint] = texts[verdict]
  return { message, hint }
}

/** After which answers stand-ins may serve. */
const reasons: Partial<Record<Verdict, string>> = {
  silent: 'No registry answers',
  distrusted: 'The engine does not trust the registry that answers',
}

/** What is wrong with IMAGE_REGISTRY itself; undefined when nothing is. */
export function faultOfRegistry(imageRegistry: string): string | undefined {
  if (imageRegistry.includes('://')) return 'it is a host, perhaps with a port and a path, and has no https:// in front'
  if (imageRegistry.includes('@')) return 'it holds no user and no password: those are for docker login'
  if (imageRegistry.endsWith('/')) return 'there is no slash at its end'
  const [host = '', ...path] = imageRegistry.split('/')
  if (!/^([A-Za-z0-9-]+\.)*[A-Za-z0-9-]+(:\d+)?$|^\[[0-9a-f:]+\](:\d+)?$/.test(host)) return `${JSON.stringify(host)} is no host`
  if (!/[.:]|^localhost$/.test(host)) return `Docker takes ${JSON.stringify(host)} for a user of Docker Hub: a host has a dot or a port`
  if (path.some((part) => !/^[a-z0-9]+([._-]+[a-z0-9]+)*$/.test(part))) return 'a path consists of small letters, digits, and . _ - between them'
  return undefined
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

/** An image's name as Docker shows it: without Docker Hub and its library, which go without saying. */
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

/**
 * Makes sure that every image which is not built from the Dockerfile is on this machine. Each is pulled by itself:
 * `docker compose pull` leaves out the bases of builds, asks the registry for the application's own image, blames one
 * image's failure on all, and waits 25 seconds for a registry that is silent.
 *
 * @param options.build false when nothing is going to be built, so that no base image is needed
 * @returns the stack and its model, changed when stand-ins had to be selected
 * @throws CliError exit code 3 for a setting that cannot work; 4 when an image cannot be had
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
    let reason: string | undefined
    try {
      await step(`Pulling ${image}`, async (report) => {
        // The engine is asked, because it may know mirrors and certificates that its client does not.
        const { exitCode, stderr } = await pullImage(image, imageRegistry ? PATIENCE_WITH_CHOSEN_MS : PATIENCE_MS, report)
        stopIfInterrupted()
        if (exitCode === 0) return
        const verdict = exitCode === null ? 'silent' : judgeRefusal(stderr)
        reason = reasons[verdict]
        const { message, hint } = explainRefusal(verdict, { image, imageRegistry })
        throw new CliError(message, { details: lastLines(stderr, 3), hint, exitCode: ExitCode.docker })
      })
    } catch (error) {
      // If IMAGE_REGISTRY is set, stand-ins are never used silently.
      const instead = reason && !imageRegistry && (await room?.useStandIns(stack, model, values, absent.slice(index), reason))
      if (!instead) throw error
      return instead
    }
  }
  return { stack, model }
}
