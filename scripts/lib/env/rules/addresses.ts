/** Rules about URLs: does a URL lead the containers to a service, and does its password fit? */
import { unescape } from 'node:querystring'
import { found, given, readers, type Found, type NamedService, type Rule } from '../subject.ts'

/** Servers that are known by their image: the schemes of their URLs, without a driver, and the port. */
const servers: readonly { image: RegExp; schemes: RegExp; port: number }[] = [
  { image: /(^|\/)(postgres(ql)?|postgis|pgvector|timescaledb)[:@-]/, schemes: /^(postgres(ql)?|psql|pgsql|postgis)$/, port: 5432 },
  { image: /(^|\/)(mariadb|mysql)[:@-]/, schemes: /^(mysql(2|gis|-connector)?|mariadb)$/, port: 3306 },
  { image: /(^|\/)(valkey|redis|keydb)[:@-]/, schemes: /^(rediss?|valkeys?)$/, port: 6379 },
  { image: /(^|\/)rabbitmq[:@-]/, schemes: /^amqps?$/, port: 5672 },
  { image: /(^|\/)mongo[:@-]/, schemes: /^mongodb$/, port: 27_017 },
  { image: /(^|\/)seaweedfs[:@-]/, schemes: /^https?$/, port: 8333 },
]

const serverOf = ({ image = '' }: NamedService): (typeof servers)[number] | undefined =>
  servers.find((server) => server.image.test(`${image}:`))

/** Does the service hold data, so that nothing outside of the stack has to reach it? */
export const holdsData = (service: NamedService): boolean => serverOf(service)?.schemes.test('http') === false

/** Does the service speak another protocol than the scheme's? If that is unknown, the answer is no. */
function isForeign(service: NamedService, scheme: string): boolean {
  const [is, asked] = [serverOf(service), servers.find(({ schemes }) => schemes.test(scheme))]
  return is !== undefined && asked !== undefined && is !== asked
}

/** A user and a password as a URL may contain them: all other characters are percent-encoded. */
const plainLogin = /^(?:[\w.~!$&'()*+,;=-]|%[\dA-F]{2})*(?::(?:[\w.~!$&'()*+,;=-]|%[\dA-F]{2})*)?$/i

/** Does a character before the @ break the login? An @ in a path does not, and a reference that was kept is E44. */
export function isUnencoded(value: string): boolean {
  const [, login = ''] = /^[a-z][\w+.-]*:\/\/(.*)@/is.exec(value.replaceAll(/\$\{\w+\}/g, '')) ?? []
  return !/^[^/:]*(:\d+)?\//.test(login) && !plainLogin.test(login)
}

/** Finds a wrong port. A port that was moved on purpose is in the Compose file. */
function wrongPort(name: string, url: URL, { ports = [], ...service }: NamedService): Found | undefined {
  const port = Number(url.port) || { 'http:': 80, 'https:': 443 }[url.protocol]
  if (port === undefined || ports.some(({ target }) => target === port)) return undefined
  const usual = JSON.stringify(service).includes(String(port)) ? undefined : serverOf(service)?.port
  const right = ports.find(({ published }) => published === String(port))?.target ?? usual
  if (right === undefined || right === port) return undefined
  return found('E42', name, `${name} asks for port ${port} of ${url.hostname}, but between containers it listens on ${right}.`,
    `Write ${url.hostname}:${right}.`)
}

/** Finds a wrong password. A user that the service does not make has a password that is unknown here. */
function otherPassword(name: string, url: URL, { name: service, environment = {} }: NamedService): Found | undefined {
  const [user, password] = [unescape(url.username), unescape(url.password)]
  const own = Object.entries(environment).filter(([, value]) => value)
  const passwords = own.filter(([variable]) => variable.endsWith('PASSWORD') && !/ALLOW|RANDOM/.test(variable))
  const users = own.filter(([variable]) => /(^|_)USER$/.test(variable)).map(([, value]) => value)
  const isOthers = password !== '' && user !== '' && users.length > 0 && ![...users, 'root'].includes(user)
  if (passwords.length === 0 || isOthers || passwords.some(([, value]) => value === password)) return undefined
  const message = `${name} has ${password === '' ? 'no' : 'another'} password, and ${service} asks for its own.`
  return found('E44', name, message, `Write \${${passwords[0]![0]}} in its place, outside of single quotes.`)
}

/** The first thing that keeps a container from the service, and besides a password that is wrong. */
export const notReached: Rule = (subject) => given(subject).flatMap(({ setting, name, value }) => {
  const { form, options } = setting.type
  if (form !== 'url' || readers(setting).length === 0 || !URL.canParse(value) || isUnencoded(value)) return []
  const url = new URL(value)
  // Without the driver: for postgresql+psycopg it is postgresql. A file has no host.
  const [scheme, host] = [url.protocol.replace(/[+:].*/, ''), url.hostname.toLowerCase().replaceAll(/^\[|\]$/g, '')]
  const isHere = /^(localhost|::1|0\.0\.0\.0|127\.\d+\.\d+\.\d+)$/.test(host)
  // This URL is for browsers, which reach other names than the containers.
  if (options.public === 'true') {
    if (isHere && subject.production) {
      return found('W47', name, `${name} sends browsers to ${host}, which is their own machine.`,
        `Write the name under which it is reached, as in ${name}=https://files.example.org`)
    }
    const { ports: [first, ...others] = [] } = subject.services.find((one) => one.isOn && one.name === 'storage') ?? {}
    if (!isHere || name !== 'S3_PUBLIC_URL' || !first || [first, ...others].some(({ published }) => published === url.port)) return []
    return found('W48', name, `${name} has another port than the store, which is on port ${first.published} of this machine (STORAGE_PORT).`,
      `Write ${name}=http://localhost:${first.published}`)
  }
  if (isHere) {
    // An http address other than the store's may be meant for browsers.
    return scheme.startsWith('http') && name !== 'S3_ENDPOINT_URL' ? []
      : found('E40', name, `${name} leads to ${host}, which in a container is the container itself.`,
        'Write the name of the service, such as redis. For a server on this machine itself: docs/networking-and-storage.md.')
  }
  // If two services have this name: the one that runs, and then the one that speaks the protocol.
  const rank = (one: NamedService): number => (one.isOn ? 2 : 0) + (isForeign(one, scheme) ? 0 : 1)
  const [meant] = subject.services.filter(({ hosts }) => hosts.includes(host)).toSorted((a, b) => rank(b) - rank(a))
  // An outside host, or a misspelt one: the application says that there is no such host.
  if (!meant) return []
  if (!meant.isOn) {
    return found('W68', name, `${name} leads to ${host}, and the service ${meant.name} is switched off.`,
      `Add ${meant.profiles?.[0]} to COMPOSE_PROFILES, or leave ${name} empty, or write the address of the one that you use.`)
  }
  if (isForeign(meant, scheme)) {
    return found('E82', name, `${name} begins with ${scheme}:, and ${host} is ${meant.name} here, which does not speak that.`,
      'Point it to another service, or write the URL of this one, as in .env.docker.example.')
  }
  return [wrongPort(name, url, meant), otherPassword(name, url, meant)].filter((one) => one !== undefined)
})
