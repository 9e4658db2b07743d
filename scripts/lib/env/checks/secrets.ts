/** Rules about secrets. No message has a value in it, nor how long it is. */
import type { Setting } from '../schema.ts'
import { fits } from '../types.ts'
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { references } from '../interpolate.ts'
import { passwordsOf } from './own-login.ts'
import { isCommand, isPlaceholder } from './placeholders.ts'
import { given, listedServices, profilesOn } from './subject.ts'
import type { Rule, Subject } from './subject.ts'
import { inner, reached } from './targets.ts'
import { addressOf, unencoded } from './urls.ts'

interface Secret {
  name: string
  line: number
  /** The secret itself: of a URL, the password in it. */
  value: string
  isUrl: boolean
  /** Of a mirror or a proxy, which somebody else has given. */
  isTheirs: boolean
}

/** Is it the URL of a service here that has a password? That one is judged, and the URL's has to be the same. */
const isCopied = (name: string, subject: Subject): boolean => {
  const target = inner(subject).find((one) => one.name === name)
  const service = target && subject.compose && reached(target, subject.compose)
  return service !== undefined && passwordsOf(service).length > 0
}

/** Secrets that are written into the file: a setting that refers to one is mended by mending that one. */
const written = (subject: Subject): Secret[] =>
  given(subject).flatMap(({ setting, line, value }) => {
    const { name, sensitive, type } = setting
    const isReference = /\$/.test(subject.rawOf.get(name) ?? '') && !subject.rawOf.get(name)!.startsWith("'")
    // What has the wrong form, or is no secret at all, has that finding alone.
    if (!sensitive || value === '' || isReference || !fits(value, type) || isCommand(value)) return []
    const isUrl = type.form === 'url'
    const secret = isUrl ? (addressOf(value)?.password ?? '') : value
    if (secret === '' || (isUrl && isCopied(name, subject))) return []
    return [{ name, line, value: secret, isUrl, isTheirs: isUrl && listedServices(setting).length === 0 }]
  })

const subjectOfMessage = ({ name, isUrl }: Secret): string => (isUrl ? `The password in ${name}` : name)

/** Databases keep the password with which they were made. */
const keeps = (name: string): string =>
  /^(POSTGRES|MARIADB)_PASSWORD$/.test(name) ? '. If the database exists already, change it there as well (docs/troubleshooting.md).' : ''

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
    return finding('E20', { line, setting: name, message, hint: `Give it one of your own, such as the output of: openssl rand -hex 24${keeps(name)}` })
  })
}

const placeholder: Rule = (subject) =>
  written(subject).filter(({ name, value }) => !value.includes(everybodyKnows) && isPlaceholder(name, value, subject)).map((secret) => {
    const { name, line, isTheirs } = secret
    const hint = isTheirs ? 'Write the one that the other side has given you.' : `Make a real one: openssl rand -hex 24${keeps(name)}`
    return finding('E20', { line, setting: name, message: `${subjectOfMessage(secret)} is a placeholder, or a word that everybody tries first.`, hint })
  })

const command: Rule = (subject) =>
  given(subject).filter(({ setting: { sensitive }, value }) => sensitive && isCommand(value)).map(({ setting: { name }, line }) => {
    const message = `${name} is a command, and nobody runs it: its text would be the secret.`
    return finding('E20', { line, setting: name, message, hint: `Run it in a shell, and write what it prints${keeps(name)}` })
  })

const runs = ['qwertyuiopasdfghjklzxcvbnm', 'qwertzuiopasdfghjklyxcvbnm', '01234567890', '0987654321', 'abcdefghijklmnopqrstuvwxyz', '1qaz2wsx3edc4rfv5tgb6yhn7ujm']

/** Is it a run of the keyboard, perhaps with a few digits behind it? */
const isRun = (value: string): boolean => {
  const word = value.toLowerCase().replace(/(?<=[a-z])\d{1,4}!?$/, '')
  return word.length > 3 && runs.some((run) => (run + run).includes(word))
}

/** Is the password of the URL told as one that breaks it? */
const breaksUrl = ({ name, isUrl }: Secret, subject: Subject): boolean => isUrl && unencoded(subject.schema.byName.get(name)!, subject) === name

const weak: Rule = (subject) => {
  const judged = written(subject).filter((secret) => !secret.isTheirs && !secret.value.includes(everybodyKnows) && !breaksUrl(secret, subject))
  return judged.filter(({ name, value }) => !isPlaceholder(name, value, subject)).flatMap((secret) => {
    const { name, line, value } = secret
    const isFew = new Set(value).size < 5
    const why = isRun(value) ? 'a run of the keyboard or of numbers' : isFew ? 'a few characters again and again' : value.length < 8 ? 'too short' : undefined
    if (why === undefined) return []
    return [finding('E21', { line, setting: name, message: `${subjectOfMessage(secret)} is easily guessed: it is ${why}.`, hint: `Make another: openssl rand -hex 24${keeps(name)}` })]
  })
}

const reused: Rule = (subject) => {
  const first = new Map<string, Secret>()
  return written(subject).filter(({ name, value }) => !value.includes(everybodyKnows) && !isPlaceholder(name, value, subject)).flatMap((secret): Finding[] => {
    const { name, line, value } = secret
    const earlier = first.get(value)
    if (!earlier) {
      first.set(value, secret)
      return []
    }
    const message = `${name} is the same secret as ${earlier.name} (line ${earlier.line}).`
    const isCopy = subject.schema.byName.get(name)?.type.form === 'url'
    const hint = isCopy ? `Write \${${earlier.name}} there, if that is meant.` : `Give each its own: openssl rand -hex 24${keeps(name)}`
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
  const { schema, effective, production, lineOf, strays } = subject
  const on = profilesOn(subject)
  // What refers to one that is not there says that it is not.
  const told = new Set([...strays.values()].flatMap(({ names }) => names))
  return schema.settings.flatMap((setting): Finding[] => {
    const { name, sensitive, generate } = setting
    if (!sensitive || generate === undefined || effective(name) !== '') return []
    const service = serviceOf(setting, subject)
    if (service === undefined || !on.includes(service) || (startsWithout.has(service) && !production)) return []
    const isThere = lineOf.has(name)
    if (!isThere && told.has(name)) return []
    const message = `${name} is ${isThere ? 'empty' : 'missing'}, and ${service} is switched on: it ${startsWithout.has(service) ? 'is refused in production' : 'does not start'} without a password.`
    const hint = `npm run env -- --init ${isThere ? 'makes one' : 'adds it and makes a value'}; or take ${service} out of COMPOSE_PROFILES.`
    return [finding('E25', { line: lineOf.get(name), setting: name, message, hint })]
  })
}

export const secretRules: readonly Rule[] = [ofExample, placeholder, command, weak, reused, undeclared, noPassword]
