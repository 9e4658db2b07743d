import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ensureImages } from '../../../scripts/lib/engine/images.ts'
import type { Model } from '../../../scripts/lib/compose/model.ts'
import type { ModelledStack } from '../../../scripts/lib/compose/stack.ts'
import { ensureStandIns } from '../stand-ins.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

// Building stand-ins would change this machine.
vi.mock(import('../stand-ins.ts'), async (original) => ({ ...(await original()), ensureStandIns: vi.fn<typeof ensureStandIns>() }))

describe('the images of a stack', () => {
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

  describe('if no registry answers', () => {
    const official: Model = { name: 'shop', services: { db: { image: 'postgres:17-trixie' } } }
    const changed: Model = { name: 'shop', services: { db: { image: 'stand-in/postgres:17-trixie' } } }

    beforeEach(() => {
      box.answer('image-inspect', { code: 1 })
      box.answer('pull', silence)
      box.answer('compose-config-stand-ins', { out: changed })
      vi.mocked(ensureStandIns).mockClear()
      vi.stubEnv('COMPOSE_FILE', undefined)
      vi.stubEnv('XDG_CACHE_HOME', box.folder)
    })
    afterEach(() => vi.unstubAllEnvs())

    test('are stand-ins from then on, and .env.docker says so', async () => {
      box.write('.env.docker', '# mine\nCOMPOSE_FILE=compose.yaml\nSECRET=\'a $ # "b"\'\n')
      expect(await ensureImages(stack, official, { APT_MIRROR: '' })).toEqual({ stack, model: changed })
      expect(ensureStandIns).toHaveBeenCalledExactlyOnceWith(['stand-in/postgres:17-trixie'], { APT_MIRROR: '' })
      expect(box.read('.env.docker')).toBe('# mine\nCOMPOSE_FILE=compose.yaml:extras/offline/compose.yaml\nSECRET=\'a $ # "b"\'\n')
      expect(said).toContain('! docker.io does not answer for postgres:17-trixie: stand-ins')
      expect(said).toContain('.env.docker says so now')
    })

    test("are stand-ins in this run, and an env file of the user's own stays as it is", async () => {
      const text = 'COMPOSE_FILE=mine.yaml\n'
      box.write('staging.env', text)
      const result = await ensureImages({ envFile: 'staging.env', env: { KEPT: '1' } }, official, { COMPOSE_FILE: 'mine.yaml' })
      const env = { KEPT: '1', COMPOSE_FILE: 'mine.yaml:extras/offline/compose.yaml' }
      expect(result).toEqual({ stack: { envFile: 'staging.env', env }, model: changed })
      expect(box.read('staging.env')).toBe(text)
    })

    test('are stand-ins in addition to the default files if COMPOSE_FILE is empty', async () => {
      box.write('staging.env', 'COMPOSE_FILE=\n')
      const result = await ensureImages({ envFile: 'staging.env', env: {} }, official, { COMPOSE_FILE: '' })
      expect(result.stack.env).toEqual({ COMPOSE_FILE: 'compose.yaml:compose.override.yaml:extras/offline/compose.yaml' })
    })

    test('are stand-ins also if the certificate of the registry is not trusted, and the run says so', async () => {
      box.answer('pull', { err: 'Error response from daemon: Get "https://registry.test/v2/": tls: failed to verify certificate: x509: …\n', code: 1 })
      box.write('.env.docker', '')
      await ensureImages(stack, { name: 'shop', services: { db: { image: 'library/postgres:17-trixie' } } }, {})
      expect(said).toContain('! The engine does not trust the certificate of docker.io for library/postgres:17-trixie: stand-ins')
    })

    test.each([
      ['of production', { COMPOSE_FILE: 'compose.yaml:compose.production.yaml' }, '', undefined],
      ["of production by the shell's COMPOSE_FILE", {}, '', 'compose.yaml:compose.production.yaml'],
      ['with data that other images have made', {}, 'shop_postgres-data\n', undefined],
    ])('are no stand-ins for a stack %s: the pull that failed is the error', async (_, values, volumes, files) => {
      box.write('.env.docker', '')
      vi.stubEnv('COMPOSE_FILE', files)
      box.answer('volume-ls', { out: volumes })
      box.answer('volume-inspect', { out: 'shop_postgres-data 2026-11-01T10:00:00Z\n' })
      await expect(ensureImages(stack, official, values)).rejects.toMatchObject({ message: 'docker.io does not answer.', exitCode: 4 })
      expect(said).toContain('! Stand-ins are not used: ')
      expect(ensureStandIns).not.toHaveBeenCalled()
      expect(box.read('.env.docker')).toBe('')
    })

    test('are stand-ins again if those have made the data, and not if a volume was deleted and made anew', async () => {
      const again = (): Promise<ModelledStack> => ensureImages({ envFile: 'staging.env', env: {} }, official, {})
      box.write('staging.env', '')
      box.answer('volume-ls', { out: 'shop_postgres-data\n' })
      box.answer('volume-inspect', { out: 'shop_postgres-data 2026-11-01T10:00:00Z\n' })
      box.answer('ps', { out: '/shop/compose.yaml,/shop/extras/offline/compose.yaml\n' })
      expect((await again()).model).toEqual(changed)
      box.answer('ps', { out: '' })
      expect((await again()).model, 'after teardown').toEqual(changed)
      box.answer('volume-inspect', { out: 'shop_postgres-data 2026-11-02T10:00:00Z\n' })
      await expect(again()).rejects.toThrow('docker.io does not answer.')
    })

    test("are stand-ins in this run if the shell's COMPOSE_FILE wins, and .env.docker stays as it is", async () => {
      box.write('.env.docker', 'COMPOSE_FILE=compose.yaml\n')
      vi.stubEnv('COMPOSE_FILE', 'mine.yaml')
      const result = await ensureImages(stack, official, { COMPOSE_FILE: 'compose.yaml' })
      expect(result.stack.env).toEqual({ COMPOSE_FILE: 'mine.yaml:extras/offline/compose.yaml' })
      expect(box.read('.env.docker')).toBe('COMPOSE_FILE=compose.yaml\n')
    })

    test("are no stand-ins if the user's image has none, and the file stays as it is", async () => {
      box.write('.env.docker', 'COMPOSE_FILE=compose.yaml\n')
      const own: Model = { name: 'shop', services: { db: { image: 'pgvector/pgvector:pg17' } } }
      box.answer('compose-config-stand-ins', { out: { name: 'shop', services: { db: { image: 'stand-in/pgvector/pgvector:pg17' } } } })
      await expect(ensureImages(stack, own, {})).rejects.toThrow('there is no stand-in for pgvector/pgvector:pg17')
      expect(box.read('.env.docker')).toBe('COMPOSE_FILE=compose.yaml\n')
      expect(ensureStandIns).not.toHaveBeenCalled()
    })

    test("are never the stand-in of another image than the one that the user's file chose", async () => {
      const own: Model = { name: 'shop', services: { db: { image: 'mariadb:11.8' } } }
      await expect(ensureImages(stack, own, {})).rejects.toThrow('there is no stand-in for mariadb:11.8')
    })

    test('are reported as missing if the overlay leaves them alone', async () => {
      const own: Model = { name: 'shop', services: { ...official.services, search: { image: 'example/search:1' } } }
      box.answer('compose-config-stand-ins', { out: { name: 'shop', services: { ...changed.services, search: { image: 'example/search:1' } } } })
      await expect(ensureImages(stack, own, {})).rejects.toThrow('there is no stand-in for example/search:1.')
    })
  })
})
