/** Rules about single values: what .env.docker.example says of each, forms for which @type has no word, and secrets. */
import { nearest } from '../../terminal.ts'
import { describe, fits, type Setting } from '../schema.ts'
import { found, given, ofEach, readers, shown, type Rule } from '../subject.ts'
import { isUnencoded } from './addresses.ts'

/** How to write the setting. A URL whose password is a reference has no secret in it. */
function example({ name, value, sensitive, file, line }: Setting): string {
  const isFree = value !== '' && (!sensitive || /:\/\/[^/]*\$\{\w+\}@/.test(value))
  return isFree ? `For example: ${name}=${value}` : `${file}:${line} says what it is for.`
}

/**
 * A setting that is not in the file has the default of the Compose files, and is missing only if there is none. Only
 * Redis starts without its password; production refuses that.
 */
const missing: Rule = ({ schema, profiles, production, effective }) =>
  schema.settings.filter(({ name }) => effective(name) === '').flatMap((setting) => {
    const { name, required, generate } = setting
    const hint = generate ? 'npm run env -- --init makes a value' : example(setting)
    if (required) return found('E10', name, `${name} is missing or empty, and it is required.`, hint)
    // The key of the store has the name that clients use.
    const owner = generate && readers(setting).find((service) => name.replace(/^S3_/, 'STORAGE_').startsWith(`${service.toUpperCase()}_`))
    if (!owner || !profiles.includes(owner) || (owner === 'redis' && !production)) return []
    const client = owner === 'redis' ? ' Write it into REDIS_URL too; a client without a password needs a Redis of its own (docs/where-to-change-what.md).' : ''
    return found('E25', name, `${name} is missing or empty, and ${owner}, which is switched on, needs it.`,
      `${hint}; or take ${owner} out of COMPOSE_PROFILES.${client}`)
  })

const wrongType = ofEach(({ setting, name, value }, subject) => {
  const { type, generate } = setting
  if (type.form === 'url' && isUnencoded(value)) {
    return found('E43', name, `The user or the password in ${name} has characters that have to be percent-encoded in a URL.`,
      'Take a password of letters and digits (openssl rand -hex 24), or write %40 for @, %3A for :, %2F for / and so on.')
  }
  if (value === '' || fits(value, type)) return undefined
  const meant = nearest(value, type.choices)
  const hint = generate ? 'Delete the line; npm run env -- --init then makes a new value.' : example(setting)
  const code = type.form === 'enum' ? 'E12' : 'E11'
  return found(code, name, `${name} has to be ${describe(type)}${shown(name, value, subject)}.`, meant ? `Did you mean ${meant}?` : hint)
})

/** `problem` follows the name. Without a hint, the example is shown. */
type Form = readonly [code: string, name: RegExp, breaks: RegExp, problem: string, hint?: string]

/** Add the forms of your own settings here, if @type has no word for them. */
const forms: readonly Form[] = [
  ['E11', /^WEB_APP$/, /^[^:(]*([\s/\\]|\.py(:|$))|^[^:]*\(/, 'has to be module:object, as it is imported in APP_WORKDIR'],
  ['E11', /^CELERY_APP$/, /[\s/\\()]|^-|\.py(:|$)/, 'has to be module or module:object, as it is imported in APP_WORKDIR'],
  ['E11', /^HEALTH_HOST$/, /[\s/]/, 'has to be the name of a host, without a scheme and without a path'],
  ['E11', /^PYTHON_IMAGE$/, /alpine[^/]*$/, 'has to be an image of Debian, because the build installs with apt'],
  ['E11', /^FLOWER_(PASSWORD|USER)$/, /,/, 'must have no comma, at which Flower cuts it off: the rest of a password would guard nothing'],
  ['E11', /^APP_WRITABLE_DIR$/, /^\/(data|tmp|var\/tmp)\/?$/, 'names a folder that can be written to already', 'Remove the line.'],
  ['E11', /^IMAGE_REGISTRY$/, /:\/\/|@|\/$/, 'has to be a host, perhaps with a path, without a scheme or a user'],
  ['E11', /SITE_ADDRESS$/, /^\d+$|[^:/]\/(?!\/)/, 'has to be a name, or a port behind a colon, without a path'],
  ['E36', /_IMAGE$/, /^(?!.*(@sha256:|:(?!latest$)[^:/]+$))./, 'names no version: tomorrow it may be another image'],
  // Compose refuses all of its files for one of these.
  ['E54', /_PUBLISHED_PORT$/, /^(?!\d{1,5}(-\d{1,5})?$)./, 'has to be a port such as 8000, or a range such as 8000-8009, without an address'],
  ['E72', /^COMPOSE_PROJECT_NAME$/, /^(?![a-z0-9][a-z0-9_-]*$)./, 'may contain only small letters, digits, - and _, as in my-shop'],
  ['W91', /^WORKER_ARGS$/, /(^|\s)(-B|--beat)(\s|$)/, 'has -B: every worker would send the periodic tasks', 'Remove it; the service beat sends them.'],
  ['W91', /^BEAT_ARGS$/, /(^|\s)(-S|--scheduler|-s|--schedule)(=|\s|$)/, "replaces the stack's scheduler, which holds the lock",
    'Remove it, and name another scheduler in BEAT_SCHEDULER.'],
  // runserver does that by default.
  ['W92', /^WEB_COMMAND$/, /(--(bind|host|http)|-b|\brunserver)[= ](127\.0\.0\.1|localhost)\b|\brunserver\b(?!.*\S:)/,
    'listens on 127.0.0.1, which is its own container: nothing outside of it can reach it',
    'Let it listen on 0.0.0.0 and on $PORT, with the command in single quotes: runserver 0.0.0.0:$PORT'],
]

const wrongForm: Rule = (subject) => given(subject).flatMap(({ setting, name, value }) =>
  forms.filter(([, names, breaks]) => names.test(name) && breaks.test(value)).map(([code, , , problem, hint = example(setting)]) =>
    found(code, name, `${name} ${problem}${shown(name, value, subject)}.`, hint)))

const unknownName: Rule = ({ schema, lines }) => lines.entries.flatMap(({ name, line }) => {
  const own = schema.byName.get(name)
  const meant = nearest(name, schema.settings.filter(({ rules }) => !own || rules.size > 0).map((other) => other.name))
  // The owner's own settings need no rule, unless they look like a mistake. Docker reads its own variables by itself.
  if (own ? own.rules.size > 0 || !meant : /^(COMPOSE|DOCKER|BUILDKIT)_/.test(name)) return []
  // It may be the second line of a key that ends in the = of base64, and so a part of a secret.
  if (!meant && /[a-z]/.test(name)) {
    return [{ ...found('W13', undefined, 'This line sets a name that is not declared in .env.docker.example.',
      'If it belongs to the value above, put all of that on one line. What only the application reads belongs in .env.app.'), line }]
  }
  const hint = meant ? `Did you mean ${meant}?${own ? ' If not, put a rule above it there, such as # @optional.' : ''}`
    : 'Declare it there if your Compose files read it; what only the application reads belongs in .env.app.'
  return [{ ...found('W13', name, `${name} ${own ? `has no rule in ${own.file}:${own.line}` : 'is not declared in .env.docker.example'}.`, hint), line }]
})

/** Words that stand in for a secret, or that attackers try first. */
const stopgap = /^(<.*>|example|admin|root|postgres|(my[-_]?)?(password|secret|token|key)\d*|(change|your|replace|insert)[-_ ]?.*)$/i

/** docker/check-secrets.sh refuses the secrets of the example too. */
const weakSecret = ofEach(({ setting, name, value, raw }, { production, services }) => {
  // A password of services that do not run guards nothing.
  const isOff = (reader: string): boolean => services.some((service) => service.name === reader && !service.isOn)
  const guardsNothing = setting.services.length > 0 && setting.services.every(isOff)
  // A value that refers to another is corrected there. The password in a URL is that of the service it leads to.
  const isOthers = setting.type.form === 'url' || (raw.includes('$') && !raw.startsWith("'"))
  const isOpen = raw.includes('local-only')
  const isGuessed = !isOthers && value !== '' && fits(value, setting.type) && (stopgap.test(value) || value.length < 8)
  if (!setting.sensitive || !(isOpen ? production && !guardsNothing : isGuessed)) return undefined
  // Databases keep the password with which they were made.
  const kept = /^(POSTGRES|MARIADB)_/.test(name) ? '. If the database exists already, change it there too (docs/troubleshooting.md)' : ''
  const problem = isOpen ? 'has the value of .env.docker.example, which everybody knows, and this is production'
    : 'is easily guessed: short, a placeholder, or a word that everybody tries'
  return found('E20', name, `${name} ${problem}.`, `Make one: openssl rand -hex 24${kept}.`)
})

export const valueRules: readonly Rule[] = [missing, wrongType, wrongForm, unknownName, weakSecret]
