import { chmodSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { SECRET, stack, type Sandbox } from '../../../tests/helpers/sandbox.ts'
import { composeModel } from '../../../tests/helpers/stack.ts'
import { buildCommand, partsOf } from '../publish.ts'

const script = 'extras/publish/publish'
const image = 'registry.example.org/team/shop:1.4.0'
const both = ['--platform', 'linux/amd64,linux/arm64', image]

const builder = (driver: string, platforms: string): { out: string } => ({ out: `Name:   x\nDriver: ${driver}\n\nNodes:\nName:      x0\nPlatforms: ${platforms}\n` })

async function ready(values: Record<string, string> = {}): Promise<Sandbox> {
  const box = await stack(values)
  box.answer('buildx-inspect', builder('docker-container', 'linux/amd64*, linux/386, linux/arm64'))
  return box
}

const builds = (box: Sandbox): string[] => box.calls().filter((call) => call.startsWith('buildx build'))

describe.concurrent('publish', () => {
  test('builds for both kinds of machines in one go, and pushes', async () => {
    const box = await ready()
    const { code, stdout, stderr } = await box.run(script, both)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(builds(box)).toEqual([expect.stringMatching(/^buildx build --push --platform linux\/amd64,linux\/arm64 --target prod --tag registry\.example\.org\/team\/shop:1\.4\.0 /)])
    // The values are in the environment: box.run fails if a secret is in a process list.
    expect(builds(box)[0]).toContain('--build-arg IMAGE_VERSION --build-arg IMAGE_REVISION')
    expect(stderr).toMatch(/✓ registry\.example\.org\/team\/shop:1\.4\.0 is pushed, for linux\/amd64 and linux\/arm64 [\d.]+s$/m)
  })

  test('with --json says what was pushed, and with --dry-run only what it would do', async () => {
    const box = await ready()
    const { stdout } = await box.run(script, [...both, '--json'])
    expect(JSON.parse(stdout)).toEqual({ ok: true, platforms: ['linux/amd64', 'linux/arm64'], pushed: [{ image, digest: '' }] })
    const dry = await ready()
    expect((await dry.run(script, [...both, '--dry-run'])).stdout).toMatch(/^docker buildx build --push /)
    expect(builds(dry)).toEqual([])
  })

  test.each<[string, (box: Sandbox) => void, string[], number, string]>([
    ['buildx', (box) => box.answer('buildx-inspect', { out: '', code: 1, err: 'docker: unknown command: docker buildx\n' }), both, 4, 'Docker has no buildx on this machine.'],
    ['a builder for several platforms', (box) => box.answer('buildx-inspect', builder('docker', 'linux/amd64, linux/arm64')), both, 4, 'docker buildx create --name several --use'],
    ['emulation', (box) => box.answer('buildx-inspect', builder('docker-container', 'linux/amd64, linux/386')), both, 4, 'Nothing runs linux/arm64 on this builder: it runs linux/amd64, linux/386.'],
    ['a login', (box) => box.answer('buildx-build', { code: 1, err: 'ERROR: failed to push: denied: requested access\n' }), both, 4, 'docker login registry.example.org'],
    ['a build that succeeds', (box) => box.answer('buildx-build', { code: 1, err: 'ERROR: exit code: 100\n' }), both, 5, 'ERROR: exit code: 100'],
    ['a version', () => {}, ['registry.example.org/team/shop'], 2, 'is no image with a registry and a tag'],
    ['a version to go back to', () => {}, ['registry.example.org/team/shop:latest'], 2, 'Nobody can go back to "latest"'],
    ['one image', () => {}, [image, 'another'], 2, 'what is another?'],
  ])('without %s it says so in a sentence', async (_what, prepare, args, code, sentence) => {
    const box = await ready()
    prepare(box)
    const outcome = await box.run(script, args)
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(sentence) })
    expect(builds(box)).toHaveLength(/login|succeeds/.test(_what) ? 1 : 0)
  })

  test('one platform needs no extra builder', async () => {
    const box = await ready()
    box.answer('buildx-inspect', builder('docker', 'linux/amd64, linux/arm64'))
    expect(await box.run(script, ['--platform', 'linux/arm64', image])).toMatchObject({ code: 0 })
  })

  test('the build gets the values of the settings, and nothing for a value that is not set', async () => {
    const box = await ready()
    const model = composeModel({}) as { services: { migrate: { build: { args: object } } } }
    // As Compose prints it.
    Object.assign(model.services.migrate.build.args, { PREBUILD_COMMAND: 'echo $$HOME $$$$', UNSET: null })
    box.answer('compose-config', { out: model })
    const fake = fileURLToPath(new URL('../../../tests/helpers/bin/docker', import.meta.url))
    box.write('docker', `#!/bin/sh\n[ "$2" != build ] || printf '%s, %s' "$PREBUILD_COMMAND" "\${UNSET-unset}" >"$HOME/seen"\nexec '${fake}' "$@"\n`)
    chmodSync(`${box.folder}/docker`, 0o755)
    expect(await box.run(script, both, { env: { PATH: `${box.folder}:${process.env.PATH}` } })).toMatchObject({ code: 0 })
    expect(box.read('seen')).toBe('echo $HOME $$, unset')
  })

  test('an image on a stand-in is never pushed', async () => {
    const box = await ready()
    box.answer('compose-config', { out: JSON.stringify(composeModel({})).replaceAll('python:3.13', 'stand-in/python:3.13') })
    expect(await box.run(script, both)).toMatchObject({ code: 4, stderr: expect.stringContaining('is a stand-in, which must not leave this machine') })
    expect(builds(box)).toEqual([])
  })
})

test.each([
  ['shop:1', undefined],
  ['team/shop:1.4.0', 'docker.io'],
  ['localhost/shop:1', 'localhost'],
  ['127.0.0.1:5000/team/shop:1', '127.0.0.1:5000'],
])('%s belongs to %s', (name, registry) => {
  if (registry) expect(partsOf(name)).toMatchObject({ registry })
  else expect(() => partsOf(name)).toThrow('is no image with a registry')
})

test('no value of a build is among the arguments, and each secret comes from where Compose takes it', () => {
  const build = { context: '.', args: { HTTP_PROXY: `http://me:${SECRET}@proxy`, A: null }, secrets: [{ source: 'ca' }, { source: 'index' }] }
  const command = buildCommand(build, { ca: { file: '/ca.pem' }, index: { environment: 'PIP_INDEX_URL' } }, { target: 'prod', image, platforms: 'linux/arm64', metadata: '/tmp/m' })
  expect(command.join(' ')).toMatch(/--build-arg HTTP_PROXY --build-arg A --secret id=ca,src=\/ca\.pem --secret id=index,env=PIP_INDEX_URL \.$/)
  expect(command.join(' ')).not.toContain(SECRET)
})
