/** Finds the databases that --from and --to of `copy-database` name. Pure. */
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { valueOf } from '../../scripts/lib/engine/machine.ts'
import type { Model } from '../../scripts/lib/compose/model.ts'

export interface Database {
  url: string
  /** The line of .env.docker that makes it the application's database; undefined if it is that already. */
  advice: string | undefined
}

/** The databases of this stack, as .env.docker may refer to them. */
const services: Record<string, string> = {
  postgres: 'postgresql+psycopg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@postgres:5432/${POSTGRES_DB}',
  mariadb: 'mysql+pymysql://${MARIADB_USER}:${MARIADB_PASSWORD}@mariadb:3306/${MARIADB_DATABASE}?charset=utf8mb4',
}

/** The URL as it may be shown. It hides everything up to the last "@", because a password may hold one by mistake. */
export const redact = (url: string): string => url.replace(/:\/\/([^/?#]*?):.*@/s, '://$1:***@')

export const usage = (message: string, hint: string): CliError =>
  new CliError(message, { hint, exitCode: ExitCode.usage })

/**
 * The database that a word names: a service of this stack, a setting or a variable of the shell that holds a URL, or a
 * URL itself. Without a word it is DATABASE_URL.
 *
 * @param option the option that the word was given to, without its dashes
 * @throws CliError (exit code 2) for a word that names nothing, and for a password that every process list would show
 */
export function databaseOf(
  option: string, word: string | undefined, values: NodeJS.ProcessEnv, env: NodeJS.ProcessEnv, model: Model,
): Database {
  const name = word ?? 'DATABASE_URL'
  const reference = services[name]
  if (reference !== undefined) {
    if (!(name in model.services)) {
      const hint = `Add ${name} to COMPOSE_PROFILES in .env.docker, then: npm run up`
      throw new CliError(`The service ${name} is not switched on.`, { hint, exitCode: ExitCode.config })
    }
    const fill = (write: (setting: string, value: string) => string): string =>
      reference.replaceAll(/\$\{(\w+)\}/g, (_, setting: string) => write(setting, valueOf(setting, values, env) ?? ''))
    // A value that a URL has to encode cannot be referred to.
    const refer = (setting: string, value: string): string =>
      encodeURIComponent(value) === value ? `\${${setting}}` : `<${setting}, percent-encoded>`
    return { url: fill((_, value) => encodeURIComponent(value)), advice: `DATABASE_URL=${fill(refer)}` }
  }
  if (name.includes('://')) {
    if (redact(name) === name) return { url: name, advice: `DATABASE_URL=${name}` }
    throw usage(`--${option} has a password in it, which every process list shows while this runs.`,
      `Put the URL into .env.docker or into a variable of your shell, and name that: --${option} NEW_DATABASE_URL`)
  }
  const url = /^\w+$/.test(name) ? valueOf(name, values, env) : undefined
  if (url !== undefined) return { url, advice: name === 'DATABASE_URL' ? undefined : `DATABASE_URL=\${${name}}` }
  const hint = `npm run copy-database -- --help shows what --${option} takes.`
  if (word === undefined) throw usage('DATABASE_URL is empty.', hint)
  throw usage(`--${option} ${word} is neither a service (${Object.keys(services).join(', ')}), nor a setting, nor a URL.`, hint)
}
