/** Rules about secrets. No message has a value in it, nor how long it is. */
import type { Setting } from '../env-schema.ts'
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { references } from '../interpolate.ts'
import { given, profilesOn } from './subject.ts'
import type { Rule, Subject } from './subject.ts'
import { addressOf } from './urls.ts'

interface Secret {
  name: string
  line: number
  /** The secret itself: of a URL, the password in it. */
  value: string
}

/** Secrets that are written into the file: a setting that refers to one is mended by mending that one. */
const written = (subject: Subject): Secret[] =>
  given(subject).flatMap(({ setting: { name, sensitive, type }, line, value }) => {
    const isReference = /\$/.test(subject.rawOf.get(name) ?? '') && !subject.rawOf.get(name)!.startsWith("'")
    if (!sensitive || value === '' || isReference) return []
    const secret = type.form === 'url' ? (addressOf(value)?.password ?? '') : value
    return secret === '' ? [] : [{ name, line, value: secret }]
  })

/** What the example's secrets have in them, so that docker/check-secrets.sh knows them too. */
const everybodyKnows = 'local-only'

/** Behind services that do not run a password guards nothing. */
const guards = ({ services }: Setting, { compose }: Subject): boolean =>
  services.length === 0 || services.some((name) => compose?.services.find((service) => service.name === name)?.isOn !== false)

const ofExample: Rule = (subject) => {
  const { production, schema, lines } = subject
  if (!production) return []
  const known = lines.entries.filter(({ name, raw }) => {
    const setting = schema.byName.get(name)
    return setting?.sensitive && guards(setting, subject) && raw.includes(everybodyKnows)
  })
  return known.map(({ name, line }) => {
    const message = `${name} has the value of .env.docker.example, which everybody knows, and this is production.`
    return finding('E20', { line, setting: name, message, hint: 'Give it one of your own, such as the output of: openssl rand -hex 24' })
  })
}

const stopgap =
  /^(?:<.*>|\.{3}|x{3,}|\*{3,}|foo|bar|foobar|todo|fixme|test(?:ing|er)?|admin(?:istrator)?|root|user|default|dummy|guest|example|sample|demo|placeholder|letmein|welcome|postgres|redis|mysql|mariadb|(?:my[-_]?)?(?:pass(?:word|wd)?|passw0rd|pw|secret|token|key)[\d!]*|insert[-_ ].*|replace[-_ ]?.*|your[-_ ].*|.*change[-_ ]?(?:me|this|it).*|.*not[-_ ]?(?:a[-_ ]?)?secret.*)$/i

function isPlaceholder(name: string, value: string, { values }: Subject): boolean {
  const users = Object.keys(values).filter((other) => /(^|_)USER$/.test(other)).map((other) => values[other])
  return stopgap.test(value) || value.toUpperCase() === name || users.includes(value)
}

const placeholder: Rule = (subject) =>
  written(subject).filter(({ name, value }) => !value.includes(everybodyKnows) && isPlaceholder(name, value, subject)).map(({ name, line }) =>
    finding('E20', { line, setting: name, message: `${name} is a placeholder, or a word that everybody tries first.`, hint: 'Make a real one: openssl rand -hex 24' }))

const runs = ['qwertyuiopasdfghjklzxcvbnm', 'qwertzuiopasdfghjklyxcvbnm', '01234567890', '0987654321', 'abcdefghijklmnopqrstuvwxyz', '1qaz2wsx3edc4rfv5tgb6yhn7ujm']

/** Is it a run of the keyboard, perhaps with a few digits behind it? */
const isRun = (value: string): boolean => {
  const word = value.toLowerCase().replace(/(?<=[a-z])\d{1,4}!?$/, '')
  return word.length > 3 && runs.some((run) => (run + run).includes(word))
}

const weak: Rule = (subject) =>
  written(subject).filter(({ name, value }) => !value.includes(everybodyKnows) && !isPlaceholder(name, value, subject)).flatMap(({ name, line, value }) => {
    const isFew = new Set(value).size < 5
    const why = isRun(value) ? 'a run of the keyboard or of numbers' : isFew ? 'a few characters again and again' : value.length < 8 ? 'too short' : undefined
    if (why === undefined) return []
    return [finding('E21', { line, setting: name, message: `${name} is easily guessed: it is ${why}.`, hint: 'Make another: openssl rand -hex 24' })]
  })

const reused: Rule = (subject) => {
  const first = new Map<string, Secret>()
  return written(subject).filter(({ value }) => !value.includes(everybodyKnows)).flatMap((secret): Finding[] => {
    const { name, line, value } = secret
    const earlier = first.get(value)
    if (!earlier) {
      first.set(value, secret)
      return []
    }
    const message = `${name} is the same secret as ${earlier.name} (line ${earlier.line}).`
    const isCopy = subject.schema.byName.get(name)?.type.form === 'url'
    const hint = isCopy ? `Write \${${earlier.name}} there, if that is meant.` : 'Give each its own: openssl rand -hex 24'
    return isCopy ? [] : [finding('E23', { line, setting: name, message, hint })]
  })
}

const undeclared: Rule = (subject) =>
  given(subject)
    .filter(({ setting: { name, sensitive }, value }) => !sensitive && value !== '' && /(^|_)(PASSWORD|PASSWD|TOKEN|SECRET|DSN|PRIVATE_KEY|API_KEY|SECRET_KEY)$/.test(name))
    .map(({ setting: { name, line: declared }, line }) => finding('W24', {
      line, setting: name, message: `${name} is a secret by its name, and is not declared as one.`, hint: `Add @sensitive to its rule in .env.docker.example:${declared}.`,
    }))

/** Services that start without a password; production refuses that as well. */
const startsWithout = new Set(['redis'])

/** The service whose own password it is: of its name, or a foreign one that is handed it. */
function serviceOf({ name, services }: Setting, { compose }: Subject): string | undefined {
  const foreign = compose?.services.filter(({ image, rawEnvironment }) =>
    image !== undefined && Object.values(rawEnvironment).some((value) => references(value).some((one) => one.name === name)))
  return services.find((service) => name.startsWith(`${service.toUpperCase()}_`)) ?? foreign?.map((service) => service.name).find((service) => services.includes(service))
}

const noPassword: Rule = (subject) => {
  const { schema, effective, production, lineOf } = subject
  const on = profilesOn(subject)
  return schema.settings.flatMap((setting): Finding[] => {
    const { name, sensitive, generate } = setting
    if (!sensitive || generate === undefined || effective(name) !== '') return []
    const service = serviceOf(setting, subject)
    if (service === undefined || !on.includes(service) || (startsWithout.has(service) && !production)) return []
    const isThere = lineOf.has(name)
    const message = `${name} is ${isThere ? 'empty' : 'missing'}, and ${service} is switched on: it ${startsWithout.has(service) ? 'is refused in production' : 'does not start'} without a password.`
    const hint = `npm run env -- --init ${isThere ? 'makes one' : 'adds it and makes a value'}; or take ${service} out of COMPOSE_PROFILES.`
    return [finding('E25', { line: lineOf.get(name), setting: name, message, hint })]
  })
}

export const secretRules: readonly Rule[] = [ofExample, placeholder, weak, reused, undeclared, noPassword]
