/** Rules about secrets. No message has a value in it, nor says how long it is. */
import type { Found } from '../finding.ts'
import type { Setting } from '../schema.ts'
import { fits } from '../types.ts'
import { isUnencoded, passwordsOf, targets } from './addresses.ts'
import { given, readers } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

/** `$(openssl rand -hex 24)`: only a shell would run it. */
export const isCommand = (value: string): boolean => /^(\$\(.*\)|`.*`)$/s.test(value)

/** Words that stand for a secret, or that everybody tries first. */
const stopgap =
  /^(?:<.*>|\.{3}|x{3,}|\*{3,}|foo|bar|foobar|todo|fixme|test(?:ing|er)?|admin(?:istrator)?|root|user|default|dummy|guest|example|sample|demo|placeholder|letmein|welcome|postgres|redis|mysql|mariadb|(?:my[-_]?)?(?:pass(?:word|wd)?|passw0rd|pw|secret|token|key)[\d!]*|insert[-_ ].*|replace[-_ ]?.*|your[-_ ].*|.*change[-_ ]?(?:me|this|it).*|.*not[-_ ]?(?:a[-_ ]?)?secret.*)$/i

/** The example's own secrets have this in them. docker/check-secrets.sh knows it too. */
const everybodyKnows = 'local-only'

export function isPlaceholder(name: string, value: string, { values }: Subject): boolean {
  const users = Object.keys(values).filter((other) => /(^|_)USER$/.test(other)).map((other) => values[other])
  return stopgap.test(value) || isCommand(value) || value.toUpperCase() === name || users.includes(value)
}

interface Secret {
  name: string
  line: number
  /** Of a URL, the password in it. */
  value: string
  isUrl: boolean
}

/** Secrets that are written into the file: not those that refer to another, which are mended by mending that one. */
const written = (subject: Subject): Secret[] => given(subject).flatMap(({ setting, name, line, value }): Secret[] => {
  const { raw } = subject.entryOf.get(name)!
  const isReference = raw.includes('$') && !raw.startsWith("'") && !isCommand(value)
  if (!setting.sensitive || value === '' || isReference || (!fits(value, setting.type) && !isCommand(value))) return []
  if (setting.type.form !== 'url') return [{ name, line, value, isUrl: false }]
  // The password of a service here is judged where the service gets it; a mirror's is not ours to choose.
  const target = targets(subject).find((one) => one.name === name)
  const isJudged = target && !isUnencoded(name, subject) && !(target.service && passwordsOf(target.service).length > 0)
  return isJudged && target.password !== '' ? [{ name, line, value: target.password, isUrl: true }] : []
})

/** Databases keep the password with which they were made. */
const makeAnother = (name: string): string =>
  `Make one: openssl rand -hex 24${/^(POSTGRES|MARIADB)_PASSWORD$/.test(name) ? '. If the database exists already, change it there as well (docs/troubleshooting.md).' : ''}`

/** Behind services that do not run a password guards nothing. */
const guards = ({ services: names }: Setting, { services }: Subject): boolean =>
  services.length === 0 || names.length === 0 || names.some((name) => services.find((service) => service.name === name)?.isOn ?? true)

const ofExample = (subject: Subject): Found[] =>
  given(subject).filter(({ setting, name }) => subject.production && setting.sensitive && guards(setting, subject) && subject.entryOf.get(name)!.raw.includes(everybodyKnows))
    .map(({ name, line }) => ({ line, setting: name, message: `${name} has the value of .env.docker.example, which everybody knows, and this is production.`, hint: makeAnother(name) }))

const about = ({ name, isUrl }: Secret): string => (isUrl ? `The password in ${name}` : name)

const placeholder = (subject: Subject): Found[] =>
  written(subject).filter(({ name, value }) => !value.includes(everybodyKnows) && isPlaceholder(name, value, subject)).map((secret) => {
    const what = isCommand(secret.value) ? 'is a command, and nobody runs it: its text would be the secret' : 'is a placeholder, or a word that everybody tries first'
    return { line: secret.line, setting: secret.name, message: `${about(secret)} ${what}.`, hint: makeAnother(secret.name) }
  })

const tooShort = (subject: Subject): Found[] =>
  written(subject).filter(({ name, value }) => value.length < 8 && !isPlaceholder(name, value, subject))
    .map((secret) => ({ line: secret.line, setting: secret.name, message: `${about(secret)} is too short: it is soon guessed.`, hint: makeAnother(secret.name) }))

const usedTwice = (subject: Subject): Found[] => {
  const own = written(subject).filter(({ name, value, isUrl }) => !isUrl && !isPlaceholder(name, value, subject))
  return own.flatMap(({ name, line, value }, index) => {
    const earlier = own.slice(0, index).find((other) => other.value === value)
    return earlier ? [{ line, setting: name, message: `${name} is the same secret as ${earlier.name} (line ${earlier.line}): who learns one has both.`, hint: makeAnother(name) }] : []
  })
}

/** The service whose own password it is: the one of its name, or the one image of others among its readers. */
const guarded = (setting: Setting, { services }: Subject): string | undefined =>
  readers(setting).find((name) => setting.name.startsWith(`${name.toUpperCase()}_`) || services.some((service) => service.name === name && service.pull_policy !== 'never' && !service.build))

/** Redis starts without a password; production refuses that. */
const noPassword = (subject: Subject): Found[] => subject.schema.settings.flatMap((setting) => {
  const { name, sensitive, generate } = setting
  const service = sensitive && generate !== undefined && subject.effective(name) === '' ? guarded(setting, subject) : undefined
  if (service === undefined || !subject.profiles.includes(service) || (service === 'redis' && !subject.production)) return []
  const line = subject.entryOf.get(name)?.line
  const then = service === 'redis' ? 'is refused in production' : 'does not start'
  return [{
    line, setting: name, message: `${name} is ${line === undefined ? 'missing' : 'empty'}, and ${service} is switched on: it ${then} without a password.`,
    hint: `npm run env -- --init ${line === undefined ? 'adds it and makes a value' : 'makes one'}; or take ${service} out of COMPOSE_PROFILES.`,
  }]
})

export const secretRules: readonly Rule[] = [
  ['E20', 'production', ofExample],
  ['E20', 'production', placeholder],
  ['E21', 'production', tooShort],
  ['E23', 'production', usedTwice],
  ['E25', 'error', noPassword],
]
