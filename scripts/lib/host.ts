/** What this machine says about itself. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where this project keeps what it can make again: the private engine, and what it knows of earlier builds. */
export const cacheFolder = (env: NodeJS.ProcessEnv): string =>
  join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'python-docker-starter')

/** Variables that tell the tools of a machine which certificates to trust, the general ones first. */
const caVariables = ['SSL_CERT_FILE', 'PIP_CERT', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS']

/**
 * The CA bundle that the tools of this machine are told to use, or undefined when they are told of none.
 * A network that inspects TLS has its own CA: what works on the machine then fails inside a build.
 */
export function hostCaBundle(env: NodeJS.ProcessEnv): string | undefined {
  return caVariables.map((name) => env[name]).find((path) => path && existsSync(path))
}
