/** Rules about memory: of all services together, and of Redis. */
import { finding } from '../finding.ts'
import { at, profilesOn } from './subject.ts'
import type { Rule } from './subject.ts'

/** Bytes of `512m` or `1.5g`; undefined for what is no size. */
export function bytesOf(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([kmg]?)b?$/i.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * 1024 ** ['', 'k', 'm', 'g'].indexOf(unit.toLowerCase())
}

const memory: Rule = (subject) => {
  const { machine, compose, production } = subject
  if (!production || !compose || machine?.memory === undefined) return []
  const staying = compose.services.filter(({ isOn, isOneShot }) => isOn && !isOneShot)
  const limits = staying.map((service) => bytesOf(service.memory) ?? 0)
  const sum = limits.reduce((total, one) => total + one, 0)
  if (sum <= machine.memory) return []
  const gigabytes = (bytes: number): string => (bytes / 1024 ** 3).toFixed(1)
  const largest = staying[limits.indexOf(Math.max(...limits))]!.name.toUpperCase()
  return [finding('W64', {
    ...at(subject, `${largest}_MEMORY`),
    message: `The services may take ${gigabytes(sum)} GB together, and this machine has ${gigabytes(machine.memory)} GB.`,
    hint: 'Lower the …_MEMORY settings, unless the stack runs on another machine.',
  })]
}

/** To rewrite its file Redis copies itself, and Docker kills what takes more than its limit. */
const redis: Rule = (subject) => {
  const { production, effective } = subject
  const [limit, held] = ['REDIS_MEMORY', 'REDIS_MAXMEMORY'].map((name) => bytesOf(effective(name) ?? ''))
  if (!production || !profilesOn(subject).includes('redis') || limit === undefined || held === undefined || limit >= 2 * held) return []
  return [finding('W97', {
    ...at(subject, 'REDIS_MEMORY', 'REDIS_MAXMEMORY'),
    message: `REDIS_MEMORY (${effective('REDIS_MEMORY')}) is less than twice REDIS_MAXMEMORY (${effective('REDIS_MAXMEMORY')}): a full Redis is killed while it rewrites its file.`,
    hint: `REDIS_MEMORY=${Math.ceil((2 * held) / 1024 ** 2)}m, or lower REDIS_MAXMEMORY.`,
  })]
}

export const memoryRules: readonly Rule[] = [memory, redis]
