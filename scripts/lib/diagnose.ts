/** From the state of a container and its last lines to one clear cause. Pure. */
import type { Container } from './containers.ts'
import { makeRoom } from './disk.ts'
import { ExitCode } from './errors.ts'

export interface Diagnosis {
  message: string
  details: string
  hint: string
  exitCode: ExitCode
}

/** Both databases read the password of their first user only when they make him. */
const passwordOfAnotherTime = (user: string, database: string, setting: string): string =>
  `Likely: the volume of the database was made with another password of "${user}", or DATABASE_URL and ${setting} differ. ` +
  `${database} reads ${setting} only when the volume is new: put the old one back, or delete the data with npm run teardown -- --volumes. ` +
  'Of a database that is managed elsewhere: DATABASE_URL has another password than its provider.'

/** Why a module that the source has is not found; undefined for one that it has not. */
export type ExplainModule = (name: string) => string | undefined

/** What a log line gives away, the more specific first. A guess says "Likely". */
const known: readonly { pattern: RegExp; say: (match: RegExpExecArray, explainModule: ExplainModule) => string }[] = [
  {
    pattern: /^(entrypoint|check-secrets): (.*)$/m,
    say: () => 'Correct the setting in .env.docker, then run npm run up again.',
  },
  {
    pattern: /no space left on device|disk quota exceeded/i,
    say: () => `A disk is full. ${makeRoom}\nWhere the volume has a size of its own, that has to grow.`,
  },
  {
    pattern: /password authentication failed for user "([^"]+)"/,
    say: (match) => passwordOfAnotherTime(match[1]!, 'PostgreSQL', 'POSTGRES_PASSWORD'),
  },
  {
    pattern: /Access denied for user '([^']+)'@/,
    say: (match) => passwordOfAnotherTime(match[1]!, 'MariaDB', 'MARIADB_PASSWORD'),
  },
  {
    pattern: /WRONGPASS|invalid username-password pair|NOAUTH|Authentication required\./,
    say: () => 'REDIS_URL has another password (or user) than the queue. Correct it in .env.docker, then run npm run up again.',
  },
  {
    pattern: /SignatureDoesNotMatch|InvalidAccessKeyId|signature we calculated does not match/,
    say: () => 'The object store refuses the key. Compare S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY in .env.docker with those of its provider.',
  },
  {
    // libpq, Python's ssl, urllib3.
    pattern: /certificate for "[^"]+".* does not match host name "([^"]+)"|certificate is not valid for '([^']+)'|hostname '([^']+)' doesn't match/,
    say: ([, ...names]) =>
      `"${names.find(Boolean)}" is not a name in the certificate of the service that answered. Use the host in the URL that its provider gives.`,
  },
  {
    pattern: /certificate has expired/i,
    say: () => 'The certificate of a service outside has expired. That is for its provider to mend; compare the clock of this machine too.',
  },
  {
    pattern: /certificate verify failed|root certificate file "[^"]+" does not exist/i,
    say: () =>
      'Nobody whom the application trusts has signed the certificate of a service outside. ' +
      'Name the file of its CA in APP_CA_FILE in .env.docker, or the right one if it names another.',
  },
  {
    pattern: /(?:could not translate host name|failed to resolve host) ["']([^"']+)["']|Name or service not known/,
    say: (match) =>
      `Likely: ${match[1] ? `"${match[1]}"` : 'a host in a URL of .env.docker'} is no service of this stack. Is its profile in COMPOSE_PROFILES?`,
  },
  {
    pattern: /Failed to find attribute '([^']+)' in '([^']+)'/,
    say: (match) => `WEB_APP names "${match[1]}", which "${match[2]}" does not have. Correct it in .env.docker, then run npm run up again.`,
  },
  {
    pattern: /ModuleNotFoundError: No module named '([^']+)'/,
    say: (match, explainModule) =>
      explainModule(match[1] ?? '') ??
      `"${match[1]}" is not in the image. A module of yours: compare WEB_APP, CELERY_APP and APP_PYTHONPATH with the folder, and see .dockerignore. ` +
      'A package: it is missing in PYTHON_MANIFEST.',
  },
  {
    pattern: /Can't locate revision identified by '([^']+)'/,
    say: (match) =>
      `The database is at revision ${match[1]}, which this checkout does not have (another branch made it). Downgrade from that branch, or delete the data: npm run teardown -- --volumes`,
  },
  {
    pattern: /\b(ImportError|SyntaxError|AttributeError|NameError|IndentationError)\b/,
    say: () => 'The application could not be imported. Mend it, then run npm run up again.',
  },
]

/** What is wrong with a container, in a sentence. */
export function whatHappened({ service, state, health, exitCode, oomKilled, healthOutput }: Container): string {
  if (oomKilled) return `${service} was killed: it used more memory than it may have.`
  if (service === 'migrate' && state === 'running') return 'The database was not migrated in time: migrate still runs.'
  if (service === 'migrate' && state === 'exited') return `The database was not migrated: migrate ended with exit code ${exitCode}.`
  if (state === 'exited') return `${service} stopped with exit code ${exitCode}.`
  if (state === 'restarting') return `${service} stops as soon as it starts (exit code ${exitCode}).`
  if (state === 'paused') return `${service} is paused: docker compose unpause ${service} lets it go on.`
  if (state === 'created') return `${service} was not started.`
  const says = healthOutput ? `: ${healthOutput}` : ''
  return health === 'unhealthy' ? `${service} is not healthy${says}.` : `${service} did not become healthy in time${says}.`
}

/**
 * @param container the first cause
 * @param log its last lines
 * @param logCommand the command that shows all of them
 * @param explainModule what is known of a module that is not found
 */
export function diagnose(container: Container, log: string, logCommand: string, explainModule: ExplainModule = () => undefined): Diagnosis {
  const match = known.map(({ pattern, say }) => ({ found: pattern.exec(log), say })).find(({ found }) => found)
  const advice = match?.found ? `${match.say(match.found, explainModule)}\n` : ''
  return {
    message: whatHappened(container),
    details: log.trim() === '' ? '' : `${container.service}, last lines\n${log.trimEnd()}`,
    hint: `${advice}All of it: ${logCommand}`,
    exitCode: container.service === 'migrate' ? ExitCode.migration : ExitCode.unhealthy,
  }
}
