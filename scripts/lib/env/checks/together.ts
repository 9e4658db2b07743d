/** Rules about settings that have to fit each other: one named function each, and its row in the list below. */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { at, profilesOn } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

/** A whole number, or undefined. */
const numberOf = (subject: Subject, name: string): number | undefined => {
  const value = subject.effective(name)
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined
}

const units: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 }

/** Seconds of `1h30m`; undefined for what is no duration. */
export const secondsOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^(\d+(\.\d+)?(us|ms|s|m|h))+$/.test(text)
    ? [...text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0)
    : undefined

/** PostgreSQL and MariaDB take 100 and 151 unless they are told otherwise; a few are kept back for the administrator. */
function connectionLimit({ compose }: Subject): number | undefined {
  const database = compose?.services.find(({ isOn, hosts }) => isOn && hosts.includes('db'))
  if (!database) return undefined
  const told = /max[_-]connections[=" ,]+(\d+)/.exec(database.text)?.[1]
  return told ? Number(told) : /maria|mysql/.test(database.image ?? '') ? 151 : 100
}

const connections: Rule = (subject) => {
  const limit = connectionLimit(subject)
  const [processes, threads, tasks] = ['WEB_CONCURRENCY', 'WEB_THREADS', 'WORKER_CONCURRENCY'].map((name) => numberOf(subject, name))
  if (limit === undefined || processes === undefined || threads === undefined || tasks === undefined) return []
  const isThreaded = subject.effective('WEB_SERVER') === 'gunicorn'
  const wanted = processes * (isThreaded ? threads : 1) + tasks
  if (wanted <= limit) return []
  const sum = `${processes}${isThreaded ? ` × ${threads}` : ''} of web and ${tasks} of worker`
  return [finding('W63', {
    ...at(subject, 'WEB_CONCURRENCY', 'WEB_THREADS', 'WORKER_CONCURRENCY'),
    message: `Up to ${wanted} connections (${sum}) for a database that takes ${limit}.`,
    hint: 'Lower WEB_CONCURRENCY, WEB_THREADS or WORKER_CONCURRENCY.',
  })]
}

const stopGrace: Rule = (subject) => {
  const [patience, timeout] = [secondsOf(subject.effective('WORKER_STOP_GRACE')), numberOf(subject, 'WORKER_STOP_TIMEOUT')]
  if (patience === undefined || timeout === undefined || patience > timeout) return []
  return [finding('W65', {
    ...at(subject, 'WORKER_STOP_GRACE', 'WORKER_STOP_TIMEOUT'),
    message: `Docker kills the worker after ${patience} s (WORKER_STOP_GRACE), and its tasks have ${timeout} s (WORKER_STOP_TIMEOUT).`,
    hint: `WORKER_STOP_GRACE=${timeout + 10}s`,
  })]
}

const visibility: Rule = (subject) => {
  const timeout = numberOf(subject, 'WORKER_VISIBILITY_TIMEOUT')
  if (timeout === undefined) return []
  const known: [number | undefined, string][] = [
    [Number(/--time-limit[= ](\d+)/.exec(subject.effective('WORKER_ARGS') ?? '')?.[1] ?? 0), 'the time limit in WORKER_ARGS'],
    [Number(/--soft-time-limit[= ](\d+)/.exec(subject.effective('WORKER_ARGS') ?? '')?.[1] ?? 0), 'the soft time limit in WORKER_ARGS'],
    [numberOf(subject, 'WORKER_STOP_TIMEOUT'), 'WORKER_STOP_TIMEOUT'],
  ]
  const longer = known.find(([seconds = 0]) => seconds >= timeout)
  if (!longer) return []
  return [finding('W66', {
    ...at(subject, 'WORKER_VISIBILITY_TIMEOUT'),
    message: `WORKER_VISIBILITY_TIMEOUT (${timeout} s) is not longer than ${longer[1]} (${longer[0]} s): such a task would run twice.`,
    hint: 'Make it longer than the longest task, or leave it empty.',
  })]
}

/**
 * When a setting is not empty (or has this value; of COMPOSE_PROFILES, names this one), the others must not be empty.
 * `or` is what to write when it is not meant. Add the groups of your own settings here.
 */
const groups: readonly { when: string; is?: string; needs: readonly string[]; or: string }[] = [
  { when: 'S3_ACCESS_KEY_ID', needs: ['S3_SECRET_ACCESS_KEY'], or: 'leave S3_ACCESS_KEY_ID empty as well' },
  { when: 'S3_SECRET_ACCESS_KEY', needs: ['S3_ACCESS_KEY_ID'], or: 'leave S3_SECRET_ACCESS_KEY empty as well' },
  { when: 'FRONTEND', is: 'build', needs: ['FRONTEND_DIR', 'FRONTEND_BUILD_COMMAND'], or: 'write FRONTEND=none' },
  { when: 'COMPOSE_PROFILES', is: 'frontend', needs: ['FRONTEND_DIR'], or: 'take frontend out of COMPOSE_PROFILES' },
]

/** Its own rule asks for the password of a service that is switched on (E25). */
const isAskedFor = (name: string, subject: Subject): boolean =>
  name === 'S3_SECRET_ACCESS_KEY' && profilesOn(subject).includes('storage')

const halfFilled: Rule = (subject) => groups.flatMap(({ when, is, needs, or }): Finding[] => {
  const { effective, schema, lineOf } = subject
  const [value, isProfile] = [effective(when), when === 'COMPOSE_PROFILES']
  const applies = isProfile ? profilesOn(subject).includes(is!) : is === undefined ? value : value === is
  const empty = applies ? needs.filter((name) => schema.byName.has(name) && effective(name) === '' && !isAskedFor(name, subject)) : []
  if (empty.length === 0) return []
  const where = empty.find((name) => lineOf.has(name)) ?? empty[0]!
  const says = isProfile ? `names ${is}` : is ? `is ${is}` : 'is set'
  const message = `${when} ${says}, and ${empty.join(' and ')} ${empty.length > 1 ? 'are' : 'is'} empty.`
  const way = isAskedFor(when, subject) ? '.' : `, or ${or}.`
  return [finding('E67', { line: lineOf.get(where), setting: where, message, hint: `Set ${empty.join(' and ')} too${way}` })]
})

const nothingToStart: Rule = (subject) => {
  const names = ['WEB_APP', 'WEB_COMMAND']
  if (names.some((name) => subject.effective(name) !== '' || !subject.schema.byName.has(name))) return []
  return [finding('E67', { ...at(subject, ...names), message: `${names.join(' and ')} are both empty: web does not know what to start.`, hint: `Set ${names.join(' or ')}.` })]
}

/** The proxy hands visitors to a service that has to be there. */
const visitors: Rule = (subject) => {
  const service = subject.effective('SITE_SERVICE')
  const there = subject.compose?.services.find(({ name }) => name === service)
  if (!subject.production || !there || there.isOn) return []
  return [finding('E67', {
    ...at(subject, 'SITE_SERVICE'), message: `SITE_SERVICE is ${there.name}, which is switched off.`,
    hint: `Add ${there.profiles.join(' or ')} to COMPOSE_PROFILES.`,
  })]
}

export const togetherRules: readonly Rule[] = [connections, stopGrace, visibility, halfFilled, nothingToStart, visitors]
