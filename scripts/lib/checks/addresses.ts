/** Rules about URLs: does what the containers are told lead anywhere? */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { nearest } from '../nearest.ts'
import { hasUnknownProfile } from './compose.ts'
import { unread } from './compose-view.ts'
import type { ComposeView, ServiceView } from './compose-view.ts'
import { given, listedServices } from './subject.ts'
import type { Rule, Subject } from './subject.ts'
import { addressOf, isLoopback, isPrivate, unencoded } from './urls.ts'
import type { Address } from './urls.ts'

interface Target {
  name: string
  line: number
  address: Address
  /** Is it for browsers, and not for the containers? */
  isPublic: boolean
}

/** The URLs in the file that a container reads. */
const targets = (subject: Subject): Target[] =>
  given(subject).flatMap(({ setting, line, value }) => {
    const address = setting.type.form === 'url' && listedServices(setting).length > 0 ? addressOf(value) : undefined
    if (!address || address.host === '' || unencoded(setting, subject)) return []
    return [{ name: setting.name, line, address, isPublic: setting.type.options.public === 'true' }]
  })

const isOutside = (host: string): boolean => host.includes('.') || host.includes(':')

/** The services that answer to the host: those that are switched on, if any is. */
function servicesAt(host: string, { services }: ComposeView): ServiceView[] {
  const named = services.filter(({ hosts }) => hosts.includes(host))
  return named.some(({ isOn }) => isOn) ? named.filter(({ isOn }) => isOn) : named
}

const loopback: Rule = (subject) =>
  targets(subject).filter(({ address, isPublic }) => !isPublic && isLoopback(address.host)).map(({ name, line, address }) => {
    const kinds: [RegExp, RegExp][] = [[/^(postgres|mysql|mariadb)/, /^db$/], [/^redis/, /^redis$/], [/^http/, /^storage$/]]
    const hosts = subject.compose?.services.filter(({ isOn }) => isOn).flatMap((service) => service.hosts) ?? []
    const [, wanted] = kinds.find(([scheme]) => scheme.test(address.scheme)) ?? []
    const meant = hosts.find((host) => wanted?.test(host))
    const hint = meant ? `The service is reached as ${meant}. This machine is host.docker.internal.` : 'Use the name of a service; this machine is host.docker.internal.'
    if (address.scheme.startsWith('http')) {
      const message = `${name} leads to ${address.host}: right for browsers, but in a container it is the container itself.`
      return finding('W49', { line, setting: name, message, hint: `${hint} For browsers: @type=url(public=true) in .env.docker.example.` })
    }
    return finding('E40', { line, setting: name, message: `${name} leads to ${address.host}, which in a container is the container itself.`, hint })
  })

/** A host that is nobody's, misspelt or not. */
function strangerAt({ name, line, address: { host } }: Target, compose: ComposeView): Finding[] {
  const known = compose.services.flatMap((service) => [...service.hosts, ...service.extraHosts])
  if (known.includes(host) || isOutside(host) || isLoopback(host)) return []
  const hosts = [...new Set(compose.services.filter(({ hasNetwork }) => hasNetwork).flatMap((service) => service.hosts))]
  const meant = nearest(host, hosts)
  const message = `${name} leads to ${host}, which is no service of this stack.`
  const hint = meant ? `Did you mean ${meant}?` : `The services are ${hosts.join(', ')}.`
  // A short name is near to many, redis2 may be another Redis, and in a network of others there may be anything.
  const isMisspelt = meant !== undefined && host.length > 3 && !/\d$/.test(host) && !compose.hasForeignNetwork
  if (isMisspelt) return [finding('E41', { line, setting: name, message, hint })]
  return compose.hasForeignNetwork && !meant ? [] : [finding('W46', { line, setting: name, message, hint })]
}

/** The port in the container, as far as the image tells. */
const imagePorts: [RegExp, number][] = [
  [/(^|\/)postgres(ql)?[:@-]/, 5432], [/(^|\/)(mariadb|mysql)[:@-]/, 3306], [/(^|\/)(valkey|redis)[:@-]/, 6379], [/(^|\/)seaweedfs[:@-]/, 8333],
]

function listensOn({ ports, image = '', text }: ServiceView, port: number): number | undefined {
  if (ports.some(({ target }) => Number(target) === port)) return undefined
  const published = ports.find((one) => Number(one.published) === port)
  if (published) return Number(published.target)
  const [, usual] = imagePorts.find(([pattern]) => pattern.test(image)) ?? []
  // Who has made the server listen elsewhere has said so in the Compose file.
  return usual === port || text.includes(String(port)) ? undefined : usual
}

function wrongPort({ name, line, address: { host, port } }: Target, services: readonly ServiceView[]): Finding[] {
  if (port === undefined) return []
  return services.slice(0, 1).flatMap((service) => {
    const right = listensOn(service, port)
    if (right === undefined) return []
    const message = `${name} asks for port ${port} of ${host}, which listens on ${right}: between containers the port in the container counts.`
    return [finding('E42', { line, setting: name, message, hint: `Write ${host}:${right}.` })]
  })
}

const unknownHost: Rule = (subject) => {
  const { compose } = subject
  if (!compose) return []
  return targets(subject).filter(({ isPublic }) => !isPublic).flatMap((target) => {
    const services = servicesAt(target.address.host, compose)
    if (services.length === 0) return strangerAt(target, compose)
    const [one, other] = services.filter(({ isOn }) => isOn)
    // Several containers of one image may share a name.
    if (one && other && one.image !== other.image) {
      const message = `${target.name} leads to ${target.address.host}, and both ${one.name} and ${other.name} answer to that name.`
      return [finding('E39', { line: target.line, setting: target.name, message, hint: `Take one of them out of COMPOSE_PROFILES, or write ${one.name} there.` })]
    }
    if (one) return wrongPort(target, [one])
    if (hasUnknownProfile(subject)) return []
    const profile = services[0]!.profiles[0]!
    const message = `${target.name} leads to ${target.address.host}, and the service ${services[0]!.name} is switched off.`
    return [finding('W68', { line: target.line, setting: target.name, message, hint: `Add ${profile} to COMPOSE_PROFILES, or leave ${target.name} empty.` })]
  })
}

const encoding: Rule = (subject) =>
  given(subject).filter(({ setting }) => setting.type.form === 'url').flatMap(({ setting, line }) => {
    const culprit = unencoded(setting, subject)
    if (culprit === undefined) return []
    const { name } = setting
    const message = culprit === name
      ? `The user or the password in ${name} has characters that have to be percent-encoded in a URL.`
      : `${name} refers to ${culprit}, which has characters that have to be percent-encoded in a URL.`
    return [finding('E43', { line, setting: name, message, hint: 'Write %40 for @, %3A for :, %2F for / and so on; or take a password of letters and digits: openssl rand -hex 24' })]
  })

/** The values of those variables of a service that are named so, with the setting that they come from. */
function own({ environment, rawEnvironment }: ServiceView, pattern: RegExp): { value: string; source: string }[] {
  const names = Object.keys(environment).filter((name) => pattern.test(name) && !/ALLOW|RANDOM/.test(name))
  return names.map((name) => ({ value: environment[name]!, source: /\$\{?([A-Z]\w*)/.exec(rawEnvironment[name]!)?.[1] ?? name }))
}

/** Login and database against what the service is told to make. */
function differences({ name, line, address }: Target, service: ServiceView): Finding[] {
  const passwords = own(service, /(^|_)PASSWORD$/)
  const users = own(service, /(^|_)USER$/)
  const databases = own(service, /(^|_)(DB|DATABASE)$/)
  const reference = (found: { source: string }[]): string => found.map(({ source }) => `\${${source}}`).join(' or ')
  const differs = (found: { value: string }[], value: string): boolean => found.length > 0 && !found.some((one) => one.value.includes(unread)) && !found.some((one) => one.value === value)
  const another = (what: string, found: { source: string }[]): Finding => finding('W45', {
    line, setting: name, message: `The ${what} in ${name} is not the one that ${service.name} makes.`,
    hint: `Write ${reference(found)} there, or make the other one yourself.`,
  })
  // The administrator is there without being named.
  if (address.user !== '' && address.user !== 'root' && differs(users, address.user)) return [another('user', users)]
  if (differs(passwords, address.password)) {
    const message = `The password in ${name} is not the one that ${service.name} has.`
    return [finding('E44', { line, setting: name, message, hint: `Write ${reference(passwords)} there, so that both stay the same.` })]
  }
  return address.database !== '' && differs(databases, address.database) ? [another('database', databases)] : []
}

const login: Rule = (subject) => {
  const { compose } = subject
  if (!compose) return []
  return targets(subject).filter(({ isPublic }) => !isPublic).flatMap((target) => {
    const [service] = servicesAt(target.address.host, compose)
    return service?.isOn ? differences(target, service) : []
  })
}

const publicAddress: Rule = (subject) => {
  const { production, compose } = subject
  return targets(subject).filter(({ address, isPublic }) => isPublic && isLoopback(address.host)).flatMap(({ name, line, address }) => {
    if (production) {
      const message = `${name} sends browsers to ${address.host}, which is their own machine.`
      return [finding('W47', { line, setting: name, message, hint: 'Write the name under which the stack is reached.' })]
    }
    const published = compose?.services.filter(({ isOn }) => isOn).flatMap(({ ports }) => ports)
    if (!published || hasUnknownProfile(subject) || published.some((port) => Number(port.published) === address.port)) return []
    const message = `${name} sends browsers to port ${address.port} of this machine, where nothing is published.`
    return [finding('W47', { line, setting: name, message, hint: 'Write the port that is published (STORAGE_PORT), or leave it empty.' })]
  })
}

const unencrypted: Rule = (subject) => {
  if (!subject.production) return []
  const isOpen = ({ scheme, search }: Address): boolean => /^(http|redis|amqp)$/.test(scheme) || search.includes('sslmode=disable')
  return targets(subject).filter(({ address }) => isOpen(address) && !isPrivate(address.host)).map(({ name, line, address }) =>
    finding('W48', { line, setting: name, message: `${name} reaches ${address.host} without encryption, and this is production.`, hint: 'Use https:, rediss: or sslmode=require, if the other side can.' }))
}

export const addressRules: readonly Rule[] = [loopback, unknownHost, encoding, login, publicAddress, unencrypted]
