/** What a registry's answer to a pull means, in a sentence and with a remedy. Pure: words in, words out. */

/** `silent`: nobody answered. `distrusted`: somebody did whose certificate the engine does not accept. */
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
 * Why an image could not be had, and what to do.
 *
 * @param about the image, and the setting IMAGE_REGISTRY when it is set
 */
export function explainRefusal(
  verdict: Verdict,
  about: { image: string; imageRegistry: string | undefined },
): { message: string; hint: string } {
  const { image, imageRegistry } = about
  const host = registryOf(image)
  const names = imageRegistry
    ? 'The name is IMAGE_REGISTRY, a slash and the …_IMAGE setting: compare both in .env.docker. Docker Hub keeps its official images in library/.'
    : 'Compare the …_IMAGE settings in .env.docker.'
  const where = imageRegistry ? `${host}, which IMAGE_REGISTRY names,` : host
  const login = `docker login ${host === 'docker.io' ? '' : host}`.trimEnd()
  switch (verdict) {
    case 'unknown':
      return { message: `${where} has no image ${image}.`, hint: names }
    case 'login':
      return {
        message: `${where} wants a user and a password for ${image}, or other ones.`,
        hint: `${login}, then try again. The password belongs there, and not into .env.docker.`,
      }
    // Docker Hub answers this also for a name that does not exist.
    case 'forbidden':
      return { message: `${where} has no image ${image}, or not for everybody.`, hint: `${names} For an image that is private: ${login}` }
    case 'limited':
      return { message: `${where} has had too many requests from here.`, hint: `Log in (${login}), wait, or name a mirror in IMAGE_REGISTRY.` }
    case 'distrusted':
      return {
        message: `The engine does not trust the certificate of ${host}.`,
        hint: `Put its CA where every engine on this machine looks, in /etc/docker/certs.d/${host}/ca.crt, and try again.`,
      }
    case 'plain':
      return {
        message: `${where} speaks plain HTTP, which the engine does not accept.`,
        hint: `Give it a certificate; or name it under "insecure-registries" in the engine's daemon.json and start that again.`,
      }
    case 'proxy':
      return {
        message: `The engine's proxy does not let it through to ${host}.`,
        hint: "Compare the engine's proxy settings: \"proxies\" in its daemon.json, or HTTPS_PROXY where it was started.",
      }
    case 'broken':
      return { message: `The image ${image} could not be pulled.`, hint: `The lines above are the engine's own words. ${names}` }
    case 'silent':
      return {
        message: `${where} does not answer.`,
        hint: imageRegistry
          ? 'Correct IMAGE_REGISTRY in .env.docker. Empty, it means Docker Hub.'
          : 'Try again with a network, or load the image with docker load.',
      }
  }
}

/** What is wrong with the setting itself; undefined when nothing is. */
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
