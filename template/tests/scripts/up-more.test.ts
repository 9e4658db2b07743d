import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import type { Model } from '../../../scripts/lib/compose/model.ts'
import { up } from '../../../scripts/up.ts'
import { composeModel, stackWith, wellStack, type Sketch } from '../../../tests/helpers/stack.ts'
import { freePorts, Sandbox, SECRET, stack } from '../../../tests/helpers/sandbox.ts'

test('up takes an empty .env.docker, which Docker leaves behind where it hides one, for none', async () => {
  const box = new Sandbox()
  box.defaults(await freePorts())
  box.write('.env.docker', '')
  box.containers(wellStack)
  const { code, stderr } = await box.run('up')
  expect(stderr).toContain('✓ .env.docker made from .env.docker.example')
  expect(code).toBe(0)
  expect(box.read('.env.docker')).toMatch(/^SECRET_KEY=[0-9a-f]{64}$/m)
})

test('up does not run ~/.bashrc, whose output would get into the answers of Docker', async () => {
  const box = await stack()
  box.write('.bashrc', 'echo welcome\n')
  box.containers(wellStack)
  // As where no shell has started npm: systemd, cron, an editor.
  const { code, stderr } = await box.run('up', [], { env: { SHLVL: '' } })
  expect(stderr).toContain('services are up')
  expect(code).toBe(0)
})

test('up claims a migration only where there is one', async () => {
  const says = async (command: string): Promise<string> => {
    const box = await stack({ MIGRATE_COMMAND: command })
    box.containers(wellStack)
    return (await box.run('up')).stderr
  }
  expect(await says("'flask db upgrade'")).toMatch(/services are up, the database is migrated/)
  expect(await says('')).toMatch(/services are up {2,}\d/)
})

describe.concurrent('up', () => {
  test('where no engine answers and none may be set up ends with 4', async () => {
    const box = await stack()
    const complaint = 'Cannot connect to the Docker daemon at tcp://build:2375. Is the docker daemon running?\n'
    box.answer('version', { out: { Client: { Context: 'default' }, Server: null }, err: complaint, code: 1 })
    const { code, stdout, stderr } = await box.run('up', ['--json'], { env: { DOCKER_HOST: 'tcp://build:2375' } })
    expect(code).toBe(4)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { exitCode: 4 } })
    expect(stderr).toContain('tcp://build:2375')
    expect(box.effects()).toEqual([])
  })

  test('--dry-run prints the commands and does nothing', async () => {
    const box = new Sandbox()
    const { code, stdout, stderr } = await box.run('up', ['--pull', '--dry-run', '--env-file', 'some.env'])
    expect(stdout).toMatch(/^docker pull IMAGE .*\ndocker compose --env-file some\.env build\ndocker compose --env-file some\.env up --detach --wait [^\n]+\n$/)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(box.calls()).toEqual([])
    expect(box.exists('.env.docker')).toBe(false)
  })

  test('whose build fails ends with 5 and starts nothing', async () => {
    const box = await stack()
    box.answer('compose-build', { out: 'to standard output\n', err: 'ERROR: failed to solve\n', code: 17 })
    const { code, stdout, stderr } = await box.run('up', ['--json'])
    expect(code).toBe(5)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { message: 'The image could not be built. What ran before still runs.' } })
    expect(stderr).toMatch(/to standard output\nERROR: failed to solve\n✗ The image could not be built/)
    expect(box.order('compose up')).toEqual([])
  })

  test.each([
    ['checks the engine', 'version'],
    ['checks the settings', 'compose-config'],
    ['gets the images', 'pull'],
    ['builds', 'compose-build'],
  ])('interrupted while it %s says that nothing was started, and ends with 130', async (_, command) => {
    const box = await stack()
    box.answer('image-inspect', { out: '', code: 1 })
    box.answer(command, { wait: true })
    const { code, stdout, stderr } = await box.run('up', ['--json'], { interrupt: command })
    expect(code).toBe(130)
    expect(box.wasInterrupted(command)).toBe(true)
    expect(stderr).toMatch(/✗ Stopped\.\n {2}→ What ran before still runs\. Continue: npm run up\n$/)
    expect(stderr.match(/✗/g)).toHaveLength(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { message: 'Stopped.', exitCode: 130 } })
    expect(box.order('compose up')).toEqual([])
  })

  test('without Compose ends with 4, the names of its packages, and what Docker warns of', async () => {
    const box = await stack()
    const warning = 'WARNING: Error loading config file: open /home/me/.docker/config.json: permission denied'
    box.answer('version', { err: `${warning}\n` })
    box.answer('compose-version', { out: '', err: "docker: 'compose' is not a docker command.\n", code: 1 })
    const { code, stderr } = await box.run('up')
    expect(code).toBe(4)
    expect(stderr).toContain('✗ Docker Engine answers, but "docker compose" is missing.')
    expect(stderr).toContain(warning)
    expect(stderr).toContain('docker-compose-v2 on Ubuntu')
  })

  test('names one command that resumes all that are paused', async () => {
    const box = await stack()
    box.answer('compose-up', { code: 1 })
    box.containers(stackWith({ service: 'redis', state: 'paused', health: 'healthy' }, { service: 'worker', state: 'paused', health: 'healthy' }))
    const { code, stderr } = await box.run('up', ['--no-build'])
    expect(code).toBe(7)
    expect(stderr).toMatch(/ is paused\. Resume it: docker unpause shop-redis-1 shop-worker-1\n/)
  })

  test('stops what is unhealthy and what Docker starts again and again, and then starts it: mended or not, it is a new start', async () => {
    const box = await stack()
    const sick = stackWith({ service: 'worker', state: 'restarting' }, { service: 'redis', health: 'unhealthy' })
    // A new web is asked about first.
    box.containers(sick, sick, wellStack)
    const { code } = await box.run('up', ['--no-build'])
    expect(code).toBe(0)
    const stop = 'stop id-of-shop-redis-1 id-of-shop-worker-1'
    expect(box.order(stop, 'compose up')).toEqual([stop, 'compose up'])
    expect(box.calls().some((call) => /status|State/.test(call)), 'Podman refuses the filter status=restarting, and its ps has no health').toBe(false)
  })

  test.each<[string, Sketch, number]>([
    ['was well before: its Redis may have been away', { service: 'worker', health: 'healthy' }, 2],
    ['was stopped for that before', { service: 'worker', health: 'unhealthy' }, 1],
    ['had ended', { service: 'worker', state: 'exited' }, 1],
    ['is new', { service: 'worker', number: 2 }, 1],
  ])('starts once more what becomes unhealthy while it starts, if it %s', async (_, before, starts) => {
    const box = await stack()
    box.answer('compose-up', { err: 'container shop-worker-1 is unhealthy\n', code: 1 })
    box.containers([before], [before], stackWith({ service: 'worker', health: 'unhealthy', says: 'the last heartbeat was 19 seconds ago' }))
    const { code, stderr } = await box.run('up', ['--no-build'])
    expect(code).toBe(7)
    expect(stderr).toContain('worker is not healthy: the last heartbeat was 19 seconds ago.')
    expect(box.calls().filter((call) => call.startsWith('compose up'))).toHaveLength(starts)
  })

  test('ends with what comes next on this stack, and offers no seed where there is none', async () => {
    const box = new Sandbox()
    box.settings({ ...(await freePorts()), SEED_COMMAND: '' }, 'other.env')
    box.containers(wellStack)
    const { stderr } = await box.run('up', ['--env-file', 'other.env', '--no-build'])
    expect(stderr).toContain('Next: docker compose --env-file other.env logs --follow web · npm run teardown -- --env-file other.env\n')
  })

  test('names what still runs although its profile was taken out, and does not count it', async () => {
    const box = await stack()
    box.containers([...wellStack, { service: 'mariadb', health: 'unhealthy' }])
    const { code, stderr } = await box.run('up')
    expect(code).toBe(0)
    expect(stderr).toContain('Still running, although the settings do not ask for it: mariadb. Remove it: docker stop shop-mariadb-1 && docker rm shop-mariadb-1')
    expect(stderr).not.toMatch(/^ {2}mariadb/m)
  })

  test('reads of a container that has ended only what its last run wrote', async () => {
    const box = await stack()
    box.answer('compose-up', { code: 1 })
    box.containers(stackWith({ service: 'migrate', state: 'exited', exitCode: 1, restarts: 0 }))
    await box.run('up')
    expect(box.calls().findLast((call) => call.startsWith('compose logs'))).toContain('--since 2025-12-31T23:59:58.500Z')
  })

  test('waits for the next end of a container that starts again and again, and says how it ended', async () => {
    const box = await stack()
    box.answer('compose-up', { code: 1 })
    box.answer('wait', { out: '137\n' })
    box.containers(stackWith({ service: 'worker', health: 'starting', says: 'no heartbeat yet', restarts: 3, memoryLimit: 40 * 1024 ** 2 }))
    const { code, stderr } = await box.run('up')
    expect(code).toBe(7)
    expect(box.calls()).toContain('wait id-of-shop-worker-1')
    expect(stderr).toContain('✗ worker was killed: it used more memory than it may have (40 MB).\n  → Raise WORKER_MEMORY in .env.docker')
  })

  test.each([['', []], ['tool up', ['compose --progress quiet run --rm --no-TTY']]])('replaces web of an old version first, with MIGRATE_COMMAND=%j', async (command, first) => {
    const box = await stack({ MIGRATE_COMMAND: command })
    box.containers(stackWith({ service: 'web', health: 'healthy', image: 'old' }))
    expect((await box.run('up', ['--no-build'])).code).toBe(0)
    const effects = box.effects().map((call) => call.replace(/ --no-deps.*| --detach.*remove-orphans/, ''))
    expect(effects).toEqual([...first, 'compose up web', 'compose up'])
  })

  test.each([
    ['is older than the proxy', '2099-01-01T00:00:00Z', 0, 0, 0, ''],
    ['was changed', '2026-01-01T00:00:00Z', 0, 0, 0, '✓ The proxy has the changed Caddyfile'],
    ['was changed and has a mistake', '2026-01-01T00:00:00Z', 1, 0, 3, 'Caddyfile has a mistake. What ran before still runs.'],
    ['was changed and is not taken', '2026-01-01T00:00:00Z', 0, 1, 7, '✗ The proxy did not take the changed Caddyfile.'],
  ])('with a Caddyfile that %s', async (_, startedAt, adapts, reloads, code, words) => {
    const box = await stack()
    const source = join(box.folder, 'docker/proxy')
    const proxy = { image: 'caddy', volumes: [{ type: 'bind', source, target: '/etc/caddy' }] }
    const model = composeModel({ WEB_PORT: '0' }) as Model
    box.answer('compose-config', { out: { ...model, services: { ...model.services, proxy } } })
    mkdirSync(source, { recursive: true })
    box.write('docker/proxy/Caddyfile', '')
    box.containers([...wellStack, { service: 'proxy', health: 'healthy', startedAt }])
    box.answer('compose-run', { err: 'a log\nError: Caddyfile:9: unrecognized directive\n', code: adapts })
    box.answer('compose-exec', { err: 'a log\nError: Caddyfile:9: unrecognized directive\n', code: reloads })
    const outcome = await box.run('up', ['--no-build'])
    expect(outcome.code).toBe(code)
    expect(outcome.stderr).toContain(words)
    expect(outcome.stderr.includes('Caddyfile:9')).toBe(code > 0)
    expect(box.order('compose up', 'compose exec')).toEqual(adapts ? [] : words ? ['compose up', 'compose exec'] : ['compose up'])
  })

  test.each([['old', true], ['new', false]])('that fails at the worker says what web serves, if it had an %s image', async (image, expected) => {
    const box = await stack()
    box.answer('image-id', { out: 'sha256:new\n' })
    const web: Sketch = { service: 'web', health: 'healthy', image: 'new' }
    box.containers(stackWith({ ...web, image }), stackWith(web, { service: 'worker', state: 'exited', exitCode: 1, image: 'new' }))
    const { code, stderr } = await box.run('up')
    expect(code).toBe(7)
    expect(stderr.includes('Web serves the new version already, and tasks wait in their queue. To go back: git checkout')).toBe(expected)
  })

  test('while another up works on the stack ends with 1 and changes nothing', async () => {
    const box = await stack()
    box.containers(wellStack)
    box.answer('compose-up', { wait: true })
    box.answer('second', { wait: true })
    const first = box.run('up', [], { interrupt: 'second' })
    await vi.waitUntil(() => box.read('.docker-answers/compose-up.wait') === 'waiting\n', 20_000)
    const before = box.effects()
    const { code, stderr } = await box.run('up')
    expect(code).toBe(1)
    expect(stderr).toMatch(/✗ npm run up works on shop already: process \d+\. This one has changed nothing\./)
    expect(box.effects()).toEqual(before)
    box.write('.docker-answers/second.wait', 'waiting\n')
    expect((await first).code).toBe(130)
    rmSync(join(box.folder, '.docker-answers/compose-up.wait'))
    expect((await box.run('up')).code).toBe(0)
  })

  test('removes what Compose had made and not named when it was interrupted, and stops workers before their Redis is replaced', async () => {
    const box = await stack()
    const model = composeModel({ WEB_PORT: '0' }) as Model
    const worker = { ...model.services.worker, command: ['worker'] }
    box.answer('compose-config', { out: { ...model, services: { ...model.services, worker } } })
    const before = [...wellStack, { service: 'worker', state: 'created', number: 2, name: '0123456789ab_shop-worker-1' }]
    box.containers(before, before, wellStack)
    expect((await box.run('up', ['--no-build'])).code).toBe(0)
    expect(box.order('rm', 'stop', 'compose up')).toEqual(['rm', 'stop', 'compose up'])
    expect(box.calls()).toContain('rm id-of-0123456789ab_shop-worker-1')
    expect(box.calls()).toContain('stop id-of-shop-worker-1')
  })

  test('gives up on a container that ends again and again, while Compose waits for the others', async () => {
    const box = await stack()
    box.answer('compose-up', { wait: true })
    box.answer('events', { out: 'old\nlooping\nlooping\nlooping\nold\nlooping\nlooping\n' })
    box.containers(stackWith({ service: 'worker', state: 'restarting', exitCode: 2, restarts: 4 }))
    const { code, stderr } = await box.run('up')
    expect(code).toBe(7)
    expect(stderr).toContain('✗ worker stops as soon as it starts (exit code 2).')
    expect(box.calls()).toContain('events --filter label=com.docker.compose.project=shop --filter event=die --format {{.ID}}')
  })

  test.each([
    ['starts what Compose had only made, if it does not wait for the cause', 'web', 'worker', ['compose up --detach --no-build worker']],
    ['leaves alone what waits for the cause', 'migrate', 'worker', []],
  ])('broken off in the middle, it %s', async (_, cause, made, expected) => {
    const box = await stack()
    box.answer('compose-up', { code: 1 })
    box.containers(stackWith({ service: cause, state: 'exited', exitCode: 2 }, { service: made, state: 'created' }))
    expect((await box.run('up')).stderr).toContain(`✗ ${cause === 'migrate' ? 'The database was not migrated' : cause}`)
    expect(box.calls().filter((call) => /up --detach --no-build/.test(call))).toEqual(expected)
  })

  test('ends with 7 too when Compose has ended with 0 before all were healthy', async () => {
    const box = await stack()
    box.answer('compose-logs', { out: 'Cannot connect to redis://redis:6379/0\n' })
    box.containers(stackWith({ service: 'worker', health: 'starting', says: 'no heartbeat yet' }))
    const { code, stderr } = await box.run('up')
    expect(code).toBe(7)
    expect(stderr).toContain('✗ worker did not become healthy in time: no heartbeat yet.')
    expect(stderr).not.toContain('services are up')
  })

  test.each([
    ['gunicorn', '127.0.0.1 - - [30/Nov/2026:22:28:09 +0000] "GET /ping HTTP/1.0" 404 0 "-" "healthcheck"'],
    ['uvicorn', 'INFO:     127.0.0.1:41234 - "GET /ping HTTP/1.0" 404 Not Found'],
  ])('shows what web wrote before its check asked hundreds of times, as %s logs it', async (_, request) => {
    const box = await stack()
    box.answer('compose-logs', { out: `shop: no licence\n${`${request}\n`.repeat(400)}` })
    box.containers(stackWith({ service: 'web', health: 'starting', says: 'GET /ping answered 404' }))
    const { stderr } = await box.run('up')
    expect(stderr).toContain('shop: no licence\n')
    expect(stderr).not.toContain('HTTP/1.0')
    expect(box.calls()).toContainEqual(expect.stringMatching(/^compose .*logs .*--tail 2000 web$/))
  })

  test('does its work when nobody reads what it says', async () => {
    const box = await stack()
    box.containers(wellStack)
    expect((await box.run('up', ['--json'], { closed: true })).code).toBe(0)
    expect(box.order('compose up')).toHaveLength(1)
    expect(box.calls().at(-1)).toMatch(/^inspect /)
  })

  test.each([
    ['Podman', 'version', { out: { Client: {}, Server: { Version: '5.4.2', ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] } } },
      "Podman 5.4.2 speaks Docker's API, and its version 1.41 is too old: 1.44 is the oldest that works."],
    ['an engine', 'version', { out: { Client: {}, Server: { Version: '20.10.24' } } }, 'Docker Engine 20.10.24 is too old: 25.0.0 is the oldest that works.'],
    ['Compose', 'compose-version', { out: '2.23.3\n' }, 'Docker Compose 2.23.3 is too old: 2.24.4 is the oldest that works.'],
  ])('with %s that is too old ends with 4 and one sentence', async (_, name, answer, message) => {
    const box = await stack()
    box.answer(name, answer)
    const { code, stderr } = await box.run('up')
    expect(code).toBe(4)
    expect(stderr).toContain(`✗ ${message}\n  → `)
    expect(box.effects()).toEqual([])
  })

  test('that Docker refuses to start blames no service for it', async () => {
    const box = await stack()
    box.answer('compose-up', { err: 'Error response from daemon: invalid volume specification\n', code: 1 })
    box.containers(wellStack.map(({ service }) => ({ service, state: 'created' })))
    const { code, stderr } = await box.run('up')
    expect(code).toBe(7)
    expect(stderr).toContain('invalid volume specification\n✗ The stack did not start.\n  → The lines above say why.')
  })

  test.each([
    ['project name must not be empty\n', 'Set COMPOSE_PROJECT_NAME in .env.docker'],
    ['services.web.ports must be a list\n', 'services.web.ports must be a list'],
  ])('that Compose cannot read (%j) ends with 3', async (complaint, words) => {
    const box = await stack()
    box.answer('compose-config', { out: '', err: complaint, code: 1 })
    const { code, stderr } = await box.run('up')
    expect(code).toBe(3)
    expect(stderr).toContain(words)
    expect(box.effects()).toEqual([])
  })
})

test('every run here is one in which a secret could be seen', async () => {
  const box = await stack()
  const { settings } = parseSchema(box.read('.env.docker.example'), '.env.docker.example')
  const secrets = settings.filter(({ sensitive }) => sensitive).map(({ name }) => name)
  expect(secrets).toContain('POSTGRES_PASSWORD')
  for (const name of secrets) expect(box.read('.env.docker')).toMatch(new RegExp(`^${name}=.*${SECRET}`, 'm'))
  for (const name of ['config', 'config-reader']) expect(box.read(`.docker-answers/compose-${name}.out`)).toContain(SECRET)
})

test.each(['0', '-1', '1.5', 'a minute', ''])('--timeout %j is a mistake in the command', async (timeout) => {
  await expect(up.run({ timeout }, [])).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('--timeout') as string })
})

test('up that leaves no container behind ends with 7', async () => {
  const box = await stack()
  box.enter()
  box.answer('compose-up', { code: 1 })
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  await expect(up.run({ 'no-build': true }, [])).rejects.toMatchObject({ message: 'The stack did not start.', exitCode: 7 })
  stderr.mockRestore()
})

/** What people read, with what differs from run to run taken out. */
const asRead = (stderr: string): string => stderr.replace(/\d+ settings/, '<count> settings').replaceAll(/ +\d+\.\ds$/gm, ' <time>').replaceAll(/localhost:\d+/g, 'localhost:<port>')

describe('what people read in a pipe', () => {
  test('that goes well', async () => {
    const box = await stack()
    box.answer('compose-build', { err: '#1 building\n' })
    box.answer('compose-up', { err: ' Container shop-web-1  Healthy\n' })
    box.containers(wellStack)
    const { stderr } = await box.run('up')
    expect(asRead(stderr)).toMatchSnapshot('standard error')
  })

  test.each([['', {}], [' of GitHub Actions', { GITHUB_ACTIONS: 'true', CI: 'true' }]])('that fails%s', async (_, env) => {
    const box = await stack()
    box.answer('compose-up', { err: 'service "migrate" didn\'t complete successfully: exit 1\n', code: 1 })
    box.answer('compose-logs', { out: '100% of it\nModuleNotFoundError: No module named \'nowhere\'\n' })
    box.containers(stackWith({ service: 'migrate', state: 'exited', exitCode: 1 }))
    const { stderr } = await box.run('up', [], { env })
    expect(asRead(stderr)).toMatchSnapshot('standard error')
  })
})
