/** Is the stack well: its containers, its databases, its queues? */
import { readFileSync } from 'node:fs'
import { isWell } from '../compose/model.ts'
import type { Container, Model } from '../compose/model.ts'
import { capture, lastLines } from '../engine/docker.ts'
import { redactUrls } from '../words.ts'
import { whatHappened } from '../explain/explain.ts'
import { amount } from '../terminal.ts'
import { doubtful, well, wrong } from './machine.ts'
import type { Observation } from './machine.ts'

function judgeRestarts({ name, restarts, exitCode, oomKilled }: Container): Observation {
  // 137 is the exit code after signal 9.
  const wasKilled = oomKilled || exitCode === 137
  const last = wasKilled ? ', the last time because it was killed. Out of memory is the usual reason' : ''
  return doubtful(`Docker has restarted ${name} ${amount(restarts, 'time')}${last}.`, `docker logs --since 24h ${name}`)
}

type Containers = readonly Container[]

/** @param logsOf the command that shows the log of a service */
export function judgeContainers(all: Containers, { services }: Model, logsOf: (service: string) => string): Observation[] {
  const own = all.filter(({ service }) => service in services)
  if (own.every(({ state }) => state !== 'running')) return [doubtful('The stack does not run.', 'npm run up starts it.')]
  const sick = own.filter((container) => !isWell(container))
  const absent = Object.keys(services).filter((service) => own.every((container) => container.service !== service))
  return [
    ...(sick.length === 0 ? [well(`${amount(own.length, 'container')} are healthy, or have ended well`)] : []),
    ...sick.map((container) => wrong(whatHappened(container), logsOf(container.service))),
    ...absent.map((service) =>
      doubtful(`${service} has no container, although COMPOSE_PROFILES asks for it.`, 'npm run up starts it.')),
    ...own.filter(({ restarts }) => restarts > 0).map((container) => judgeRestarts(container)),
  ]
}

/**
 * `file` in the volume says which version made it, `version` is the command that prints the image's, and `major` is the
 * part of both that changes the files. `signIn` uses the address of the container, because from 127.0.0.1 the official
 * images ask for no password; the password stays in the environment.
 */
const databases = {
  postgres: {
    title: 'PostgreSQL',
    file: 'PG_VERSION',
    version: 'postgres --version',
    major: /\d+/,
    signIn: 'PGPASSWORD=$POSTGRES_PASSWORD psql -h "$(hostname -i)" -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "SELECT 1"',
  },
  mariadb: {
    title: 'MariaDB',
    file: 'mariadb_upgrade_info',
    version: 'mariadbd --version',
    major: /\d+\.\d+/,
    signIn:
      'MYSQL_PWD=$MARIADB_PASSWORD mariadb --host "$(hostname -i)" --user "$MARIADB_USER" ' +
      '--execute "SELECT 1" "$MARIADB_DATABASE"',
  },
}

type DatabaseName = keyof typeof databases

/** @param made what the volume says, @param has what the image's program says; either may be nothing */
export function judgeVersion(service: DatabaseName, made: string, has: string): Observation[] {
  const { title, major } = databases[service]
  const [old, current] = [made, has].map((text) => major.exec(text)?.[0])
  if (!old || !current) return []
  return old === current
    ? [well(`The data of ${service} and its image are both of ${title} ${current}`)]
    : [wrong(
        `The data of ${service} was made by ${title} ${old}, and the image has ${current}: it does not start with that.`,
        `Put the old image back (${service.toUpperCase()}_IMAGE), dump the database, and restore it into a new volume.`,
      )]
}

async function examinePassword(service: DatabaseName, { id, name }: Container, model: Model): Promise<Observation> {
  const password = `${service.toUpperCase()}_PASSWORD`
  // The one that the file has now: the container has the one that it was created with.
  const env = { [password]: (model.services[service]?.environment?.[password] ?? '').replaceAll('$$', '$') }
  const signIn = ['exec', '--env', password, id, 'sh', '-c', databases[service].signIn]
  const { exitCode, stdout, stderr } = await capture(signIn, { env, timeoutMs: 10_000 })
  if (exitCode === 0) return well(`${service} takes the password of .env.docker`)
  if (!/password|access denied/i.test(stdout + stderr)) return doubtful(`${service} could not be signed in to.`, `docker logs ${name}`)
  return wrong(
    `${service} does not take the password of .env.docker: its volume was made with another one.`,
    `${password} is read only when the volume is new. Put the old one back, change it in the database, ` +
      'or delete the data: npm run teardown -- --volumes',
  )
}

/** Reads the volume in a container that lives for a moment and can change nothing; signs in where the database runs. */
export async function examineDatabase(service: DatabaseName, model: Model, container: Container | undefined): Promise<Observation[]> {
  const { image, volumes = [] } = model.services[service] ?? {}
  const mount = volumes.find(({ type }) => type === 'volume')
  const volume = mount?.source && model.volumes?.[mount.source]?.name
  if (!image || !mount || !volume || (await capture(['volume', 'inspect', volume])).exitCode !== 0) return []
  const { file, version } = databases[service]
  const { exitCode, stdout } = await capture([
    'run', '--rm', '--pull', 'never', '--network', 'none', '--read-only', '--user', 'root',
    '--mount', `type=volume,source=${volume},target=${mount.target},readonly`, '--entrypoint', 'sh', image,
    '-c', `cat "${mount.target}/${file}"; echo; ${version}`,
  ], { timeoutMs: 30_000 })
  const [made = '', ...has] = stdout.split('\n')
  return [
    ...(exitCode === 0 ? judgeVersion(service, made, has.join('\n')) : []),
    ...(container ? [await examinePassword(service, container, model)] : []),
  ]
}

/** The answer of queues.py, where its parts are described. */
export interface Queues {
  waiting: Readonly<Record<string, { count: number; oldest: string; still: number }>>
  taken: number
  oldest: number | null
}

/** How long a queue may stand still before it is worth a word, in seconds. */
const STILL = 60

export function judgeQueues({ waiting, taken, oldest }: Queues): Observation {
  const all = Object.entries(waiting)
  const tasks = `${amount(taken, 'task')} ${taken === 1 ? 'is' : 'are'}`
  const busy = taken === 0 ? 'none is being worked on' : `${tasks} being worked on, the oldest for ${oldest ?? 0} s`
  if (all.length === 0) return well(`No task waits, ${busy}`)
  const words = all.map(([queue, { count, oldest: first, still }]) =>
    `${count} in ${queue}${first && `, first ${first}`}, for at least ${still} s`)
  const text = `Tasks wait (${words.join('; ')}), ${busy}`
  if (taken > 0 && all.every(([, { still }]) => still < STILL)) return well(text)
  const ask = 'Is a worker healthy, does it take from this queue (WORKER_QUEUES), '
  return doubtful(`${text}.`, `${ask}and are there enough of them (WORKER_CONCURRENCY)?`)
}

/**
 * Asks Redis by way of the application, whose libraries and certificates also reach one that is managed elsewhere.
 *
 * @param role a container of the application that runs
 */
export async function examineQueues(role: Container): Promise<Observation[]> {
  const input = readFileSync(new URL('queues.py', import.meta.url), 'utf8')
  // The entrypoint knows where the secrets are.
  const ask = ['exec', '--interactive', role.id, 'entrypoint.sh', 'python', '-']
  const { exitCode, stdout, stderr } = await capture(ask, { input, timeoutMs: 15_000 })
  if (exitCode === 0) return [judgeQueues(JSON.parse(stdout) as Queues)]
  // An application without Celery.
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
    : [doubtful('beat has not looked at its schedule yet; another beat may hold its lock.', `docker logs ${beat.name}`)]
}

/** How large the volumes of the stack are. */
export async function examineSizes(model: Model): Promise<Observation[]> {
  const { exitCode, stdout, stderr } = await capture(['system', 'df', '--verbose', '--format', '{{json .Volumes}}'], { timeoutMs: 30_000 })
  if (exitCode !== 0) return [doubtful('Docker did not say how large the volumes are.', lastLines(stderr, 1))]
  const found = new Map((JSON.parse(stdout) as { Name: string; Size: string }[]).map(({ Name, Size }) => [Name, Size]))
  const sizes = Object.entries(model.volumes ?? {}).flatMap(([name, volume]) => {
    const size = found.get(volume?.name ?? '')
    return size === undefined ? [] : [`${name} ${size}`]
  })
  return sizes.length > 0 ? [well(`Volumes: ${sizes.join(', ')}`)] : []
}
