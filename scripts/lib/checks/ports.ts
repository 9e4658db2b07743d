/** Rules about ports. Whether another program has one already is seen when the stack starts (ports.ts of `up`). */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { references } from '../interpolate.ts'
import { unread } from './compose-view.ts'
import type { PublishedView } from './compose-view.ts'
import { given, listedServices } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

interface Published extends PublishedView {
  service: string
  image: string | undefined
}

/** Every port that the services open on this machine; a line that says the same as another once, as Compose does it. */
function published({ compose }: Subject): Published[] {
  const all = compose?.services.filter(({ isOn }) => isOn).flatMap(({ name: service, image, ports }) => ports.map((port) => ({ ...port, service, image }))) ?? []
  const key = ({ service, address, published: port, target, protocol }: Published): string => [service, address, port, target, protocol].join(' ')
  return [...new Map(all.toReversed().map((port) => [key(port), port])).values()].toReversed()
}

/** The setting that gives the port, and its line: the last one that the Compose file refers to and that is not empty. */
function origin({ raw, published: value }: Published, { lineOf, effective }: Subject): { setting?: string; line?: number | undefined } {
  const names = references(raw).map(({ name }) => name).filter((name) => effective(name))
  const setting = names.find((name) => effective(name) === value) ?? names[0]
  return setting === undefined ? {} : { setting, line: lineOf.get(setting) }
}

const everywhere = new Set(['0.0.0.0', '::', '[::]'])
const meet = (a: Published, b: Published): boolean =>
  a.published === b.published && a.protocol === b.protocol && (a.address === b.address || everywhere.has(a.address) || everywhere.has(b.address))

const twice: Rule = (subject) => {
  const ports = published(subject).filter(({ published: port }) => /^\d+$/.test(port))
  return ports.flatMap((port, index) => {
    const other = ports.slice(0, index).find((earlier) => meet(earlier, port))
    if (!other) return []
    const [here, there] = [origin(port, subject), origin(other, subject)]
    // The same setting twice is a matter of the Compose file; else the later line is the one to look at.
    const { line, setting } = (there.line ?? 0) > (here.line ?? 0) ? there : here
    const names = [...new Set([there.setting ?? other.service, here.setting ?? port.service])].join(' and ')
    return [finding('E50', { line, setting, message: `Port ${port.published} of this machine is wanted twice: ${names}.`, hint: `Give ${setting ?? 'one of them'} another port.` })]
  })
}

/** Two programs in one container, such as the server and the debugger. */
const twiceInside: Rule = (subject) => {
  const inside = given(subject).filter(({ setting: { type }, value }) => type.form === 'port' && value !== '')
  return inside.flatMap(({ setting, line, value }, index): Finding[] => {
    const readers = listedServices(setting)
    const other = inside.slice(0, index).find((earlier) => earlier.value === value && listedServices(earlier.setting).some((name) => readers.includes(name)))
    if (!other) return []
    const message = `${setting.name} and ${other.setting.name} are both ${value}, in the same container.`
    return [finding('E50', { line, setting: setting.name, message, hint: `Give ${setting.name} another port.` })]
  })
}

const dataService = /(^|[/_-])(postgres|postgresql|postgis|timescaledb|mariadb|mysql|redis|valkey|keydb|rabbitmq|mongo|memcached|elasticsearch|opensearch)[:@_-]/

const open: Rule = (subject) =>
  published(subject).filter(({ address, image = '' }) => everywhere.has(address) && dataService.test(`${image}:`)).map((port) => {
    const { setting, line } = origin(port, subject)
    const message = `${port.service} is published on every address of this machine (port ${port.published || port.target}).`
    return finding('E53', { line, setting, message, hint: 'Write 127.0.0.1: in front of the port in the Compose file, or take it out.' })
  })

const isPort = (text: string): boolean => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
const isPortOrRange = (text: string): boolean => {
  const [first = '', last = first, ...more] = text.split('-')
  return isPort(first) && isPort(last) && more.length === 0 && Number(first) <= Number(last)
}

const malformed: Rule = (subject) => {
  const { schema } = subject
  const wrong = published(subject).filter(({ published: port }) => port !== '' && !port.includes(unread) && !isPortOrRange(port))
  const found = wrong.map((port) => ({ port, ...origin(port, subject) }))
  // A setting of type port has its finding by that rule.
  return found.filter(({ setting }) => schema.byName.get(setting ?? '')?.type.form !== 'port').map(({ port, setting, line }) =>
    finding('E54', { line, setting, message: `${setting ?? port.service} is no port that can be published.`, hint: 'Write a number from 1 to 65535, or a range such as 8000-8009.' }))
}

export const portRules: readonly Rule[] = [twice, twiceInside, open, malformed]
