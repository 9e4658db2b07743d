/** Rules about the agreement between .env.docker.example, the Compose files and the env file, in every direction. */
import { isDockers } from '../schema.ts'
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { nearest } from '../../words.ts'
import { unread } from './compose-view.ts'
import type { ComposeView } from './compose-view.ts'
import { listedServices, profilesOn } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

/** A rule that needs the Compose files: without them it is left out. */
const withFiles = (rule: (subject: Subject, compose: ComposeView) => Finding[]): Rule => (subject) =>
  subject.compose ? rule(subject, subject.compose) : []

const nobodyDeclared = withFiles(({ schema, lineOf }, { usages }) => {
  // One that stands in the file has its finding there.
  const strangers = new Map(usages.filter(({ name }) => !schema.byName.has(name) && !isDockers(name) && !lineOf.has(name)).map((usage) => [usage.name, usage]))
  return [...strangers.values()].map(({ name, reader }) => {
    const meant = nearest(name, [...schema.byName.keys()])
    const where = reader === 'build' ? 'the build' : `the service ${reader}`
    const hint = meant ? `Did you mean ${meant}?` : 'Declare it in .env.docker.example, with a sentence and a rule.'
    return finding('W30', { setting: name, message: `${where} uses \${${name}}, which .env.docker.example does not declare.`.replace(/^t/, 'T'), hint })
  })
})

const readByNothing = withFiles(({ schema, lineOf }, { namedSomewhere }) =>
  schema.settings
    .filter(({ name, services }) => !namedSomewhere.has(name) && !isDockers(name) && !services.includes('scripts'))
    .map(({ name, line }) => finding('W31', {
      line: lineOf.get(name), setting: name, message: `${name} is declared, and no Compose file reads it.`,
      hint: `Hand it to a service in compose.yaml, or delete it from .env.docker.example:${line}.`,
    })))

const notHandedOver = withFiles(({ schema, lineOf }, { usages, services }) => {
  const there = new Set(services.map(({ name }) => name))
  return schema.settings.flatMap((setting) => {
    const readers = new Set(usages.filter(({ name }) => name === setting.name).map(({ reader }) => reader))
    // What only another overlay uses is not to be seen here.
    if (readers.size === 0) return []
    const listed = [...listedServices(setting).filter((name) => there.has(name)), ...setting.services.filter((name) => name === 'build')]
    const without = listed.filter((name) => !readers.has(name))
    if (without.length === 0) return []
    return [finding('W32', {
      line: lineOf.get(setting.name), setting: setting.name,
      message: `${setting.name} is said to be read by ${without.join(', ')}, and is not handed to ${without.length > 1 ? 'them' : 'it'}.`,
      hint: `Hand it over in compose.yaml, or correct @service in .env.docker.example:${setting.line}.`,
    })]
  })
})

const twoDefaults = withFiles(({ schema, lineOf }, { usages }) =>
  schema.settings.filter(({ name, value }) => !lineOf.has(name) && value !== '' && !value.includes('$')).flatMap(({ name, value, sensitive, line }) => {
    const other = usages.find((usage) => usage.name === name && /^:?-$/.test(usage.operator) && usage.word !== '' && usage.word !== value)
    if (!other || other.word.includes('$')) return []
    const both = sensitive ? '' : `: ${JSON.stringify(other.word)} is taken, and the example says ${JSON.stringify(value)}`
    return [finding('W33', {
      setting: name, message: `${name} is not in the file, and has another default in the Compose files than in .env.docker.example:${line}${both}.`,
      hint: `Set ${name} in the file, or make the defaults the same.`,
    })]
  }))

const secretWithDefault = withFiles(({ schema, lineOf }, { usages }) =>
  schema.settings.filter(({ sensitive }) => sensitive).flatMap(({ name }) => {
    const usage = usages.find((one) => one.name === name && /^:?-$/.test(one.operator) && one.word !== '' && !one.word.includes('='))
    if (!usage) return []
    return [finding('W34', {
      line: lineOf.get(name), setting: name, message: `${name} is a secret, and has a default in a Compose file (${usage.reader}).`,
      hint: `Write \${${name}:-} there.`,
    })]
  }))

const secretToOthers = withFiles(({ schema, lineOf }, { services }) =>
  schema.settings.filter(({ sensitive, services: listed }) => sensitive && listed.length > 0).flatMap((setting) => {
    // What has no network cannot pass it on.
    const receivers = services.filter(({ rawEnvironment, hasNetwork, name }) =>
      hasNetwork && !setting.services.includes(name) && Object.values(rawEnvironment).some((value) => new RegExp(String.raw`\$\{?${setting.name}\b`).test(value)))
    return receivers.map(({ name }) => finding('W35', {
      line: lineOf.get(setting.name), setting: setting.name, message: `${setting.name} is a secret and handed to ${name}, which is not among its readers.`,
      hint: `Take it out of ${name}, or add ${name} to @service in .env.docker.example:${setting.line}.`,
    }))
  }))

const moves = (image: string): boolean => image !== '' && !image.includes(unread) && !image.includes('@sha256:') && !/:(?!latest$)[^:/]+$/.test(image)

const movingImage = withFiles((subject, { services, usages }) => {
  const { schema, lineOf, effective } = subject
  const isFrontendBuilt = effective('FRONTEND') === 'build' || profilesOn(subject).includes('frontend')
  const images = schema.settings.filter(({ name }) => name.endsWith('_IMAGE') && (name !== 'NODE_IMAGE' || isFrontendBuilt))
  const on = new Set(['build', ...services.filter(({ isOn }) => isOn).map(({ name }) => name)])
  const named = images.filter(({ name }) => usages.some((usage) => usage.name === name && on.has(usage.reader)))
  const own = services.filter(({ isOn, image, text }) => isOn && image !== undefined && moves(image) && !images.some(({ name }) => text.includes(effective(name) || '\0')))
  return [
    ...named.filter(({ name }) => moves(effective(name) ?? '')).map(({ name, value }) => finding('E36', {
      line: lineOf.get(name), setting: name, message: `${name} names no version: it is another image tomorrow.`, hint: `Name one, as in ${name}=${value}`,
    })),
    ...own.map(({ name }) => finding('E36', {
      message: `The image of the service ${name} names no version: it is another one tomorrow.`, hint: 'Add a tag in the Compose file.',
    })),
  ]
})

/** The profiles in COMPOSE_PROFILES that no service has. */
const strangers = (subject: Subject, known: readonly string[]): string[] => profilesOn(subject).filter((name) => name !== '*' && !known.includes(name))

const profilesOf = ({ services }: ComposeView): string[] => [...new Set(services.flatMap(({ profiles }) => profiles))]

/** Then nobody knows yet which services are meant to run. */
export const hasUnknownProfile = (subject: Subject): boolean => subject.compose !== undefined && strangers(subject, profilesOf(subject.compose)).length > 0

/** What to write for a name that is no profile: one with another separator, the host of a service, a service, or a misspelt one. */
function profileAdvice(name: string, compose: ComposeView): string {
  const known = profilesOf(compose)
  const words = name.split(/[\s;:|]+/).filter(Boolean)
  if (words.length > 1) return `Separate them by commas: ${words.join(',')}`
  const service = compose.services.find((one) => one.name === name)
  if (service?.profiles.length === 0) return `${name} always runs: leave it out.`
  const answering = compose.services.filter(({ hosts }) => hosts.includes(name)).flatMap(({ profiles }) => profiles)
  if (answering.length > 0) return `Write ${answering.join(' or ')}.`
  const meant = nearest(name, known)
  return meant ? `Did you mean ${meant}?` : `There are ${known.join(', ')}.`
}

const unknownProfile = withFiles((subject, compose) =>
  strangers(subject, profilesOf(compose)).map((name) => finding('E38', {
    line: subject.lineOf.get('COMPOSE_PROFILES'), setting: 'COMPOSE_PROFILES',
    message: `COMPOSE_PROFILES names ${JSON.stringify(name)}, and no service has that profile.`, hint: profileAdvice(name, compose),
  })))

export const composeRules: readonly Rule[] = [
  nobodyDeclared, readByNothing, notHandedOver, twoDefaults, secretWithDefault, secretToOthers, movingImage, unknownProfile,
]
