/** Containers as `docker inspect` shows them, from what matters about them. */

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

export interface Inspected {
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
