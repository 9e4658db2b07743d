/** The login that a service makes, and how a URL refers to it. Pure. */
import { references } from '../interpolate.ts'
import { unread } from './compose-view.ts'
import type { ServiceView } from './compose-view.ts'
import { isPlain } from './urls.ts'

/** A value of a service, and the setting that it comes from. */
export interface Own {
  value: string
  source: string
}

/** The values of those variables of a service that are named so. */
function own({ environment, rawEnvironment }: ServiceView, pattern: RegExp): Own[] {
  const names = Object.keys(environment).filter((name) => pattern.test(name) && !/ALLOW|RANDOM/.test(name))
  return names.map((name) => ({ value: environment[name]!, source: references(rawEnvironment[name]!)[0]?.name ?? name }))
}

export const passwordsOf = (service: ServiceView): Own[] => own(service, /(^|_)PASSWORD$/)
export const usersOf = (service: ServiceView): Own[] => own(service, /(^|_)USER$/)
export const databasesOf = (service: ServiceView): Own[] => own(service, /(^|_)(DB|DATABASE)$/)

/** Is it certain that the value is none of these? */
export const isNoneOf = (found: readonly Own[], value: string): boolean =>
  found.length > 0 && !found.some((one) => one.value.includes(unread) || one.value === value)

/** How to say which characters are written how. */
export const encoded = 'percent-encoded: %40 for @, %3A for :, %2F for / and so on'

/** The same in place of a value. */
const referenceTo = ({ value, source }: Own): string => (isPlain(value) ? `\${${source}}` : `<${source}, percent-encoded>`)

export const referencesTo = (found: readonly Own[]): string => found.map((one) => referenceTo(one)).join(' or ')

/** A URL for the service, without a secret in it. */
export function urlFor(service: ServiceView, { scheme, host, port, database, search }: Record<'scheme' | 'host' | 'database' | 'search', string> & { port: number }): string {
  const [user, password, made] = [usersOf, passwordsOf, databasesOf].map((find) => find(service).slice(0, 1).map((one) => referenceTo(one)).join(''))
  const login = password ? `${user}:${password}@` : ''
  return `${scheme}://${login}${host}:${port}/${made || database}${search}`
}
