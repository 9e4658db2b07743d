/** Is the stack well: its settings, its containers, its databases, its queues? */
import { readFileSync } from 'node:fs'
import { isWell } from '../compose/model.ts'
import type { Container } from '../compose/model.ts'
import { composeCommand } from '../compose/stack.ts'
import { capture, lastLines } from '../engine/docker.ts'
import { exampleFile } from '../env/settings.ts'
import { whatHappened } from '../explain/explain.ts'
import { missingVariables, readSource } from '../explain/source-files.ts'
import { amount, redactUrls } from '../terminal.ts'
import { doubtful, well, wrong } from './machine.ts'
import type { Observation, Sight } from './machine.ts'

/** The container of a service, when it runs. */
const runningOf = ({ containers }: Sight, service: string): Container | undefined =>
  containers.find((container) => container.service === service && container.state === 'running')

/** What `npm run env` finds, in a line. */
export function examineSettings({ settings: { file, findings, names } }: Sight): Observation[] {
  const [first] = findings
  const errors = findings.filter(({ severity }) => severity === 'error').length
  if (first?.code === 'E08') return [doubtful(`${file} does not exist; the rest goes by ${exampleFile}.`, first.hint)]
  if (errors > 0) return [wrong(`${file} has ${amount(errors, 'mistake')}.`, 'npm run env names them.')]
  if (first) return [doubtful(`${file} has ${amount(findings.length, 'warning')}.`, 'npm run env shows them.')]
  return [well(`${file}: ${amount(names.length, 'setting')}, and no mistake found`)]
}

/** Does something hand the application every variable that it cannot do without? */
export function examineVariables({ model }: Sight): Observation[] {
  const source = readSource(model)
  if (!source) return []
  const missing = [...missingVariables(source, model)]
  if (missing.length === 0) return [well('Every variable that the application cannot do without is handed to it')]
  return missing.map(([name, place]) => doubtful(
    `The application cannot do without ${name} (${place}), and nothing hands it over.`,
    `Write ${name}=… into .env.app (or the file that APP_ENV_FILE names). ` +
      `It may refer to the stack's settings: ${name}=\${DATABASE_URL}`,
  ))
}

type Parts = Pick<Sight, 'containers' | 'model' | 'stack'>

export function examineContainers({ containers, model: { services }, stack }: Parts): Observation[] {
  const own = containers.filter(({ service }) => service in services)
  if (own.every(({ state }) => state !== 'running')) return [doubtful('The stack does not run.', 'npm run up starts it.')]
  const sick = own.filter((container) => !isWell(container))
  const absent = Object.keys(services).filter((service) => own.every((container) => container.service !== service))
  return [
    ...(sick.length === 0 ? [well(`${amount(own.length, 'container')} are healthy, or have ended well`)] : []),
    ...sick.map((container) => wrong(whatHappened(container), composeCommand(stack, 'logs', container.service))),
    ...absent.map((service) =>
      doubtful(`${service} has no container, although COMPOSE_PROFILES asks for it.`, 'npm run up starts it.')),
    ...own.filter(({ restarts }) => restarts > 0).map(({ name, restarts, exitCode, oomKilled }) => {
      // 137 is the exit code after signal 9.
      const wasKilled = oomKilled || exitCode === 137
      const last = wasKilled ? ', the last time because it was killed. Out of memory is the usual reason' : ''
      const text = `Docker has restarted ${name} ${amount(restarts, 'time')}${last}.`
      return doubtful(text, `docker logs --since 24h ${name}`)
    }),
  ]
}

/**
 * How to sign in. By the address of the container, because from 127.0.0.1 the official images ask for no password; it
 * stays in the environment.
 */
const signIns = {
  postgres: 'PGPASSWORD=$POSTGRES_PASSWORD psql -h "$(hostname -i)" -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "SELECT 1"',
  mariadb: 'MYSQL_PWD=$MARIADB_PASSWORD mariadb -h "$(hostname -i)" -u "$MARIADB_USER" -e "SELECT 1" "$MARIADB_DATABASE"',
}

/** Does each database that runs take the password that the settings have now? */
export async function examinePasswords(sight: Sight): Promise<Observation[]> {
  const answers = Object.entries(signIns).map(async ([service, signIn]) => {
    const container = runningOf(sight, service)
    if (!container) return []
    const password = `${service.toUpperCase()}_PASSWORD`
    // The container has the one that it was created with.
    const env = { [password]: (sight.model.services[service]?.environment?.[password] ?? '').replaceAll('$$', '$') }
    const ask = ['exec', '--env', password, container.id, 'sh', '-c', signIn]
    const { exitCode, stdout, stderr } = await capture(ask, { env, timeoutMs: 10_000 })
    if (exitCode === 0) return [well(`${service} takes the password of .env.docker`)]
    if (!/password|access denied/i.test(stdout + stderr)) {
      return [doubtful(`${service} could not be signed in to.`, `docker logs ${container.name}`)]
    }
    return [wrong(
      `${service} does not take the password of .env.docker: its volume was made with another one.`,
      `${password} is read only when the volume is new. Put the old one back, change it in the database, ` +
        'or delete the data: npm run teardown -- --volumes',
    )]
  })
  return (await Promise.all(answers)).flat()
}

/** @param made what the volume says, @param has what the image's program says; either may be nothing */
export function judgeVersion(made: string, has: string): Observation[] {
  const [old, current] = [made, has].map((text) => /\d+/.exec(text)?.[0])
  if (!old || !current) return []
  if (old === current) return [well(`The data of postgres and its image are both of PostgreSQL ${current}`)]
  return [wrong(
    `The data of postgres was made by PostgreSQL ${old}, and the image has ${current}: it does not start with that.`,
    'Put the old image back (POSTGRES_IMAGE), dump the database, and restore it into a new volume.',
  )]
}

/** Reads the volume in a container that lives for a moment and can change nothing. MariaDB starts with older data. */
export async function examineVersion({ model }: Sight): Promise<Observation[]> {
  const { image, volumes = [] } = model.services.postgres ?? {}
  const mount = volumes.find(({ type }) => type === 'volume')
  const volume = mount?.source && model.volumes?.[mount.source]?.name
  if (!image || !mount || !volume || (await capture(['volume', 'inspect', volume])).exitCode !== 0) return []
  const { exitCode, stdout } = await capture([
    'run', '--rm', '--pull', 'never', '--network', 'none', '--read-only', '--user', 'root',
    '--mount', `type=volume,source=${volume},target=${mount.target},readonly`, '--entrypoint', 'sh', image,
    '-c', `cat "${mount.target}/PG_VERSION" && postgres --version`,
  ], { timeoutMs: 30_000 })
  const [made = '', has = ''] = stdout.split('\n')
  return exitCode === 0 ? judgeVersion(made, has) : []
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
  const busy = taken === 0 ? 'none is being worked on' : `being worked on: ${taken}, the oldest for ${oldest ?? 0} s`
  if (all.length === 0) return well(`No task waits, ${busy}`)
  const words = all.map(([queue, { count, oldest: first, still }]) =>
    `${count} in ${queue}${first && `, first ${first}`}, for at least ${still} s`)
  const text = `Tasks wait (${words.join('; ')}), ${busy}`
  if (taken > 0 && all.every(([, { still }]) => still < STILL)) return well(text)
  return doubtful(
    `${text}.`,
    'Is a worker healthy, does it take from this queue (WORKER_QUEUES), ' +
      'and are there enough of them (WORKER_CONCURRENCY)?',
  )
}

/** Asks Redis by way of the application, whose libraries and certificates also reach one that is managed elsewhere. */
export async function examineQueues(sight: Sight): Promise<Observation[]> {
  // The lighter roles first: asking takes memory of the container that is asked.
  const roles = ['flower', 'beat', 'web', 'worker'].map((service) => runningOf(sight, service))
  const role = roles.find((container) => container !== undefined)
  if (!role || !sight.model.services.worker?.environment?.REDIS_URL) return []
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
