/** Rules about secrets. No message has a value in it, nor says how long it is. */
import type { Found } from '../finding.ts'
import { fits } from '../schema.ts'
import type { Setting } from '../schema.ts'
import { passwordsOf, targets } from './addresses.ts'
import { about, given, ofEach, readers } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

/** `$(openssl rand -hex 24)`: only a shell would run it. */
export const isCommand = (value: string): boolean => /^(\$\(.*\)|`.*`)$/s.test(value)

/** Words that stand for a secret, or that everybody tries first. */
const stopgaps: readonly RegExp[] = [
  /^(?:<.*>|\.{3}|x{3,}|\*{3,}|foo|bar|foobar|todo|fixme|test(?:ing|er)?|default|dummy|guest|example|sample|demo|placeholder)$/i,
  /^(?:admin(?:istrator)?|root|user|letmein|welcome|postgres|redis|mysql|mariadb)$/i,
  /^(?:my[-_]?)?(?:pass(?:word|wd)?|passw0rd|pw|secret|token|key)[\d!]*$/i,
  /^(?:insert|your)[-_ ]|^replace[-_ ]?|change[-_ ]?(?:me|this|it)|not[-_ ]?(?:a[-_ ]?)?secret/i,
]

/** The example's own secrets have this in them. docker/check-secrets.sh knows it too. */
const everybodyKnows = 'local-only'

function isPlaceholder(name: string, value: string, { values }: Subject): boolean {
  const users = Object.keys(values).filter((other) => /(^|_)USER$/.test(other)).map((other) => values[other])
  return stopgaps.some((words) => words.test(value)) || isCommand(value) || value.toUpperCase() === name || users.includes(value)
}

interface Secret {
  name: string
  /** How a message calls it. */
  what: string
  /** Of a URL, the password in it. */
  value: string
  isUrl: boolean
}

/** Secrets that are written into the file: not those that refer to another, which are mended by mending that one. */
const written = (subject: Subject): Secret[] => given(subject).flatMap(({ setting: { sensitive, type }, name, value, raw }): Secret[] => {
  const isReference = raw.includes('$') && !raw.startsWith("'") && !isCommand(value)
  if (!sensitive || value === '' || isReference || (!fits(value, type) && !isCommand(value))) return []
  if (type.form !== 'url') return [{ name, what: name, value, isUrl: false }]
  // The password of a service here is judged where the service gets it; a mirror chooses its own.
  const target = targets(subject).find((one) => one.name === name)
  if (!target || target.password === '' || (target.service && passwordsOf(target.service).length > 0)) return []
  return [{ name, what: `The password in ${name}`, value: target.password, isUrl: true }]
})

/** Databases keep the password with which they were made. */
const makeAnother = (name: string): string => {
  const isKept = /^(POSTGRES|MARIADB)_PASSWORD$/.test(name)
  return `Make one: openssl rand -hex 24${isKept ? '. If the database exists already, change it there as well (docs/troubleshooting.md).' : ''}`
}

/** A rule about each of them; it says what is wrong, after the name. */
const ofSecrets = (judge: (secret: Secret, subject: Subject) => string | undefined) => (subject: Subject): Found[] =>
  written(subject).flatMap((secret) => {
    const wrong = judge(secret, subject)
    return wrong === undefined ? [] : [about(subject, secret.name, [`${secret.what} ${wrong}.`, makeAnother(secret.name)])]
  })

/** Behind services that do not run a password guards nothing. */
const guards = ({ services: names }: Setting, { services }: Subject): boolean =>
  services.length === 0 || names.length === 0 || names.some((name) => services.find((service) => service.name === name)?.isOn ?? true)

const ofExample = ofEach(({ setting, name, raw }, subject) =>
  subject.production && setting.sensitive && raw.includes(everybodyKnows) && guards(setting, subject)
    ? [`${name} has the value of .env.docker.example, which everybody knows, and this is production.`, makeAnother(name)]
    : undefined)

const placeholder = ofSecrets(({ name, value }, subject) => {
  if (isCommand(value)) return 'is a command, and nobody runs it: its text would be the secret'
  return !value.includes(everybodyKnows) && isPlaceholder(name, value, subject) ? 'is a placeholder, or a word that everybody tries first' : undefined
})

const tooShort = ofSecrets(({ name, value }, subject) => (value.length < 8 && !isPlaceholder(name, value, subject) ? 'is too short: it is easily guessed' : undefined))

const usedTwice = ofSecrets(({ name, value, isUrl }, subject) => {
  const earlier = isUrl || isPlaceholder(name, value, subject) ? undefined : written(subject).find((other) => !other.isUrl && other.value === value)
  return earlier && earlier.name !== name ? `is the same secret as ${earlier.name}: whoever learns one has both` : undefined
})

/** The service whose own password it is: the one of its name, or the one image of others among its readers. */
const guarded = (setting: Setting, { services }: Subject): string | undefined => {
  const foreign = services.filter(({ build, pull_policy: policy }) => !build && policy !== 'never').map(({ name }) => name)
  return readers(setting).find((name) => setting.name.startsWith(`${name.toUpperCase()}_`) || foreign.includes(name))
}

/** Redis starts without a password; production refuses that. */
const noPassword = (subject: Subject): Found[] => subject.schema.settings.flatMap((setting) => {
  const { name, sensitive, generate } = setting
  const service = sensitive && generate !== undefined && subject.effective(name) === '' ? guarded(setting, subject) : undefined
  if (service === undefined || !subject.profiles.includes(service) || (service === 'redis' && !subject.production)) return []
  const isThere = subject.entryOf.has(name)
  const then = service === 'redis' ? 'is refused in production' : 'does not start'
  return [about(subject, name, [
    `${name} is ${isThere ? 'empty' : 'missing'}, and ${service} is switched on: it ${then} without a password.`,
    `npm run env -- --init ${isThere ? 'makes one' : 'adds it and makes a value'}; or take ${service} out of COMPOSE_PROFILES.`,
  ])]
})

export const secretRules: readonly Rule[] = [
  ['E20', 'production', ofExample],
  ['E20', 'production', placeholder],
  ['E21', 'production', tooShort],
  ['E23', 'production', usedTwice],
  ['E25', 'error', noPassword],
]
