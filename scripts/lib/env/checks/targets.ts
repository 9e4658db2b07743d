/** Where the URLs in the file lead. */
import { fits } from '../types.ts'
import type { Finding } from '../finding.ts'
import type { ComposeView, ServiceView } from './compose-view.ts'
import { speaks } from './servers.ts'
import { given, listedServices } from './subject.ts'
import type { Rule, Subject } from './subject.ts'
import { addressOf, unencoded } from './urls.ts'
import type { Address } from './urls.ts'

export interface Target {
  name: string
  line: number
  address: Address
  /** Is it for browsers, and not for the containers? */
  isPublic: boolean
}

const read = (subject: Subject): Target[] =>
  given(subject).flatMap(({ setting, line, value }) => {
    const address = setting.type.form === 'url' && fits(value, setting.type) && listedServices(setting).length > 0 ? addressOf(value) : undefined
    if (!address || unencoded(setting, subject)) return []
    return [{ name: setting.name, line, address, isPublic: setting.type.options.public === 'true' }]
  })

const known = new WeakMap<Subject, Target[]>()

/** The URLs in the file that a container reads. Most rules about addresses ask for them: they are taken apart once. */
export function targets(subject: Subject): Target[] {
  const found = known.get(subject) ?? read(subject)
  known.set(subject, found)
  return found
}

/** Those of them that a container asks at a host. */
export const inner = (subject: Subject): Target[] => targets(subject).filter(({ address, isPublic }) => !isPublic && address.host !== '')

/** The services that answer to the host, switched on or not. */
export const namedBy = ({ address: { host } }: Target, { services }: ComposeView): ServiceView[] =>
  services.filter(({ hosts }) => hosts.includes(host))

/** The one service that is reached; undefined for none, and for several that differ. Containers of one image may share a name. */
export function reached(target: Target, compose: ComposeView): ServiceView | undefined {
  const [one, ...others] = namedBy(target, compose).filter(({ isOn }) => isOn)
  return others.every(({ image }) => image === one?.image) ? one : undefined
}

/** A rule about each URL that reaches a service, and speaks its language as far as anybody knows. */
export const ofReached = (judge: (target: Target, service: ServiceView) => Finding[]): Rule => (subject) =>
  inner(subject).flatMap((target) => {
    const service = subject.compose && reached(target, subject.compose)
    return service && speaks(service, target.address.scheme) !== false ? judge(target, service) : []
  })
