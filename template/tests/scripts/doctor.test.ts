import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { stack } from '../../../tests/helpers/sandbox.ts'
import { stackWith, wellStack, type Sketch } from '../../../tests/helpers/stack.ts'

test.each([
  ['Docker as root', [], /^Docker 28\.5\.1, Compose /],
  ['Docker without root', ['rootlesskit'], /^Docker 28\.5\.1 \(rootless\), Compose /],
  ['Podman', ['Podman Engine'], /^Podman 5\.8\.6, Compose /],
])('doctor names the engine by what it says of itself: %s', async (_, components, expected) => {
  const box = await stack()
  const Version = components.includes('Podman Engine') ? '5.8.6' : '28.5.1'
  box.answer('version', { out: { Client: {}, Server: { Version, ApiVersion: '1.44', Components: components.map((Name) => ({ Name })) } } })
  box.answer('info', { out: { NCPU: 2, MemTotal: 4e9, Architecture: 'x86_64', DockerRootDir: '/none' } })
  const { stdout } = await box.run('doctor', ['--json'])
  expect((JSON.parse(stdout) as { machine: { text: string }[] }).machine[0]?.text).toMatch(expected)
})

test.each<[string, string, object, string, boolean]>([
  ['warns of them', '26.1.5', {}, '', true],
  ['has no word where Docker is 28', '28.0.0', {}, '', false],
  ['nor where it is in a machine of its own', '27.5.1', { OperatingSystem: 'Docker Desktop' }, '', false],
  ['nor where it is rootless', '27.5.1', { Components: [{ Name: 'rootlesskit' }] }, '', false],
  ['nor where none is on 127.0.0.1', '26.1.5', {}, '0.0.0.0', false],
])('ports on 127.0.0.1 that neighbours reach: doctor %s', async (_, Version, more, host_ip, expected) => {
  const box = await stack()
  if (host_ip) box.answer('compose-config', { out: { name: 'shop', services: { web: { ports: [{ host_ip, target: 80, published: '0' }] } } } })
  box.answer('version', { out: { Client: {}, Server: { Version, ApiVersion: '1.44', Components: [], ...more } } })
  box.answer('info', { out: { NCPU: 2, MemTotal: 4e9, Architecture: 'x86_64', DockerRootDir: '/none', ...more } })
  const { stdout } = await box.run('doctor', ['--json'])
  const { machine } = JSON.parse(stdout) as { machine: { level: string; text: string; remedy?: string }[] }
  const found = machine.filter(({ text }) => text.includes('127.0.0.1'))
  expect(found).toEqual(expected ? [{ level: 'doubtful', text: expect.stringMatching(/those of .*\bweb\b/) as string, remedy: expect.stringContaining('iptables') as string }] : [])
})

test('doctor counts every worker that runs, and calls no service sick that has only just started', async () => {
  const box = await stack()
  const worker = { image: 'shop-app', command: ['worker'], environment: { CELERY_APP: 'shop' } }
  box.answer('compose-config', { out: { name: 'shop', services: { worker, 'worker-slow': worker } } })
  box.answer('info', { code: 1 })
  box.containers(stackWith({ service: 'worker', health: 'starting' }, { service: 'worker-slow', health: 'starting', restarts: 1 }))
  const { stdout } = await box.run('doctor', ['--json'])
  expect(box.calls().find((call) => call.includes('shop-queues-'))).toMatch(/ worker python - 2$/)
  const { stack: said } = JSON.parse(stdout) as { stack: { level: string; text: string }[] }
  expect(said.filter(({ text }) => /worker/.test(text)).map(({ level, text }) => `${level} ${text}`)).toEqual([
    'doubtful Not healthy yet, but started a short time ago: worker.',
    expect.stringContaining('wrong worker-slow was started 2 times and never became healthy') as string,
    expect.stringContaining('doubtful Docker has restarted') as string,
  ])
})

/** What doctor says of a stack with these containers. */
async function saidOf(containers: Sketch[]) {
  const box = await stack()
  box.answer('info', { code: 1 })
  box.answer('compose-run', { out: { waiting: {}, taken: 0, oldest: null, lost: 0 } })
  box.containers(containers)
  const { stdout } = await box.run('doctor', ['--json'])
  return (JSON.parse(stdout) as { stack: { level: string; text: string; remedy?: string }[] }).stack
}

test('doctor says that a child of a worker was killed because memory was full, although the worker goes on', async () => {
  expect(await saidOf(stackWith({ service: 'worker', health: 'healthy', oomKilled: true }))).toContainEqual({
    level: 'doubtful', text: expect.stringContaining('a process in it was killed because its memory was full') as string, remedy: expect.stringContaining('give Docker more memory') as string,
  })
})

test.each([
  ['was moved away: Docker would not find its files', '/not/there', 'The stack was started from /not/there, which is not there: a container that restarts does not find its files.'],
  ['is another copy: this is not its stack', tmpdir(), `The containers of shop belong to another folder: ${tmpdir()}.`],
])('doctor says that the folder of the stack %s', async (_, folder, text) => {
  const said = await saidOf(wellStack.map((one) => ({ ...one, folder })))
  expect(said.map((one) => one.text)).toContain(text)
})

/** What `docker image inspect` says of an image that was pulled this many days ago. */
const pulled = (image: string, days: number): string => `"${new Date(Date.now() - days * 86_400_000 - 1000).toISOString()}" ${image}\n`

test.each([
  ['names the image that has been the same for longest', pulled('caddy:2.11', 95) + pulled('postgres:17-trixie', 120), 'postgres:17-trixie has been the same here for 120 days.'],
  ['has no word for images that are new', pulled('caddy:2.11', 12) + pulled('postgres:17-trixie', 89), undefined],
  ['nor for one by its digest, nor where the engine does not say when', `${pulled('', 200)}"0001-01-01T00:00:00Z" caddy:2.11\n`, undefined],
  ['nor for those that are not here', '', undefined],
])('doctor %s', async (_, out, expected) => {
  const box = await stack()
  box.answer('info', { code: 1 })
  box.answer('compose-run', { out: { waiting: {}, taken: 0, oldest: null, lost: 0 } })
  box.answer('image-inspect', { out, code: 1 })
  box.containers(wellStack)
  const { stdout } = await box.run('doctor', ['--json'])
  const { machine } = JSON.parse(stdout) as { machine: { text: string; remedy?: string }[] }
  const found = machine.filter(({ text }) => /the same here/.test(text))
  expect(found.map(({ text }) => text)).toEqual(expected === undefined ? [] : [expected])
  for (const { remedy } of found) expect(remedy).toContain('npm run up -- --pull')
})

test.each([
  ['names what still runs an older image', [{ service: 'web', health: 'healthy', image: 'old' }, { service: 'worker', health: 'healthy', image: 'old' },
    { service: 'redis', health: 'healthy', image: 'new' }], 'Still on an older image than the one that was built or pulled last: web, worker.'],
  ['has no word where all run the image of that name', [{ service: 'web', health: 'healthy', image: 'new' }], undefined],
  ['nor for what has ended, or is of no service', [{ service: 'web', state: 'exited', image: 'old' }, { service: 'gone', image: 'old' }], undefined],
])('a deploy that failed: doctor %s', async (_, containers, expected) => {
  const box = await stack()
  box.answer('info', { code: 1 })
  box.answer('compose-run', { out: { waiting: {}, taken: 0, oldest: null, lost: 0 } })
  box.answer('image-id', { out: 'sha256:new\n' })
  box.containers(containers)
  const { stdout } = await box.run('doctor', ['--json'])
  const { stack: observations } = JSON.parse(stdout) as { stack: { text: string; remedy?: string }[] }
  expect(observations.find(({ text }) => text.startsWith('Still on'))?.text).toBe(expected)
})
