/** Which services of the stack an application needs, and which queues its worker takes from. */
import { databaseOf, storeOf } from './data.ts'
import type { Application } from './find.ts'
import { byFile, findLine, isSource, type Files } from './source.ts'
import type { Services } from './variables.ts'

/** The default queue and those to which tasks are routed, if there are such, and the first file that does it. */
function routedQueues({ paths, read }: Files): { names: string[]; where: string } | undefined {
  const files = paths.filter((path) => isSource(path) && /celery|shared_task|task_routes/i.test(read(path)))
  const routed = files.flatMap((path) => [...read(path).matchAll(/["']queue["']\s*:\s*["']([\w.-]+)["']|\b(?:task|apply_async|signature|set)\([^)]*\bqueue\s*=\s*["']([\w.-]+)["']/g)]
    .map(({ 1: key, 2: argument }) => ({ name: key ?? argument!, path })))
  const standard = findLine({ paths, read }, /\b(?:task_default_queue|CELERY_(?:TASK_)?DEFAULT_QUEUE)\b["']?\s*[=:]\s*["']([\w.-]+)["']/)?.match[1] ?? 'celery'
  return routed[0] && { names: [...new Set([standard, ...routed.map(({ name }) => name)])], where: routed[0].path }
}

/** Says the profiles, and the settings of database, store, beat and worker. */
export function findServices(app: Application): Omit<Services, 'folders'> {
  const { inner, packages, project, celery, shown, say } = app
  const database = databaseOf(app)
  for (const [name, value] of Object.entries(database?.settings ?? {})) say(name, value, database!.where)
  const store = storeOf(inner, packages, project)
  for (const [name, value] of Object.entries(store?.settings ?? {})) say(name, value, shown(store!.where))
  const schedule = celery && findLine(inner, /\bbeat_schedule\b|\bCELERY_?BEAT_SCHEDULE\b|\badd_periodic_task\(|\bdjango_celery_beat\b/)
  if (schedule && packages.has('django-celery-beat') && !findLine(inner, /DatabaseScheduler/)) say('BEAT_SCHEDULER', 'django', 'django-celery-beat is among its packages')
  // A worker takes tasks from the default queue alone, unless the application declares its queues.
  const queues = celery && !findLine(inner, /\btask_queues\b|\bCELERY_(TASK_)?QUEUES\b/) ? routedQueues(inner) : undefined
  if (queues) say('WORKER_QUEUES', queues.names.join(','), shown(queues.where))

  const profiles = [...(database ? [database.profile] : []), 'redis', ...(store ? ['storage'] : []), ...(schedule ? ['beat'] : []), ...(celery && packages.has('flower') ? ['flower'] : [])]
  const reasons = [...(schedule ? [`beat: ${shown(byFile(schedule))}`] : []), ...(store ? [`storage: ${shown(store.where)}`] : []), ...(database ? [`${database.profile}: ${database.where}`] : [])]
  say('COMPOSE_PROFILES', profiles.join(','), reasons.join(', ') || 'Celery needs a queue')
  return { hasStore: store !== undefined, ...(database ? { database: database.profile } : {}) }
}
