import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseContainers } from '../../scripts/lib/compose/model.ts'
import { checkAppCa, findUnreadable, may, WRITE } from '../../scripts/lib/compose/source-access.ts'
import { judgeCapacity, judgeClock, judgeRoom } from '../../scripts/lib/doctor/machine.ts'
import type { EngineInfo } from '../../scripts/lib/doctor/machine.ts'
import { judgeContainers, judgeQueues, judgeVersion } from '../../scripts/lib/doctor/stack.ts'
import { missingVariables, readingsIn } from '../../scripts/lib/explain/source-files.ts'
import { stack } from '../helpers/sandbox.ts'
import { inspected, stackWith, wellStack } from '../helpers/stack.ts'
import type { Sketch } from '../helpers/stack.ts'

const engine: EngineInfo = {
  OSType: 'linux', Architecture: 'x86_64', NCPU: 2, MemTotal: 4 * 1024 ** 3, SystemTime: '2026-01-01T12:00:00Z', DockerRootDir: '/d',
}
const at = (time: string): number => Date.parse(`2026-01-01T${time}Z`)

test.each([
  ['well', judgeCapacity(engine), '2 processors (x86_64) and 4.0 GB'],
  ['doubtful', judgeCapacity({ ...engine, MemTotal: 1024 ** 3 }), '1.0 GB of memory: little'],
  ['wrong', judgeCapacity({ ...engine, OSType: 'windows' }), 'runs windows containers'],
  ['well', judgeClock(engine, at('12:00:05')), 'agree'],
  ['doubtful', judgeClock(engine, at('11:59:00')), '60 seconds'],
  ['wrong', judgeRoom({ folder: '/d', megabytes: 100 }), '/d has 100 MB left'],
  ['doubtful', judgeRoom({ folder: '/d', megabytes: 1000 }), '/d has 1000 MB left'],
  ['well', judgeRoom({ folder: '/d', megabytes: 5000 }), '/d has 4 GB left'],
  ['well', judgeVersion('postgres', '17', 'postgres (PostgreSQL) 17.6')[0]!, 'PostgreSQL 17'],
  ['wrong', judgeVersion('postgres', '16', 'postgres (PostgreSQL) 17.6')[0]!, 'made by PostgreSQL 16'],
  ['wrong', judgeVersion('mariadb', '11.4.1-MariaDB', 'mariadbd  Ver 11.8.6-MariaDB')[0]!, 'made by MariaDB 11.4, and the image has 11.8'],
  ['well', judgeQueues({ waiting: {}, taken: 1, oldest: 70 }), 'No task waits, 1 task is being worked on, the oldest for 70 s'],
  ['well', judgeQueues({ waiting: { celery: { count: 3, oldest: 'shop.ship', still: 1 } }, taken: 2, oldest: 9 }), '3 in celery, first shop.ship, for at least 1 s'],
  ['doubtful', judgeQueues({ waiting: { celery: { count: 3, oldest: '', still: 0 } }, taken: 0, oldest: null }), 'none is being worked on'],
  ['doubtful', judgeQueues({ waiting: { other: { count: 1, oldest: '', still: 60 } }, taken: 1, oldest: 2 }), '1 in other'],
])('%s: %j', (level, found, text) => {
  expect(found.level).toBe(level)
  expect(found.text).toContain(text)
})

test.each<[string, readonly Sketch[], string[]]>([
  ['all are well', wellStack, ['well 8 containers are healthy']],
  ['none runs', [], ['doubtful The stack does not run.']],
  ['one is not healthy', stackWith({ service: 'web', health: 'unhealthy', says: 'no' }), ['wrong web is not healthy: no.']],
  ['one is missing', wellStack.filter(({ service }) => service !== 'flower'), ['well 7 containers', 'doubtful flower has no container']],
  ['one was restarted', stackWith({ service: 'worker', health: 'healthy', restarts: 3, exitCode: 137 }), ['well 8', 'doubtful Docker has restarted shop-worker-1 3 times, the last time because it was killed']],
])('the containers, when %s', (_, sketches, wanted) => {
  const services = Object.fromEntries(wellStack.map(({ service }) => [service, {}]))
  const found = judgeContainers(parseContainers(JSON.stringify(sketches.map((sketch) => inspected(sketch)))), { name: 'shop', services }, String)
  expect(found.map(({ level, text }, index) => `${level} ${text}`.slice(0, wanted[index]?.length))).toEqual(wanted)
})

test.each([
  ['TOKEN = os.environ["TOKEN"]', ['TOKEN']],
  ["if environ['A_URL'] == environ[ 'B' ]:", ['A_URL', 'B']],
  ['os.environ["TOKEN"] = "x"', []],
  ['del os.environ["TOKEN"]', []],
  ['os.environ.get("TOKEN")', []],
  ['request.environ["REMOTE_ADDR"]', []],
  ['x = 1  # os.environ["TOKEN"]', []],
])('a program cannot do without the variables in %s', (line, wanted) => {
  expect(readingsIn({ file: 'a.py', text: line }).map(([name]) => name)).toEqual(wanted)
})

test('each variable that nothing hands over is named once, where it is first read, and not what only tests read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'source-'))
  const missing = (environment: Record<string, string>) => {
    const migrate = { build: { args: { APP_DIR: folder } }, environment }
    return missingVariables({ name: 'shop', services: { migrate } })
  }
  expect(missing({})).toBeUndefined()
  writeFileSync(join(folder, 'a.py'), 'environ["GIVEN"]\nenviron["TOKEN"]\nenviron["TOKEN"]\nenviron["HOME"]')
  writeFileSync(join(folder, 'b.py'), 'environ["TOKEN"]\nenviron["OWN"]\nenviron.setdefault("OWN", "1")')
  writeFileSync(join(folder, 'test_a.py'), 'environ["OF_TESTS"]')
  expect([...missing({ GIVEN: '1' })!]).toEqual([['TOKEN', join(folder, 'a.py:2')]])
  expect(missing({ GIVEN: '1', TOKEN: '' })!.size).toBe(0)
  rmSync(folder, { recursive: true })
})

test.each([
  [{ uid: 1001, gid: 1001 }, 0o700, true],
  [{ uid: 1002, gid: 1001 }, 0o750, true],
  [{ uid: 1002, gid: 1001 }, 0o705, false],
  [{ uid: 1002, gid: 1002 }, 0o744, false],
  [{ uid: 0, gid: 0 }, 0o000, true],
])('%j may read a folder of 1001 with the mode %o: %s', (user, mode, expected) => {
  expect(may(user, 0o5, { uid: 1001, gid: 1001, mode })).toBe(expected)
})

test('who may write goes by the mode', () => {
  const folder = { uid: 1001, gid: 50, mode: 0o755 }
  expect([may({ uid: 1001, gid: 1 }, WRITE, folder), may({ uid: 2, gid: 50 }, WRITE, folder), may({ uid: 0, gid: 0 }, WRITE, folder)]).toEqual([true, false, true])
  expect([may({ uid: 2, gid: 50 }, WRITE, { ...folder, mode: 0o775 }), may({ uid: 2, gid: 2 }, WRITE, { ...folder, mode: 0o775 })]).toEqual([true, false])
})

test('the first path that the containers may not read is found, but not where nobody imports from', () => {
  const folder = mkdtempSync(join(tmpdir(), 'source-'))
  chmodSync(folder, 0o755)
  for (const name of ['node_modules', 'shut']) mkdirSync(join(folder, name), { mode: 0o700 })
  const owner = statSync(folder)
  const stranger = { uid: owner.uid + 1, gid: owner.gid + 1 }
  expect(findUnreadable(folder, stranger)).toBe(join(folder, 'shut'))
  expect(findUnreadable(folder, owner)).toBeUndefined()
  rmSync(folder, { recursive: true })
})

test('a CA that is named and not there is a mistake in the settings', () => {
  expect(() => checkAppCa({ APP_CA_FILE: 'no/such.pem' })).toThrow('APP_CA_FILE names no/such.pem, and there is no such file.')
  expect(() => checkAppCa({ APP_CA_FILE: '' })).not.toThrow()
})

describe('doctor', () => {
  async function checkout() {
    const box = await stack()
    mkdirSync(join(box.folder, 'docker'))
    box.answer('info', { out: { ...engine, SystemTime: new Date().toISOString(), DockerRootDir: box.folder } })
    box.answer('system', { out: [] })
    box.answer('exec', { out: { waiting: {}, taken: 0, oldest: null } })
    return box
  }

  test('without an engine ends with 4', async () => {
    const box = await stack()
    box.answer('version', { out: { Client: { Context: 'default' }, Server: null }, err: 'Cannot connect to the Docker daemon\n', code: 1 })
    expect((await box.run('doctor', [], { env: { DOCKER_HOST: 'tcp://build:2375' } })).code).toBe(4)
  })

  test('of a stack that is well ends with 0, in one object, and changes nothing', async () => {
    const box = await checkout()
    box.containers(wellStack)
    const { code, stdout } = await box.run('doctor', ['--json'])
    expect(code).toBe(0)
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual(['ok', 'machine', 'settings', 'stack'])
    expect(box.effects()).toEqual([])
  })

  test('of a stack that is not well ends with 3 and the remedy', async () => {
    const box = await checkout()
    box.containers(stackWith({ service: 'web', health: 'unhealthy', says: 'GET /healthz answered 500' }))
    const { code, stderr } = await box.run('doctor')
    expect(code).toBe(3)
    expect(stderr).toContain('✗ web is not healthy: GET /healthz answered 500.\n  → docker compose --env-file .env.docker logs web\n')
  })
})
