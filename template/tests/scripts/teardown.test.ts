import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findEngine } from '../../../scripts/lib/engine/engine.ts'
import { teardown } from '../../../scripts/teardown.ts'
import { Sandbox, stack } from '../../../tests/helpers/sandbox.ts'
import { wellStack } from '../../../tests/helpers/stack.ts'

vi.mock(import('../../../scripts/lib/engine/engine.ts'), async (original) => {
  const engine = await original()
  return { ...engine, findEngine: vi.fn<typeof findEngine>(engine.findEngine) }
})

const volumes = { out: 'shop_app-data\nshop_postgres-data\n' }

describe.concurrent('teardown', () => {
  test('removes the containers of every profile and keeps the data', async () => {
    const box = await stack()
    box.answer('volume-ls', volumes)
    const { code, stdout, stderr } = await box.run('teardown')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(box.calls().at(-1)).toBe('compose --profile * down --remove-orphans')
    expect(stderr).toContain('✓ shop is stopped. Its data stays in 2 volumes')
  })

  test('--volumes without a terminal ends with 2, names --yes and what it would delete, and stops nothing', async () => {
    const box = await stack()
    box.answer('volume-ls', volumes)
    const { code, stdout, stderr } = await box.run('teardown', ['--volumes', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { exitCode: 2 } })
    expect(stderr).toContain('  shop_app-data\n  shop_postgres-data\n')
    expect(stderr).toContain('→ If that is what you want: npm run teardown -- --volumes --yes\n')
    expect(box.effects()).toEqual([])
  })

  test('--volumes --yes deletes the data and names it', async () => {
    const box = await stack()
    box.answer('volume-ls', volumes)
    const { code, stdout } = await box.run('teardown', ['--volumes', '-y', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ ok: true, project: 'shop', deletedVolumes: ['shop_app-data', 'shop_postgres-data'] })
    expect(box.effects()).toEqual(['compose --profile * down --remove-orphans --volumes'])
    expect(box.calls()).toContain('volume ls --quiet --filter label=com.docker.compose.project=shop')
  })
})

test('teardown says so if there was nothing', async () => {
  const box = await stack()
  const { code, stderr } = await box.run('teardown')
  expect(code).toBe(0)
  expect(stderr).toContain('✓ There was nothing of shop.')
})

describe.each<[command: string, args: string[]]>([['up', []], ['teardown', ['--volumes', '--yes']], ['migrate', []]])('%s, where the containers of this project', (command, args) => {
  const run = async (folder: string, env = {}) => {
    const box = await stack()
    box.containers(wellStack.map((one) => ({ ...one, folder })))
    const { code, stderr } = await box.run(command, args, { env })
    return { code, stderr, effects: box.effects() }
  }

  test('belong to another folder, changes nothing and names both ways out', async () => {
    const { code, stderr, effects } = await run(tmpdir())
    expect({ code, effects }).toEqual({ code: 3, effects: [] })
    expect(stderr).toContain(`The containers of shop belong to another folder: ${tmpdir()}. Nothing was changed.`)
    expect(stderr).toContain('To go on with theirs from here, write COMPOSE_PROJECT_NAME=shop')
  })

  test.each([['belong to a folder that is gone', '/not/there', {}], ['are meant, as COMPOSE_PROJECT_NAME says', tmpdir(), { COMPOSE_PROJECT_NAME: 'shop' }]])('%s, works', async (_, folder, env) => {
    const { code, effects } = await run(folder, env)
    expect(code).toBe(0)
    expect(effects).not.toEqual([])
  })
})

test('teardown --volumes also removes what Compose leaves, and does not say that it is gone when Docker refuses', async () => {
  const box = await stack()
  box.answer('volume-ls', { ...volumes, err: 'still there' })
  box.answer('volume-rm', { err: 'Error: volume is in use - [0123]', code: 1 })
  const { code, stderr } = await box.run('teardown', ['--volumes', '--yes'])
  expect(code).toBe(4)
  expect(stderr).toContain('✗ docker volume rm shop_app-data shop_postgres-data failed.\n\n  Error: volume is in use - [0123]')
  expect(stderr).not.toContain('is gone')
})

test('teardown --volumes keeps a volume that the Compose files call external', async () => {
  const box = await stack()
  const external = { 'postgres-data': { name: 'shop_postgres-data', external: true } }
  box.answer('compose-config', { out: { name: 'shop', services: {}, volumes: external } })
  box.answer('volume-ls', { ...volumes, err: 'still there' })
  const { code, stderr } = await box.run('teardown', ['--volumes', '--yes'])
  expect(code, stderr).toBe(0)
  expect(box.effects()).toEqual(['compose --profile * down --remove-orphans --volumes', 'volume rm shop_app-data'])
})

describe('teardown', () => {
  beforeEach(() => void vi.spyOn(process.stderr, 'write').mockReturnValue(true))
  afterEach(() => vi.restoreAllMocks())

  test('--volumes does not ask if there is no data', async () => {
    const box = await stack()
    box.enter()
    await teardown.run({ volumes: true }, [])
    expect(box.effects()).toEqual(['compose --profile * down --remove-orphans --volumes'])
  })

  test('of a stack whose settings are wrong by now', async () => {
    const box = await stack({ FLOWER_PORT: 'five' })
    box.enter()
    await teardown.run({}, [])
    expect(box.effects()).toEqual(['compose --profile * down --remove-orphans'])
  })

  test('of a stack that Compose cannot read says what is wrong', async () => {
    const box = await stack({ FLOWER_PORT: 'five' })
    box.enter()
    box.answer('compose-config', { code: 1 })
    await expect(teardown.run({}, [])).rejects.toMatchObject({ message: '.env.docker has a mistake. Nothing was started.', exitCode: 3 })
  })

  test('that Compose cannot finish ends with 1', async () => {
    const box = await stack()
    box.enter()
    box.answer('compose-down', { code: 1 })
    await expect(teardown.run({}, [])).rejects.toMatchObject({ message: expect.stringContaining('not taken down') as string, exitCode: 1 })
  })

  test('of another env file that is not there ends with 3', async () => {
    const box = new Sandbox()
    box.enter()
    box.answer('compose-config', { out: '', err: "couldn't find env file: no such.env\n", code: 1 })
    await expect(teardown.run({ 'env-file': 'no such.env' }, [])).rejects.toMatchObject({
      message: 'no such.env does not exist.', hint: 'Is the path of --env-file right?', exitCode: 3,
    })
    expect(box.effects()).toEqual([])
  })

  test('without an engine is one object with --json too', async () => {
    const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    vi.mocked(findEngine).mockResolvedValueOnce(undefined)
    await teardown.run({ json: true }, [])
    expect(JSON.parse(String(stdout.mock.calls[0]?.[0]))).toEqual({ ok: true, deletedVolumes: [] })
  })
})
