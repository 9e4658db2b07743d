import { beforeEach, describe, expect, test, vi } from 'vitest'
import { capture, read } from '../../../scripts/lib/engine/docker.ts'
import { findEngine } from '../../../scripts/lib/engine/engine.ts'
import { loadOfflineRoom, type OfflineRoom } from '../../../scripts/lib/rooms.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

// These tests do not depend on extras/offline.
vi.mock(import('../../../scripts/lib/rooms.ts'), async (original) => ({ ...(await original()), loadOfflineRoom: vi.fn<typeof loadOfflineRoom>() }))

// They do not depend on what is installed here either.
vi.mock(import('node:fs'), async (original) => {
  const fs = await original()
  return { ...fs, existsSync: (path) => !/^\/(var\/run|usr)\/.*docker/.test(String(path)) && fs.existsSync(path) }
})

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
  box.enter()
  // The user who runs the tests may have chosen an engine.
  vi.stubEnv('DOCKER_HOST', undefined)
  vi.mocked(loadOfflineRoom).mockReset()
})

describe('docker', () => {
  test('gets its arguments unchanged, and its output comes back unchanged', async () => {
    box.answer('exec', { out: 'a\n b\n', err: 'c\n', code: 9 })
    const args = ['exec', 'a b', "it's", '$HOME', '*', 'a"b\\c', 'line\nbreak', 'tab\there', '', ';', '--env-file']
    expect(await capture(args)).toEqual({ exitCode: 9, stdout: 'a\n b\n', stderr: 'c\n' })
    expect(box.argv()).toEqual([args])
  })

  test('that does not answer in time has failed', async () => {
    box.answer('pull', { wait: true })
    expect((await capture(['pull', 'x'], { timeoutMs: 300 })).exitCode).not.toBe(0)
  })

  test('that fails is quoted with the command: exit code 4', async () => {
    box.answer('ps', { out: 'half an answer', err: 'Error: no\n', code: 1 })
    await expect(read(['ps', '--filter', 'a b'])).rejects.toMatchObject({ message: `docker ps --filter $'a b' failed.`, details: 'Error: no', exitCode: 4 })
  })
})

describe('the engine', () => {
  const silence = { out: { Client: { Version: '28.5.1', Context: 'default' }, Server: null }, err: 'Cannot connect', code: 1 }
  const room = (offer: Awaited<ReturnType<OfflineRoom['offerEngine']>>): OfflineRoom => ({
    isPrivate: () => false,
    offerEngine: () => Promise.resolve(offer),
    startEngine: () => Promise.resolve({ dir: '/private', environment: { STARTED: 'yes' } }),
    ensureStandIns: () => Promise.resolve(),
    useStandIns: () => Promise.resolve(undefined),
    asItWasStarted: () => Promise.resolve(undefined),
  })

  test('that answers is used, and no room is asked', async () => {
    expect(await findEngine()).toEqual({ product: 'Docker', isRootless: false, engineVersion: '28.5.1', composeVersion: '2.40.2' })
    expect(loadOfflineRoom).not.toHaveBeenCalled()
  })

  test.each([
    ['an old engine', 'version', { Client: {}, Server: { Version: '24.0.9' } }, 'Docker Engine 24.0.9 is too old', 'Update'],
    ['an old Compose', 'compose-version', '2.23.3\n', 'Compose 2.23.3 is too old', 'docker-compose-v2'],
    ['no Compose', 'compose-version', '', '"docker compose" is missing', 'docker-compose-v2'],
  ])('with %s is not: exit code 4', async (_, command, out, message, hint) => {
    box.answer(command, { out })
    await expect(findEngine()).rejects.toMatchObject({
      message: expect.stringContaining(message) as string, hint: expect.stringContaining(hint) as string, exitCode: 4,
    })
  })

  test('that is missing, without the room, must be installed by the user: exit code 4', async () => {
    box.answer('version', silence)
    await expect(findEngine()).rejects.toMatchObject({ message: 'No Docker Engine answers.', exitCode: 4 })
  })

  test('that is missing can come from the room, or the error names the obstacle of the room', async () => {
    box.answer('version', silence)
    vi.mocked(loadOfflineRoom).mockResolvedValue(room({ obstacle: 'this is not Debian', wayOut: 'Change it.' }))
    await expect(findEngine()).rejects.toMatchObject({
      message: 'No Docker Engine answers, and this is not Debian.', hint: expect.stringMatching(/\nChange it\.$/) as string, exitCode: 4,
    })
    vi.mocked(loadOfflineRoom).mockResolvedValue(room({ running: undefined }))
    expect(await findEngine()).toBeUndefined()
  })
})
