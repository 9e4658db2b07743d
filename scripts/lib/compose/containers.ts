/** What `docker inspect` says of the containers of a stack, as far as the scripts read it. Pure. */
import type { Model } from './model.ts'

export interface Container {
  id: string
  name: string
  service: string
  /** created, running, restarting, exited … */
  state: string
  /** starting, healthy, unhealthy; empty without a health check, and of one that does not run. */
  health: string
  exitCode: number
  oomKilled: boolean
  /** Bytes of memory that it may use; 0 without a limit. */
  memoryLimit: number
  /** When it was last started, as Docker writes it. */
  startedAt: string
  /** How often Docker has started it again by itself. */
  restarts: number
  /** What the last health check said. */
  healthOutput: string
}

interface Inspected {
  Id: string
  Name: string
  Config: { Labels: Record<string, string> }
  RestartCount?: number
  HostConfig?: { Memory?: number }
  State: {
    Status: string
    StartedAt?: string
    ExitCode: number
    OOMKilled: boolean
    Health?: { Status: string; Log?: { Output: string }[] }
  }
}

/** Reads the answer of `docker inspect`, in the order of the services' names. One-off containers are left out. */
export function parseContainers(json: string): Container[] {
  return (JSON.parse(json) as Inspected[])
    .filter(({ Config }) => Config.Labels['com.docker.compose.oneoff'] !== 'True')
    .map(({ Id, Name, Config, HostConfig, RestartCount = 0, State }) => ({
      id: Id,
      name: Name.replace(/^\//, ''),
      service: Config.Labels['com.docker.compose.service'] ?? '',
      state: State.Status,
      // Docker calls a container with a health check unhealthy once it has ended, however well it did.
      health: State.Status === 'running' ? (State.Health?.Status ?? '') : '',
      exitCode: State.ExitCode,
      oomKilled: State.OOMKilled,
      memoryLimit: HostConfig?.Memory ?? 0,
      startedAt: State.StartedAt ?? '',
      restarts: RestartCount,
      healthOutput: State.Health?.Log?.at(-1)?.Output.trim() ?? '',
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/** Did the container do, or does it do, what it is there for? */
export const isWell = ({ state, health, exitCode }: Container): boolean =>
  state === 'running' ? health === '' || health === 'healthy' : state === 'exited' && exitCode === 0

/**
 * The container that failed first, as far as can be told: one that is not well while all that its service
 * waits for are. Those behind it wait for it, and are no cause.
 *
 * @param services the model's, which say who waits for whom
 */
export function firstCause(containers: readonly Container[], services: Model['services']): Container | undefined {
  const dependencies = Object.values(services).flatMap(({ depends_on }) => Object.entries(depends_on ?? {}))
  const mustEnd = new Set(dependencies.flatMap(([name, { condition }]) => (condition === 'service_completed_successfully' ? name : [])))
  // What another profile left behind is nobody's cause.
  const own = containers.filter(({ service }) => service in services)
  const sick = own.filter((container) => !isWell(container) || (container.state === 'running' && mustEnd.has(container.service)))
  const names = new Set(sick.map(({ service }) => service))
  const roots = sick.filter(({ service }) => !Object.keys(services[service]?.depends_on ?? {}).some((name) => names.has(name)))
  // One that ended, also when Docker has just started it again, says more than one that is merely not healthy yet.
  const rank = ({ state, health, restarts }: Container): number =>
    state === 'exited' || state === 'restarting' || restarts > 0 ? 0 : health === 'unhealthy' ? 1 : 2
  return roots.toSorted((a, b) => rank(a) - rank(b))[0]
}
