/** URLs in settings, taken apart. Pure. */
import { isQuoted } from '../file.ts'
import type { Setting } from '../schema.ts'
import { references } from '../interpolate.ts'
import type { Subject } from './subject.ts'

export interface Address {
  /** Without a driver: of `postgresql+psycopg` it is `postgresql`. */
  scheme: string
  /** The scheme as it is written. */
  driver: string
  user: string
  password: string
  /** In small letters, without brackets; empty for a file (sqlite:////data/x). */
  host: string
  /** The scheme's own where the URL names none; undefined where nobody knows. */
  port: number | undefined
  /** The path without its first slash. */
  database: string
  search: string
}

const schemePorts: Readonly<Record<string, number>> = {
  http: 80, https: 443, redis: 6379, rediss: 6379, postgres: 5432, postgresql: 5432, mysql: 3306, mariadb: 3306, amqp: 5672,
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The parts of a URL, or undefined when it is none. */
export function addressOf(value: string): Address | undefined {
  if (!URL.canParse(value)) return undefined
  const { protocol, username, password, hostname, port, pathname, search } = new URL(value)
  const driver = protocol.slice(0, -1)
  const scheme = driver.split('+')[0]!
  return {
    scheme,
    driver,
    user: decoded(username),
    password: decoded(password),
    host: hostname.toLowerCase().replaceAll(/^\[|\]$/g, ''),
    port: port === '' ? schemePorts[scheme] : Number(port),
    database: pathname.slice(1),
    search,
  }
}

/** What may stand in the login of a URL as it is. */
const plain = /^(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*$/

/** May the value be put into a URL as it is? In a value a % is no beginning of a code. */
export const isPlain = (value: string): boolean => plain.test(value.replaceAll('%', '%%'))

/**
 * Which password breaks the URL because it is not percent-encoded: the setting that is referred to, or the URL's own
 * name for one that is written there; undefined when none does.
 */
export function unencoded({ name }: Setting, { rawOf, values }: Subject): string | undefined {
  const raw = rawOf.get(name) ?? ''
  const text = isQuoted(raw) ? raw.slice(1, -1) : raw
  const [, login = ''] = /^[a-z][\w+.-]*:\/\/(.*)@/is.exec(text) ?? []
  const named = raw.startsWith("'") ? [] : references(login)
  const found = named.find((reference) => !isPlain(values[reference.name] ?? ''))
  if (found) return found.name
  // What is no login but a port and a path with an @ in it.
  if (named.length > 0 || /^[^/:]*:\d+\/|^[^:]*\//.test(login)) return undefined
  return login.split(':').every((part, index) => index > 1 || plain.test(part)) && login.split(':').length <= 2 ? undefined : name
}

/** Does the address mean the one who uses it? */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '0.0.0.0' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** An address of a network that is not the Internet's. */
export const isPrivate = (host: string): boolean =>
  isLoopback(host) || /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|f[cd][0-9a-f]{2}:)/.test(host) ||
  /\.(?:internal|local|localhost|lan|svc|test)$/.test(host) || !/[.:]/.test(host)
