import { beforeAll, describe, expect, test } from 'vitest'
import { stackWith, wellStack } from '../helpers/stack.ts'
import { freePorts, occupy, Sandbox, stack } from '../helpers/sandbox.ts'
import type { Outcome } from '../helpers/sandbox.ts'

interface Failed {
  ok: false
  failure: { message: string; details?: string; hint?: string; exitCode: number }
}

describe('up, where nothing is yet', () => {
  const box = new Sandbox()
  let ports: Record<string, string>
  let outcome: Outcome
  beforeAll(async () => {
    ports = await freePorts()
    box.defaults(ports)
    box.answer('image-inspect', { out: 'python:3.13-slim-trixie\nchrislusf/seaweedfs:4.48\n', code: 1 })
    box.containers([...wellStack, { service: 'worker', number: 2, health: 'healthy' }])
    outcome = await box.run('up')
  })

  test('ends with 0 and has nothing to say on standard output', () => {
    expect(outcome).toMatchObject({ code: 0, stdout: '' })
  })

  test('makes .env.docker', () => {
    expect(box.read('.env.docker')).toMatch(/^SECRET_KEY=[0-9a-f]{64}$/m)
    expect(outcome.stderr).toContain('✓ .env.docker made from .env.docker.example')
  })

  test('looks at settings and images first, pulls what is missing, builds, starts, and looks at what runs', () => {
    const steps = [
      'compose config', 'image inspect', 'pull postgres:17-trixie', 'pull valkey/valkey:9.1-trixie',
      'compose build', 'compose up --detach --wait', 'ps --all', 'inspect',
    ]
    expect(box.order(...steps)).toEqual(steps)
    expect(box.effects().filter((call) => call.startsWith('pull'))).toHaveLength(2)
  })

  test('shows the commands that change something', () => {
    expect(outcome.stderr).toContain('  $ docker compose --env-file .env.docker build\n')
    expect(outcome.stderr).toMatch(/ {2}\$ docker compose --env-file \.env\.docker up --detach --wait --wait-timeout 180 /)
  })

  test('ends with every service and where it can be reached', () => {
    expect(outcome.stderr).toContain(`  web        ${`http://localhost:${ports.WEB_PORT}`.padEnd(24)} healthy\n`)
    expect(outcome.stderr).toContain(`  flower     ${`http://localhost:${ports.FLOWER_PORT}`.padEnd(24)} healthy\n`)
    expect(outcome.stderr).toMatch(/^ {2}worker +healthy \(2 containers\)$/m)
    expect(outcome.stderr).toMatch(/^ {2}migrate +done$/m)
    expect(outcome.stderr).toContain('Next: npm run seed')
  })

  test('says that the address does not answer when it does not', () => {
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
    // Quoted on its way through the shell, and with every command on the stack.
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

  test('whose migration fails ends with 6 and shows its last lines', async () => {
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
    expect(stderr).toMatch(/✗ Stopped\.\n {2}→ What had started is still there: npm run teardown\n$/)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { message: 'Stopped.', exitCode: 130 } })
  })
})
