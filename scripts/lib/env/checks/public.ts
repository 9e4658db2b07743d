/** Rules about the URLs that browsers get. */
import { finding } from '../finding.ts'
import { hasUnknownProfile } from './compose.ts'
import type { ServiceView } from './compose-view.ts'
import type { Rule, Subject } from './subject.ts'
import { inner, reached, targets } from './targets.ts'
import type { Target } from './targets.ts'
import { isLoopback } from './urls.ts'

const publishes = ({ ports }: ServiceView, port: number | undefined): boolean => ports.some(({ published }) => Number(published) === port)

const ofThisMachine = (subject: Subject): Target[] => targets(subject).filter(({ address, isPublic }) => isPublic && isLoopback(address.host))

/** The URLs that send browsers to the service by a port of this machine. */
export const publishedBy = (service: ServiceView, subject: Subject): Target[] =>
  ofThisMachine(subject).filter(({ address }) => publishes(service, address.port))

const nothingPublished: Rule = (subject) => {
  const { compose, production } = subject
  if (!compose || production || hasUnknownProfile(subject)) return []
  return ofThisMachine(subject).flatMap(({ name, line, address: { port } }) => {
    const there = compose.services.filter((service) => publishes(service, port))
    if (there.some(({ isOn }) => isOn)) return []
    const [off] = there
    // The URL by which the containers ask the same service has the finding.
    if (off && inner(subject).some(({ address }) => off.hosts.includes(address.host))) return []
    const message = `${name} sends browsers to port ${port} of this machine, ${off ? `and the service ${off.name} is switched off` : 'where nothing is published'}.`
    const hint = off ? `Add ${off.profiles[0]} to COMPOSE_PROFILES, or leave ${name} empty.` : 'Write the port that is published (STORAGE_PORT), or leave it empty.'
    return [finding('W47', { line, setting: name, message, hint })]
  })
}

/** The store of this stack, when the application uses it. */
function ownStore(subject: Subject): ServiceView | undefined {
  const target = inner(subject).find(({ name }) => name === 'S3_ENDPOINT_URL')
  return target && subject.compose && reached(target, subject.compose)
}

const theirOwnMachine: Rule = (subject) => {
  if (!subject.production) return []
  return ofThisMachine(subject).map(({ name, line, address }) => {
    const isStore = name === 'S3_PUBLIC_URL' && ownStore(subject) !== undefined
    const hint = isStore
      ? `Write a name of yours in both, as in ${name}=https://files.example.org and STORAGE_SITE_ADDRESS=files.example.org.`
      : `Write the name under which it is reached, as in ${name}=https://files.example.org`
    return finding('W47', { line, setting: name, message: `${name} sends browsers to ${address.host}, which is their own machine.`, hint })
  })
}

/** The hosts of a site in the Caddyfile, which may be several; empty for one that answers to every name. */
const hostsOfSite = (site: string): string[] =>
  site.split(/[\s,]+/).map((address) => /^(?:\w+:\/\/)?(\[[^\]]*\]|[^:/]*)/.exec(address)?.[1]!.toLowerCase() ?? '')

/** Browsers reach the store of this stack by the proxy, and it knows the name of one site. */
const noSite: Rule = (subject) => {
  const { production, compose } = subject
  const target = targets(subject).find(({ name }) => name === 'S3_PUBLIC_URL')
  const site = subject.effective('STORAGE_SITE_ADDRESS')
  const store = ownStore(subject)
  if (!production || !target || !store || site === undefined || compose?.hasForeignNetwork) return []
  const { name, line, address: { host } } = target
  // What is published beside the proxy needs no site.
  const isKnown = site !== '' && hostsOfSite(site).some((one) => one === host || one === '' || one.includes('*'))
  if (isLoopback(host) || isKnown || store.ports.length > 0) return []
  const message = `${name} sends browsers to ${host}, where the proxy does not answer: STORAGE_SITE_ADDRESS is ${site === '' ? 'empty' : site}.`
  return [finding('W47', { line, setting: name, message, hint: `Write STORAGE_SITE_ADDRESS=${host}` })]
}

export const publicRules: readonly Rule[] = [nothingPublished, theirOwnMachine, noSite]
