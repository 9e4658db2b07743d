/** A stack as Docker and Compose show it, from what matters about it. */

export interface Sketch {
  service: string
  state?: string
  health?: string
  /** What its last health check said. */
  says?: string
  exitCode?: number
  oomKilled?: boolean
  restarts?: number
  /** Bytes that it may use. */
  memoryLimit?: number
  number?: number
  oneoff?: boolean
}

interface Inspected {
  Id: string
  Name: string
  RestartCount: number
  HostConfig: object
  State: object
  Config: object
}

export function inspected({
  service, state = 'running', health, says = '', exitCode = 0, oomKilled = false, restarts = 0, memoryLimit = 0, number = 1, oneoff = false,
}: Sketch): Inspected {
  const check = { Start: '2026-01-01T00:00:00Z', End: '2026-01-01T00:00:01Z', ExitCode: health === 'healthy' ? 0 : 1 }
  const name = oneoff ? `shop-${service}-run-0c3f4` : `shop-${service}-${number}`
  return {
    Id: `id-of-${name}`,
    Name: `/${name}`,
    RestartCount: restarts,
    HostConfig: { Memory: memoryLimit },
    State: {
      Status: state,
      Running: state === 'running',
      StartedAt: '2026-01-01T00:00:00.5Z',
      ExitCode: exitCode,
      OOMKilled: oomKilled,
      ...(health === undefined ? {} : { Health: { Status: health, FailingStreak: 0, Log: [{ ...check, Output: 'an earlier one\n' }, { ...check, Output: says }] } }),
    },
    Config: {
      Labels: {
        'com.docker.compose.project': 'shop',
        'com.docker.compose.service': service,
        'com.docker.compose.container-number': String(number),
        'com.docker.compose.oneoff': oneoff ? 'True' : 'False',
      },
    },
  }
}

/** A stack that is well: what ended has ended, and what has a health check passes it. */
export const wellStack: readonly Sketch[] = [
  { service: 'beat', health: 'healthy' },
  { service: 'flower', health: 'healthy' },
  // Docker calls it unhealthy because it has ended.
  { service: 'migrate', state: 'exited', health: 'unhealthy' },
  { service: 'postgres', health: 'healthy' },
  { service: 'redis', health: 'healthy' },
  { service: 'storage', health: 'healthy' },
  { service: 'web', health: 'healthy' },
  { service: 'worker', health: 'healthy' },
]

/** The same stack with some services in another state. */
export const stackWith = (...changed: readonly Sketch[]): Sketch[] => [
  ...wellStack.filter(({ service }) => !changed.some((sketch) => sketch.service === service)),
  ...changed,
]

type Values = Readonly<Record<string, string | undefined>>

/** What `docker compose config` answers for a stack with these settings, as far as the scripts read it. */
export function composeModel(values: Values): object {
  const value = (name: string): string => values[name] ?? ''
  const handed = (...names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, value(name)]))
  const onPort = (name: string, target: number): object[] => [{ host_ip: '127.0.0.1', target, published: value(name), protocol: 'tcp' }]
  const after = (...names: string[]): object => Object.fromEntries(names.map((name) => [name, { condition: 'service_healthy', required: false }]))
  const migrated = { migrate: { condition: 'service_completed_successfully', required: true } }
  const secrets = handed('DATABASE_URL', 'REDIS_URL', 'S3_SECRET_ACCESS_KEY', 'SECRET_KEY')
  const image = 'shop-app:dev'
  const args = { APP_DIR: 'app', FRONTEND: 'none', NODE_IMAGE: 'node:24-trixie-slim', PYTHON_IMAGE: 'python:3.13-slim-trixie', PYTHON_MANIFEST: 'requirements.txt' }
  return {
    name: 'shop',
    services: {
      beat: { image, depends_on: { ...migrated, ...after('redis') }, environment: { ...secrets, ...handed('CELERY_APP') } },
      flower: {
        image, depends_on: { ...migrated, ...after('redis') }, ports: onPort('FLOWER_PORT', 5555),
        environment: { ...secrets, FLOWER_BASIC_AUTH: `admin:${value('FLOWER_PASSWORD')}` },
      },
      migrate: {
        image, build: { context: '.', target: 'dev', args }, depends_on: after('postgres'), restart: 'no',
        environment: { ...secrets, ...handed('MIGRATE_COMMAND') },
      },
      postgres: { image: 'postgres:17-trixie', environment: handed('POSTGRES_PASSWORD') },
      redis: { image: 'valkey/valkey:9.1-trixie', environment: handed('REDIS_PASSWORD') },
      storage: {
        image: 'chrislusf/seaweedfs:4.48', ports: onPort('STORAGE_PORT', 8333),
        environment: { AWS_SECRET_ACCESS_KEY: value('S3_SECRET_ACCESS_KEY') },
      },
      web: {
        image, depends_on: { ...migrated, ...after('redis', 'storage') }, ports: onPort('WEB_PORT', Number(value('WEB_PORT'))),
        environment: { ...secrets, ...handed('SEED_COMMAND', 'WEB_APP'), DEBUG_PORT: '', PORT: value('WEB_PORT') },
      },
      worker: { image, depends_on: { ...migrated, ...after('redis', 'storage') }, environment: { ...secrets, ...handed('CELERY_APP') } },
    },
  }
}
