/** Do the databases of the stack fit their volumes: the version that made the files, and the password? */
import type { Container, Model } from '../compose/model.ts'
import { capture } from '../engine/docker.ts'
import { doubtful, well, wrong } from './observation.ts'
import type { Observation } from './observation.ts'

interface Database {
  title: string
  /** The file in the volume that says which version made it. */
  file: string
  /** The command that prints the version of the image. */
  version: string
  /**
   * Signs in by the address of the container, because from 127.0.0.1 the official image asks for no password. The
   * password stays in the environment.
   */
  signIn: string
}

const databases: Readonly<Record<string, Database>> = {
  postgres: {
    title: 'PostgreSQL',
    file: 'PG_VERSION',
    version: 'postgres --version',
    signIn: 'PGPASSWORD=$POSTGRES_PASSWORD psql -h "$(hostname -i)" -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "SELECT 1"',
  },
  mariadb: {
    title: 'MariaDB',
    file: 'mariadb_upgrade_info',
    version: 'mariadbd --version',
    signIn: 'MYSQL_PWD=$MARIADB_PASSWORD mariadb --host "$(hostname -i)" --user "$MARIADB_USER" --execute "SELECT 1" "$MARIADB_DATABASE"',
  },
}

/** PostgreSQL changes its files with the first number of its version, MariaDB with the second one too. */
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
    ? [well(`The data of ${service} and its image are both of ${title} ${current}`)]
    : [wrong(
        `The data of ${service} was made by ${title} ${old}, and the image has ${current}: it does not start with that.`,
        `Put the old image back (${service.toUpperCase()}_IMAGE), dump the database, and restore it into a new volume.`,
      )]
}

async function examinePassword(service: string, { id, name }: Container, model: Model): Promise<Observation[]> {
  const password = `${service.toUpperCase()}_PASSWORD`
  // The one that the file has now: the container has the one that it was created with.
  const env = { [password]: (model.services[service]?.environment?.[password] ?? '').replaceAll('$$', '$') }
  const { exitCode, stdout, stderr } = await capture(['exec', '--env', password, id, 'sh', '-c', databases[service]!.signIn], { env, timeoutMs: 10_000 })
  if (exitCode === 0) return [well(`${service} takes the password of .env.docker`)]
  return /password|access denied/i.test(stdout + stderr)
    ? [wrong(
        `${service} does not take the password of .env.docker: its volume was made with another one.`,
        `${password} is read only when the volume is new. Put the old one back, change it in the database, or delete the data: npm run teardown -- --volumes`,
      )]
    : [doubtful(`${service} could not be signed in to.`, `docker logs ${name}`)]
}

/** Reads the volume in a container that lives for a moment and can change nothing; signs in where the database runs. */
export async function examineDatabase(service: string, model: Model, container: Container | undefined): Promise<Observation[]> {
  const kind = databases[service]
  const { image, volumes = [] } = model.services[service] ?? {}
  const mount = volumes.find(({ type }) => type === 'volume')
  const volume = mount?.source && model.volumes?.[mount.source]?.name
  if (!kind || !image || !mount || !volume) return []
  if ((await capture(['volume', 'inspect', volume])).exitCode !== 0) return []
  const { exitCode, stdout } = await capture([
    'run', '--rm', '--pull', 'never', '--network', 'none', '--read-only', '--user', 'root',
    '--mount', `type=volume,source=${volume},target=${mount.target},readonly`, '--entrypoint', 'sh', image,
    '-c', `cat "${mount.target}/${kind.file}"; echo; ${kind.version}`,
  ], { timeoutMs: 30_000 })
  const [made = '', ...has] = stdout.split('\n')
  const version = exitCode === 0 ? judgeVersion(service, made, has.join('\n')) : []
  return [...version, ...(container ? await examinePassword(service, container, model) : [])]
}
