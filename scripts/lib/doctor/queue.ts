/** Does work pile up, and does beat tick? Asked in the containers of the stack. */
import type { Container } from '../compose/containers.ts'
import { capture, lastLines } from '../engine/docker.ts'
import { redactUrls } from '../env/shown.ts'
import { amount } from '../terminal.ts'
import { doubtful, well } from './observation.ts'
import type { Observation } from './observation.ts'

/** What docker/python/docker_roles/queues.py answers. */
export interface Queues {
  /** By the name of the queue: how many tasks wait, the name of the first, and for how many seconds nothing has moved. */
  waiting: Readonly<Record<string, { count: number; oldest: string; still: number }>>
  /** Tasks that a worker has and has not acknowledged. */
  taken: number
  /** Seconds since the oldest of them was taken. */
  oldest: number | null
}

/** As long as a queue may stand still before it is worth a word, in seconds. */
const STILL = 60

const inWords = ([queue, { count, oldest, still }]: [string, Queues['waiting'][string]]): string =>
  `${count} in ${queue}${oldest && `, first ${oldest}`}, for at least ${still} s`

export function judgeQueues({ waiting, taken, oldest }: Queues): Observation {
  const all = Object.entries(waiting)
  const busy = taken === 0 ? 'none is being worked on' : `${amount(taken, 'task')} ${taken === 1 ? 'is' : 'are'} being worked on, the oldest for ${oldest ?? 0} s`
  if (all.length === 0) return well(`No task waits, ${busy}`)
  const text = `Tasks wait (${all.map((one) => inWords(one)).join('; ')}), ${busy}`
  if (taken > 0 && all.every(([, { still }]) => still < STILL)) return well(text)
  return doubtful(`${text}.`, 'Is a worker healthy, does it take from this queue (WORKER_QUEUES), and are there enough of them (WORKER_CONCURRENCY)?')
}

/**
 * Asked by way of the application, whose libraries and certificates reach also a Redis that is managed elsewhere. The
 * entrypoint knows where the secrets are.
 *
 * @param role a container of the application that runs
 */
export async function examineQueues(role: Container): Promise<Observation[]> {
  const { exitCode, stdout, stderr } = await capture(['exec', role.id, 'entrypoint.sh', 'python', '-m', 'docker_roles.queues'], { timeoutMs: 15_000 })
  if (exitCode === 0) return [judgeQueues(JSON.parse(stdout) as Queues)]
  // An application without Celery, or an image older than the question.
  if (/No module named/.test(stderr)) return []
  const said = redactUrls(lastLines(stderr, 1))
  return [doubtful(`The queues could not be asked for${said && `: ${said}`}.`, 'Is REDIS_URL right, and does Redis run?')]
}

/** When beat last looked at its schedule. */
export async function examineBeat(beat: Container): Promise<Observation[]> {
  const age = 'echo $(( $(date +%s) - $(stat -c %Y "${HEARTBEAT_FILE:-/tmp/heartbeat}") ))'
  const { exitCode, stdout } = await capture(['exec', beat.id, 'sh', '-c', age], { timeoutMs: 10_000 })
  return exitCode === 0
    ? [well(`beat looked at its schedule ${stdout.trim()} s ago`)]
    : [doubtful('beat has not looked at its schedule yet; another one may hold its lock.', `docker logs ${beat.name}`)]
}
