/** How this machine reaches packages and images. */
import { resolve } from 'node:path'
import { hostCaBundle, valueOf } from '../../scripts/lib/engine/machine.ts'

/** How packages and images are reached from here. A URL may hold a password. */
export interface Network {
  /** Mirror of the Debian archive. */
  aptMirror?: string | undefined
  /** Mirror of the Python package index. */
  pipIndexUrl?: string | undefined
  /** Mirror of the npm registry. */
  npmRegistry?: string | undefined
  /** Certificates to trust in addition to the usual ones: an absolute path. */
  caFile?: string | undefined
  /** Those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY that are set. */
  proxies: Record<string, string>
}

type Values = Readonly<Record<string, string | undefined>>

/** What the settings say about the network, and what this machine says if they do not. */
export function networkOf(settings: Values, env: NodeJS.ProcessEnv): Network {
  const caFile = valueOf('EXTRA_CA_FILE', settings, env) ?? hostCaBundle(env)
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => {
    const value = valueOf(name, settings, env)
    return value ? [[name, value]] : []
  })
  return {
    aptMirror: valueOf('APT_MIRROR', settings, env),
    pipIndexUrl: valueOf('PIP_INDEX_URL', settings, env),
    npmRegistry: valueOf('NPM_REGISTRY', settings, env),
    caFile: caFile && resolve(caFile),
    proxies: Object.fromEntries(proxies) as Record<string, string>,
  }
}

/** The proxies under both names: curl, apt and other programs want them in lowercase. */
export const proxyEnvironment = ({ proxies }: Network): Record<string, string> =>
  Object.fromEntries(Object.entries(proxies).flatMap(([name, value]) => [[name, value], [name.toLowerCase(), value]]))

/**
 * A URL without its user and password, and these two decoded; no `login` if the URL has none.
 *
 * @returns the URL unchanged if it cannot be read
 */
export function splitLogin(url: string): { plain: string; login?: { user: string; password: string } } {
  const parts = /^(?<scheme>[a-z][\w+.-]*:\/\/)(?<login>[^/]*)@(?<rest>.*)$/i.exec(url)?.groups
  if (!parts) return { plain: url }
  const { scheme = '', login = '', rest = '' } = parts
  const [user = '', ...password] = login.split(':')
  return { plain: scheme + rest, login: { user: decode(user), password: decode(password.join(':')) } }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A lone % was not encoded, so the text is taken as it is.
    return text
  }
}
