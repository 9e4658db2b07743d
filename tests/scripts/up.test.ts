import { beforeAll, describe, expect, test } from 'vitest'
import { firstCause, isWell, parseContainers, parseModel } from '../../scripts/lib/compose/model.ts'
import { diagnose } from '../../scripts/lib/explain/explain.ts'
import { freePorts, occupy, type Outcome, Sandbox, stack } from '../helpers/sandbox.ts'
import { composeModel, inspected, stackWith, wellStack, type Sketch } from '../helpers/stack.ts'

interface Failed {
  ok: false
  failure: { message: string; details?: string; hint?: string; exitCode: number }
}

describe('up, in a new checkout', () => {
  const box = new Sandbox()
  let ports: Record<string, string>
  let outcome: Outcome
  beforeAll(async () => {
    ports = await freePorts()
    box.defaults(ports)
    box.answer('image-inspect', { out: 'python:3.13-slim-trixie\nchrislusf/seaweedfs:4.48\n', code: 1 })
    box.containers(wellStack)
    outcome = await box.run('up')
  })

  test('makes .env.docker, and prints nothing on standard output', () => {
    expect(outcome).toMatchObject({ code: 0, stdout: '' })
    expect(box.read('.env.docker')).toMatch(/^SECRET_KEY=[0-9a-f]{64}$/m)
    expect(outcome.stderr).toContain('✓ .env.docker made from .env.docker.example')
  })

  test('checks settings and images first, pulls what is missing, builds, starts, and checks what runs', () => {
    const steps = [
      'compose config', 'ps --all', 'image inspect', 'pull postgres:17-trixie', 'pull valkey/valkey:9.1-trixie',
      'compose build', 'compose up --detach --wait',
    ]
    expect(box.order(...steps)).toEqual(steps)
    expect(box.calls().at(-1)).toMatch(/^inspect /)
    expect(box.effects().filter((call) => call.startsWith('pull'))).toHaveLength(2)
  })

  test('shows the commands that change something', () => {
    expect(outcome.stderr).toContain('  $ docker compose --env-file .env.docker build\n')
    expect(outcome.stderr).toMatch(/ {2}\$ docker compose --env-file \.env\.docker up --detach --wait --wait-timeout 180 /)
  })

  test('ends with the addresses of what can be reached', () => {
    expect(outcome.stderr).toMatch(new RegExp(`^  web        http://localhost:${ports.WEB_PORT}$`, 'm'))
    expect(outcome.stderr).toMatch(new RegExp(`^  flower     http://localhost:${ports.FLOWER_PORT}$`, 'm'))
    expect(outcome.stderr).toContain('Next: npm run seed')
  })

  test('says so if the address does not answer', () => {
    expect(outcome.stderr).toContain(`! web is healthy in its container, but http://localhost:${ports.WEB_PORT} does not answer`)
  })
})

describe.concurrent('up', () => {
  test('of a stack that runs, with another env file: one object on standard output', async () => {
    const box = new Sandbox()
    const port = await occupy()
    const file = "my staging's.env"
    box.settings({ ...(await freePorts()), WEB_PORT: String(port) }, file)
    box.answer('inspect-format', { out: `/shop-web-1\tshop\t${port}\n` })
    box.containers(wellStack)
    const { code, stdout, stderr } = await box.run('up', ['--json', '--env-file', file, '--no-build', '--timeout', '7'])
    expect(stderr).not.toContain('does not answer')
    expect(code).toBe(0)
    const result = JSON.parse(stdout) as { ok: true; durationMs: number; services: object[]; urls: Record<string, string> }
    expect(result).toMatchObject({ ok: true, durationMs: expect.any(Number) as number, urls: { web: `http://localhost:${port}` } })
    expect(result.services).toContainEqual({ name: 'web', container: 'shop-web-1', state: 'running', health: 'healthy', exitCode: 0 })
    expect(result.services).toContainEqual({ name: 'migrate', container: 'shop-migrate-1', state: 'exited', health: '', exitCode: 0 })
    expect(box.exists('.env.docker')).toBe(false)
    // Every command on the stack has the env file, and the shown command quotes it for the shell.
    const onStack = box.argv().filter((words) => !words.includes('--profile'))
    const files = onStack.flatMap(([word, flag, value]) => (word === 'compose' && flag === '--env-file' ? value : []))
    expect(new Set(files)).toEqual(new Set([file]))
    expect(stderr).toContain(String.raw`--env-file $'my staging\'s.env' up`)
    expect(box.effects()).toEqual(['compose up --detach --no-build --wait --wait-timeout 7 --remove-orphans'])
  })

  test('with a line that cannot be read ends with 3 and asks nothing of the engine', async () => {
    const box = await stack()
    const text = box.read('.env.docker')
    box.write('.env.docker', `${text}THE PORT 8000\n`)
    const { code, stdout, stderr } = await box.run('up', ['--json'])
    const { ok, failure } = JSON.parse(stdout) as Failed
    expect({ code, ok, exitCode: failure.exitCode }).toEqual({ code: 3, ok: false, exitCode: 3 })
    expect(failure.message).toBe('.env.docker has a mistake. Nothing was started.')
    expect(failure.details).toContain(`.env.docker:${text.split('\n').length}  `)
    expect(stderr).toContain(`✗ ${failure.message}\n`)
    expect(box.effects()).toEqual([])
  })

  test('with a taken port ends with 3, and names the process and the setting', async () => {
    const port = await occupy()
    const box = await stack({ WEB_PORT: String(port) })
    const { code, stderr } = await box.run('up')
    expect(code).toBe(3)
    expect(stderr).toMatch(new RegExp(`✗ Port ${port} is taken by process ${process.pid} \\(.+\\), and web wants it\\.`))
    expect(stderr).toContain('→ Set WEB_PORT in .env.docker to a free port')
    expect(box.effects()).toEqual([])
  })

  test('with a migration that fails ends with 6 and shows its last lines', async () => {
    const box = await stack()
    box.answer('compose-up', { err: 'service "migrate" didn\'t complete successfully: exit 1\n', code: 1 })
    box.answer('compose-logs', { out: 'psycopg.OperationalError: password authentication failed for user "me"\n' })
    box.containers(
      stackWith(
        { service: 'migrate', state: 'exited', health: 'unhealthy', exitCode: 1 },
        ...['beat', 'flower', 'web', 'worker'].map((service) => ({ service, state: 'created' })),
      ),
    )
    const { code, stdout } = await box.run('up', ['--json'])
    expect(code).toBe(6)
    const { ok, failure } = JSON.parse(stdout) as Failed
    expect(ok).toBe(false)
    expect(failure.message).toBe('The database was not migrated: migrate ended with exit code 1.')
    expect(failure.details).toContain('psycopg.OperationalError')
    expect(failure.hint).toContain('another password of "me"')
    expect(box.calls().findLast((call) => call.startsWith('compose logs'))).toMatch(/ migrate$/)
  })

  test('with an unhealthy web ends with 7 and quotes its health check', async () => {
    const box = await stack()
    box.answer('compose-up', { err: 'container shop-web-1 is unhealthy\n', code: 1 })
    box.answer('compose-logs', { out: 'GET /healthz 500\n' })
    box.containers(stackWith({ service: 'web', health: 'unhealthy', says: 'HTTP 500 from /healthz\n' }))
    const { code, stdout, stderr } = await box.run('up')
    expect({ code, stdout }).toEqual({ code: 7, stdout: '' })
    expect(stderr).toContain('✗ web is not healthy: HTTP 500 from /healthz.\n\n  web, last lines\n  GET /healthz 500\n\n')
    expect(stderr).toContain('All of it: docker compose --env-file .env.docker logs web\n')
  })

  test('interrupted while it starts lets Compose end, says so and ends with 130', async () => {
    const box = await stack()
    box.answer('compose-up', { wait: true })
    const { code, stdout, stderr } = await box.run('up', ['--json'], { interrupt: 'compose-up' })
    expect(code).toBe(130)
    expect(box.wasInterrupted('compose-up')).toBe(true)
    expect(stderr).toMatch(/✗ Stopped\.\n {2}→ Continue: npm run up\. Or stop what had started: npm run teardown\n$/)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { message: 'Stopped.', exitCode: 130 } })
  })
})

// --- Why a start failed ---

const containersOf = (...sketches: readonly Sketch[]) => parseContainers(JSON.stringify(sketches.map((sketch) => inspected(sketch))))

function diagnosed(sketch: Sketch, log = '') {
  const [container] = containersOf(sketch)
  return diagnose(container!, log, 'logs', { name: 'shop', services: {} })
}

test.each<[Sketch, string, number]>([
  [{ service: 'migrate', state: 'exited', exitCode: 1 }, 'The database was not migrated: migrate ended with exit code 1.', 6],
  [{ service: 'migrate', health: 'healthy' }, 'The database was not migrated in time: migrate still runs.', 6],
  [{ service: 'web', health: 'unhealthy', says: 'HTTP 500\n' }, 'web is not healthy: HTTP 500.', 7],
  [{ service: 'web', health: 'starting', says: 'no answer' }, 'web did not become healthy in time: no answer.', 7],
  [{ service: 'worker', state: 'restarting', exitCode: 2 }, 'worker stops as soon as it starts (exit code 2).', 7],
  [{ service: 'worker', state: 'exited', exitCode: 3 }, 'worker stopped with exit code 3.', 7],
  [{ service: 'worker', state: 'restarting', exitCode: 137, memoryLimit: 40 * 1024 ** 2 }, 'worker was killed: it used more memory than it may have (40 MB).', 7],
  // Without a limit something else may have killed it.
  [{ service: 'worker', state: 'exited', exitCode: 137 }, 'worker stopped with exit code 137.', 7],
  [{ service: 'worker', health: 'starting', restarts: 3, says: 'no heartbeat' }, 'worker was started 4 times and never became healthy: no heartbeat.', 7],
])('%j', (sketch, message, exitCode) => {
  expect(diagnosed(sketch)).toMatchObject({ message, exitCode })
})

test('a known line gets advice, and a line that only resembles it gets none', () => {
  const line = "ModuleNotFoundError: No module named 'celery'"
  expect(diagnosed({ service: 'web', state: 'restarting' }, `${line}\n`).hint).toMatch(/^"celery" is not in the image\..*\nAll of it: logs$/)
  expect(diagnosed({ service: 'web', health: 'unhealthy', says: line }).hint).toContain('"celery" is not in the image.')
  expect(diagnosed({ service: 'web' }, 'MyImportErrors: 3\nthe entrypoint: started\ncrash: users: not found\n').hint).toBe('All of it: logs')
})

describe('the evidence', () => {
  const lines = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)
  const shown = (...log: string[]): string[] => diagnosed({ service: 'web' }, log.join('\n')).details!.split('\n').slice(1)
  const clue = "ModuleNotFoundError: No module named 'nowhere'"

  test('is the end of the log, or the lines that lead to the clue', () => {
    expect(shown(...lines(1, 40))).toEqual(lines(26, 40))
    expect(shown(...lines(1, 30), clue, ...lines(32, 60))).toEqual([...lines(17, 30), clue])
  })

  test.each([
    ['redis://:hunter2@redis:6379/0', 'redis://:***@redis:6379/0'],
    ['could not connect to "postgresql+psycopg://me:hun/ter2@x@db/shop"', 'could not connect to "postgresql+psycopg://me:***@db/shop"'],
    ['GET http://web:8000/a mail a@b.org', 'GET http://web:8000/a mail a@b.org'],
  ])('shows no password of a URL: %s', (line, expected) => {
    expect(shown(line)).toEqual([expected])
    expect(diagnosed({ service: 'web', health: 'unhealthy', says: line }).message).toContain(expected)
  })
})

test.each<[boolean, Omit<Sketch, 'service'>]>([
  [true, { state: 'running', health: 'healthy' }],
  [true, { state: 'exited', health: 'unhealthy' }],
  [false, { state: 'running', health: 'starting' }],
  [false, { state: 'exited', exitCode: 1 }],
  [false, { state: 'created' }],
])('it is %s that a container is well as %j', (expected, sketch) => {
  expect(containersOf({ service: 'any', ...sketch }).every((container) => isWell(container))).toBe(expected)
})

const { services } = parseModel(JSON.stringify(composeModel({ WEB_PORT: '8000' })))
const created = (...names: string[]): Sketch[] => names.map((service) => ({ service, state: 'created' }))
const waiting = created('beat', 'flower', 'web', 'worker')

test.each<[string, readonly Sketch[], string | undefined]>([
  ['nothing in a stack that is well', wellStack, undefined],
  ['migrate when it failed', stackWith({ service: 'migrate', state: 'exited', exitCode: 1 }, ...waiting), 'migrate'],
  ['migrate when it does not end', stackWith({ service: 'migrate', health: 'healthy' }, ...waiting), 'migrate'],
  ['the database that everything waits for', stackWith({ service: 'postgres', health: 'unhealthy' }, ...created('migrate'), ...waiting), 'postgres'],
  ['the database that does not stay up', stackWith({ service: 'postgres', health: 'starting', restarts: 1 }, { service: 'migrate', state: 'exited', exitCode: 69 }), 'postgres'],
  ['the database that still starts while migrate waits for it', stackWith({ service: 'postgres', health: 'starting' }, { service: 'migrate', state: 'running' }), 'postgres'],
  ['migrate when it failed before Docker has looked at the database', stackWith({ service: 'postgres', health: 'starting' }, { service: 'migrate', state: 'exited', exitCode: 69 }), 'migrate'],
  ['the one that stopped, before one that is not healthy', stackWith({ service: 'flower', health: 'unhealthy' }, { service: 'worker', state: 'exited', exitCode: 1 }), 'worker'],
  ['the one that restarts, before one that still starts', stackWith({ service: 'beat', health: 'starting' }, { service: 'web', health: 'starting', restarts: 2 }), 'web'],
  ['the second container of a service', stackWith({ service: 'worker', health: 'healthy' }, { service: 'worker', number: 2, state: 'restarting' }), 'worker'],
  ['nothing of another profile', stackWith({ service: 'stranger', state: 'exited', exitCode: 1 }), undefined],
])('the first cause is %s', (_, sketches, expected) => {
  expect(firstCause(containersOf(...sketches), services)?.service).toBe(expected)
})
