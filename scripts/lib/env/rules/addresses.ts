/** Rules about URLs: does what the containers are told lead anywhere, and does it get in there? */
import { nearest } from '../../words.ts'
import type { Found } from '../finding.ts'
import { isQuoted, references } from '../file.ts'
import { about, given, ofEach, readers } from './subject.ts'
import type { Advice, NamedService, Rule, Subject } from './subject.ts'

/**
 * What the servers of a stack speak and where they listen, as far as their images tell: the schemes without a driver, and
 * the parts of a URL for each. `hasTls` says that it speaks TLS without being told to.
 */
interface Server { image: RegExp; schemes: RegExp; port: number; scheme: string; search?: string; hasTls?: boolean }

const servers: readonly Server[] = [
  { image: /(^|\/)(postgres(ql)?|postgis|pgvector|timescaledb)[:@-]/, schemes: /^postgres(ql)?$/, port: 5432, scheme: 'postgresql+psycopg' },
  { image: /(^|\/)(mariadb|mysql)[:@-]/, schemes: /^(mysql|mariadb)$/, port: 3306, scheme: 'mysql+pymysql', search: '?charset=utf8mb4', hasTls: true },
  { image: /(^|\/)(valkey|redis)[:@-]/, schemes: /^(rediss?|valkeys?)$/, port: 6379, scheme: 'redis' },
  { image: /(^|\/)rabbitmq[:@-]/, schemes: /^amqps?$/, port: 5672, scheme: 'amqp' },
  { image: /(^|\/)seaweedfs[:@-]/, schemes: /^https?$/, port: 8333, scheme: 'http' },
]

const serverOf = ({ image = '' }: NamedService): Server | undefined => servers.find((server) => server.image.test(image))

/** Does the service speak the scheme? Undefined where nobody knows. */
function speaks(service: NamedService, scheme: string): boolean | undefined {
  const [it, wanted] = [serverOf(service), servers.find(({ schemes }) => schemes.test(scheme))]
  return it && wanted && it === wanted
}

export interface Target {
  name: string
  /** Without a driver: of `postgresql+psycopg` it is `postgresql`. */
  scheme: string
  /** In small letters; empty for a file. */
  host: string
  /** The scheme's own where the URL names none. */
  port: number | undefined
  user: string
  password: string
  path: string
  search: string
  /** Is it for browsers, and not for the containers? */
  isPublic: boolean
  /** The services that answer to the host, and those of them that run. */
  named: readonly NamedService[]
  running: readonly NamedService[]
  /** The one that is reached. */
  service: NamedService | undefined
}

/** What may stand in the login of a URL as it is. */
const plain = /^(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/

/** May a value be put there? In it a % begins no code. */
const isPlain = (value: string): boolean => plain.test(value.replaceAll('%', '%%'))

/** The setting with a password that is not percent-encoded: one that the URL refers to, or the URL itself. */
function unencoded(name: string, { entryOf, values }: Subject): string | undefined {
  const raw = entryOf.get(name)?.raw ?? ''
  const [, login = ''] = /^[a-z][\w+.-]*:\/\/(.*)@/is.exec(isQuoted(raw) ? raw.slice(1, -1) : raw) ?? []
  const named = raw.startsWith("'") ? [] : references(login).map((reference) => reference.name)
  if (named.length > 0) return named.find((other) => !isPlain(values[other] ?? ''))
  // A port and a path with an @ in it are no login.
  if (/^[^/:]*:\d+\/|^[^:]*\//.test(login)) return undefined
  return login.split(':').length > 2 || login.split(':').some((part) => !plain.test(part)) ? name : undefined
}

export const isUnencoded = (name: string, subject: Subject): boolean => unencoded(name, subject) !== undefined

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The URLs in the file that a container reads. */
export const targets = (subject: Subject): Target[] =>
  given(subject).filter(({ setting, name, value }) => setting.type.form === 'url' && readers(setting).length > 0 && URL.canParse(value) && !isUnencoded(name, subject))
    .map(({ setting, name, value }) => {
      const { protocol, username, password, hostname, port, pathname, search } = new URL(value)
      const [scheme, host] = [protocol.slice(0, -1).split('+')[0]!, hostname.toLowerCase().replaceAll(/^\[|\]$/g, '')]
      const named = subject.services.filter(({ hosts }) => hosts.includes(host))
      const running = named.filter(({ isOn }) => isOn)
      const usual = { http: 80, https: 443 }[scheme] ?? servers.find(({ schemes }) => schemes.test(scheme))?.port
      return {
        name, scheme, host, named, running, search, port: port === '' ? usual : Number(port), user: decoded(username), password: decoded(password),
        path: pathname.slice(1), isPublic: setting.type.options.public === 'true',
        // Containers of one image may share a name.
        service: running.every(({ image }) => image === running[0]!.image) ? running[0] : undefined,
      }
    })

/** Does the address mean the one who uses it? */
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host === '0.0.0.0' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** A rule about each URL that a container asks. */
const ofTargets = (judge: (target: Target, subject: Subject) => Advice) => (subject: Subject): Found[] =>
  targets(subject).filter(({ isPublic }) => !isPublic).flatMap((target) => {
    const advice = judge(target, subject)
    return advice ? [about(subject, target.name, advice)] : []
  })

/** The same about each that reaches a service that speaks its language, as far as anybody knows. */
const ofReached = (judge: (target: Target, service: NamedService) => Advice): (subject: Subject) => Found[] =>
  ofTargets((target) => (target.service && speaks(target.service, target.scheme) !== false ? judge(target, target.service) : undefined))

/** The values of those variables of a service that are named so. */
const own = ({ environment = {} }: NamedService, pattern: RegExp): [name: string, value: string][] =>
  Object.entries(environment).flatMap(([name, value]) => (pattern.test(name) && !/ALLOW|RANDOM/.test(name) && value ? [[name, value]] : []))

export const passwordsOf = (service: NamedService): [name: string, value: string][] => own(service, /(^|_)PASSWORD$/)

/** The name by which a service is usually called: the first that it was given beside its own. */
const calledAs = ({ hosts }: NamedService): string => hosts[1] ?? hosts[0]!

/** A URL for the service, which refers to its password. */
function urlFor(service: NamedService): string {
  const { scheme, port, search = '' } = serverOf(service)!
  const [user, database] = [/(^|_)USER$/, /(^|_)(DB|DATABASE)$/].map((pattern) => own(service, pattern)[0]?.[1] ?? '')
  const login = passwordsOf(service).slice(0, 1).map(([name]) => `${user}:\${${name}}@`).join('')
  return `${scheme}://${login}${calledAs(service)}:${port}/${database}${search}`
}

/** An http address may be meant to be handed on to browsers. */
const onLocalhost = ofTargets(({ name, host, scheme }, { services }) => {
  if (!isLoopback(host) || (scheme.startsWith('http') && name !== 'S3_ENDPOINT_URL')) return undefined
  const meant = services.find((service) => service.isOn && speaks(service, scheme))
  const instead = meant ? `The service is reached as ${calledAs(meant)}. This` : 'Use the name of a service; this'
  return [`${name} leads to ${host}, which in a container is the container itself.`, `${instead} machine is host.docker.internal.`]
})

/** A short name is near to many, redis2 may be another Redis, and in a network of others there may be anything. */
const misspelt = ofTargets(({ name, host, named }, { services, around: { model } }) => {
  const isForeign = named.length > 0 || isLoopback(host) || /[.:]|\d$/.test(host) || host.length < 4
  const isElsewhere = Object.values(model?.networks ?? {}).some((network) => network.external) ||
    services.some(({ extra_hosts: hosts = [] }) => hosts.some((one) => one.split(/[=:]/)[0] === host))
  const meant = isForeign || isElsewhere ? undefined : nearest(host, services.flatMap((service) => service.hosts))
  return meant === undefined ? undefined : [`${name} leads to ${host}, which is no service of this stack.`, `Did you mean ${meant}?`]
})

const ambiguous = ofTargets(({ name, host, port, scheme, running, service }) => {
  if (running.length === 0 || service) return undefined
  const meant = running.find((one) => speaks(one, scheme)) ?? running[0]!
  const [all, others] = [running, running.filter((one) => one !== meant)].map((list) => list.map((one) => one.name).join(' and '))
  return [
    `${name} leads to ${host}, and both ${all} answer to that name, so a connection may reach either.`,
    `Take ${others} out of COMPOSE_PROFILES, or write ${meant.name}${port === undefined ? '' : `:${port}`} instead of ${host} in ${name}.`,
  ]
})

/** Which services are meant to run is not known before an unknown profile is corrected (E38). */
const switchedOff = ofTargets(({ name, host, scheme, named, running }, { profiles, services }) => {
  const isKnown = profiles.every((profile) => profile === '*' || services.some((one) => one.profiles?.includes(profile)))
  const meant = named.find((one) => speaks(one, scheme)) ?? named[0]
  if (!meant || running.length > 0 || !isKnown) return undefined
  return [
    `${name} leads to ${host}, and the service ${meant.name} is switched off.`,
    `Add ${meant.profiles?.[0]} to COMPOSE_PROFILES, or leave ${name} empty, or write the address of the one that you use.`,
  ]
})

/** PostgreSQL's URL for MariaDB, and the like. */
const otherProtocol = ofTargets(({ name, host, scheme, service }) => (service && speaks(service, scheme) === false
  ? [`${name} begins with ${scheme}:, and ${host} is the service ${service.name} here, which does not speak that.`,
    `Lead it to another service, or write ${name}=${urlFor(service)}`]
  : undefined))

/** What in the URL asks for TLS. */
const tlsIn = ({ scheme, search }: Target): string | undefined =>
  /^(https|rediss|valkeys|amqps)$/.test(scheme) ? `${scheme}:` : /(?<=[?&])(sslmode|ssl)=(require|verify-ca|verify-full|true)(?=&|$)/.exec(search)?.[0]

/** A server that has been given a certificate shows it in the Compose file. */
const noTls = ofReached((target, service) => {
  const [asked, server] = [tlsIn(target), serverOf(service)]
  if (!asked || !server || server.hasTls || /tls|ssl|https|cert/i.test(JSON.stringify(service))) return undefined
  return [
    `${target.name} asks for TLS (${asked}), which the service ${service.name} of this stack does not speak.`,
    asked.endsWith(':') ? `Write ${asked.replace(/s:$/, ':')} instead.` : `Take ${asked} out of it.`,
  ]
})

/** A port that has been moved shows in the Compose file. */
const wrongPort = ofReached((target, service) => {
  const { name, host, port } = target
  const { ports = [], ...others } = service
  if (port === undefined || ports.some((one) => one.target === port) || (port === 443 && tlsIn(target))) return undefined
  const usual = JSON.stringify(others).includes(String(port)) ? undefined : serverOf(service)?.port
  const right = ports.find(({ published }) => published === String(port))?.target ?? usual
  if (right === undefined || right === port) return undefined
  return [`${name} asks for port ${port} of ${host}, which listens on ${right}: between containers the port in the container counts.`, `Write ${host}:${right}.`]
})

/** Another user than the service makes has a password that nobody here knows. */
const otherPassword = ofReached(({ name, user, password }, service) => {
  const [passwords, users] = [passwordsOf(service), own(service, /(^|_)USER$/).map(([, value]) => value)]
  const isOthers = password !== '' && user !== '' && users.length > 0 && ![...users, 'root'].includes(user)
  if (passwords.length === 0 || passwords.some(([, value]) => value === password) || isOthers) return undefined
  const [[source, value] = ['', '']] = passwords
  const reference = serverOf(service) ? `${name}=${urlFor(service)}` : `\${${source}} there`
  const hint = isPlain(value) ? `Write ${reference}` : `Write the value of ${source} there, percent-encoded.`
  return [password === '' ? `${name} has no password, and ${service.name} has one.` : `The password in ${name} is not the one that ${service.name} has.`, hint]
})

const encoded = 'percent-encoded: %40 for @, %3A for :, %2F for / and so on'

const notEncoded = ofEach(({ setting: { type }, name }, subject) => {
  const culprit = type.form === 'url' ? unencoded(name, subject) : undefined
  if (culprit === undefined) return undefined
  if (culprit === name) return [`The user or the password in ${name} has characters that have to be percent-encoded in a URL.`, `Write it ${encoded}.`]
  return [
    `${name} refers to ${culprit}, which has characters that have to be percent-encoded in a URL.`,
    `Take a ${culprit} of letters and digits (openssl rand -hex 24); or write its value in ${name} in place of \${${culprit}}, ${encoded}.`,
  ]
})

const theirOwnMachine = (subject: Subject): Found[] =>
  targets(subject).filter(({ isPublic, host }) => subject.production && isPublic && isLoopback(host)).map(({ name, host }) => about(subject, name, [
    `${name} sends browsers to ${host}, which is their own machine.`, `Write the name under which it is reached, as in ${name}=https://files.example.org`,
  ]))

/** The source is part of the image in production, unless something is mounted into it. Three slashes begin a path that is seen from there. */
const fileInImage = ofTargets(({ name, scheme, host, path }, { production, services }) => {
  const isInSource = scheme === 'sqlite' && host === '' && path !== '' && !/^(:memory:|file:)/.test(path) && (!path.startsWith('/') || path.startsWith('/app/'))
  const hasMount = services.some((service) => service.name === 'web' && service.volumes?.some(({ target }) => target.startsWith('/app/')))
  if (!production || !isInSource || hasMount) return undefined
  return [
    `${name} names a file in the folder of the application, which in production is part of the image: it cannot be written, or is gone with the container.`,
    `What has to stay belongs into /data: ${name}=sqlite:////data/${path.split('/').at(-1)}`,
  ]
})

export const addressRules: readonly Rule[] = [
  ['E39', 'error', ambiguous],
  ['E40', 'error', onLocalhost],
  ['E41', 'error', misspelt],
  ['E42', 'error', wrongPort],
  ['E43', 'error', notEncoded],
  ['E44', 'error', otherPassword],
  ['E82', 'error', otherProtocol],
  ['E83', 'error', noTls],
  ['W47', 'warning', theirOwnMachine],
  ['W68', 'warning', switchedOff],
  ['W84', 'warning', fileInImage],
]
