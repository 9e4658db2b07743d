/** Which databases `copy-database` is told to take, by whatever word names them. Pure. */
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { valueOf } from '../../scripts/lib/engine/machine.ts'
import type { Model } from '../../scripts/lib/compose/model.ts'

type Values = Readonly<Record<string, string | undefined>>

export interface Database {
  url: string
  /** The line of .env.docker that makes it the application's; undefined when it is that already. */
  advice: string | undefined
}

interface Service {
  profile: string
  scheme: string
  port: number
  query: string
  user: string
  password: string
  name: string
}

/** The databases of this stack. */
const services: Record<string, Service> = {
  postgres: {
    profile: 'postgres', scheme: 'postgresql+psycopg', port: 5432, query: '',
    user: 'POSTGRES_USER', password: 'POSTGRES_PASSWORD', name: 'POSTGRES_DB',
  },
  mariadb: {
    profile: 'mariadb', scheme: 'mysql+pymysql', port: 3306, query: '?charset=utf8mb4',
    user: 'MARIADB_USER', password: 'MARIADB_PASSWORD', name: 'MARIADB_DATABASE',
  },
}

/** The URL as it may be shown. Up to the last "@", because a password may hold one by mistake. */
export const redact = (url: string): string => url.replace(/:\/\/([^/?#]*?):.*@/s, '://$1:***@')

const usage = (message: string, hint: string): CliError => new CliError(message, { hint, exitCode: ExitCode.usage })

/** Characters that stand for themselves in a URL: a password of others cannot be referred to by its setting. */
const isPlain = (text: string): boolean => encodeURIComponent(text) === text

function ofService(word: string, service: Service, values: Values, env: NodeJS.ProcessEnv, model: Model): Database {
  if (!(word in model.services)) {
    throw new CliError(`The service ${word} is not switched on.`, {
      hint: `Add ${service.profile} to COMPOSE_PROFILES in .env.docker, then: npm run up`,
      exitCode: ExitCode.config,
    })
  }
  const [user = '', password = '', name = ''] = [service.user, service.password, service.name].map((setting) => valueOf(setting, values, env))
  const url = (parts: readonly string[]): string =>
    `${service.scheme}://${parts[0]}:${parts[1]}@${word}:${service.port}/${parts[2]}${service.query}`
  // "db" is what the documentation of DATABASE_URL says: whichever database runs, as long as one does.
  const host = Object.keys(services).filter((other) => other in model.services).length === 1 ? 'db' : word
  const reference = (secret: string): string => url([`\${${service.user}}`, secret, `\${${service.name}}`]).replace(`@${word}:`, `@${host}:`)
  return {
    url: url([user, password, name].map(encodeURIComponent)),
    advice: `DATABASE_URL=${reference(isPlain(password) ? `\${${service.password}}` : `<${service.password}, percent-encoded>`)}`,
  }
}

/**
 * The database that a word names: a service of this stack, a setting or a variable of the shell that holds a URL, or a
 * URL itself. Without a word it is DATABASE_URL.
 *
 * @param option that the word was given to, without its dashes
 * @throws CliError (exit code 2) for a word that names nothing, and for a password where everybody can see it
 */
export function databaseOf(option: string, word: string | undefined, values: Values, env: NodeJS.ProcessEnv, model: Model): Database {
  const name = word ?? 'DATABASE_URL'
  const service = services[name]
  if (service) return ofService(name, service, values, env, model)
  if (name.includes('://')) {
    if (redact(name) !== name) {
      throw usage(`--${option} has a password in it, which every process list shows while this runs.`,
        `Put the URL into .env.docker or into a variable of your shell, and name that: --${option} NEW_DATABASE_URL`)
    }
    return { url: name, advice: `DATABASE_URL=${name}` }
  }
  const url = /^\w+$/.test(name) ? valueOf(name, values, env) : undefined
  if (url === undefined) {
    const known = Object.keys(services).join(', ')
    throw usage(word === undefined ? 'DATABASE_URL is empty.' : `--${option} ${word} is neither a service (${known}), nor a setting, nor a URL.`,
      `npm run copy-database -- --help shows what --${option} takes.`)
  }
  return { url, advice: name === 'DATABASE_URL' ? undefined : `DATABASE_URL=\${${name}}` }
}
