/** What the volumes hold: how much, and by which database they were made. */
import type { Container } from '../compose/containers.ts'
import { capture, lastLines } from '../engine/docker.ts'
import type { Model } from '../compose/model.ts'
import { doubtful, well, wrong } from './observation.ts'
import type { Observation } from './observation.ts'

export interface Volume {
  Name: string
  /** As Docker writes it: `48.2MB`. */
  Size: string
}

/** The model's own volumes, by the name in compose.yaml. */
export function judgeSizes(volumes: readonly Volume[], model: Model): Observation[] {
  const sizes = Object.entries(model.volumes ?? {}).flatMap(([name, volume]) => {
    const found = volumes.find(({ Name }) => Name === volume?.name)
    return found ? [`${name} ${found.Size}`] : []
  })
  return sizes.length > 0 ? [well(`Volumes: ${sizes.join(', ')}`)] : []
}

export async function examineSizes(model: Model): Promise<Observation[]> {
  const ask = () => capture(['system', 'df', '--verbose', '--format', '{{json .Volumes}}'], { timeoutMs: 30_000 })
  const first = await ask()
  // It looks at everything on the engine, and fails where somebody deletes an image or a container meanwhile.
  const { exitCode, stdout, stderr } = first.exitCode === 0 ? first : await ask()
  return exitCode === 0
    ? judgeSizes(JSON.parse(stdout) as Volume[], model)
    : [doubtful('Docker did not say how large the volumes are.', lastLines(stderr, 1))]
}

/** How a database says which version made its files, and which one the image has. */
const databases: Readonly<Record<string, { title: string; file: string; version: string }>> = {
  postgres: { title: 'PostgreSQL', file: 'PG_VERSION', version: 'postgres --version' },
  mariadb: { title: 'MariaDB', file: 'mariadb_upgrade_info', version: 'mariadbd --version' },
}

/** PostgreSQL changes its files with every first number, MariaDB with the second one, too. */
export function majorOf(service: string, text: string): string | undefined {
  const [, first, second] = /(\d+)(?:\.(\d+))?/.exec(text.replace(/^.*\bVer\b/, '')) ?? []
  if (first === undefined) return undefined
  return service === 'mariadb' ? `${first}.${second ?? '0'}` : first
}

/**
 * @param made what the volume says, @param has what the image's program says
 * @returns nothing when the volume is empty
 */
export function judgeVersion(service: string, made: string, has: string): Observation[] {
  const [old, current] = [majorOf(service, made), majorOf(service, has)]
  if (old === undefined || current === undefined) return []
  const { title } = databases[service]!
  return old === current
    ? [well(`The data of ${service} is of ${title} ${current}, as its image is`)]
    : [wrong(
        `The data of ${service} was made by ${title} ${old}, and the image has ${current}: it does not start with that.`,
        `Put the old image back (${service.toUpperCase()}_IMAGE), dump the database, and restore it into a new volume.`,
      )]
}

/** The volume of a database, read in a container that lives for a moment and can change nothing. */
export async function examineDatabase(service: string, model: Model, container: Container | undefined): Promise<Observation[]> {
  const kind = databases[service]
  const { image, volumes = [] } = model.services[service] ?? {}
  const mount = volumes.find(({ type }) => type === 'volume')
  const volume = mount?.source && model.volumes?.[mount.source]?.name
  if (!kind || !image || !mount || !volume) return []
  if ((await capture(['volume', 'inspect', volume])).exitCode !== 0) return []
  const command = `cat "${mount.target}/${kind.file}"; echo; ${kind.version}`
  const { exitCode, stdout } = await capture([
    'run', '--rm', '--pull', 'never', '--network', 'none', '--read-only', '--user', 'root',
    '--mount', `type=volume,source=${volume},target=${mount.target},readonly`, '--entrypoint', 'sh', image, '-c', command,
  ], { timeoutMs: 30_000 })
  const [made = '', ...has] = stdout.split('\n')
  const version = exitCode === 0 ? judgeVersion(service, made, has.join('\n')) : []
  return [...version, ...(container ? await examinePassword(service, container, model) : [])]
}

/**
 * By the address of the container, because from its own 127.0.0.1 the official image asks for no password. The
 * password stays in the environment.
 */
const signIn: Readonly<Record<string, string>> = {
  postgres: 'PGPASSWORD=$POSTGRES_PASSWORD psql -h "$(hostname -i)" -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "SELECT 1"',
  mariadb: 'MYSQL_PWD=$MARIADB_PASSWORD mariadb --host "$(hostname -i)" --user "$MARIADB_USER" --execute "SELECT 1" "$MARIADB_DATABASE"',
}

async function examinePassword(service: string, { id, name }: Container, model: Model): Promise<Observation[]> {
  const prefix = service.toUpperCase()
  const password = `${prefix}_PASSWORD`
  // The one that the file has now: the container has the one with which it was made.
  const env = { [password]: (model.services[service]?.environment?.[password] ?? '').replaceAll('$$', '$') }
  const { exitCode, stdout, stderr } = await capture(['exec', '--env', password, id, 'sh', '-c', signIn[service]!], { env, timeoutMs: 10_000 })
  if (exitCode === 0) return [well(`${service} takes the password of .env.docker`)]
  return /password|access denied/i.test(stdout + stderr)
    ? [wrong(
        `${service} does not take the password of .env.docker: its volume was made with another one.`,
        `${password} is read only when the volume is new. Put the old one back, change it in the database, or delete the data: npm run teardown -- --volumes`,
      )]
    : [doubtful(`${service} could not be signed in to.`, `docker logs ${name}`)]
}
