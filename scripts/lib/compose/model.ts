/** The parts that we read of Compose's `config --format json` and, for the containers, of Docker's `inspect`. Pure. */
import type { Values } from '../engine/machine.ts'

/** What stands between two files of COMPOSE_FILE. */
const separatorOf = ({ COMPOSE_PATH_SEPARATOR }: Values): string => COMPOSE_PATH_SEPARATOR || ':'

/** The files that COMPOSE_FILE names. If it is empty, the two files of development. */
export const filesIn = (values: Values): string[] =>
  values.COMPOSE_FILE ? values.COMPOSE_FILE.split(separatorOf(values)) : ['compose.yaml', 'compose.override.yaml']

/** COMPOSE_FILE with one more file behind the others. */
export const withFile = (values: Values, file: string): string => [...filesIn(values), file].join(separatorOf(values))

export interface Port {
  host_ip?: string
  /** A port or a range, as text. */
  published?: string
  target: number
  protocol?: string
}

export interface Service {
  image?: string
  command?: string[] | null
  build?: { target?: string; args?: Record<string, string | null> }
  ports?: Port[]
  depends_on?: Record<string, { condition: string }>
  environment?: Record<string, string | null>
  volumes?: { type: string; source?: string; target: string }[]
  profiles?: string[]
  pull_policy?: string
  scale?: number
  deploy?: { replicas?: number; resources?: { limits?: { memory?: string } } }
  networks?: Record<string, { aliases?: string[]; ipv4_address?: string } | null>
  network_mode?: string
  hostname?: string
  container_name?: string
}

export interface Model {
  name: string
  services: Record<string, Service>
  volumes?: Record<string, { name: string; external?: boolean } | null>
  networks?: Record<string, { name: string }>
}

/** The names under which other containers reach a service. */
export const hostsOf = (name: string, { networks, hostname, container_name: container }: Service): string[] =>
  [name, ...Object.values(networks ?? {}).flatMap((network) => network?.aliases ?? []), ...[hostname, container].filter((host) => host !== undefined)]

/** What `config` says, with the values as containers and builds get them: Compose writes every $ as $$. */
export const parseModel = (json: string): Model => JSON.parse(json.replaceAll('$$', () => '$')) as Model

/** A build begins with Python, with Node, or, when it builds a frontend for the application, with both. */
function baseImages({ target, args = {} }: NonNullable<Service['build']>): unknown[] {
  if (target === 'frontend-server') return [args.NODE_IMAGE]
  return [args.PYTHON_IMAGE, args.FRONTEND === 'build' && args.NODE_IMAGE]
}

/** The images that are not built here and have to come from elsewhere: those of services, and the bases of builds. */
export function foreignImages({ services }: Model): string[] {
  const all = Object.values(services)
  const built = new Set(all.filter(({ build }) => build).map(({ image }) => image))
  const used = all.map(({ image }) => image).filter((image) => !built.has(image))
  const bases = all.flatMap(({ build }) => (build ? baseImages(build) : []))
  return [...new Set([...used, ...bases])].filter((image) => typeof image === 'string').toSorted()
}

export type PublishedPort = ReturnType<typeof publishedPorts>[number]

/** Every TCP port that the stack opens on this machine; for a range, its first port. */
export function publishedPorts({ services }: Model) {
  return Object.entries(services).flatMap(([service, { ports = [] }]) =>
    ports.flatMap(({ host_ip: address = '0.0.0.0', published, target, protocol = 'tcp' }) =>
      published && protocol === 'tcp'
        ? [{ service, address, port: Number.parseInt(published, 10), isRange: published.includes('-'), target }]
        : []))
}

/** The address of the proxy, if it has a name of its own: ":80" stands for every name. */
function siteUrl({ services: { proxy } }: Model): Record<string, string> {
  const [name, scheme = 'https'] = (proxy?.environment?.SITE_ADDRESS ?? '').split(/[\s,]+/)[0]!.split('://').toReversed()
  if (!proxy?.ports || !name || name.startsWith(':')) return {}
  const port = proxy.ports.find(({ target }) => target === (scheme === 'http' ? 80 : 443))?.published ?? ''
  return { proxy: `${scheme}://${name}${['', '80', '443'].includes(port) || /:\d+$/.test(name) ? '' : `:${port}`}` }
}

/** The address to type into a browser, by service: the first published port of each. */
export function urls(model: Model): Record<string, string> {
  const entries = publishedPorts(model).map(({ service, address, port }) => {
    const isLocal = ['0.0.0.0', '127.0.0.1', '::', '::1'].includes(address)
    const host = isLocal ? 'localhost' : address.includes(':') ? `[${address}]` : address
    return [service, `http://${host}:${port}`] as const
  })
  return { ...Object.fromEntries(entries.toReversed()), ...siteUrl(model) }
}

export type Container = ReturnType<typeof parseContainers>[number]

interface Inspected {
  Id: string
  Name: string
  Image?: string
  Config: { Labels: Record<string, string> }
  RestartCount?: number
  HostConfig?: { Memory?: number; RestartPolicy?: { Name: string } }
  State: { Status: string; StartedAt?: string; ExitCode: number; OOMKilled: boolean; Health?: { Status: string; Log?: { Output: string }[] } }
}

/** Reads the answer of `docker inspect`, in the order of the containers' names. One-off containers are left out. */
export function parseContainers(json: string) {
  return (JSON.parse(json) as Inspected[])
    .filter(({ Config }) => Config.Labels['com.docker.compose.oneoff'] !== 'True')
    .map(({ Id, Name, Image = '', Config, HostConfig, RestartCount = 0, State }) => ({
      id: Id,
      // The id of its image, which a new build of the same name does not have; and Compose's hash of its settings.
      image: Image.replace(/^sha256:/, ''), hash: Config.Labels['com.docker.compose.config-hash'] ?? '',
      name: Name.replace(/^\//, ''),
      // Where Compose was run.
      folder: Config.Labels['com.docker.compose.project.working_dir'] ?? '',
      service: Config.Labels['com.docker.compose.service'] ?? '',
      // Which of the service's containers it is, counted from 1.
      number: Config.Labels['com.docker.compose.container-number'] ?? '1',
      // created, running, restarting, exited …
      state: State.Status,
      // starting, healthy, unhealthy. After any end, Docker calls a container with a health check unhealthy.
      health: State.Status === 'running' ? (State.Health?.Status ?? '') : '',
      exitCode: State.ExitCode, oomKilled: State.OOMKilled,
      // In bytes; 0 without a limit.
      memoryLimit: HostConfig?.Memory ?? 0,
      // By somebody, also with KILL: Docker starts these again if they end by themselves.
      wasStopped: State.Status === 'exited' && [0, 137, 143].includes(State.ExitCode) && ['always', 'unless-stopped'].includes(HostConfig?.RestartPolicy?.Name ?? ''),
      startedAt: State.StartedAt ?? '',
      // How often Docker has started it again by itself.
      restarts: RestartCount,
      healthOutput: State.Health?.Log?.at(-1)?.Output.trim() ?? '',
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/** Whether a container has started and not ended: also when it is paused, or Docker is starting it again. */
export const isUnderWay = ({ state }: Container): boolean => !['created', 'exited', 'dead'].includes(state)

/** Has the container done its job, or is it doing it? */
export const isWell = ({ state, health, exitCode }: Container): boolean =>
  state === 'running' ? health === '' || health === 'healthy' : state === 'exited' && exitCode === 0

/** Whether something went wrong in a container that is not well: it does not only need more time. */
export const hasFailed = ({ state, health, restarts }: Container): boolean => state !== 'running' || health === 'unhealthy' || restarts > 0

/** A container that ended, even if Docker has just restarted it, says more than one that is not healthy yet. */
const rank = ({ state, health, restarts }: Container): number =>
  state === 'exited' || state === 'restarting' || restarts > 0 ? 0 : health === 'unhealthy' ? 1 : 2

/** What a service of the stack waits for, and what that waits for, each as `[service, condition]`. */
export const waitsFor = ({ services }: Model, name: string): [string, string][] => Object.entries(services[name]?.depends_on ?? {})
  // A service whose profile is off may still have a container.
  .filter(([service]) => service in services)
  .flatMap(([service, { condition }]) => [[service, condition], ...waitsFor({ name, services }, service)])

/** Whether another service waits for the end of this one. */
export const hasToEnd = (name: string, services: Model['services']): boolean =>
  Object.values(services).some(({ depends_on: others }) => others?.[name]?.condition === 'service_completed_successfully')

/**
 * The container that failed first: it is not well, but everything that its service waits for is. The containers that
 * wait for it are not the cause.
 */
export function firstCause(containers: readonly Container[], services: Model['services']): Container | undefined {
  // A container that another profile left behind is never the cause.
  const own = containers.filter(({ service }) => service in services)
  const sick = own.filter((container) => !isWell(container) || (container.state === 'running' && hasToEnd(container.service, services)))
  // What has ended did not fail because of one that had only to be started, and still starts.
  const roots = sick.filter(({ service, state }) => !Object.entries(services[service]?.depends_on ?? {}).some(([name, { condition }]) =>
    sick.some((one) => one.service === name && (condition !== 'service_started' || state === 'running' || hasFailed(one)))))
  return roots.toSorted((a, b) => rank(a) - rank(b))[0]
}
