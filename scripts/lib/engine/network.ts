/** What this machine says about itself, and how it reaches the world. */
import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

/** Where this project keeps what it can make again: the private engine, and what it knows of earlier builds. */
export const cacheFolder = (env: NodeJS.ProcessEnv): string =>
  // An empty HOME would put it into the folder that we are in.
  join(env.XDG_CACHE_HOME || join(homedir() || userInfo().homedir, '.cache'), 'python-docker-starter')

/** Variables that tell the tools of a machine which certificates to trust, the general ones first. */
const caVariables = ['SSL_CERT_FILE', 'PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS']

/**
 * The CA bundle that the tools of this machine are told to use, or undefined when they are told of none.
 * A network that inspects TLS has its own CA: what works on the machine then fails inside a build.
 */
export function hostCaBundle(env: NodeJS.ProcessEnv): string | undefined {
  return caVariables.map((name) => env[name]).find((path) => path && existsSync(path))
}

/** How packages and images are reached from here. A URL may hold a password. */
export interface Network {
  /** Mirror of the Debian archive. */
  aptMirror?: string | undefined
  /** Mirror of the Python package index. */
  pipIndexUrl?: string | undefined
  /** Certificates to trust beside the usual ones: an absolute path. */
  caFile?: string | undefined
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, those that are set. */
  proxies: Record<string, string>
}

type Values = Readonly<Record<string, string | undefined>>

/** The certificates that builds trust: those of the settings, else those of this machine's tools. */
export const extraCaFile = (settings: Values, env: NodeJS.ProcessEnv): string | undefined =>
  valueOf('EXTRA_CA_FILE', settings, env) ?? hostCaBundle(env)

/** A setting as Compose sees it, for which a variable of the shell wins over the file. */
export const valueOf = (name: string, settings: Values, env: NodeJS.ProcessEnv): string | undefined =>
  (env[name] ?? settings[name]) || undefined

/** What the settings say about the network, and this machine where they are silent. */
export function networkOf(settings: Values, env: NodeJS.ProcessEnv): Network {
  const caFile = extraCaFile(settings, env)
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => {
    const value = valueOf(name, settings, env)
    return value ? [[name, value]] : []
  })
  return {
    aptMirror: valueOf('APT_MIRROR', settings, env),
    pipIndexUrl: valueOf('PIP_INDEX_URL', settings, env),
    caFile: caFile && resolve(caFile),
    proxies: Object.fromEntries(proxies) as Record<string, string>,
  }
}

/** The proxies as curl, apt and their like want them too: in small letters. */
export const proxyEnvironment = ({ proxies }: Network): Record<string, string> =>
  Object.fromEntries(Object.entries(proxies).flatMap(([name, value]) => [[name, value], [name.toLowerCase(), value]]))

/**
 * A URL without its user and password, and these two as they are meant; undefined when it has none.
 *
 * @returns the URL as it was when it cannot be read
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
    // A lone % is what somebody forgot to encode.
    return text
  }
}
