import { spawn } from 'node:child_process'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Model, Port } from '../../../scripts/lib/compose/model.ts'
import { checkPorts, isFree } from '../../../scripts/lib/compose/ports.ts'
import { freePort, occupy, Sandbox } from '../../../tests/helpers/sandbox.ts'
import { listen } from '../../../tests/helpers/stack.ts'
import { readText } from '../helpers/repository.ts'

describe('a port', () => {
  test('that a program listens on is not free there, nor on every address', async () => {
    const port = await occupy()
    expect(await Promise.all(['127.0.0.1', '0.0.0.0'].map((address) => isFree(port, address)))).toEqual([false, false])
  })

  test('that a program has on every address is free on none', async () => {
    expect(await isFree(await occupy('0.0.0.0'), '127.0.0.1')).toBe(false)
  })

  test('that no program listens on is free, and stays so', async () => {
    const port = await freePort()
    expect(await isFree(port, '127.0.0.1')).toBe(true)
    expect(await isFree(port, '127.0.0.1')).toBe(true)
  })

  test('on an address that this machine does not have is for Docker to refuse', async () => {
    expect(await isFree(8000, '192.0.2.1')).toBe(true)
  })
})

describe('the ports of a stack', () => {
  let box: Sandbox
  let port: number
  beforeEach(async () => {
    box = new Sandbox()
    box.enter()
    port = await occupy()
  })

  const stackOf = (service: string, ...ports: Port[]): Model => ({
    name: 'shop', services: { [service]: { ports: ports.map((one) => ({ host_ip: '127.0.0.1', ...one })), environment: { DEBUG_PORT: '5678' } } },
  })
  const taken = (target = port): Port => ({ published: String(port), target })

  test('that are free need no Docker', async () => {
    await checkPorts(stackOf('web', { published: String(await freePort()), target: 8000 }))
    expect(box.calls()).toEqual([])
  })

  test('that are open because the stack runs are in order', async () => {
    box.answer('ps', { out: 'one\ntwo\n' })
    box.answer('inspect-format', { out: `/blog-web-1\tblog\t1${port}\n/shop-web-1\tshop\t1\t${port}\n` })
    await expect(checkPorts(stackOf('web', taken()))).resolves.toBeUndefined()
    box.answer('inspect-format', { out: `/shop-web-1\tshop\t1${port}\n` })
    await expect(checkPorts(stackOf('web', taken()))).rejects.toThrow('is taken by process')
  })

  test('are not looked at where a range lets Docker choose', async () => {
    await checkPorts(stackOf('web', { published: `${port}-${port + 1}`, target: 8000 }))
    expect(box.calls()).toEqual([])
  })

  test("of another machine's engine are not tried here", async () => {
    vi.stubEnv('DOCKER_HOST', 'ssh://me@server')
    await expect(checkPorts(stackOf('web', taken()))).resolves.toBeUndefined()
    vi.stubEnv('DOCKER_HOST', '')
    box.answer('context-inspect', { out: 'tcp://server:2376\n' })
    await expect(checkPorts(stackOf('web', taken()))).resolves.toBeUndefined()
    vi.unstubAllEnvs()
  })

  test('that a process of this machine has end with 3 and its number', async () => {
    await expect(checkPorts(stackOf('web', taken()))).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(new RegExp(`^Port ${port} is taken by process ${process.pid} \\(.+\\), and web wants it\\.$`)) as string,
    })
  })

  test('that a server shares with its children are the server\'s', async () => {
    const { server, port: shared } = await listen()
    const { _handle: { fd } } = server as unknown as { _handle: { fd: number } }
    // A list of ten begins nearly always with one of the children.
    const children = Array.from({ length: 10 }, () => spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', fd] }))
    port = shared
    await expect(checkPorts(stackOf('web', taken()))).rejects.toThrow(`is taken by process ${process.pid} (`)
    for (const child of children) child.kill()
    server.close()
  })

  test.each([
    ['/blog-web-1\tblog', 'container blog-web-1 of project blog'],
    ['/lonely\t', 'container lonely'],
  ])('that another container has end with its name: %j', async (out, holder) => {
    box.answer('ps', { out: 'other\n' })
    box.answer('inspect-format', { out: `${out}\t${port}\n` })
    await expect(checkPorts(stackOf('web', taken()))).rejects.toThrow(`Port ${port} is taken by ${holder}, and web wants it.`)
  })

  test.each([
    ['web', () => taken(), 'WEB_PORT'],
    ['web', () => taken(8000), 'WEB_PUBLISHED_PORT'],
    ['web', () => taken(5678), 'DEBUG_PORT'],
    ['flower', () => taken(5555), 'FLOWER_PORT'],
    ['frontend', () => taken(8000), 'FRONTEND_PORT'],
    ['storage', () => taken(8333), 'STORAGE_PORT'],
    ['of_a_room', () => taken(1080), 'OF_A_ROOM_PORT'],
    ['mine', () => taken(1), 'a port'],
  ])('of %s end with the setting that moves them (%#)', async (service, wanted, setting) => {
    box.write('.env.docker.example', readText('.env.docker.example'))
    box.write('extras/offline/env.docker.example', '# @type=port\n# OF_A_ROOM_PORT=1080\n')
    await expect(checkPorts(stackOf(service, wanted()))).rejects.toMatchObject({ hint: expect.stringContaining(`Set ${setting} in .env.docker`) as string })
  })
})
