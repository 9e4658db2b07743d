import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkSnapshots, judgeConfigs, readConfigs, readOwnConfigs, type Configs } from '../../lint/compose-configs.ts'
import { snapshots, variants } from '../../lint/compose-variants.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

const all = variants(['redis'])
let box: Sandbox

beforeEach(() => {
  box = new Sandbox()
  box.enter()
  mkdirSync(join(box.folder, 'template/lint/config'), { recursive: true })
  box.write('compose.yaml', 'services: { redis: { profiles: [redis] } }\n')
})

const saying = (stdout: string, exitCode = 0): Configs => all.map((variant) => [variant, { exitCode, stdout, stderr: '' }])

describe('the snapshots', () => {
  const before = saying('services:\n  redis:\n    image: redis:8\nx-a: 1\n')
  const file = 'template/lint/config/development.yaml'

  beforeEach(() => checkSnapshots(before, true))

  test('are written for every row of the table, without anchors, and say what they show', () => {
    for (const name of Object.keys(snapshots(['redis']))) expect(box.exists(`template/lint/config/${name}`), name).toBe(true)
    expect(box.read(file)).toMatch(/^# .* COMPOSE_FILE=compose\.yaml:compose\.override\.yaml and COMPOSE_PROFILES=redis\n#.*\nservices:\n {2}redis:\n {4}image: redis:8\n$/)
  })

  test('that are up to date print nothing', async () => {
    expect(await checkSnapshots(before, false)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  })

  test('that are not show their lines and the command, and stay as they are', async () => {
    const old = box.read(file)
    const { exitCode, stdout, stderr } = await checkSnapshots(saying('services:\n  redis:\n    image: redis:9\n'), false)
    expect(exitCode).toBe(1)
    expect(stdout).toContain(`${file}\n@@`)
    expect(stdout).toContain('\n-    image: redis:8\n+    image: redis:9')
    expect(stderr).toContain('npm run lint -- --update')
    expect(box.read(file)).toBe(old)
  })

  test('that are missing are named', async () => {
    mkdirSync(join(box.folder, 'empty/template/lint/config'), { recursive: true })
    box.write('empty/compose.yaml', box.read('compose.yaml'))
    process.chdir(join(box.folder, 'empty'))
    expect((await checkSnapshots(before, false)).stdout).toContain(`${file} does not exist.`)
  })

  test('are not overwritten by what Compose refuses', async () => {
    const old = box.read(file)
    const { exitCode, stdout } = await checkSnapshots(saying('', 15), true)
    expect(exitCode).toBe(1)
    expect(stdout).toContain('Compose does not take it.')
    expect(box.read(file)).toBe(old)
  })
})

describe('Compose is asked about every variant:', () => {
  test('the one of this engine, without a daemon and by the example', async () => {
    box.answer('compose-config', { out: '' })
    const configs = await readOwnConfigs()
    expect(configs.map(([variant]) => variant)).toEqual(all)
    expect(box.argv()).toHaveLength(all.length)
    expect(new Set(box.argv().map((args) => args.join(' ')))).toEqual(new Set(['compose --env-file .env.docker.example config --quiet']))
    expect(judgeConfigs(configs)).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  })

  test('and a warning of it is a failure', async () => {
    const err = 'level=warning msg="The \\"A\\" variable is not set."\n'
    for (const name of ['compose-config', 'compose-config-stand-ins']) box.answer(name, { err })
    expect(judgeConfigs(await readOwnConfigs())).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(`and ${all.length - 1} more`) })
  })

  test('the one of the image, in one call', async () => {
    box.answer('run', { out: all.map(() => ({ exitCode: 0, stdout: 'name: x\n', stderr: '' })) })
    expect((await readConfigs(['run', 'image'])).map(([variant]) => variant)).toEqual(all)
    expect(box.calls()).toHaveLength(1)
    expect(JSON.parse(box.argv()[0]!.at(-1)!)).toHaveLength(all.length)
  })
})
