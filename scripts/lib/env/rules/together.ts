/** Rules about settings that have to fit each other. */
import type { Found } from '../finding.ts'
import { about, ofEach } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

/** A whole number, or undefined. */
const numberOf = (text = ''): number | undefined => (/^\d+$/.test(text) ? Number(text) : undefined)

const units: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }

/** Seconds of `1h30m`. */
const secondsOf = (text = ''): number =>
  [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0)

/**
 * When a setting has a value (or this one; of COMPOSE_PROFILES, names this one), the others must not be empty.
 * `or` is what to write when it is not meant. Add the groups of your own settings here.
 */
const groups: readonly { when: string; is?: string; needs: readonly string[]; or: string }[] = [
  { when: 'S3_ACCESS_KEY_ID', needs: ['S3_SECRET_ACCESS_KEY'], or: 'leave S3_ACCESS_KEY_ID empty as well' },
  { when: 'S3_SECRET_ACCESS_KEY', needs: ['S3_ACCESS_KEY_ID'], or: 'leave S3_SECRET_ACCESS_KEY empty as well' },
  { when: 'FRONTEND', is: 'build', needs: ['FRONTEND_DIR', 'FRONTEND_BUILD_COMMAND'], or: 'write FRONTEND=none' },
  { when: 'COMPOSE_PROFILES', is: 'frontend', needs: ['FRONTEND_DIR'], or: 'take frontend out of COMPOSE_PROFILES' },
]

const halfFilled = (subject: Subject): Found[] => groups.flatMap(({ when, is, needs, or }) => {
  const { effective, schema, profiles } = subject
  const applies = when === 'COMPOSE_PROFILES' ? profiles.includes(is!) : is === undefined ? effective(when) : effective(when) === is
  // A store of ours asks for its password itself (E25).
  const isAsked = (name: string): boolean => name === 'S3_SECRET_ACCESS_KEY' && profiles.includes('storage')
  const empty = applies ? needs.filter((name) => schema.byName.has(name) && effective(name) === '' && !isAsked(name)) : []
  if (empty.length === 0) return []
  const names = empty.join(' and ')
  return [about(subject, empty, [`${when} is ${is ?? 'set'}, and ${names} ${empty.length > 1 ? 'are' : 'is'} empty.`, `Set ${names} too, or ${or}.`])]
})

const nothingToStart = (subject: Subject): Found[] => {
  const names = ['WEB_APP', 'WEB_COMMAND']
  if (names.some((name) => subject.effective(name) !== '' || !subject.schema.byName.has(name))) return []
  return [about(subject, names, ['WEB_APP and WEB_COMMAND are both empty: web does not know what to start.', 'Set WEB_APP or WEB_COMMAND.'])]
}

/** The proxy hands visitors to a service that has to be there. */
const noSiteService = (subject: Subject): Found[] => {
  const service = subject.services.find(({ name }) => name === subject.effective('SITE_SERVICE'))
  if (!subject.production || !service || service.isOn) return []
  return [about(subject, 'SITE_SERVICE', [`SITE_SERVICE is ${service.name}, which is switched off.`, `Add ${service.profiles?.join(' or ')} to COMPOSE_PROFILES.`])]
}

const killedTooSoon = (subject: Subject): Found[] => {
  const [patience, timeout] = [secondsOf(subject.effective('WORKER_STOP_GRACE')), numberOf(subject.effective('WORKER_STOP_TIMEOUT'))]
  if (patience === 0 || timeout === undefined || patience > timeout) return []
  return [about(subject, ['WORKER_STOP_GRACE', 'WORKER_STOP_TIMEOUT'], [
    `Docker kills the worker after ${patience} s (WORKER_STOP_GRACE), and its tasks have ${timeout} s (WORKER_STOP_TIMEOUT): what it could not finish is lost.`,
    `WORKER_STOP_GRACE=${timeout + 10}s`,
  ])]
}

/** After the time-out Redis hands a task that is not acknowledged to another worker. */
const givenOutAgain = (subject: Subject): Found[] => {
  const timeout = numberOf(subject.effective('WORKER_VISIBILITY_TIMEOUT'))
  const limits = [...(subject.effective('WORKER_ARGS') ?? '').matchAll(/--(?:soft-)?time-limit[= ](\d+)/g)].map(([, seconds]) => Number(seconds))
  const longest = Math.max(numberOf(subject.effective('WORKER_STOP_TIMEOUT')) ?? 0, ...limits)
  if (timeout === undefined || longest < timeout) return []
  return [about(subject, 'WORKER_VISIBILITY_TIMEOUT', [
    `WORKER_VISIBILITY_TIMEOUT (${timeout} s) is not longer than a task may take (${longest} s): such a task would run twice.`,
    'Make it longer than WORKER_STOP_TIMEOUT and any time limit in WORKER_ARGS, or leave it empty.',
  ])]
}

const harmful: readonly { of: string; option: RegExp; why: string; hint: string }[] = [
  {
    of: 'WORKER_ARGS', option: /^(-B|--beat)$/, why: 'every worker would send the periodic tasks, and none of them holds the lock of the service beat',
    hint: 'Take it out, and have beat in COMPOSE_PROFILES.',
  },
  { of: 'WORKER_ARGS', option: /^--without-heartbeat$/, why: 'the health check listens for the heartbeat', hint: 'Take it out.' },
  {
    of: 'BEAT_ARGS', option: /^(-S|--scheduler|-s|--schedule)(=|$)/,
    why: "the stack's own scheduler holds the lock, writes the heartbeat and has its file in a volume",
    hint: 'Take it out. Another scheduler is chosen in the application: beat_scheduler.',
  },
]

const harmfulArgument = ofEach(({ name, value }) => {
  const words = value.split(/\s+/)
  const found = harmful.find(({ of, option }) => of === name && words.some((word) => option.test(word)))
  return found && [`${name} has ${words.find((word) => found.option.test(word))}: ${found.why}.`, found.hint]
})

/** A server that is told to, or that does so unless it is told otherwise (runserver). */
const listensAlone = /(?:--(?:bind|host|http)|\s-b|\brunserver)[= ]\s*(?:127\.0\.0\.1|localhost)\b|\brunserver(?:\s+(?:\d+|\$\{?PORT\}?))?(?:\s+--[\w-]+)*\s*$/

const unreachable = ofEach(({ name, value }) => (name === 'WEB_COMMAND' && listensAlone.test(value)
  ? [`${name} listens on 127.0.0.1, which is its own container: nobody outside of it is answered.`,
    'Let it listen on 0.0.0.0 and on $PORT, with the command in single quotes: runserver 0.0.0.0:$PORT']
  : undefined))

export const togetherRules: readonly Rule[] = [
  ['E67', 'error', halfFilled],
  ['E67', 'error', nothingToStart],
  ['E67', 'error', noSiteService],
  ['W65', 'warning', killedTooSoon],
  ['W66', 'warning', givenOutAgain],
  ['W91', 'warning', harmfulArgument],
  ['W92', 'warning', unreachable],
]
