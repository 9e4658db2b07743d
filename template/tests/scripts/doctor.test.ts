import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { judgeShellFiles, mayWrite } from '../../../scripts/lib/doctor/checkout.ts'
import { judgeContainers } from '../../../scripts/lib/doctor/containers.ts'
import { judgeArchitecture, judgeCapacity, judgeClock, judgeRoom } from '../../../scripts/lib/doctor/engine.ts'
import type { EngineInfo } from '../../../scripts/lib/doctor/engine.ts'
import { judgeQueues } from '../../../scripts/lib/doctor/queue.ts'
import type { Queues } from '../../../scripts/lib/doctor/queue.ts'
import { judgeSizes, judgeVersion, majorOf } from '../../../scripts/lib/doctor/volumes.ts'
import { parseContainers } from '../../../scripts/lib/compose/containers.ts'
import type { Model } from '../../../scripts/lib/compose/model.ts'
import { inspected, stackWith, wellStack } from '../../../tests/helpers/stack.ts'
import type { Sketch } from '../../../tests/helpers/stack.ts'
import { stack } from '../../../tests/helpers/sandbox.ts'

const engine: EngineInfo = {
  OSType: 'linux', Architecture: 'x86_64', NCPU: 2, MemTotal: 4 * 1024 ** 3, SystemTime: '2026-01-01T12:00:00.5Z', DockerRootDir: '/var/lib/docker',
}

describe('the engine', () => {
  test.each([
    [{}, 'well', '2 processors (x86_64) and 4.0 GB'],
    [{ NCPU: 1 }, 'well', '1 processor (x86_64)'],
    [{ MemTotal: 1024 ** 3 }, 'doubtful', '1.0 GB of memory: little'],
    [{ OSType: 'windows' }, 'wrong', 'runs windows containers'],
  ])('with %j is %s', (change, level, text) => {
    const found = judgeCapacity({ ...engine, ...change })
    expect(found.level).toBe(level)
    expect(found.text).toContain(text)
  })

  test.each([['12:00:00', 'well'], ['12:00:05', 'well'], ['12:00:07', 'doubtful'], ['11:59:00', 'doubtful']])('whose clock is read at %s is %s', (time, level) => {
    expect(judgeClock(engine, Date.parse(`2026-01-01T${time}Z`)).level).toBe(level)
  })

  test.each([[100, 'wrong', '100 MB'], [1000, 'doubtful', '1000 MB'], [5000, 'well', '4 GB']])('with %i MB left is %s', (megabytes, level, text) => {
    const found = judgeRoom({ folder: '/d', megabytes })
    expect(found.level).toBe(level)
    expect(found.text).toContain(`/d has ${text} left`)
  })

  test('names each image that it has to emulate', () => {
    const found = judgeArchitecture(engine, [['own', 'amd64'], ['foreign:1', 'arm64'], ['absent', '']])
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ level: 'doubtful', remedy: expect.stringContaining('docker image rm foreign:1') as string })
  })
})

describe('the checkout', () => {
  const good = { path: 'docker/a.sh', text: '#!/bin/sh\n', mode: 0o100755 }
  test.each([
    ['nothing', [good], ['well']],
    ['lines of Windows', [good, { ...good, path: 'docker/b.sh', text: '#!/bin/sh\r\n' }], ['wrong docker/b.sh']],
    ['a script that nobody may run', [{ ...good, mode: 0o100644 }], ['wrong docker/a.sh']],
    ['a library that nobody has to run', [{ ...good, text: '# functions\n', mode: 0o100644 }], ['well']],
    ['both', [{ ...good, text: '#!/bin/sh\r\n', mode: 0o100644 }], ['wrong docker/a.sh', 'wrong docker/a.sh']],
  ])('with %s against it', (_, files, wanted) => {
    const found = judgeShellFiles(files)
    expect(found.map(({ level, text }) => (level === 'well' ? level : `${level} ${/docker\/\w\.sh/.exec(text)?.[0]}`))).toEqual(wanted)
  })

  test.each([
    [{ uid: 1001, gid: 1001 }, { uid: 1001, gid: 0, mode: 0o755 }, true],
    [{ uid: 1001, gid: 1001 }, { uid: 0, gid: 0, mode: 0o755 }, false],
    [{ uid: 1001, gid: 50 }, { uid: 0, gid: 50, mode: 0o775 }, true],
    [{ uid: 1001, gid: 1001 }, { uid: 0, gid: 0, mode: 0o777 }, true],
    [{ uid: 0, gid: 0 }, { uid: 5, gid: 5, mode: 0o500 }, true],
  ])('%j may write into %j: %s', (user, folder, wanted) => {
    expect(mayWrite(user, folder)).toBe(wanted)
  })
})

describe('the containers', () => {
  const services = Object.fromEntries(wellStack.map(({ service }) => [service, {}]))
  const judge = (sketches: readonly Sketch[], model: Model = { name: 'shop', services }) =>
    judgeContainers(parseContainers(JSON.stringify(sketches.map((sketch) => inspected(sketch)))), model, (service) => `logs ${service}`)

  test.each([
    ['all are well', wellStack, ['well 8 containers are healthy']],
    ['none runs', stackWith(...wellStack.map(({ service }) => ({ service, state: 'exited' }))), ['doubtful The stack does not run.']],
    ['there is none', [], ['doubtful The stack does not run.']],
    ['one is not healthy', stackWith({ service: 'web', health: 'unhealthy', says: 'GET / answered 500' }), ['wrong web is not healthy: GET / answered 500.']],
    ['one was killed for its memory', stackWith({ service: 'worker', state: 'exited', exitCode: 137, oomKilled: true }), ['wrong worker was killed: it used more memory']],
    ['one is missing', wellStack.filter(({ service }) => service !== 'flower'), ['well 7 containers', 'doubtful flower has no container']],
    [
      'one was restarted',
      stackWith({ service: 'worker', health: 'healthy', restarts: 3, exitCode: 137 }),
      ['well 8 containers', 'doubtful Docker has started shop-worker-1 again 3 times, the last time because it was killed'],
    ],
    ['one was restarted once', stackWith({ service: 'worker', health: 'healthy', restarts: 1 }), ['well 8 containers', 'doubtful Docker has started shop-worker-1 again 1 time.']],
  ])('when %s', (_, sketches, wanted) => {
    const found = judge(sketches)
    expect(found).toHaveLength(wanted.length)
    for (const [index, text] of wanted.entries()) expect(`${found[index]!.level} ${found[index]!.text}`).toContain(text)
  })
})

test.each<[Queues, string, string]>([
  [{ waiting: {}, taken: 0, oldest: null }, 'well', 'No task waits, none is being worked on'],
  [{ waiting: {}, taken: 1, oldest: 70 }, 'well', 'No task waits, 1 task is being worked on, the oldest for 70 s'],
  [
    { waiting: { celery: { count: 3, oldest: 'shop.ship', still: 1 } }, taken: 2, oldest: 9 },
    'well', 'Tasks wait (3 in celery, first shop.ship, for at least 1 s), 2 tasks are being worked on, the oldest for 9 s',
  ],
  [
    { waiting: { celery: { count: 3, oldest: '', still: 0 }, graph: { count: 1, oldest: 'shop.draw', still: 5 } }, taken: 0, oldest: null },
    'doubtful', 'Tasks wait (3 in celery, for at least 0 s; 1 in graph, first shop.draw, for at least 5 s), none is being worked on.',
  ],
  [
    { waiting: { celery: { count: 3, oldest: 'shop.ship', still: 0 }, nobodys: { count: 1, oldest: 'shop.draw', still: 60 } }, taken: 1, oldest: 2 },
    'doubtful', 'Tasks wait (3 in celery, first shop.ship, for at least 0 s; 1 in nobodys, first shop.draw, for at least 60 s), 1 task is being worked on, the oldest for 2 s.',
  ],
])('queues: %j are %s', (queues, level, text) => {
  expect(judgeQueues(queues)).toMatchObject({ level, text })
})

describe('the volumes', () => {
  test('have their sizes by the names of the Compose file', () => {
    const model: Model = { name: 'shop', services: {}, volumes: { data: { name: 'shop_data' }, other: { name: 'shop_other' } } }
    expect(judgeSizes([{ Name: 'shop_data', Size: '48MB' }, { Name: 'strange', Size: '1GB' }], model)).toEqual([{ level: 'well', text: 'Volumes: data 48MB' }])
    expect(judgeSizes([], model)).toEqual([])
  })

  test.each([
    ['postgres', '17', '17'],
    ['postgres', 'postgres (PostgreSQL) 17.6 (Debian 17.6-1)', '17'],
    ['mariadb', '11.8.6-MariaDB', '11.8'],
    ['mariadb', 'mariadbd  Ver 11.8.6-MariaDB-0+deb13u1 from Debian for debian-linux-gnu on x86_64', '11.8'],
    ['postgres', '', undefined],
  ])('of %s are of the version that "%s" means', (service, text, wanted) => {
    expect(majorOf(service, text)).toBe(wanted)
  })

  test.each([
    ['17', 'postgres (PostgreSQL) 17.6', ['well']],
    ['16', 'postgres (PostgreSQL) 17.6', ['wrong']],
    ['', 'postgres (PostgreSQL) 17.6', []],
  ])('made by %s, with an image that says "%s": %j', (made, has, wanted) => {
    expect(judgeVersion('postgres', made, has).map(({ level }) => level)).toEqual(wanted)
  })
})

describe('doctor', () => {
  /** A checkout in which everything is as it should be. */
  async function checkout() {
    const box = await stack()
    mkdirSync(join(box.folder, 'docker'))
    box.write('docker/entrypoint.sh', '# a library\n')
    box.answer('info', { out: { ...engine, SystemTime: new Date().toISOString(), DockerRootDir: box.folder } })
    box.answer('system', { out: [] })
    box.answer('exec', { out: { waiting: {}, taken: 0, oldest: null } })
    return box
  }

  test('without an engine ends with 4 and says how to get one', async () => {
    const box = await stack()
    box.answer('version', { out: { Client: { Context: 'default' }, Server: null }, err: 'Cannot connect to the Docker daemon\n', code: 1 })
    const { code, stderr } = await box.run('doctor', [], { env: { DOCKER_HOST: 'tcp://build:2375' } })
    expect(code).toBe(4)
    expect(stderr).toContain('tcp://build:2375')
  })

  test('of a stack that is well ends with 0, in one object on standard output, and changes nothing', async () => {
    const box = await checkout()
    box.containers(wellStack)
    const { code, stdout } = await box.run('doctor', ['--json'])
    const report = JSON.parse(stdout) as Record<string, unknown>
    expect(report).toMatchObject({ ok: true })
    expect(code).toBe(0)
    expect(Object.keys(report)).toEqual(['ok', 'machine', 'settings', 'stack'])
    expect(box.effects()).toEqual([])
  })

  test('asks twice for the size of the volumes, and says when Docker does not know it', async () => {
    const box = await checkout()
    box.containers(wellStack)
    box.answer('system', { out: '', err: 'snapshot does not exist\n', code: 1 })
    const { code, stderr } = await box.run('doctor')
    expect(code).toBe(0)
    expect(stderr).toContain('! Docker did not say how large the volumes are.\n  → snapshot does not exist\n')
    expect(box.calls().filter((call) => call.startsWith('system df'))).toHaveLength(2)
  })

  test('of a stack that is not well ends with 3 and the remedy', async () => {
    const box = await checkout()
    box.containers(stackWith({ service: 'web', health: 'unhealthy', says: 'GET /healthz answered 500' }))
    const { code, stderr } = await box.run('doctor')
    expect(code).toBe(3)
    expect(stderr).toContain('✗ web is not healthy: GET /healthz answered 500.\n  → docker compose --env-file .env.docker logs web\n')
  })
})
