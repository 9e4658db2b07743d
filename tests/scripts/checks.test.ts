import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseContainers } from '../../scripts/lib/compose/model.ts'
import { stackOf } from '../../scripts/lib/compose/stack.ts'
import { examineContainers, judgeEngine, judgeQueues, type Observation } from '../../scripts/lib/doctor/examinations.ts'
import { Sandbox, stack } from '../helpers/sandbox.ts'
import { inspected, stackWith, wellStack, type Sketch } from '../helpers/stack.ts'

const engine = { Architecture: 'x86_64', NCPU: 2, MemTotal: 4 * 1024 ** 3, DockerRootDir: '/d' }

/** What doctor says of an engine with this memory and disk space, in megabytes. */
const ofEngine = (memory: number, room: number) => judgeEngine({ ...engine, MemTotal: memory * 1024 ** 2 }, room * 1024 ** 2)

test.each<[level: string, found: Observation[], ...texts: string[]]>([
  ['well', ofEngine(4096, 5000), '2 processors (x86_64) and 4.0 GB', '/d has 4.9 GB left'],
  ['doubtful', ofEngine(1024, 1000), '1.0 GB of memory: little', '/d has 1.0 GB left;'],
  ['wrong', ofEngine(1024, 100).slice(1), '/d has 0.1 GB left.'],
  ['well', judgeQueues({ waiting: {}, taken: 1, oldest: 70, lost: 0 }), 'No task waits, being worked on: 1, the oldest for 70 s'],
  ['well', judgeQueues({ waiting: { celery: { count: 3, oldest: 'shop.ship', still: 1, nobody: false } }, taken: 2, oldest: 9, lost: 0 }), '3 in celery, first shop.ship, for at least 1 s'],
  ['doubtful', judgeQueues({ waiting: { celery: { count: 3, oldest: '', still: 0, nobody: true } }, taken: 0, oldest: null, lost: 0 }), 'from which no worker takes, for at least 0 s), none is being worked on'],
  ['doubtful', judgeQueues({ waiting: { other: { count: 1, oldest: '', still: 60, nobody: false } }, taken: 3, oldest: 2, lost: 2 }), '1 in other', '2 tasks of a worker that is gone'],
])('%s: %j', (level, found, ...texts) => {
  expect(found).toEqual(texts.map((text) => expect.objectContaining({ level, text: expect.stringContaining(text) })))
})

test.each<[string, readonly Sketch[], string[]]>([
  ['all are well', wellStack, ['well 8 containers are healthy']],
  ['none runs', [], ['doubtful The stack is not running.']],
  ['one is not healthy', stackWith({ service: 'web', health: 'unhealthy', says: 'no redis://:hunter2@redis' }), ['wrong web is not healthy: no redis://:***@redis.']],
  ['one is missing', wellStack.filter(({ service }) => service !== 'flower'), ['well 7 containers', 'wrong flower does not run']],
  ['all were stopped', wellStack.map((one) => ({ ...one, state: 'exited' })), ['wrong The stack is not running.']],
  ['one was stopped', stackWith({ service: 'web', state: 'exited' }), ['well 7 containers', 'wrong web does not run']],
  ['one was killed by hand', stackWith({ service: 'web', state: 'exited', exitCode: 137, memoryLimit: 1 }), ['well 7 containers', 'wrong web does not run']],
  ['one runs although its profile is off', [...wellStack, { service: 'mariadb', health: 'healthy' }], ['well 8 containers', 'doubtful Still running, although the settings do not ask for it: mariadb.']],
  ['one was restarted', stackWith({ service: 'worker', health: 'healthy', restarts: 3, exitCode: 137 }), ['well 8', 'doubtful Docker has restarted shop-worker-1 3 times, the last time because it was killed']],
])('the containers, when %s', async (_, sketches, wanted) => {
  new Sandbox().enter()
  const services = Object.fromEntries(wellStack.map(({ service }) => [service, {}]))
  const containers = parseContainers(JSON.stringify(sketches.map((sketch) => inspected(sketch))))
  const found = await examineContainers({ containers, model: { name: 'shop', services }, stack: stackOf('.env.docker') })
  expect(found.map(({ level, text }, index) => `${level} ${text}`.slice(0, wanted[index]?.length))).toEqual(wanted)
})

describe('doctor', () => {
  async function checkout() {
    const box = await stack()
    box.answer('info', { out: { ...engine, DockerRootDir: box.folder } })
    box.answer('compose-run', { out: { waiting: {}, taken: 0, oldest: null, lost: 0 } })
    return box
  }

  test('without an engine ends with 4', async () => {
    const box = await stack()
    box.answer('version', { out: { Client: { Context: 'default' }, Server: null }, err: 'Cannot connect to the Docker daemon\n', code: 1 })
    expect((await box.run('doctor', [], { env: { DOCKER_HOST: 'tcp://build:2375' } })).code).toBe(4)
  })

  test('of a stack that is well ends with 0, prints one object, and changes nothing', async () => {
    const box = await checkout()
    box.containers(wellStack)
    const { code, stdout } = await box.run('doctor', ['--json'])
    expect(code).toBe(0)
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual(['ok', 'machine', 'settings', 'stack'])
    expect(box.effects()).toEqual([expect.stringMatching(/run --rm --no-deps --no-TTY --name shop-queues-\d+ worker python -/)])
  })

  test('of a stack that is not well ends with 3 and the remedy', async () => {
    const box = await checkout()
    box.containers(stackWith({ service: 'web', health: 'unhealthy', says: 'GET /healthz answered 500' }))
    box.answer('compose-logs', { out: 'database files are incompatible with server\nDETAIL: … by PostgreSQL version 16\n' })
    const { code, stderr } = await box.run('doctor')
    expect(code).toBe(3)
    expect(stderr).toContain('✗ web is not healthy: GET /healthz answered 500.\n  → The volume was made by PostgreSQL 16')
    expect(stderr).toContain('  All of it: docker compose --env-file .env.docker logs web\n')
  })
})

/** A source of three files, and an image that has these. */
async function withImage(files: readonly string[], more: object = {}): Promise<Sandbox> {
  const box = await stack()
  mkdirSync(join(box.folder, 'app/core'), { recursive: true })
  for (const file of ['run.py', 'core/__init__.py', 'core/celery_worker.py']) box.write(`app/${file}`, '')
  box.answer('compose-run', { out: { files, broken: [], notes: [], ...more } })
  return box
}

const all = ['run.py', 'core/__init__.py', 'core/celery_worker.py']

describe.concurrent('check-image', () => {
  test('builds, asks the image, and ends with 0', async () => {
    const box = await withImage(all, { notes: [{ what: 'env.py', error: 'KeyError: 1' }] })
    const { code, stderr, stdout } = await box.run('check-image', ['--json'])
    expect(stderr).toContain('✓ 3 Python files of app are in the image. What the modules above import after their error was not looked at')
    expect(stderr).toContain('env.py: KeyError: 1')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, files: 3 })
    expect(box.order('compose build', 'compose run')).toEqual(['compose build', 'compose run'])
    expect(box.effects().at(-1)).toBe('compose run --rm --no-deps --no-TTY web python -')
  })

  test('names the file that is missing and the line that hides it, and ends with 1', async () => {
    const error = "FileNotFoundError: [Errno 2] No such file or directory: '/app/.env.defaults'"
    const broken = [{ what: 'CELERY_APP=core.celery_worker', error: 'ModuleNotFoundError' }]
    const box = await withImage(all.slice(0, 2), { broken, notes: [{ what: 'run.py', error }] })
    box.write('app/.env.defaults', '')
    box.write('.dockerignore', '.git\n**/celery_*\n**/.env.*\n')
    const { code, stderr } = await box.run('check-image')
    expect(stderr).toContain('✗ Not every file of the source that Python needs is in the image.')
    expect(stderr).toContain('core/celery_worker.py: line 2 of .dockerignore hides it: **/celery_*')
    expect(stderr).toContain('.env.defaults: line 3 of .dockerignore hides it: **/.env.*')
    expect(stderr).not.toContain('not the fault of the image')
    expect(stderr).toContain('CELERY_APP=core.celery_worker: ModuleNotFoundError')
    expect(code).toBe(1)
  })

  test('names what cannot be imported, and ends with 1', async () => {
    const box = await withImage(all, { broken: [{ what: 'run.py', error: "No module named 'humanize'" }] })
    const { code, stderr } = await box.run('check-image')
    expect(stderr).toContain('✗ Not every module can be imported in the image')
    expect(stderr).toContain("run.py: No module named 'humanize'")
    expect(code).toBe(1)
  })

  test('says so if the container ends without an answer, and ends with 5 if the image cannot be built', async () => {
    const box = await withImage([])
    box.answer('compose-run', { out: '', err: 'Killed\n', code: 137 })
    const killed = await box.run('check-image')
    expect(killed.stderr).toContain('✗ The modules could not be imported: the check ended with exit code 137.')
    expect(killed.code).toBe(1)
    box.answer('compose-build', { code: 1 })
    expect((await box.run('check-image')).code).toBe(5)
  })
})
