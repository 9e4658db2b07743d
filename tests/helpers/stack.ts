/** Builds what Docker and Compose say about a stack from a short sketch, and finds free ports for a stack. */
import { createServer, type AddressInfo, type Server } from 'node:net'

export interface Sketch {
  service: string
  state?: string
  health?: string
  /** The output of its last health check. */
  says?: string
  exitCode?: number
  oomKilled?: boolean
  restarts?: number
  /** Bytes that it may use. */
  memoryLimit?: number
  number?: number
  name?: string
  oneoff?: boolean
  /** The id of its image. */
  image?: string
  /** Compose's hash of its settings. */
  hash?: string
  startedAt?: string
  folder?: string
}

/** What `docker inspect` answers for a container. */
export function inspected({
  service, state = 'running', health, says = '', exitCode = 0, oomKilled = false, restarts = 0, memoryLimit = 0, number = 1, oneoff = false, image = '', hash = '', folder = '',
  name = oneoff ? `shop-${service}-run-0c3f4` : `shop-${service}-${number}`, startedAt = '2026-01-01T00:00:00.5Z',
}: Sketch) {
  const check = { Start: '2026-01-01T00:00:00Z', End: '2026-01-01T00:00:01Z', ExitCode: health === 'healthy' ? 0 : 1, Output: says }
  return {
    Id: `id-of-${name}`,
    Name: `/${name}`,
    Image: `sha256:${image}`,
    RestartCount: restarts,
    HostConfig: { Memory: memoryLimit, RestartPolicy: { Name: service === 'migrate' ? 'no' : 'unless-stopped' } },
    State: {
      Status: state,
      StartedAt: startedAt,
      ExitCode: exitCode,
      OOMKilled: oomKilled,
      ...(health !== undefined && { Health: { Status: health, FailingStreak: 0, Log: [{ ...check, Output: 'an earlier one\n' }, check] } }),
    },
    Config: {
      Labels: {
        'com.docker.compose.project': 'shop',
        'com.docker.compose.service': service,
        'com.docker.compose.config-hash': hash,
        'com.docker.compose.container-number': String(number),
        'com.docker.compose.project.working_dir': folder,
        'com.docker.compose.oneoff': oneoff ? 'True' : 'False',
      },
    },
  }
}

/** A stack that is well: the one-shot has ended, and every other service passes its health check. */
export const wellStack: readonly Sketch[] = [
  ...['beat', 'flower', 'postgres', 'redis', 'storage', 'web', 'worker'].map((service) => ({ service, health: 'healthy' })),
  // Docker calls a container unhealthy after it has ended.
  { service: 'migrate', state: 'exited', health: 'unhealthy' },
]

/** The same stack with some services in another state. */
export const stackWith = (...changed: readonly Sketch[]): Sketch[] => [
  ...wellStack.filter(({ service }) => !changed.some((sketch) => sketch.service === service)),
  ...changed,
]

/** What `docker compose config` answers for a stack with these settings, as far as the scripts read it. */
export function composeModel(values: Readonly<Record<string, string | undefined>>): object {
  const environment = { ...values, DEBUG_PORT: '', FLOWER_BASIC_AUTH: `admin:${values.FLOWER_PASSWORD}`, PORT: values.WEB_PORT ?? '' }
  const app = { image: 'shop-app:dev', environment }
  const args = {
    APP_DIR: 'app', FRONTEND: 'none', PYTHON_MANIFEST: 'requirements.txt',
    NODE_IMAGE: 'node:24-trixie-slim', PYTHON_IMAGE: 'python:3.13-slim-trixie',
  }
  const healthy = { condition: 'service_healthy' }
  const started = { ...app, depends_on: { migrate: { condition: 'service_completed_successfully' }, redis: healthy } }
  const onPort = (name: string, target: number): object =>
    ({ ports: [{ host_ip: '127.0.0.1', target, published: values[name] ?? '', protocol: 'tcp' }] })
  return {
    name: 'shop',
    services: {
      beat: started,
      flower: { ...started, ...onPort('FLOWER_PORT', 5555) },
      migrate: { ...app, build: { context: '.', target: 'dev', args }, depends_on: { postgres: { condition: 'service_started' } } },
      postgres: { image: 'postgres:17-trixie', environment },
      redis: { image: 'valkey/valkey:9.1-trixie', environment },
      storage: { image: 'chrislusf/seaweedfs:4.48', environment, ...onPort('STORAGE_PORT', 8333) },
      web: { ...started, ...onPort('WEB_PORT', Number(values.WEB_PORT ?? '')) },
      worker: started,
    },
  }
}

/** Listens on a free port, and answers every request with 204. */
export const listen = (host = '127.0.0.1'): Promise<{ server: Server; port: number }> =>
  new Promise((resolve) => {
    const server = createServer((socket) => socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'))
    server.listen(0, host, () => resolve({ server, port: (server.address() as AddressInfo).port }))
  })

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { server, port } = await listen()
  return new Promise((resolve) => server.close(() => resolve(port)))
}

/** The settings of a stack whose ports are free. */
export async function freePorts(): Promise<Record<string, string>> {
  const [web, flower, storage] = await Promise.all([freePort(), freePort(), freePort()])
  return { WEB_PORT: String(web), FLOWER_PORT: String(flower), STORAGE_PORT: String(storage) }
}
