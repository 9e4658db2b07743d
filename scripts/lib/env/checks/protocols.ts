/** Rules about schemes and ports: does the service that a URL reaches understand it? */
import { finding } from '../finding.ts'
import type { ServiceView } from './compose-view.ts'
import { urlFor } from './own-login.ts'
import { serverOf, speaks } from './servers.ts'
import type { Rule } from './subject.ts'
import { inner, namedBy, ofReached, reached } from './targets.ts'

/** PostgreSQL's URL for MariaDB, and the like. Nothing else of such a URL is judged. */
const otherProtocol: Rule = (subject) =>
  inner(subject).flatMap((target) => {
    const { name, line, address: { scheme, host } } = target
    const service = subject.compose && reached(target, subject.compose)
    if (!service || speaks(service, scheme) !== false) return []
    const url = urlFor(service, { ...serverOf(service)!, host })
    const [profile, other] = [service, namedBy(target, subject.compose!).find((one) => speaks(one, scheme))].map((one) => one?.profiles[0])
    const instead = profile && other ? `Name ${other} instead of ${profile} in COMPOSE_PROFILES` : 'Lead it to another service'
    return [finding('E82', {
      line, setting: name, message: `${name} begins with ${scheme}:, and ${host} is the service ${service.name} here, which does not speak that.`,
      hint: `${instead}, or write ${name}=${url}`,
    })]
  })

/** What asks for TLS, and how to do without. */
function tlsIn(scheme: string, search: string): { what: string; instead: string } | undefined {
  const plain = scheme.replace(/s$/, '')
  if (/^(https|rediss|valkeys|amqps)$/.test(scheme)) return { what: `${scheme}:`, instead: `Write ${plain}: instead.` }
  const [, option] = /[?&]((?:sslmode|ssl)=(?:require|verify-ca|verify-full|true))(?:&|$)/.exec(search) ?? []
  return option === undefined ? undefined : { what: option, instead: `Take ${option} out of it.` }
}

const noTls = ofReached(({ name, line, address: { scheme, search } }, service) => {
  const asked = tlsIn(scheme, search)
  // Who has given the server a certificate has said so in the Compose file.
  if (!asked || serverOf(service)?.hasTls !== false || /tls|ssl|https|cert/i.test(service.text)) return []
  const message = `${name} asks for TLS (${asked.what}), which the service ${service.name} of this stack does not speak.`
  return [finding('E83', { line, setting: name, message, hint: asked.instead })]
})

function listensOn(service: ServiceView, port: number): number | undefined {
  if (service.ports.some(({ target }) => Number(target) === port)) return undefined
  const published = service.ports.find((one) => Number(one.published) === port)
  if (published) return Number(published.target)
  const usual = serverOf(service)?.port
  // Who has made the server listen elsewhere has said so in the Compose file.
  return usual === port || service.text.includes(String(port)) ? undefined : usual
}

const wrongPort = ofReached(({ name, line, address: { host, port, scheme, search } }, service) => {
  const right = port === undefined ? undefined : listensOn(service, port)
  // The port of https is a matter of https.
  if (right === undefined || (port === 443 && tlsIn(scheme, search))) return []
  const message = `${name} asks for port ${port} of ${host}, which listens on ${right}: between containers the port in the container counts.`
  return [finding('E42', { line, setting: name, message, hint: `Write ${host}:${right}.` })]
})

export const protocolRules: readonly Rule[] = [otherProtocol, noTls, wrongPort]
