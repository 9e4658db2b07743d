import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ensureImages } from '../../../scripts/lib/engine/images.ts'
import type { Model } from '../../../scripts/lib/compose/model.ts'
import { ensureStandIns } from '../../../extras/offline/stand-ins.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

// Building them would change this machine.
vi.mock(import('../../../extras/offline/stand-ins.ts'), async (original) => ({ ...(await original()), ensureStandIns: vi.fn<typeof ensureStandIns>() }))

describe('the images of a stack', () => {
  const model: Model = { name: 'shop', services: { db: { image: 'postgres:17' }, queue: { image: 'valkey:9' } } }
  const stack = { envFile: '.env.docker', env: {} }
  const silence = { err: 'Error response from daemon: Get "https://registry.test/v2/": dial tcp: lookup registry.test: no such host\n', code: 1 }
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
    expect(box.calls().slice(1)).toEqual(['pull valkey:9'])
  })

  test('that only a build needs are not looked for when nothing is built', async () => {
    const services = { web: { image: 'app', build: { args: { PYTHON_IMAGE: 'python:3.13' } } }, db: { image: 'postgres:17' } }
    const asked = async (build: boolean): Promise<string | undefined> => {
      await ensureImages(stack, { name: 'shop', services }, {}, { build })
      return box.calls().at(-1)
    }
    expect(await asked(true)).toMatch(/ postgres:17 python:3\.13$/)
    expect(await asked(false)).toMatch(/ postgres:17$/)
  })

  test('that their registry refuses end with 4 and the name of the image', async () => {
    box.answer('image-inspect', { code: 1 })
    box.answer('pull', { err: 'Error response from daemon: manifest for postgres:17 not found: manifest unknown\n', code: 1 })
    await expect(ensureImages(stack, model, {})).rejects.toMatchObject({
      message: 'docker.io has no image postgres:17.', exitCode: 4, hint: expect.stringContaining('_IMAGE') as string,
    })
    expect(box.effects()).toEqual(['pull postgres:17'])
    expect(said, 'nothing is ticked off').not.toContain('✓')
  })

  test.each([
    ['does not answer', silence, 'm.test:5000, which IMAGE_REGISTRY names, does not answer.'],
    ['has a strange certificate', { err: 'x509: certificate signed by unknown authority\n', code: 1 }, 'does not trust the certificate of m.test:5000'],
    ['wants a password', { err: 'Get "https://m.test:5000/v2/": no basic auth credentials\n', code: 1 }, 'm.test:5000, which IMAGE_REGISTRY names, wants a user and a password'],
  ])('are never stand-ins where a registry was chosen that %s', async (_, answer, sentence) => {
    box.answer('image-inspect', { code: 1 })
    box.answer('pull', answer)
    const chosen: Model = { name: 'shop', services: { db: { image: 'm.test:5000/hub/library/postgres:17-trixie' } } }
    await expect(ensureImages(stack, chosen, { IMAGE_REGISTRY: 'm.test:5000/hub' })).rejects.toMatchObject({
      message: expect.stringContaining(sentence) as string, exitCode: 4,
    })
  })

  test.each([
    [{ IMAGE_REGISTRY: 'https://m.test' }, 'IMAGE_REGISTRY'],
    [{ EXTRA_CA_FILE: 'no/such.pem' }, 'EXTRA_CA_FILE'],
  ])('are not looked for with %j: exit code 3', async (values, name) => {
    await expect(ensureImages(stack, model, values)).rejects.toMatchObject({ message: expect.stringContaining(name) as string, exitCode: 3 })
    expect(box.calls()).toEqual([])
  })

  describe('where no registry answers', () => {
    const official: Model = { name: 'shop', services: { db: { image: 'postgres:17-trixie' } } }
    const changed: Model = { name: 'shop', services: { db: { image: 'stand-in/postgres:17-trixie' } } }

    beforeEach(() => {
      box.answer('image-inspect', { code: 1 })
      box.answer('pull', silence)
      box.answer('compose-config-stand-ins', { out: changed })
      vi.mocked(ensureStandIns).mockClear()
      vi.stubEnv('COMPOSE_FILE', undefined)
    })
    afterEach(() => vi.unstubAllEnvs())

    test('are stand-ins from then on, and .env.docker says so', async () => {
      box.write('.env.docker', '# mine\nCOMPOSE_FILE=compose.yaml\nSECRET=\'a $ # "b"\'\n')
      expect(await ensureImages(stack, official, { APT_MIRROR: '' })).toEqual({ stack, model: changed })
      expect(ensureStandIns).toHaveBeenCalledExactlyOnceWith(['stand-in/postgres:17-trixie'], { APT_MIRROR: '' })
      expect(box.read('.env.docker')).toBe('# mine\nCOMPOSE_FILE=compose.yaml:extras/offline/compose.yaml\nSECRET=\'a $ # "b"\'\n')
      expect(said).toContain('! No registry answers for postgres:17-trixie: stand-ins')
      expect(said).toContain('.env.docker says so now')
    })

    test("are stand-ins in this run, and somebody else's file stays as it is", async () => {
      const text = 'COMPOSE_FILE=mine.yaml\n'
      box.write('staging.env', text)
      const result = await ensureImages({ envFile: 'staging.env', env: { KEPT: '1' } }, official, { COMPOSE_FILE: 'mine.yaml' })
      const env = { KEPT: '1', COMPOSE_FILE: 'mine.yaml:extras/offline/compose.yaml' }
      expect(result).toEqual({ stack: { envFile: 'staging.env', env }, model: changed })
      expect(box.read('staging.env')).toBe(text)
    })

    test('are stand-ins beside the default files where COMPOSE_FILE is empty', async () => {
      box.write('staging.env', 'COMPOSE_FILE=\n')
      const result = await ensureImages({ envFile: 'staging.env', env: {} }, official, { COMPOSE_FILE: '' })
      expect(result.stack.env).toEqual({ COMPOSE_FILE: 'compose.yaml:compose.override.yaml:extras/offline/compose.yaml' })
    })

    test('are stand-ins also where the registry has a strange certificate, and the run says so', async () => {
      box.answer('pull', { err: 'Error response from daemon: Get "https://registry.test/v2/": tls: failed to verify certificate: x509: …\n', code: 1 })
      box.write('.env.docker', '')
      await ensureImages(stack, { name: 'shop', services: { db: { image: 'library/postgres:17-trixie' } } }, {})
      expect(said).toContain('! The engine does not trust the registry that answers for library/postgres:17-trixie: stand-ins')
    })

    test('are no stand-ins for an image that somebody chose, and the file stays as it is', async () => {
      box.write('.env.docker', 'COMPOSE_FILE=compose.yaml\n')
      const own: Model = { name: 'shop', services: { db: { image: 'pgvector/pgvector:pg17' } } }
      box.answer('compose-config-stand-ins', { out: { name: 'shop', services: { db: { image: 'stand-in/pgvector/pgvector:pg17' } } } })
      await expect(ensureImages(stack, own, {})).rejects.toThrow('there is no stand-in for pgvector/pgvector:pg17')
      expect(box.read('.env.docker')).toBe('COMPOSE_FILE=compose.yaml\n')
      expect(ensureStandIns).not.toHaveBeenCalled()
    })

    test("are no stand-in of another image's, which a file of one's own chose", async () => {
      const own: Model = { name: 'shop', services: { db: { image: 'mariadb:11.8' } } }
      await expect(ensureImages(stack, own, {})).rejects.toThrow('there is no stand-in for mariadb:11.8')
    })

    test('are missing where the overlay leaves them alone', async () => {
      const own: Model = { name: 'shop', services: { ...official.services, search: { image: 'example/search:1' } } }
      box.answer('compose-config-stand-ins', { out: { name: 'shop', services: { ...changed.services, search: { image: 'example/search:1' } } } })
      await expect(ensureImages(stack, own, {})).rejects.toThrow('there is no stand-in for example/search:1.')
    })
  })
})
