import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ensureImages, judgeProbe } from '../../scripts/lib/images.ts'
import type { Model } from '../../scripts/lib/model.ts'
import { ensureStandIns } from '../../scripts/lib/stand-ins.ts'
import { Sandbox } from '../helpers/sandbox.ts'

// Building them would change this machine.
vi.mock(import('../../scripts/lib/stand-ins.ts'), async (original) => ({ ...(await original()), ensureStandIns: vi.fn<typeof ensureStandIns>() }))

describe('a look-up in the registry', () => {
  const hub = 'https://registry.test/v2/'
  const ping = `failed to configure transport: error pinging v2 registry: Get "${hub}": `

  test.each<[ReturnType<typeof judgeProbe>, string, number | null, string]>([
    ['there', 'that succeeds', 0, ''],
    ['there', 'that succeeds with a warning', 0, 'WARNING: access denied to the credential helper\n'],
    ['refused', 'of a tag that is not there', 1, 'no such manifest: docker.io/library/postgres:99-trixie\n'],
    ['refused', 'of a tag that another registry does not have', 1, 'manifest unknown: manifest unknown\n'],
    [
      'refused', 'of a private or misspelled name', 1,
      'errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n',
    ],
    ['refused', 'without having logged in', 1, 'unauthorized: authentication required\n'],
    [
      'refused', 'too many', 1,
      'toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit\n',
    ],
    ['refused', 'too many for a proxy', 1, `received unexpected HTTP status: 429 Too Many Requests\n`],
    ['silent', 'where no name can be resolved', 1, `${ping}dial tcp: lookup registry.test on 10.0.0.2:53: no such host\n`],
    ['silent', 'where the resolver fails', 1, `${ping}dial tcp: lookup registry.test on 127.0.0.53:53: server misbehaving\n`],
    ['silent', 'where nothing listens', 1, `${ping}dial tcp 127.0.0.1:443: connect: connection refused\n`],
    ['silent', 'that nobody answers', 1, `${ping}dial tcp 52.5.185.86:443: i/o timeout\n`],
    ['silent', 'where the way is closed', 1, `${ping}dial tcp 52.5.185.86:443: connect: network is unreachable\n`],
    ['silent', 'with a certificate that nobody knows', 1, `${ping}tls: failed to verify certificate: x509: certificate signed by unknown authority\n`],
    ['silent', 'that was given up', null, ''],
  ])('is %s: %s', (expected, _, exitCode, stderr) => {
    expect(judgeProbe(exitCode, stderr)).toBe(expected)
  })
})

describe('the images of a stack', () => {
  const model: Model = { name: 'shop', services: { db: { image: 'postgres:17' }, queue: { image: 'valkey:9' } } }
  const stack = { envFile: '.env.docker', env: {} }
  const silence = { err: 'dial tcp: lookup registry.test: no such host\n', code: 1 }
  let box: Sandbox
  let said: string

  beforeEach(() => {
    box = new Sandbox()
    box.enter()
    said = ''
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += String(text)
      return true
    })
  })
  afterEach(() => vi.restoreAllMocks())

  test('that are there cost one question', async () => {
    expect(await ensureImages(stack, model, {})).toEqual({ stack, model })
    expect(box.calls()).toHaveLength(1)
  })

  test('are there also under a full name, without a tag and with a digest', async () => {
    const named = ['docker.io/library/postgres:17', 'docker.io/valkey/valkey:9', 'redis', 'x@sha256:0123']
    const services = Object.fromEntries(named.map((image) => [image, { image }]))
    box.answer('image-inspect', { out: 'postgres:17\nvalkey/valkey:9\nredis:latest\n\n' })
    await ensureImages(stack, { name: 'shop', services }, {})
    expect(box.effects()).toEqual([])
  })

  test('that are stand-ins are seen to, and never looked for in a registry', async () => {
    const services = { db: { image: 'stand-in/postgres:17-trixie' } }
    await ensureImages(stack, { name: 'shop', services }, { APT_MIRROR: 'x' })
    expect(ensureStandIns).toHaveBeenLastCalledWith(['stand-in/postgres:17-trixie'], { APT_MIRROR: 'x' })
    expect(box.calls()).toEqual([])
  })

  test('that are missing are pulled, and only those', async () => {
    box.answer('image-inspect', { out: 'postgres:17\n', err: 'Error response from daemon: No such image: valkey:9\n', code: 1 })
    await ensureImages(stack, model, {})
    expect(box.calls().slice(1)).toEqual(['manifest inspect valkey:9', 'pull valkey:9'])
  })

  test('that their registry refuses end with 4 and the name of the image', async () => {
    box.answer('image-inspect', { code: 1 })
    box.answer('manifest-inspect', { err: 'no such manifest: docker.io/library/postgres:17\n', code: 1 })
    box.answer('pull', { code: 1 })
    await expect(ensureImages(stack, model, {})).rejects.toMatchObject({
      message: 'The image postgres:17 could not be pulled.', exitCode: 4, hint: expect.stringContaining('_IMAGE') as string,
    })
    expect(box.effects()).toEqual(['pull postgres:17'])
  })

  describe('where no registry answers', () => {
    const official: Model = { name: 'shop', services: { db: { image: 'postgres:17-trixie' } } }
    const changed: Model = { name: 'shop', services: { db: { image: 'stand-in/postgres:17-trixie' } } }

    beforeEach(() => {
      box.answer('image-inspect', { code: 1 })
      box.answer('manifest-inspect', silence)
      box.answer('compose-config-stand-ins', { out: changed })
      vi.mocked(ensureStandIns).mockClear()
      vi.stubEnv('COMPOSE_FILE', undefined)
    })
    afterEach(() => vi.unstubAllEnvs())

    test('are stand-ins from then on, and .env.docker says so', async () => {
      box.write('.env.docker', '# mine\nCOMPOSE_FILE=compose.yaml\nSECRET=\'a $ # "b"\'\n')
      expect(await ensureImages(stack, official, { APT_MIRROR: '' })).toEqual({ stack, model: changed })
      expect(ensureStandIns).toHaveBeenCalledExactlyOnceWith(['stand-in/postgres:17-trixie'], { APT_MIRROR: '' })
      expect(box.read('.env.docker')).toBe('# mine\nCOMPOSE_FILE=compose.yaml:docker/offline/compose.yaml\nSECRET=\'a $ # "b"\'\n')
      expect(said).toContain('! No registry answers for postgres:17-trixie: stand-ins')
      expect(said).toContain('.env.docker says so now')
    })

    test("are stand-ins in this run, and somebody else's file stays as it is", async () => {
      const text = 'COMPOSE_FILE=mine.yaml\n'
      box.write('staging.env', text)
      const result = await ensureImages({ envFile: 'staging.env', env: { KEPT: '1' } }, official, { COMPOSE_FILE: 'mine.yaml' })
      const env = { KEPT: '1', COMPOSE_FILE: 'mine.yaml:docker/offline/compose.yaml' }
      expect(result).toEqual({ stack: { envFile: 'staging.env', env }, model: changed })
      expect(box.read('staging.env')).toBe(text)
    })

    test('are stand-ins beside the default files where COMPOSE_FILE is empty', async () => {
      box.write('staging.env', 'COMPOSE_FILE=\n')
      const result = await ensureImages({ envFile: 'staging.env', env: {} }, official, { COMPOSE_FILE: '' })
      expect(result.stack.env).toEqual({ COMPOSE_FILE: 'compose.yaml:compose.override.yaml:docker/offline/compose.yaml' })
    })

    test('are no stand-ins for an image that somebody chose, and the file stays as it is', async () => {
      box.write('.env.docker', 'COMPOSE_FILE=compose.yaml\n')
      const own: Model = { name: 'shop', services: { db: { image: 'pgvector/pgvector:pg17' } } }
      await expect(ensureImages(stack, own, {})).rejects.toThrow('there is no stand-in for pgvector/pgvector:pg17')
      expect(box.read('.env.docker')).toBe('COMPOSE_FILE=compose.yaml\n')
      expect(ensureStandIns).not.toHaveBeenCalled()
    })
  })
})
