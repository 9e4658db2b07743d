/** Tests the room's files against Compose, the command, and KEDA's triggers. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { Sandbox, SECRET } from '../../../tests/helpers/sandbox.ts'
import { ownNames, scale } from '../kubernetes.ts'

/** Formats of other tools: a test reads only what it is about. */
type Any = any

const root = new URL('../../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const documents = (path: string): Any[] => parseAllDocuments(read(`extras/kubernetes/${path}`)).map((one) => one.toJS())
const files = ['base/application.yaml', 'frontend/frontend.yaml']
const all = files.flatMap(documents)
const pods = all.filter(({ spec }) => spec.template).map(({ metadata, spec }) => [metadata.name as string, spec.template, spec] as const)
/** `!reset` is Compose's own tag. */
const compose = (path: string): Any => parse(read(path), { merge: true, logLevel: 'error' }).services
const [services, production] = [compose('compose.yaml'), compose('compose.production.yaml')]
const dockerfile = read('Dockerfile')

/** What follows `:-` in `${NAME:-value}`, or the value itself. */
const byDefault = (value: unknown): string => String(value).replaceAll(/\$\{\w+:?-([^{}]*)\}/g, '$1')
const bytes = (size: string): number => {
  const [, count, unit] = /^(\d+)([kmg])i?$/i.exec(size)!
  return Number(count) * 1024 ** (' kmg'.indexOf(unit!.toLowerCase()))
}

describe.each(pods)('%s', (name, { metadata, spec }, { replicas, strategy }) => {
  const [container] = spec.containers
  const service = services[name]

  test('is what Compose runs: role, port, time to stop, memory, variables', () => {
    expect(container.args).toEqual(service.command)
    expect(`${spec.terminationGracePeriodSeconds}s`).toBe(byDefault(service.stop_grace_period))
    const { memory } = production[name].deploy.resources.limits
    expect(bytes(container.resources.limits.memory.replace('i', ''))).toBe(bytes(byDefault(memory)))
    expect(container.resources.requests.memory).toBe(container.resources.limits.memory)
    if (service.environment.PORT) expect(container.ports).toEqual([{ name: 'http', containerPort: Number(byDefault(service.environment.PORT)) }])
    else expect(container.ports).toBeUndefined()
    const own = name === 'frontend' ? 'frontend-' : ''
    expect(container.envFrom).toEqual([{ configMapRef: { name: `${own}settings` } }, { secretRef: { name: `${own}secrets` } }])
    expect(container.env).toBeUndefined()
  })

  test("is checked by the image's own health check, as often as Docker does it", () => {
    if (name === 'migrate') return expect(container.readinessProbe).toBeUndefined()
    const [, interval, retries, check] = /HEALTHCHECK --interval=(\d+)s .* --retries=(\d+) \\\n\s+CMD \["([^"]+)", "watch"\]/.exec(dockerfile)!
    const probe = { exec: { command: [check] }, timeoutSeconds: 10 }
    expect(container.readinessProbe).toEqual({ ...probe, periodSeconds: Number(interval), failureThreshold: Number(retries) })
    expect(container.startupProbe).toMatchObject(probe)
    expect(container.startupProbe.periodSeconds * container.startupProbe.failureThreshold).toBe(60)
  })

  test('meets the restricted Pod Security standard, and writes where Compose lets it write', () => {
    const [, uid] = /^ARG APP_UID=(\d+)$/m.exec(dockerfile) ?? /APP_UID:-(\d+)/.exec(read('compose.yaml'))!
    expect(spec.securityContext).toEqual({ runAsNonRoot: true, runAsUser: Number(uid), runAsGroup: Number(uid), seccompProfile: { type: 'RuntimeDefault' } })
    expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
    expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers']) expect(spec[key]).toBeUndefined()
    expect(spec.volumes.filter(({ emptyDir }: Any) => !emptyDir)).toEqual([])
    // /data is a volume that all roles share. A cluster has none, so /data is left out.
    const volumes = service.volumes?.filter((one: unknown) => typeof one === 'string' && !one.endsWith(':/data')).map((one: string) => one.split(':')[1]) ?? []
    const writable = [...service.tmpfs.map((one: string) => byDefault(one).split(':')[0]), ...volumes]
    expect(container.volumeMounts.map(({ mountPath }: Any) => mountPath)).toEqual(writable)
  })

  test('is in the same networks as in Compose', () => {
    expect(metadata.labels['network-data'] === 'yes').toBe(service.networks.includes('data'))
  })

  test('is replaced without a gap; there is only one beat, which ends before the next one starts', () => {
    if (name === 'beat') expect({ replicas, strategy }).toEqual({ replicas: 1, strategy: { type: 'Recreate' } })
    else if (name !== 'migrate') {
      expect(strategy.rollingUpdate.maxUnavailable).toBe(0)
      expect(spec.topologySpreadConstraints[0].labelSelector.matchLabels).toEqual({ role: name })
      expect(all.find(({ kind, spec: one }) => kind === 'PodDisruptionBudget' && one.selector.matchLabels.role === name)?.spec.maxUnavailable).toBe(1)
    }
  })
})

test('only members of the networks edge and site reach web, and nobody reaches anything else', () => {
  const policies = Object.fromEntries(all.filter(({ kind }) => kind === 'NetworkPolicy').map(({ metadata, spec }) => [metadata.name, spec]))
  expect(policies.nobody).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
  const near = pods.map(([name]) => name).filter((name) => ['edge', 'site'].some((network) => services[name].networks.includes(network)))
  expect(policies.web.ingress[0].from[0].podSelector.matchExpressions[0].values.toSorted()).toEqual(near.toSorted())
  for (const path of ['own-cluster/ingress.yaml', 'managed-cluster/gateway.yaml']) {
    expect(documents(path).find(({ kind }) => kind === 'NetworkPolicy').spec.podSelector.matchExpressions[0].values).toEqual(['web', 'frontend'])
  }
})

test('a frontend reaches DNS wherever it is: in kube-system, on the node, at the provider', () => {
  const ports = [53, 5353].flatMap((port) => [{ port, protocol: 'UDP' }, { port, protocol: 'TCP' }])
  expect(all.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'frontend').spec.egress).toContainEqual({ ports })
})

test('the Ingress has the limits of the proxy, and lets cert-manager answer', () => {
  const [ingress, ...policies] = documents('own-cluster/ingress.yaml')
  const { PROXY_MAX_BODY, PROXY_RESPONSE_TIMEOUT } = services.proxy.environment
  expect(ingress.metadata.annotations).toMatchObject({
    'nginx.ingress.kubernetes.io/proxy-body-size': byDefault(PROXY_MAX_BODY),
    'nginx.ingress.kubernetes.io/proxy-read-timeout': byDefault(PROXY_RESPONSE_TIMEOUT).replace('s', ''),
  })
  const solver = policies.find(({ spec }) => spec.podSelector.matchLabels?.['acme.cert-manager.io/http01-solver'] === 'true')
  expect(solver?.spec.ingress).toEqual([{ ports: [{ port: 8089 }] }])
})

test('variables that only Compose sets are known not to be secrets', () => {
  const declared = parseSchema(read('.env.docker.example'), '').byName
  const roles = pods.flatMap(([name]) => [services[name].environment, production[name].environment ?? {}]).flatMap(Object.keys)
  const told = [...roles, ...read('docker/app.env').match(/^[A-Z]\w+/gm)!].filter((name) => !declared.has(name) && !['FLOWER_BASIC_AUTH', 'MIGRATE_WAITS_FOR'].includes(name))
  expect([...new Set(told), 'APP_CA'].toSorted()).toEqual(ownNames)
})

describe.concurrent('npm run kubernetes', () => {
  const image = ['--image', 'registry.example.org/team/shop:1.4.0']
  const data = { DATABASE_URL: `postgresql://me:${SECRET}@db.example.org/shop`, REDIS_URL: `redis://:${SECRET}@redis.example.org/1` }

  /** A production stack whose data is elsewhere. */
  function stack(environment: Record<string, string> = {}, changes: Any = {}, siteAddress = 'shop.example.org'): Any {
    const role = { image: 'shop-app', stop_grace_period: '30s', environment: { ...data, PORT: '8000', WEB_APP: 'shop:app', ...environment } }
    const proxy = { image: 'caddy', environment: { SITE_ADDRESS: siteAddress, SITE_SERVICE: 'web' } }
    const running = { web: role, worker: { ...role, stop_grace_period: '1m30s' }, beat: role, migrate: { ...role, build: { target: 'prod', args: { APP_UID: '1001' } } }, proxy }
    return { ...running, ...changes }
  }
  function cluster(environment?: Record<string, string>, changes?: Any, siteAddress?: string, name = 'shop'): Sandbox {
    const box = new Sandbox()
    box.settings({ COMPOSE_PROFILES: 'beat' })
    box.answer('compose-config', { out: { name, services: stack(environment, changes, siteAddress) } })
    return box
  }
  const run = (box: Sandbox, ...args: string[]) => box.run('extras/kubernetes/kubernetes', args)

  test('splits the settings into plain ones and secrets, in files that only their owner can read', async () => {
    const box = cluster({ SECRET_KEY: `$$x "${SECRET}" #`, UNDECLARED: 'one\ntwo', PYTHONPATH: '' })
    const { code, stdout, stderr } = await run(box, ...image)
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '' })
    const next = stderr.match(/^ +kubectl .*$/gm)!.map((line) => line.trim())
    expect(next).toHaveLength(5)
    // The page has the same lines, in the same order.
    expect(read('extras/kubernetes/README.md')).toContain(next.map((line) => `    ${line}\n`).join(''))
    // While the image is pulled, logs ends with 1; while no node has the Pod, it prints nothing. So wait comes first.
    const [waits, logs] = ['wait --for=condition=complete', 'logs job/'].map((text) => next.findIndex((line) => line.includes(text)))
    expect(logs).toBe(waits! + 1)
    const [settings, secrets] = ['settings', 'secrets'].map((name) => box.read(`.env.kubernetes/${name}.env`)) as [string, string]
    expect(settings).toBe('PORT=8000\nPYTHONPATH=\nWEB_APP=shop:app\n')
    expect(secrets).toBe(`DATABASE_URL=${data.DATABASE_URL}\nREDIS_URL=${data.REDIS_URL}\nSECRET_KEY=$x "${SECRET}" #\n`)
    expect(box.read('.env.kubernetes/secrets/UNDECLARED')).toBe('one\ntwo')
    expect(box.read('.env.kubernetes/.gitignore')).toBe('*\n')
    const modes = ['', 'secrets.env', 'settings.env', 'secrets/UNDECLARED'].map((name) => statSync(join(box.folder, '.env.kubernetes', name)).mode & 0o777)
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600])
    const { patches } = parse(box.read('.env.kubernetes/kustomization.yaml'))
    expect(patches.find(({ target }: Any) => target.name === 'worker').patch).toContain('value: 90\n')
    // A second run replaces the files of the first without asking, and leaves other files alone.
    box.write('.env.kubernetes/mine.yaml', 'mine')
    box.answer('compose-config', { out: { name: 'shop', services: stack() } })
    expect((await run(box, ...image)).code).toBe(0)
    expect([box.exists('.env.kubernetes/secrets/UNDECLARED'), box.read('.env.kubernetes/mine.yaml')]).toEqual([false, 'mine'])
  })

  test('without the profile beat there is no beat; a service that the room has no file for is named', async () => {
    const box = cluster({ HEALTH_PATH: '/alive', HEALTH_HOST: 'shop' }, { beat: undefined, flower: { image: 'shop-app' } }, 'shop.xn--p1ai')
    const { code, stderr } = await run(box, ...image, '--keda', '--cluster', 'managed', '--output', 'elsewhere')
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('! flower is not part of this')
    expect(box.read('elsewhere/kustomization.yaml')).toContain('$patch: delete')
    // The load balancer asks what healthcheck.sh asks.
    const check = parse(box.read('elsewhere/kustomization.yaml')).patches.find(({ target }: Any) => target.kind === 'HealthCheckPolicy')
    const own = documents('managed-cluster/gateway.yaml').find(({ kind }) => kind === 'HealthCheckPolicy').spec
    const at = parse(check.patch).map(({ path, value }: Any) => [path.slice(1).split('/').slice(1).reduce((part: Any, key: string) => part[key], own), value])
    expect(at).toEqual([['web', 'web'], ['/healthz', '/alive'], ['localhost', 'shop']])
    expect(box.read('elsewhere/secrets.env')).toContain(`KEDA_REDIS_PASSWORD=${SECRET}\n`)
    expect(box.read('elsewhere/settings.env')).toContain('KEDA_REDIS_ADDRESS=redis.example.org:6379\n')
  })

  test.each([
    [{}, [], 2, '--image has to name an image'],
    [{}, ['--image', 'team/shop'], 2, '--image has to name an image'],
    [{}, ['--image', 'shop:1.4.0'], 2, '--image has to name an image in a registry'],
    [{}, ['--image', 'team/shop:latest'], 2, '--image has to name an image'],
    [{}, ['--image', 'team/shop:A_1'], 2, "The tag A_1 cannot be part of the Job's name"],
    [{}, [...image, '--cluster', 'mine'], 2, '--cluster mine is neither'],
    [{ environment: { SECRET_KEY: 'sample-secret-local-only' } }, image, 3, 'SECRET_KEY: everybody knows the value'],
    [{ environment: { DATABASE_URL: 'sqlite:////data/shop.db' } }, image, 3, 'DATABASE_URL names SQLite'],
    [{ environment: { REDIS_URL: 'memory://' } }, [...image, '--keda'], 3, 'KEDA has to ask the broker'],
    [{ changes: { redis: { image: 'valkey' } } }, image, 3, 'redis would run in Compose'],
    [{ changes: { migrate: { image: 'shop-app', build: { target: 'dev' } } } }, image, 3, 'for a development stack'],
    [{ changes: { frontend: { image: 'shop-frontend' } } }, image, 2, '--frontend-image has to name an image'],
    [{ changes: { 'worker-slow': { image: 'shop-app', command: ['worker'] } } }, image, 3, 'worker-slow takes tasks in Compose'],
    [{ changes: { worker: { image: 'shop-app', environment: { DD_SERVICE: 'worker', PORT: '8000' } }, web: { image: 'shop-app', environment: { DD_SERVICE: 'web' } } } }, image, 3, 'DD_SERVICE has another value in one role'],
    [{ site: ':80' }, image, 3, 'SITE_ADDRESS is :80'],
    [{ site: '10.0.0.1' }, image, 3, 'SITE_ADDRESS is 10.0.0.1'],
    [{ project: 'my_shop' }, image, 3, 'my_shop cannot be a namespace'],
    [{ project: 'shop-' }, image, 3, 'shop- cannot be a namespace'],
  ] as [{ environment?: Record<string, string>; changes?: Any; site?: string; project?: string }, string[], number, string][])('%j with %j ends with %i', async ({ environment, changes, site, project }, args, code, message) => {
    const box = cluster(environment, changes, site, project)
    const outcome = await run(box, ...args)
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
    expect(box.exists('.env.kubernetes')).toBe(false)
  })

  test('a folder with other files stays as it is', async () => {
    const { code, stderr } = await run(cluster(), ...image, '--output', 'app')
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('app has files that this command did not write') as string })
  })
})

test('each queue has one trigger, for the broker of the application', () => {
  const redis = scale({ REDIS_URL: 'rediss://me:p%40ss@redis.example.org:6380/3', WORKER_QUEUES: 'a, b' })
  expect(redis).toMatchObject({ variables: { KEDA_REDIS_ADDRESS: 'redis.example.org:6380', KEDA_REDIS_USERNAME: 'me', KEDA_REDIS_PASSWORD: 'p@ss' } })
  const [{ value }] = parse(redis.patches[0]!.patch)
  expect(value.map(({ metadata }: Any) => [metadata.listName, metadata.databaseIndex, metadata.enableTLS])).toEqual([['a', '3', 'true'], ['b', '3', 'true']])
  const rabbit = scale({ REDIS_URL: 'redis://r', CELERY_BROKER_URL: 'pyamqp://a:b@rabbit.example.org//' })
  expect(rabbit).toMatchObject({ variables: { KEDA_RABBITMQ_URL: 'amqp://a:b@rabbit.example.org//' } })
  expect(parse(rabbit.patches[0]!.patch)[0].value[0]).toMatchObject({ type: 'rabbitmq', metadata: { queueName: 'celery' } })
})
