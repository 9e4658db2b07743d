/** Rules about ports. Whether another program has one already is seen when the stack starts (ports.ts of `up`). */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { references } from '../interpolate.ts'
import { unread } from './compose-view.ts'
import type { PublishedView } from './compose-view.ts'
import { given, isChanged, listedServices } from './subject.ts'
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

const isPort = (text: string): boolean => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535

const everywhere = new Set(['0.0.0.0', '::', '[::]'])
const sameSide = (a: Published, b: Published): boolean =>
  a.protocol === b.protocol && (a.address === b.address || everywhere.has(a.address) || everywhere.has(b.address))

/** The first and the last port; undefined for what is none. */
function portsOf({ published: text }: Published): [first: number, last: number] | undefined {
  const [first = '', last = first, ...more] = text.split('-')
  return [first, last].every(isPort) && more.length === 0 && Number(first) <= Number(last) ? [Number(first), Number(last)] : undefined
}

/** Two of which one wants a port of the other; the earlier one first. */
function meetings(subject: Subject): [there: Published, here: Published][] {
  const ports = published(subject).flatMap((port) => (portsOf(port) ? [{ port, range: portsOf(port)! }] : []))
  return ports.flatMap(({ port, range: [first, last] }, index) => {
    const other = ports.slice(0, index).find((one) => sameSide(one.port, port) && one.range[0] <= last && first <= one.range[1])
    return other ? [[other.port, port]] : []
  })
}

/** The line to look at: of the setting that differs from the example, else the later one. */
function culprit(one: ReturnType<typeof origin>, other: ReturnType<typeof origin>, subject: Subject): ReturnType<typeof origin> {
  const [isOne, isOther] = [isChanged(one.setting, subject), isChanged(other.setting, subject)]
  if (isOne !== isOther) return isOne ? one : other
  return (one.line ?? 0) > (other.line ?? 0) ? one : other
}

const twice: Rule = (subject) => meetings(subject).map(([there, here]) => {
  const [one, other] = [origin(there, subject), origin(here, subject)]
  const { line, setting } = culprit(one, other, subject)
  const names = [...new Set([one.setting ?? there.service, other.setting ?? here.service])].join(' and ')
  if (there.published === here.published && !here.published.includes('-')) {
    return finding('E50', { line, setting, message: `Port ${here.published} of this machine is wanted twice: ${names}.`, hint: `Give ${setting ?? 'one of them'} another port.` })
  }
  // A container gets any port of its range that is free when it starts.
  const message = `${names} meet: ${there.published} and ${here.published}. Whichever starts later may find its port taken.`
  return finding('W93', { line, setting, message, hint: `Give ${setting ?? 'one of them'} other ports.` })
})

/** Two programs in one container, such as the server and the debugger. */
const twiceInside: Rule = (subject) => {
  const inside = given(subject).filter(({ setting: { type }, value }) => type.form === 'port' && value !== '')
  return inside.flatMap(({ setting, line, value }, index): Finding[] => {
    const readers = listedServices(setting)
    const other = inside.slice(0, index).find((earlier) => earlier.value === value && listedServices(earlier.setting).some((name) => readers.includes(name)))
    if (!other) return []
    const { line: at, setting: name } = culprit({ setting: setting.name, line }, { setting: other.setting.name, line: other.line }, subject)
    const message = `${setting.name} and ${other.setting.name} are both ${value}, in the same container.`
    return [finding('E50', { line: at, setting: name, message, hint: `Give ${name} another port.` })]
  })
}

const dataService = /(^|[/_-])(postgres|postgresql|postgis|timescaledb|mariadb|mysql|redis|valkey|keydb|rabbitmq|mongo|memcached|elasticsearch|opensearch)[:@_-]/

const open: Rule = (subject) =>
  published(subject).filter(({ address, image = '' }) => everywhere.has(address) && dataService.test(`${image}:`)).map((port) => {
    const { setting, line } = origin(port, subject)
    const message = `${port.service} is published on every address of this machine (port ${port.published || port.target}).`
    return finding('E53', { line, setting, message, hint: 'Write 127.0.0.1: in front of the port in the Compose file, or take it out.' })
  })

/** Why it is none, and what to write; of a range that goes backwards, the other way round. */
function malformation(value: string): [why: string, hint: string] {
  const [first = '', last = ''] = value.split('-')
  if (/^\d+-\d+$/.test(value) && Number(first) > Number(last)) return ['is a range that goes backwards', `Write ${last}-${first}.`]
  if (value.includes(':')) {
    const port = /\d*$/.exec(value)?.[0] || 'the port'
    return ['has an address in it, where only a port can stand', `Write ${port}. On which address it is published, the Compose file says.`]
  }
  return ['is no port that can be published', 'Write a number from 1 to 65535, or a range such as 8000-8009.']
}

const malformed: Rule = (subject) => {
  const wrong = published(subject).filter((port) => port.published !== '' && !port.published.includes(unread) && !portsOf(port))
  const found = wrong.map((port) => ({ port, ...origin(port, subject) }))
  // A setting of type port has its finding by that rule, and one that several lines refer to has one.
  const once = new Map(found.filter(({ setting }) => subject.schema.byName.get(setting ?? '')?.type.form !== 'port').map((one) => [one.setting ?? one.port.raw, one]))
  return [...once.values()].map(({ port, setting, line }) => {
    const [why, hint] = malformation(port.published)
    return finding('E54', { line, setting, message: `${setting ?? port.service} ${why}: ${port.published}.`, hint })
  })
}

export const portRules: readonly Rule[] = [twice, twiceInside, open, malformed]
