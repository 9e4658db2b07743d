import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Model } from '../../../scripts/lib/compose/model.ts'
import { loadOfflineRoom, type OfflineRoom } from '../../../scripts/lib/rooms.ts'
import { ensureImages, explainRefusal, isOutOfReach, judgeRefusal, registryOf } from '../../../scripts/lib/engine/images.ts'
import type { Verdict } from '../../../scripts/lib/engine/images.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

// These tests do not depend on extras/offline.
vi.mock(import('../../../scripts/lib/rooms.ts'), async (original) => ({ ...(await original()), loadOfflineRoom: vi.fn<typeof loadOfflineRoom>() }))

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
  box.enter()
  vi.mocked(loadOfflineRoom).mockReset()
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
})
afterEach(() => vi.restoreAllMocks())

/** The words of Engine 26.1, from registries that answered so. */
const error = (text: string): string => `Error response from daemon: ${text}\n`
const v2 = 'Get "https://m.test:5000/v2/": '

test.each<[Verdict, string, string]>([
  ['refused', 'without a login', error('Head "https://m.test:5000/v2/a/b/manifests/c": no basic auth credentials')],
  ['refused', 'with a wrong password', error('unauthorized: authentication required')],
  ['refused', 'of what this user may not read', error("pull access denied for m.test/a/b, repository does not exist or may require 'docker login': denied: ")],
  ['unknown', 'of a tag or a name that is not there', error('manifest for m.test:5000/a:17 not found: manifest unknown: manifest unknown')],
  ['unknown', 'at a server that is no registry', error('error parsing HTTP 404 response body: invalid character \'<\' looking for beginning of value: "<!DOCTYPE HTML>"')],
  ['unknown', 'at a server that says nothing but 404', error('unknown: ')],
  ['unknown', 'for a platform that there is no image for', error('no matching manifest for linux/arm64/v8 in the manifest list entries')],
  ['other', 'too many', error('toomanyrequests: You have reached your unauthenticated pull rate limit.')],
  ['distrusted', 'from behind an unknown CA', error(`${v2}tls: failed to verify certificate: x509: certificate signed by unknown authority`)],
  ['distrusted', 'under another name', error(`${v2}tls: failed to verify certificate: x509: certificate is valid for a.test, not m.test`)],
  ['distrusted', 'with a certificate that is over', error(`${v2}tls: failed to verify certificate: x509: certificate has expired or is not yet valid: …`)],
  ['other', 'without TLS', error(`${v2}http: server gave HTTP response to HTTPS client`)],
  ['other', 'through a proxy that is not there', error(`${v2}proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused`)],
  ['other', 'through a proxy that wants a password', error(`${v2}Proxy Authentication Required`)],
  ['other', 'of a gateway whose registry is down', error('received unexpected HTTP status: 502 Bad Gateway')],
  ['silent', 'where no name can be resolved', error(`${v2}dial tcp: lookup m.test on 10.0.0.2:53: no such host`)],
  ['silent', 'where the resolver fails', error(`${v2}dial tcp: lookup m.test on 127.0.0.53:53: server misbehaving`)],
  ['silent', 'where nothing listens', error(`${v2}dial tcp 127.0.0.1:443: connect: connection refused`)],
  ['slow', 'that nobody answers', error(`${v2}net/http: request canceled (Client.Timeout exceeded while awaiting headers)`)],
  ['silent', 'where packets are lost', error(`${v2}dial tcp 52.5.185.86:443: i/o timeout`)],
  ['slow', 'whose answer is lost', error(`${v2}read tcp 10.0.0.3:40312->52.5.185.86:443: i/o timeout`)],
  ['slow', 'that is not greeted in time', error(`${v2}net/http: TLS handshake timeout`)],
  ['slow', 'that is cut off', error(`${v2}read tcp 10.0.0.3:40412->52.5.185.86:443: read: connection reset by peer`)],
  ['silent', 'where there is no way', error(`${v2}dial tcp 52.5.185.86:443: connect: network is unreachable`)],
])('the answer is "%s" to a pull %s', (expected, _, said) => {
  expect(judgeRefusal(said)).toBe(expected)
})

test.each([
  ['postgres:17', 'docker.io'],
  ['library/postgres:17', 'docker.io'],
  ['valkey/valkey', 'docker.io'],
  ['docker.io/library/postgres', 'docker.io'],
  ['m.test:5000/hub/library/postgres:17', 'm.test:5000'],
  ['localhost/postgres', 'localhost'],
  ['localhost:5000/postgres', 'localhost:5000'],
])('%s comes from %s', (image, expected) => {
  expect(registryOf(image)).toBe(expected)
})

describe('the explanation', () => {
  const all: Verdict[] = ['unknown', 'refused', 'distrusted', 'other', 'silent', 'slow']
  const chosen = ['m.test:5000/hub/library/postgres:17', 'm.test:5000/hub'] as const
  const official = ['library/postgres:17', undefined] as const

  test.each(all)('of "%s" is one sentence that names the registry or the image, and a remedy', (verdict) => {
    for (const [image, registry] of [chosen, official]) {
      const { message, hint } = explainRefusal(verdict, image, registry)
      expect(message).toMatch(/^[^\n]+\.$/)
      expect(message).toMatch(/m\.test:5000|docker\.io|library\/postgres/)
      expect(hint.length).toBeGreaterThan(20)
    }
  })

  test.each(all.filter((verdict) => !['distrusted', 'silent'].includes(verdict)))(
    'of "%s" names the setting, and only where it is set',
    (verdict) => {
      expect(Object.values(explainRefusal(verdict, ...chosen)).join(' ')).toContain('IMAGE_REGISTRY')
      expect(Object.values(explainRefusal(verdict, ...official)).join(' ')).not.toContain('IMAGE_REGISTRY')
    },
  )

  test('says where the CA and the login go', () => {
    expect(explainRefusal('distrusted', ...chosen).hint).toContain('/etc/docker/certs.d/m.test:5000/ca.crt')
    expect(explainRefusal('refused', ...chosen).hint).toContain('docker login m.test:5000,')
    expect(explainRefusal('refused', ...official).hint).toContain('docker login,')
  })
})

describe('the images of a stack', () => {
  const model: Model = { name: 'shop', services: { db: { image: 'postgres:17' }, queue: { image: 'valkey:9' } } }
  const stack = { envFile: '.env.docker', env: {} }
  const silence = error('Get "https://registry.test/v2/": dial tcp: lookup registry.test: no such host')
  const useStandIns = vi.fn<OfflineRoom['useStandIns']>()

  test('that are there need only one call of Docker', async () => {
    expect(await ensureImages(stack, model, {})).toEqual({ stack, model })
    expect(box.calls()).toHaveLength(1)
  })

  test('are there also under a full name, without a tag and with a digest', async () => {
    const named = ['docker.io/library/postgres:17', 'docker.io/valkey/valkey:9', 'redis', 'x@sha256:0123']
    box.answer('image-inspect', { out: 'postgres:17\nvalkey/valkey:9\nredis:latest\n\n' })
    await ensureImages(stack, { name: 'shop', services: Object.fromEntries(named.map((image) => [image, { image }])) }, {})
    expect(box.effects()).toEqual([])
  })

  test('that are missing are pulled, and only those', async () => {
    box.answer('image-inspect', { out: 'postgres:17\n', err: error('No such image: valkey:9'), code: 1 })
    await ensureImages(stack, model, {})
    expect(box.calls().slice(1)).toEqual(['pull valkey:9'])
  })

  test('are all pulled when that is asked for, and never replaced by stand-ins', async () => {
    vi.mocked(loadOfflineRoom).mockResolvedValue({ useStandIns } as Partial<OfflineRoom> as OfflineRoom)
    useStandIns.mockReset()
    await ensureImages(stack, model, {}, { pull: true })
    expect(box.calls()).toEqual(['pull postgres:17', 'pull valkey:9'])
    box.answer('pull', { err: silence, code: 1 })
    await expect(ensureImages(stack, model, {}, { pull: true })).rejects.toMatchObject({ exitCode: 4 })
    expect(useStandIns).not.toHaveBeenCalled()
  })

  describe('of a slow registry', () => {
    const server = createServer()
    let port: number
    beforeEach(async () => {
      await once(server.listen(0, '127.0.0.1'), 'listening')
      port = (server.address() as AddressInfo).port
      vi.stubEnv('DOCKER_HOST', undefined)
      vi.mocked(loadOfflineRoom).mockResolvedValue({ useStandIns } as Partial<OfflineRoom> as OfflineRoom)
      useStandIns.mockReset()
    })
    afterEach(() => {
      server.close()
      vi.unstubAllEnvs()
    })

    test.each([
      ['is there and slow', true, 0, 'is there, but too slow'],
      ['cannot be connected to', false, 1, 'does not answer'],
    ])('are replaced only if it is not there: it %s', async (_, isThere, times, message) => {
      const image = `127.0.0.1:${port}/postgres:17`
      if (!isThere) server.close()
      box.answer('image-inspect', { code: 1 })
      box.answer('pull', { err: error(`Get "https://127.0.0.1:${port}/v2/": net/http: TLS handshake timeout`), code: 1 })
      await expect(ensureImages(stack, { name: 'shop', services: { db: { image } } }, {})).rejects.toThrow(message)
      expect(useStandIns).toHaveBeenCalledTimes(times)
    })

    test.each([
      ['over a proxy', 'http://proxy.test:3128', undefined],
      ['over a mirror', 'https://mirror.test/', undefined],
      ['from another machine', '', 'ssh://far.test'],
    ])('may be reached %s, of which we know nothing', async (_, out, host) => {
      server.close()
      vi.stubEnv('DOCKER_HOST', host)
      box.answer('info', { out })
      expect(await isOutOfReach(`127.0.0.1:${port}/postgres:17`)).toBe(false)
    })
  })

  test('that only a build needs are not looked for when nothing is built', async () => {
    const services = { web: { image: 'app', build: { args: { PYTHON_IMAGE: 'python:3.13' } } }, db: { image: 'postgres:17' } }
    for (const [build, expected] of [[true, / postgres:17 python:3\.13$/], [false, / postgres:17$/]] as const) {
      await ensureImages(stack, { name: 'shop', services }, {}, { build })
      expect(box.calls().at(-1)).toMatch(expected)
    }
  })

  test.each<[string, string, Record<string, string>, boolean]>([
    ['docker.io has no image postgres:17.', error('manifest for postgres:17 not found: manifest unknown'), {}, false],
    ['docker.io does not answer.', silence, {}, true],
    ['docker.io does not answer, which IMAGE_REGISTRY names', silence, { IMAGE_REGISTRY: 'm.test' }, false],
  ])('that cannot be pulled end with 4: %s', async (message, err, values, mayBeReplaced) => {
    box.answer('image-inspect', { code: 1 })
    box.answer('pull', { err, code: 1 })
    vi.mocked(loadOfflineRoom).mockResolvedValueOnce(undefined)
    await expect(ensureImages(stack, model, values)).rejects.toMatchObject({ exitCode: 4, details: expect.stringContaining('Error response') as string })
    // The room is asked only if no registry answers and none is set.
    vi.mocked(loadOfflineRoom).mockResolvedValue({ useStandIns } as Partial<OfflineRoom> as OfflineRoom)
    useStandIns.mockReset()
    const replaced = { stack, model: { name: 'other', services: {} } }
    useStandIns.mockResolvedValue(replaced)
    if (mayBeReplaced) expect(await ensureImages(stack, model, values)).toEqual(replaced)
    else await expect(ensureImages(stack, model, values)).rejects.toThrow(message.slice(0, 9))
    expect(useStandIns).toHaveBeenCalledTimes(mayBeReplaced ? 1 : 0)
  })
})
