/** The check of an env file on this repository's own files, as Compose reads them. Each mistake has its row in env-rules.test.ts. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadSettings, type Settings } from '../../../scripts/lib/env/settings.ts'
import { nearest } from '../../../scripts/lib/terminal.ts'
import { files, readText } from '../helpers/repository.ts'

const composeIsThere = spawnSync('docker', ['compose', 'version']).status === 0

const folder = mkdtempSync(join(tmpdir(), 'env check '))
afterAll(() => rmSync(folder, { recursive: true }))

type Edits = Record<string, string>

let count = 0

/** What the check says of the example with other values. If a setting is there twice, the later one counts. */
async function judge(edits: Edits, text = readText('.env.docker.example')): Promise<Settings & { codes: string[] }> {
  const file = join(folder, `${(count += 1)}.env`)
  const rest = Object.keys(edits).reduce((lines, name) => lines.replace(new RegExp(`^${name}=.*\n`, 'm'), ''), text)
  const lines = Object.entries(edits).map(([name, value]) => `${name}=${value}\n`)
  // Others may refer to them: they stand in front.
  writeFileSync(file, lines.join('') + rest, { mode: 0o600 })
  const settings = await loadSettings(file)
  return { ...settings, codes: settings.findings.map(({ code, setting }) => `${code} ${setting}`) }
}

const production = {
  COMPOSE_FILE: 'compose.yaml:compose.production.yaml', SITE_ADDRESS: 'shop.example.org', S3_PUBLIC_URL: 'https://files.example.org', STORAGE_SITE_ADDRESS: 'files.example.org',
  FLOWER_PASSWORD: '4f1c9b7e2a', MARIADB_PASSWORD: '1b7d3f9a5c2e', POSTGRES_PASSWORD: '8d2e6a0b4c1f', REDIS_PASSWORD: '93b5d7f1a2c8', S3_SECRET_ACCESS_KEY: 'c7a1e5b9d3f0',
  SECRET_KEY: 'e4a8c2f6b0d19573',
}

describe.skipIf(!composeIsThere)('with Compose', () => {
  test.each<[title: string, edits: Edits, text?: string]>([
    ['the example', {}],
    ['production with secrets of its own', production],
    ...files.filter((file) => /^template\/examples\/[^/]+\/env\.docker$/.test(file)).map((file): [string, Edits, string] => [file, {}, readText(file)]),
  ])('nothing is found in %s', async (_, edits, text) => {
    // The example's own test makes its CA.
    const { findings, leftOut } = await judge({ ...edits, ...(text?.includes('APP_CA_FILE=') && { APP_CA_FILE: '' }) }, text)
    expect([findings, leftOut]).toEqual([[], undefined])
  })

  test.each<[edits: Edits, found: string[]]>([
    [{ COMPOSE_PROFILES: 'postgres,mariadb,redis,storage', MARIADB_PASSWORD: '1b7d3f9a5c2e' }, []],
    [{ REDIS_URL: 'redis://redis:6379/0' }, ['E44 REDIS_URL']],
    [{ STORAGE_PORT: '9000', S3_ENDPOINT_URL: 'http://storage:9000' }, ['E42 S3_ENDPOINT_URL', 'W48 S3_PUBLIC_URL']],
    [{ COMPOSE_PROFILES: 'postgrs,redis,storage' }, ['E38 COMPOSE_PROFILES', 'W68 DATABASE_URL']],
    [{ COMPOSE_PROFILES: 'postgres,redis' }, ['W68 S3_ENDPOINT_URL']],
  ])('%o', async (edits, found) => {
    expect((await judge(edits)).codes.toSorted()).toEqual(found.toSorted())
  })

  test.each<[edits: Edits, found: string]>([
    [{ WEB_PORT: '80a' }, 'E11 WEB_PORT'],
    [{ WEB_PUBLISHED_PORT: '0.0.0.0:8080' }, 'E54 WEB_PUBLISHED_PORT'],
    [{ WORKER_STOP_GRACE: '30' }, 'E11 WORKER_STOP_GRACE'],
  ])('a value for which Compose refuses its files is explained by its line: %o', async (edits, found) => {
    const { codes, leftOut } = await judge(edits)
    expect([codes, typeof leftOut]).toEqual([[found], 'string'])
  })
})

test.each<[word: string, meant: string | undefined]>([
  ['WEB_PROT', 'WEB_PORT'],
  ['web_port', 'WEB_PORT'],
  ['WEBPORT', 'WEB_PORT'],
  ['WEB_PORTS', 'WEB_PORT'],
  ['POSTGRES_PASWORT', 'POSTGRES_PASSWORD'],
  ['PRT', 'PORT'],
  ['POSTGRES', undefined],
  ['POR', 'PORT'],
  ['DB', undefined],
  ['MAIL_HOST', undefined],
])('the name nearest to %s is %s', (word, meant) => {
  expect(nearest(word, ['WEB_PARTY', 'WEB_PORT', 'PORT', 'POSTGRES_PASSWORD'])).toBe(meant)
})
