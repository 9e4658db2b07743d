import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { bareEnvironment, coldStart, whyNotCold } from '../../bench/cold.ts'
import { misleading, ownSettings } from '../../bench/workshop.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { clientEnvironment, layoutOf } from '../../../extras/offline/private-engine/layout.ts'
import { wellStack } from '../../../tests/helpers/stack.ts'
import { Sandbox, type Outcome, type RunOptions } from '../../../tests/helpers/sandbox.ts'

interface Report {
  ok: boolean
  overlay: string
  rows: { id: string; median?: number; missing?: { failed: boolean } }[]
}

const usage = { read: '2026-01-01T00:00:00Z', cpu_stats: { cpu_usage: { total_usage: 1e9 } }, memory_stats: { usage: 1e6 } }
const role = {
  Created: '2026-01-01T00:00:00Z',
  State: { Status: 'running', Health: { Log: [{ End: '2026-01-01T00:00:02Z', ExitCode: 0 }] } },
}

const temporary: string[] = []
afterAll(() => {
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true })
})

/** A checkout with an application, a Docker that answers, and an npm that only records its calls. */
class BenchBox extends Sandbox {
  readonly #temporary = mkdtempSync(join(tmpdir(), 'for bench '))

  constructor() {
    super()
    temporary.push(this.#temporary)
    mkdirSync(join(this.folder, 'bin'))
    this.write('bin/npm', `#!/bin/sh\necho "$PWD $*" >>'${this.folder.replaceAll("'", String.raw`'\''`)}/npm-calls'\n`)
    chmodSync(join(this.folder, 'bin/npm'), 0o755)
    this.write('app/wsgi.py', 'app = 1\n')
    this.write('app/requirements.txt', 'flask==3.1.2\n')
    this.containers(wellStack)
    this.answer('system', { out: `HTTP/1.0 200 OK\r\n\r\n${JSON.stringify(usage)}` })
    this.answer('inspect-format', { out: role })
    this.answer('exec', { out: '2.125\n' })
    this.answer('history', { out: { CreatedBy: 'COPY /opt/venv /opt/venv', Size: '1000000' } })
  }

  bench(args: readonly string[] = [], options: RunOptions = {}): Promise<Outcome> {
    const fakes = [join(this.folder, 'bin'), fileURLToPath(new URL('../../../tests/helpers/bin', import.meta.url))]
    const env = { PATH: [...fakes, process.env.PATH].join(delimiter), TMPDIR: this.#temporary, ...options.env }
    return this.run('template/bench/bench', ['--runs', '1', '--idle', '1', '--json', ...args], { ...options, env })
  }

  /** What is left where it puts its temporary files. Those of tsx are not its own. */
  leftovers(): string[] {
    return readdirSync(this.#temporary).filter((name) => !name.startsWith('tsx-'))
  }

  /** The name of its project, from the image that it removes. */
  project(): string {
    return /^image rm --force (bench-[0-9a-f]{8})-app /m.exec(this.calls().join('\n'))?.[1] ?? ''
  }
}

describe.concurrent('bench', () => {
  test('measures every figure, in a copy, and removes what it has made', async () => {
    const box = new BenchBox()
    const { code, stdout, stderr } = await box.bench()
    expect(stderr).toContain('✓ Production rebuild after one dependency')
    const { ok, overlay, rows } = JSON.parse(stdout) as Report
    expect({ code, ok, overlay }).toEqual({ code: 0, ok: true, overlay: 'development' })
    expect(rows.map(({ id }) => id)).toEqual([
      'freshUp', 'healthyUp', 'env', 'help', 'sourceRebuild', 'dependencyRebuild', 'image', 'surplus', 'cpu', 'memory',
      'stop', 'roundTrip', 'roleStart',
    ])
    expect(rows.every(({ median }) => median !== undefined)).toBe(true)
    expect(rows.find(({ id }) => id === 'roundTrip')?.median).toBe(2.125)
    expect(rows.find(({ id }) => id === 'roleStart')?.median).toBe(2)

    expect(box.project()).not.toBe('')
    const tidying = box.calls().slice(-4)
    expect(tidying).toEqual([
      `rm --force --volumes ${box.project()}-role`,
      'compose --profile * down --volumes --remove-orphans --timeout 5',
      `image rm --force ${box.project()}-app ${box.project()}-app:dev ${box.project()}-plain`,
      `image prune --force --filter label=com.docker.compose.project=${box.project()}`,
    ])
    expect(box.leftovers()).toEqual([])

    // All in the copy: no file of the checkout has changed, and no env file is there.
    expect(box.read('app/wsgi.py')).toBe('app = 1\n')
    expect(box.read('app/requirements.txt')).toBe('flask==3.1.2\n')
    expect(box.exists('.env.docker')).toBe(false)
    const calls = box.read('npm-calls').trim().split('\n')
    expect(calls.length).toBeGreaterThan(0)
    for (const call of calls) expect(call).toMatch(/\/bench-\w+\/copy (run --silent|exec --call)/)
  })

  test('goes on without a figure that cannot be measured, says so, and ends with 1', async () => {
    const box = new BenchBox()
    box.answer('exec', { err: 'kombu.exceptions.OperationalError: Error 111\n', code: 1 })
    const { code, stdout, stderr } = await box.bench()
    const { ok, rows } = JSON.parse(stdout) as Report
    expect({ code, ok }).toEqual({ code: 1, ok: false })
    expect(rows.filter(({ missing }) => missing?.failed).map(({ id }) => id)).toEqual(['roundTrip'])
    expect(rows.find(({ id }) => id === 'dependencyRebuild')?.median).toBeDefined()
    expect(stderr).toContain('OperationalError: Error 111')
  })

  test('of a stack that does not start ends with 1, shows why, and leaves nothing', async () => {
    const box = new BenchBox()
    box.answer('compose-up', { err: 'container bench-web-1 is unhealthy\n', code: 1 })
    const { code, stderr } = await box.bench()
    expect(code).toBe(1)
    expect(stderr).toContain('container bench-web-1 is unhealthy')
    expect(box.calls()).toContain('compose --profile * down --volumes --remove-orphans --timeout 5')
    expect(box.leftovers()).toEqual([])
  })

  test('interrupted leaves nothing, and ends with 130', async () => {
    const box = new BenchBox()
    box.answer('compose-stop', { wait: true })
    const { code, stdout } = await box.bench([], { interrupt: 'compose-stop' })
    expect(code).toBe(130)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { message: 'Stopped.' } })
    expect(box.order('compose stop', 'compose --profile * down', 'image rm')).toEqual(['compose stop', 'compose --profile * down', 'image rm'])
    expect(box.leftovers()).toEqual([])
  })

  test('--cold does not touch an engine that is not ours, and says why the row is missing', async () => {
    const box = new BenchBox()
    const { code, stdout } = await box.bench(['--cold'])
    expect(code).toBe(0)
    const [bareStart] = (JSON.parse(stdout) as Report).rows
    expect(bareStart).toMatchObject({ id: 'bareStart', missing: { failed: false, why: expect.stringContaining('your own') as string } })
    expect(existsSync(join(box.folder, '.cache'))).toBe(false)
  })

  test.each([
    [['--runs', '0'], '--runs 0 is no whole number'],
    [['--idle', 'long'], '--idle long is no whole number'],
    [['--overlay', 'staging'], '--overlay staging is none of development, production'],
  ])('%j is a mistake in the command', async (args, message) => {
    const box = new Sandbox()
    const { code, stderr } = await box.run('template/bench/bench', args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
    expect(box.calls()).toEqual([])
  })
})

test('the stack of the benchmark shares no name and no published port with another stack', () => {
  const schema = parseSchema(
    '# A port.\n# @type=port @service(web)\nWEB_PORT=8000\n\n# Off.\n# @optional @type=port @service(web)\nDEBUG_PORT=\n\n# A word.\n# @type=string @service(web)\nWORD=a\n',
    'example',
  )
  expect(ownSettings(schema, 'bench-1', 'compose.yaml', [50_001, 50_002])).toEqual({
    COMPOSE_PROJECT_NAME: 'bench-1', COMPOSE_FILE: 'compose.yaml', PROXY_BIND: '127.0.0.1', WEB_PORT: '50001',
  })
})

test('variables of the shell that name another project or its ports are ignored', () => {
  const env = { COMPOSE_PROJECT_NAME: 'shop', COMPOSE_ENV_FILES: 'x', WEB_PORT: '80', PIP_INDEX_URL: 'y', PATH: '/bin' }
  expect(misleading(env, { WEB_PORT: '50001' })).toEqual(['COMPOSE_PROJECT_NAME', 'COMPOSE_ENV_FILES', 'WEB_PORT'])
})

describe('the bare start', () => {
  test.each([
    ['the private engine that runs', 'private', {}, undefined],
    ['a machine without engine', 'none', {}, undefined],
    ['an engine of the user', 'existing', {}, 'your own'],
    ['EMBEDDED_ENGINE=never', 'none', { EMBEDDED_ENGINE: 'never' }, 'forbids'],
  ] as const)('knows what to do with %s', (_, kind, env, why) => {
    const leftOut = whyNotCold({ kind }, env)
    if (why === undefined) expect(leftOut).toBeUndefined()
    else expect(leftOut).toContain(why)
  })

  const activated = { HOME: '/root', XDG_CACHE_HOME: '/cache' }
  const own = clientEnvironment(layoutOf(activated), '/usr/bin:/bin')
  test.each([
    ['of an activated shell', { ...activated, ...own }],
    ['that moved the engine', { ...activated, ...clientEnvironment(layoutOf({ PRIVATE_ENGINE_DIR: '/elsewhere' }), '/usr/bin:/bin'), PRIVATE_ENGINE_DIR: '/elsewhere' }],
    ['that knows of none', { ...activated, PATH: '/usr/bin:/bin' }],
  ])('knows of no engine, in the environment %s', (_, env) => {
    expect(bareEnvironment(env, '/cache/bench-1')).toEqual({ HOME: '/root', PATH: '/usr/bin:/bin', XDG_CACHE_HOME: '/cache/bench-1' })
  })

  interface Course {
    ran?: boolean
    fails?: 'stopOld' | 'coldUp' | 'removeNew'
  }
  const course = async ({ ran = true, fails }: Course): Promise<string[]> => {
    const order: string[] = []
    const effect = <T>(name: string, result: T) => (): Promise<T> => {
      order.push(name)
      return name === fails ? Promise.reject(new Error(name)) : Promise.resolve(result)
    }
    const effects = { stopOld: effect('stopOld', ran), coldUp: effect('coldUp', 90), removeNew: effect('removeNew', undefined), startOld: effect('startOld', undefined) }
    await coldStart(effects).then((seconds) => order.push(String(seconds)), (error: Error) => order.push(`failed: ${error.message}`))
    return order
  }
  test.each<[string, Course, string[]]>([
    ['stops the old engine first, and starts it again at the end', {}, ['stopOld', 'coldUp', 'removeNew', 'startOld', '90']],
    ['starts no engine that did not run', { ran: false }, ['stopOld', 'coldUp', 'removeNew', '90']],
    ['that fails gives the old engine back all the same', { fails: 'coldUp' }, ['stopOld', 'coldUp', 'removeNew', 'startOld', 'failed: coldUp']],
    ['begins nothing while the old engine cannot be stopped', { fails: 'stopOld' }, ['stopOld', 'failed: stopOld']],
    ['starts no old engine beside a new one that stays', { fails: 'removeNew' }, ['stopOld', 'coldUp', 'removeNew', 'failed: removeNew']],
  ])('%s', async (_, how, order) => {
    expect(await course(how)).toEqual(order)
  })
})
