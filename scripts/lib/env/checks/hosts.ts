/** Rules about the hosts in URLs: is there anybody? */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { nearest } from '../../words.ts'
import { hasUnknownProfile } from './compose.ts'
import type { ComposeView, ServiceView } from './compose-view.ts'
import { publishedBy } from './public.ts'
import { meantBy, speaks } from './servers.ts'
import type { Rule, Subject } from './subject.ts'
import { inner, namedBy, reached } from './targets.ts'
import type { Target } from './targets.ts'
import { isLoopback } from './urls.ts'

/** The name by which a service is usually called: the first that it was given beside its own. */
const calledAs = ({ hosts }: ServiceView): string => hosts[1] ?? hosts[0]!

const loopback: Rule = (subject) =>
  inner(subject).filter(({ address }) => isLoopback(address.host)).map(({ name, line, address: { host, scheme } }) => {
    const meant = subject.compose?.services.find((service) => service.isOn && speaks(service, scheme))
    const hint = meant ? `The service is reached as ${calledAs(meant)}. This machine is host.docker.internal.` : 'Use the name of a service; this machine is host.docker.internal.'
    if (scheme.startsWith('http')) {
      const message = `${name} leads to ${host}: right for browsers, but in a container it is the container itself.`
      return finding('W49', { line, setting: name, message, hint: `${hint} For browsers: @type=url(public=true) in .env.docker.example.` })
    }
    return finding('E40', { line, setting: name, message: `${name} leads to ${host}, which in a container is the container itself.`, hint })
  })

const isOutside = (host: string): boolean => host.includes('.') || host.includes(':')

/** Does it wait for others? What runs our image beside web, and what is open to the world, only asks. */
const isAsked = ({ name, isOn, isOneShot, image, ports, hasNetwork }: ServiceView): boolean =>
  isOn && !isOneShot && hasNetwork && (name === 'web' || (image !== undefined && ports.every(({ address }) => address !== '0.0.0.0')))

/** A host that is nobody's, misspelt or not. */
function strangerAt({ name, line, address: { host } }: Target, { services, hasForeignNetwork }: ComposeView): Finding[] {
  if (services.some(({ extraHosts }) => extraHosts.includes(host)) || isOutside(host) || isLoopback(host)) return []
  const meant = nearest(host, [...new Set(services.filter(({ hasNetwork }) => hasNetwork).flatMap((service) => service.hosts))])
  const message = `${name} leads to ${host}, which is no service of this stack.`
  const there = [...new Set(services.filter((service) => isAsked(service)).map((service) => calledAs(service)))]
  const hint = meant ? `Did you mean ${meant}?` : `The services are ${there.join(', ')}; a host elsewhere is written with its full name.`
  // A short name is near to many, redis2 may be another Redis, and in a network of others there may be anything.
  const isMisspelt = meant !== undefined && host.length > 3 && !/\d$/.test(host) && !hasForeignNetwork
  if (isMisspelt) return [finding('E41', { line, setting: name, message, hint })]
  return hasForeignNetwork && !meant ? [] : [finding('W46', { line, setting: name, message, hint })]
}

/** Several services that differ answer to the name. */
function ambiguous({ name, line, address: { host, scheme, port } }: Target, on: readonly ServiceView[]): Finding {
  const [meant] = meantBy(scheme, on)
  const others = on.filter((service) => service !== meant)
  const message = `${name} leads to ${host}, and both ${on.map((service) => service.name).join(' and ')} answer to that name.`
  const instead = `write ${meant!.name}${port === undefined ? '' : `:${port}`} instead of ${host} in ${name}`
  return finding('E39', { line, setting: name, message, hint: `Take ${others.map((service) => service.name).join(' and ')} out of COMPOSE_PROFILES, or ${instead}.` })
}

function switchedOff({ name, line, address: { host, scheme } }: Target, services: readonly ServiceView[], subject: Subject): Finding {
  const [service] = meantBy(scheme, services)
  const empty = [name, ...publishedBy(service!, subject).map((target) => target.name)].join(' and ')
  const elsewhere = scheme.startsWith('http') ? '' : ' write the address of the one that you use,'
  return finding('W68', {
    line, setting: name, message: `${name} leads to ${host}, and the service ${service!.name} is switched off.`,
    hint: `Add ${service!.profiles[0]} to COMPOSE_PROFILES,${elsewhere} or leave ${empty} empty.`,
  })
}

const nobodyThere: Rule = (subject) => {
  const { compose } = subject
  if (!compose) return []
  return inner(subject).flatMap((target) => {
    const services = namedBy(target, compose)
    if (services.length === 0) return strangerAt(target, compose)
    const on = services.filter(({ isOn }) => isOn)
    // A profile that is misspelt has its finding.
    if (on.length === 0) return hasUnknownProfile(subject) ? [] : [switchedOff(target, services, subject)]
    return reached(target, compose) ? [] : [ambiguous(target, on)]
  })
}

export const hostRules: readonly Rule[] = [loopback, nobodyThere]
