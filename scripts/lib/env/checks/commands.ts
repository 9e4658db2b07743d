/** Rules about commands and arguments: what they say again, or say otherwise than the settings of their own. */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { given, profilesOn } from './subject.ts'
import type { Rule } from './subject.ts'

/** An option in the arguments of a setting, and what to do about it. */
interface Option {
  of: string
  /** The long ones with two dashes. */
  names: readonly string[]
  /** The setting whose matter it is. */
  owner: string
}

const options: readonly Option[] = [
  { of: 'WEB_ARGS', names: ['-b', '--bind', '--port', '--host'], owner: 'WEB_PORT' },
  { of: 'WEB_ARGS', names: ['-w', '--workers'], owner: 'WEB_CONCURRENCY' },
  { of: 'WEB_ARGS', names: ['--threads'], owner: 'WEB_THREADS' },
  { of: 'WORKER_ARGS', names: ['-c', '--concurrency'], owner: 'WORKER_CONCURRENCY' },
  { of: 'WORKER_ARGS', names: ['-Q', '--queues'], owner: 'WORKER_QUEUES' },
  { of: 'WORKER_ARGS', names: ['-P', '--pool'], owner: 'WORKER_POOL' },
]

/** The option among the arguments, if any of the names is: `--workers 4`, `--workers=4`, `-w4`. */
const optionIn = (value: string, names: readonly string[]): string | undefined =>
  names.find((name) => value.split(/\s+/).some((word) => word === name || word.startsWith(`${name}=`) || (/^-\w$/.test(name) && word.startsWith(name))))

const saidTwice: Rule = (subject) => given(subject).flatMap(({ setting: { name }, line, value }) =>
  options.filter(({ of }) => of === name).flatMap(({ names, owner }): Finding[] => {
    const option = optionIn(value, names)
    if (option === undefined) return []
    const message = `${name} has ${option}, which ${owner} gives already.`
    return [finding('W90', { line, setting: name, message, hint: `Take ${option} out of ${name}, and set ${owner}.` })]
  }))

/** Options that break something of the stack. */
const harmful: readonly (Omit<Option, 'owner'> & { why: string; hint(isBeatOn: boolean): string })[] = [
  {
    of: 'WORKER_ARGS', names: ['-B', '--beat'], why: 'every worker would send the periodic tasks, and none of them holds the lock of the service beat',
    hint: (isBeatOn) => `Take it out${isBeatOn ? ': beat is in COMPOSE_PROFILES already.' : ', and add beat to COMPOSE_PROFILES.'}`,
  },
  { of: 'WORKER_ARGS', names: ['--without-heartbeat'], why: 'the health check listens for the heartbeat', hint: () => 'Take it out.' },
  {
    of: 'BEAT_ARGS', names: ['-S', '--scheduler', '-s', '--schedule'], why: "the stack's own scheduler holds the lock, writes the heartbeat and has its file in a volume",
    hint: () => 'Take it out. Another scheduler is chosen in the application: beat_scheduler.',
  },
]

const breaking: Rule = (subject) => given(subject).flatMap(({ setting: { name }, line, value }) =>
  harmful.filter(({ of }) => of === name).flatMap(({ names, why, hint }): Finding[] => {
    const option = optionIn(value, names)
    if (option === undefined) return []
    return [finding('W91', { line, setting: name, message: `${name} has ${option}: ${why}.`, hint: hint(profilesOn(subject).includes('beat')) })]
  }))

/** A server that is told to, or that does so unless it is told otherwise (runserver). */
const listensAlone = /(?:--(?:bind|host|http)|\s-b|\brunserver)[= ]\s*(?:127\.0\.0\.1|localhost)\b|\brunserver(?:\s+(?:\d+|\$\{?PORT\}?))?(?:\s+--[\w-]+)*\s*$/

const unreachable: Rule = (subject) => given(subject).flatMap(({ setting: { name }, line, value }): Finding[] => {
  if (name !== 'WEB_COMMAND' || !listensAlone.test(value)) return []
  const hint = value.includes('runserver')
    ? 'Give it the address, and put the command in single quotes: runserver 0.0.0.0:$PORT'
    : 'Write 0.0.0.0 in place of it, and $PORT as the port.'
  const message = `${name} listens on 127.0.0.1, which is its own container: nobody outside of it is answered.`
  return [finding('W92', { line, setting: name, message, hint })]
})

const forDevelopment: Rule = (subject) => given(subject).flatMap(({ setting: { name }, line, value }): Finding[] => {
  const option = subject.production && name === 'WEB_ARGS' ? optionIn(value, ['--reload', '--debug']) : undefined
  if (option === undefined) return []
  const hint = 'Take it out. In development the stack restarts web by itself at every save.'
  return [finding('W94', { line, setting: name, message: `${name} has ${option}, and this is production.`, hint })]
})

export const commandRules: readonly Rule[] = [saidTwice, breaking, unreachable, forDevelopment]
