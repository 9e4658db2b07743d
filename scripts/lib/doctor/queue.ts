/** Does work pile up, and does beat tick? Asked in the containers of the stack. */
import type { Container } from '../containers.ts'
import { capture } from '../docker.ts'
import { doubtful, well } from './observation.ts'
import type { Observation } from './observation.ts'

export interface Queues {
  /** Waiting tasks by the name of the queue. */
  waiting: Readonly<Record<string, number>>
  /** Tasks that a worker has and has not acknowledged. */
  taken: number
  /** Seconds since the oldest of them was taken. */
  oldestTaken: number | undefined
}

/**
 * Kombu's own keys: a list for each queue, and the time at which each unacknowledged message was taken in a
 * sorted set. The password comes from the environment that the container has.
 */
const script = `
export VALKEYCLI_AUTH="$REDIS_PASSWORD" REDISCLI_AUTH="$REDIS_PASSWORD"
program=$(command -v valkey-cli || command -v redis-cli)
ask() { "$program" -n "$database" "$@"; }
database=$1 cursor=0
while :; do
  set -- $(ask scan "$cursor" type list count 1000)
  cursor=\${1:?}
  shift
  for queue; do echo "queue $queue $(ask llen "$queue")"; done
  [ "$cursor" != 0 ] || break
done
echo "taken $(ask zcard unacked_index)"
echo "oldest $(ask zrange unacked_index 0 0 withscores | tail -n 1)"
echo "now $(date +%s)"
`

/** Reads what the script prints. */
export function parseQueues(text: string): Queues {
  const rows = text.split('\n').map((line) => line.trim().split(' '))
  const number = (word: string): number | undefined => {
    const value = rows.find(([first]) => first === word)?.[1]
    return value ? Number(value) : undefined
  }
  const [oldest, now] = [number('oldest'), number('now')]
  return {
    waiting: Object.fromEntries(rows.flatMap(([word, name = '', count]) => (word === 'queue' ? [[name, Number(count)]] : []))),
    taken: number('taken') ?? 0,
    oldestTaken: oldest === undefined || now === undefined ? undefined : Math.max(0, Math.round(now - oldest)),
  }
}

export function judgeQueues({ waiting, taken, oldestTaken }: Queues): Observation {
  const all = Object.entries(waiting)
  const sum = all.reduce((total, [, count]) => total + count, 0)
  const busy = taken === 0 ? 'none is being worked on' : `${taken} are being worked on, the oldest for ${oldestTaken ?? 0} s`
  if (sum === 0) return well(`No task waits, ${busy}`)
  const where = all.map(([name, count]) => `${count} in ${name}`).join(', ')
  return taken > 0
    ? well(`Tasks wait (${where}), ${busy}`)
    : doubtful(`Tasks wait (${where}), and ${busy}.`, 'Is a worker healthy, and does it take from this queue (WORKER_QUEUES)?')
}

/** The number of the database in REDIS_URL; 0 where none is named. */
export const databaseOf = (url: string): number => Number(/^rediss?:\/\/[^/]*\/(\d+)/.exec(url)?.[1] ?? 0)

/** @param redis the container, where Redis is a service of this stack */
export async function examineQueues(redis: Container, redisUrl: string): Promise<Observation[]> {
  const { exitCode, stdout } = await capture(['exec', redis.id, 'sh', '-c', script, 'sh', String(databaseOf(redisUrl))], { timeoutMs: 10_000 })
  return exitCode === 0 ? [judgeQueues(parseQueues(stdout))] : [doubtful('Redis gave no answer about its queues.', `docker logs ${redis.name}`)]
}

/** When beat last looked at its schedule. */
export async function examineBeat(beat: Container): Promise<Observation[]> {
  const age = 'echo $(( $(date +%s) - $(stat -c %Y "${HEARTBEAT_FILE:-/tmp/heartbeat}") ))'
  const { exitCode, stdout } = await capture(['exec', beat.id, 'sh', '-c', age], { timeoutMs: 10_000 })
  return exitCode === 0
    ? [well(`beat looked at its schedule ${stdout.trim()} s ago`)]
    : [doubtful('beat has not looked at its schedule yet; another one may hold its lock.', `docker logs ${beat.name}`)]
}
