import { expect, test } from 'vitest'
import { parseContainers, type Model, type Service } from '../../../scripts/lib/compose/model.ts'
import { hasNewFrontend, readHashes, replaceWeb, stopWorkers, tryFrontend } from '../../../scripts/lib/compose/new-version.ts'
import { readContainers, stackOf } from '../../../scripts/lib/compose/stack.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'
import { inspected, type Sketch } from '../../../tests/helpers/stack.ts'

const web: Service = { image: 'shop-app', depends_on: { migrate: { condition: 'service_completed_successfully' }, redis: { condition: 'service_healthy' } } }
const migrate: Service = { image: 'shop-app', depends_on: { postgres: { condition: 'service_started' }, redis: { condition: 'service_started' } }, environment: { MIGRATE_COMMAND: '' } }
const others = { migrate, postgres: { image: 'postgres:17' }, redis: { image: 'valkey:9' }, worker: { image: 'shop-app' } }
const networks = { edge: { name: 'shop_edge' }, site: { name: 'shop_site' }, data: { name: 'shop_data' } }
const stackWithout = { name: 'shop', services: { ...others, web }, networks }
const proxy: Service = { image: 'caddy:2', networks: { edge: null, site: null } }
const stackWith = (own: Service = {}, worker: Service = others.worker): Model =>
  ({ name: 'shop', networks, services: { ...others, worker, proxy, web: { ...web, networks: { edge: null, site: { aliases: ['shop'] }, data: null }, ...own } } })

const postgres: Sketch = { service: 'postgres', health: 'healthy', image: 'seventeen', hash: 'p1' }
const redis: Sketch = { service: 'redis', health: 'healthy', image: 'nine', hash: 'r1' }
const old: Sketch = { service: 'web', health: 'healthy', image: 'old' }
const second: Sketch = { ...old, number: 2 }
const fresh: Sketch = { service: 'web', number: 3, health: 'healthy', image: 'new' }

/** A sandbox whose containers have these variables. */
function sandboxWith(variables: string[] = []): Sandbox {
  const box = new Sandbox()
  box.answer('inspect-format', { out: variables })
  return box
}

/** A sandbox with these containers, and then with those, and what is called on it. */
async function replacedOn(containers: Sketch[], { model = stackWith(), later = containers, box = sandboxWith() } = {}) {
  box.settings()
  box.enter()
  box.containers(containers, later)
  box.answer('image-id', { out: 'sha256:new\nsha256:seventeen\nsha256:nine\n' })
  box.answer('compose-config', { out: 'postgres p1\nredis r1\nweb w2\n' })
  let failure: unknown
  let hasBegun = false
  const found = { all: await readContainers(model.name), hashes: await readHashes(stackOf('.env.docker')) }
  await replaceWeb(stackOf('.env.docker'), model, ['up'], found, () => void (hasBegun = true)).catch((error: unknown) => void (failure = error))
  const calls = box.calls().filter((call) => /^(compose (?!logs|config)|network|stop|rm)/.test(call)).map((call) => call.replaceAll('id-of-shop-', ''))
  return { calls, failure, hasBegun }
}

const away = 'network disconnect shop_site'
const back = 'network connect --alias web --alias shop shop_site'
const beside = (scale: number, ...added: string[]): string[] => [
  'compose rm --force web migrate', `compose create --no-recreate --scale web=${scale} web`, ...added.map((one) => `${away} ${one}`),
  `compose up --no-recreate --scale web=${scale} web`,
]

test.each<[string, Sketch[], string[], Model?]>([
  ['nothing runs', [], []],
  ['web is of this version', [postgres, fresh], []],
  ['web is of this version; what a failed deploy has left goes', [postgres, fresh, { ...old, state: 'exited' }], ['rm web-1']],
  ['its database does not run', [old], []],
  ['it is not well', [postgres, { ...old, health: 'unhealthy' }], ['compose up web']],
  ['another service is not well, and this start may be the cure', [postgres, old, { ...redis, health: 'unhealthy' }], ['compose up web']],
  ['two of it cannot publish the same port', [postgres, old], ['compose up web'], stackWith({ ports: [{ target: 8000 }] })],
  ['two of it cannot have the same name', [postgres, old], ['compose up web'], stackWith({ container_name: 'shop' })],
  ['two of it cannot have the same address', [postgres, old], ['compose up web'], stackWith({ networks: { site: { ipv4_address: '10.0.0.9' } } })],
  ['a service that it needs changes too, and Compose would replace the new web as well', [postgres, old, { ...redis, hash: 'other' }], ['compose up web']],
  ['a service that the worker needs changes too: its tasks end first', [postgres, old, { ...redis, hash: 'other' }, { service: 'worker', health: 'healthy' }],
    ['stop worker-1', 'compose up web'], stackWith({}, { command: ['worker'], depends_on: { redis: { condition: 'service_healthy' } } })],
  ['a service that it needs has a newer image', [postgres, old, { ...redis, image: 'older' }], ['compose up web']],
  ['two of it cannot share this machine', [postgres, old], ['compose up web'], stackWith({ network_mode: 'host' })],
  ['nothing hands visitors to the one that answers', [postgres, old], ['compose up web'], stackWithout],
])('an older version is replaced in its place, or not at all, if %s', async (_, containers, calls, model) => {
  expect(await replacedOn(containers, { ...(model && { model }) })).toEqual({ calls, failure: undefined, hasBegun: calls.includes('compose up web') })
})

const migrated: Sketch = { service: 'migrate', state: 'exited', image: 'new' }
const named: Model['services'] = { migrate: { ...migrate, environment: { DATABASE_URL: 'of-now', MIGRATE_COMMAND: 'tool up' } } }

test.each<[string, string, boolean, Sketch[], Model['services']?]>([
  ['is the same', 'of-now', false, [postgres, fresh, migrated]],
  ['is another', 'of-then', true, [postgres, fresh, migrated]],
  ['is another, and somebody has removed the last migration', 'of-then', true, [postgres, fresh]],
  ['is another, and no proxy has visitors', 'of-then', false, [postgres, fresh, migrated], { ...others, web, ...named }],
  ['is another, and the database does not run', 'of-then', false, [fresh, migrated]],
  ['is another, and the database is not well: this start may be the cure', 'of-then', false, [{ ...postgres, health: 'unhealthy' }, fresh, migrated]],
  ['is another, and nothing migrates', 'of-then', false, [postgres, fresh, migrated], { ...stackWith().services, migrate: { ...migrate, environment: { DATABASE_URL: 'of-now' } } }],
  ['is not set', 'of-then', false, [postgres, fresh, migrated], stackWith().services],
])('before settings change, up logs in to the database if its URL %s', async (_, had, logsIn, containers, services = { ...stackWith().services, ...named }) => {
  for (const code of [0, 1]) {
    const box = new Sandbox()
    box.answer('compose-run', { code, err: 'password authentication failed\n' })
    box.answer('inspect-format', { out: ['PATH=/bin', `DATABASE_URL=${had}`] })
    const { calls, failure, hasBegun } = await replacedOn(containers, { box, model: { ...stackWith(), services }})
    expect(calls.map((call) => call.replace(/ --name \S+/, ''))).toEqual(logsIn ? ['compose --progress quiet run --rm --no-TTY --no-deps --env MIGRATE_COMMAND=true migrate migrate'] : [])
    expect(failure).toEqual(logsIn && code === 1 ? expect.objectContaining({ exitCode: 6, message: 'up could not log in to the database with the new DATABASE_URL. What ran before still runs.' }) : undefined)
    expect(hasBegun).toBe(false)
  }
})

const other: Sketch = { ...fresh, number: 4 }

test.each<[string, Sketch[], Sketch[], string[], Model?]>([
  ['it is well', [old], [fresh], [...beside(2, 'web-3'), `${back} web-3`, 'stop web-1', 'rm web-1']],
  ['it has two containers', [old, second], [fresh, other],
    [...beside(4, 'web-3', 'web-4'), `${back} web-3`, `${back} web-4`, 'stop web-1 web-2', 'rm web-1 web-2']],
  ['an attempt was cut short', [old, fresh], [other], ['stop web-3', ...beside(2, 'web-4'), `${back} web-4`, 'stop web-1', 'rm web-1']],
  ['it has no network with the proxy alone', [old], [fresh], [...beside(2), 'stop web-1', 'rm web-1'], stackWith({ networks: { data: null } })],
])('a new version starts beside an older one, away from the proxy until it is well, if %s', async (_, before, added, calls, model) => {
  const later = [postgres, ...before.filter(({ image }) => image === 'old'), ...added]
  expect(await replacedOn([postgres, ...before], { later, ...(model && { model }) })).toEqual({ calls, failure: undefined, hasBegun: true })
})

const settled = [...beside(2, 'web-4'), `${back} web-4`, 'stop web-3', 'rm web-3']

test.each<[string, Sketch[], Record<string, string | null>, string[], Service?]>([
  ['are others', [fresh], { PATH: '/bin', COLOUR: 'red', UNSET: null }, settled],
  ['are more', [fresh], { COLOUR: 'blue', MORE: '' }, settled],
  ['are the same, and one is not passed', [fresh], { COLOUR: 'blue', UNSET: null }, []],
  ['are others, and it is not well', [{ ...fresh, health: 'unhealthy' }], { COLOUR: 'red' }, []],
  ['are others, and what it needs changes too', [fresh, { ...redis, hash: 'other' }], { COLOUR: 'red' }, []],
  ['are others, and two of it cannot publish the same port', [fresh], { COLOUR: 'red' }, [], { ports: [{ target: 8000 }] }],
])('web of this version is replaced beside itself if its variables %s', async (_, containers, environment, calls, own) => {
  const box = sandboxWith(['PATH=/bin', 'COLOUR=blue'])
  const later = [postgres, ...containers, { ...fresh, number: 4 }]
  expect(await replacedOn([postgres, ...containers], { box, later, model: stackWith({ environment, ...own }) })).toMatchObject({ calls, failure: undefined })
})

test.each([
  ['Compose says so', 1, 'unhealthy', 'web is not healthy: GET /healthz answered 500.'],
  ['Compose 2.26 has ended with 0 at its time-out', 0, 'starting', 'web did not become healthy in time: GET /healthz answered 500.'],
])('an older version goes on serving if the new web is not healthy, and the new one is stopped: %s', async (_, code, health, message) => {
  const box = new Sandbox()
  box.answer('compose-up', { code })
  const later = [postgres, old, { ...fresh, health, says: 'GET /healthz answered 500' }]
  const { calls, failure, hasBegun } = await replacedOn([postgres, old], { later, box })
  expect(failure).toMatchObject({ message: `${message} The old version still serves.`, exitCode: 7 })
  // It gets its network back: plain Compose takes it for a web like any other.
  expect(calls).toEqual([...beside(2, 'web-3'), 'stop web-3', `${back} web-3`])
  expect(hasBegun).toBe(false)
  expect(box.calls()).toContain('compose logs --no-log-prefix --no-color --index 3 --since 2025-12-31T23:59:58.500Z --tail 2000 web')
})

test('an older version goes on serving if there is no new web, or Docker does not make it', async () => {
  expect(await replacedOn([postgres, old])).toMatchObject({ calls: beside(2), failure: { exitCode: 7 }, hasBegun: false })
  const box = new Sandbox()
  box.answer('compose-create', { code: 1, err: 'no space left on device\n' })
  const { failure, hasBegun } = await replacedOn([postgres, old], { box })
  expect(failure).toMatchObject({ message: expect.stringMatching(/ failed\. The old version still serves\.$/), details: 'no space left on device', exitCode: 7 })
  expect(hasBegun).toBe(false)
})

const frontend: Sketch = { service: 'frontend', health: 'healthy', image: 'old' }

test.each<[string, boolean, Sketch, Service?, Service?]>([
  ['it is the one that serves', false, { ...frontend, image: 'new' }],
  ['the old one does not serve', false, { ...frontend, health: 'unhealthy' }],
  ['no proxy hands visitors to the one that answers', false, frontend, {}],
  ['two of it cannot have the same address', false, frontend, proxy, { networks: { site: { ipv4_address: '10.0.0.9' } } }],
  ['the old one serves', true, frontend],
])('whether a new frontend can be tried: %s', async (_, wanted, container, front = proxy, own = {}) => {
  const box = new Sandbox()
  box.settings()
  box.enter()
  box.containers([container])
  box.answer('image-id', { out: 'sha256:new\n' })
  const services = { ...others, web, frontend: { image: 'shop-frontend', ...own }, ...(front.image && { proxy: front }) }
  expect(await hasNewFrontend({ name: 'shop', services })).toBe(wanted)
})

test.each<[string, number, string[], string?]>([
  ['that is healthy in the end may replace the old one', 9, ['running starting', 'running healthy']],
  ['without a health check may replace the old one', 9, ['running']],
  ['that ends leaves the old one to its visitors', 9, ['running starting', 'exited unhealthy'], 'Cannot find module next'],
  ['that ends, where the engine forgets its health, leaves the old one', 9, ['exited starting'], 'Cannot find module next'],
  ['that is not healthy leaves the old one to its visitors', 9, ['running unhealthy'], 'Cannot find module next'],
  ['that does not become healthy in time leaves the old one to its visitors', 0.5, ['running starting'], 'Cannot find module next'],
])('a new frontend %s', async (_, seconds, [first, next], failure) => {
  const box = new Sandbox()
  box.settings()
  box.enter()
  box.answer('inspect-format', { ...(first && { out: `${first}\n` }), ...(next && { next: `${next}\n` }) })
  box.answer('logs', { err: 'Cannot find module next\n' })
  const tried = tryFrontend(stackOf('.env.docker'), { name: 'shop', services: { ...others, web, frontend: { image: 'shop-frontend' } } }, seconds)
  if (failure) await expect(tried).rejects.toMatchObject({ exitCode: 7, details: expect.stringContaining(failure) })
  else await tried
  expect(box.calls().at(-1)).toBe('rm --force shop-frontend-trial')
})

const worker: Sketch = { service: 'worker', health: 'healthy', image: 'old' }
const needy: Service = { image: 'shop-app', command: ['worker'], depends_on: { redis: { condition: 'service_healthy' }, rabbitmq: { condition: 'service_healthy' }, migrate: { condition: 'service_completed_successfully' } } }

test.each<[string, Sketch[], string[]]>([
  ['has another image', [{ ...redis, image: 'eight' }, worker], ['worker']],
  ['has other settings', [{ ...redis, hash: 'r0' }, worker], ['worker']],
  ['is needed by migrate alone', [{ ...postgres, hash: 'p0' }, redis, worker], ['worker']],
  ['stays, although one runs whose profile is off', [redis, worker, { service: 'rabbitmq', image: 'other' }], []],
  ['has ended, as secrets-check has', [{ ...redis, hash: 'r0', state: 'exited' }, worker, { ...worker, number: 2 }], ['worker', 'worker-2']],
  ['stays as it is', [postgres, redis, worker], []],
  ['is not needed', [redis, worker, { service: 'storage', image: 'other' }], []],
  ['is replaced while no worker runs', [{ ...redis, hash: 'r0' }, { ...worker, state: 'exited' }], []],
])('workers are stopped before a service is replaced that %s', async (_, containers, stopped) => {
  const box = new Sandbox()
  box.settings()
  box.enter()
  box.answer('image-id', { out: 'sha256:nine\nsha256:seventeen\n' })
  const all = parseContainers(JSON.stringify(containers.map((sketch) => inspected(sketch))))
  const model = { name: 'shop', services: { ...others, web, worker: needy, storage: { image: 'store' } } }
  await stopWorkers(model, all, ['redis r1', 'postgres p1', 'storage s1'])
  const calls = box.calls().filter((call) => call.startsWith('stop')).map((call) => call.replaceAll(/id-of-shop-|-1\b/g, ''))
  expect(calls).toEqual(stopped.length > 0 ? [['stop', ...stopped].join(' ')] : [])
})
