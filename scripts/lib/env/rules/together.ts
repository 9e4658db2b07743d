/** Rules about settings that have to fit each other. */
import type { Found } from '../finding.ts'
import { at, given } from './subject.ts'
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
  const empty = applies ? needs.filter((name) => schema.byName.has(name) && effective(name) === '' && !(name === 'S3_SECRET_ACCESS_KEY' && profiles.includes('storage'))) : []
  if (empty.length === 0) return []
  const message = `${when} is ${is ?? 'set'}, and ${empty.join(' and ')} ${empty.length > 1 ? 'are' : 'is'} empty.`
  return [{ ...at(subject, ...empty), message, hint: `Set ${empty.join(' and ')} too, or ${or}.` }]
})

const nothingToStart = (subject: Subject): Found[] =>
  ['WEB_APP', 'WEB_COMMAND'].some((name) => subject.effective(name) !== '' || !subject.schema.byName.has(name)) ? []
    : [{ ...at(subject, 'WEB_APP', 'WEB_COMMAND'), message: 'WEB_APP and WEB_COMMAND are both empty: web does not know what to start.', hint: 'Set WEB_APP or WEB_COMMAND.' }]

/** The proxy hands visitors to a service that has to be there. */
const noSiteService = (subject: Subject): Found[] => {
  const service = subject.services.find(({ name }) => name === subject.effective('SITE_SERVICE'))
  if (!subject.production || !service || service.isOn) return []
  return [{ ...at(subject, 'SITE_SERVICE'), message: `SITE_SERVICE is ${service.name}, which is switched off.`, hint: `Add ${service.profiles?.join(' or ')} to COMPOSE_PROFILES.` }]
}

const killedTooSoon = (subject: Subject): Found[] => {
  const [patience, timeout] = [secondsOf(subject.effective('WORKER_STOP_GRACE')), numberOf(subject.effective('WORKER_STOP_TIMEOUT'))]
  if (patience === 0 || timeout === undefined || patience > timeout) return []
  const message = `Docker kills the worker after ${patience} s (WORKER_STOP_GRACE), and its tasks have ${timeout} s (WORKER_STOP_TIMEOUT): what it could not finish is lost.`
  return [{ ...at(subject, 'WORKER_STOP_GRACE', 'WORKER_STOP_TIMEOUT'), message, hint: `WORKER_STOP_GRACE=${timeout + 10}s` }]
}

/** After the time-out Redis hands a task that is not acknowledged to another worker. */
const givenOutAgain = (subject: Subject): Found[] => {
  const timeout = numberOf(subject.effective('WORKER_VISIBILITY_TIMEOUT'))
  const limit = Number(/--(?:soft-)?time-limit[= ](\d+)/.exec(subject.effective('WORKER_ARGS') ?? '')?.[1] ?? 0)
  const longest = Math.max(limit, numberOf(subject.effective('WORKER_STOP_TIMEOUT')) ?? 0)
  if (timeout === undefined || longest < timeout) return []
  const message = `WORKER_VISIBILITY_TIMEOUT (${timeout} s) is not longer than a task may take (${longest} s, by WORKER_STOP_TIMEOUT or the time limit in WORKER_ARGS): such a task would run twice.`
  return [{ ...at(subject, 'WORKER_VISIBILITY_TIMEOUT'), message, hint: 'Make it longer than the longest task, or leave it empty.' }]
}

const harmful: readonly { of: string; option: RegExp; why: string; hint: string }[] = [
  { of: 'WORKER_ARGS', option: /^(-B|--beat)$/, why: 'every worker would send the periodic tasks, and none of them holds the lock of the service beat', hint: 'Take it out, and have beat in COMPOSE_PROFILES.' },
  { of: 'WORKER_ARGS', option: /^--without-heartbeat$/, why: 'the health check listens for the heartbeat', hint: 'Take it out.' },
  {
    of: 'BEAT_ARGS', option: /^(-S|--scheduler|-s|--schedule)(=|$)/, why: "the stack's own scheduler holds the lock, writes the heartbeat and has its file in a volume",
    hint: 'Take it out. Another scheduler is chosen in the application: beat_scheduler.',
  },
]

const harmfulArgument = (subject: Subject): Found[] => given(subject).flatMap(({ name, line, value }) => harmful.filter(({ of }) => of === name).flatMap(({ option, why, hint }) => {
  const word = value.split(/\s+/).find((one) => option.test(one))
  return word === undefined ? [] : [{ line, setting: name, message: `${name} has ${word}: ${why}.`, hint }]
}))

/** A server that is told to, or that does so unless it is told otherwise (runserver). */
const listensAlone = /(?:--(?:bind|host|http)|\s-b|\brunserver)[= ]\s*(?:127\.0\.0\.1|localhost)\b|\brunserver(?:\s+(?:\d+|\$\{?PORT\}?))?(?:\s+--[\w-]+)*\s*$/

const unreachable = (subject: Subject): Found[] => given(subject).filter(({ name, value }) => name === 'WEB_COMMAND' && listensAlone.test(value)).map(({ name, line }) => ({
  line, setting: name, message: `${name} listens on 127.0.0.1, which is its own container: nobody outside of it is answered.`,
  hint: 'Let it listen on 0.0.0.0 and on $PORT, with the command in single quotes: runserver 0.0.0.0:$PORT',
}))

export const togetherRules: readonly Rule[] = [
  ['E67', 'error', halfFilled],
  ['E67', 'error', nothingToStart],
  ['E67', 'error', noSiteService],
  ['W65', 'warning', killedTooSoon],
  ['W66', 'warning', givenOutAgain],
  ['W91', 'warning', harmfulArgument],
  ['W92', 'warning', unreachable],
]
