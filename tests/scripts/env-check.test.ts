/** The check of an env file: a row for each mistake, on the settings of tests/fixtures/env.example. Add rows for rules of your own. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseSchema } from '../../scripts/lib/env/schema.ts'
import type { Around } from '../../scripts/lib/env/subject.ts'
import { codesOf, fileWith, findings } from '../helpers/env-check.ts'
import type { Edits } from '../helpers/env-check.ts'

const schema = parseSchema(readFileSync('tests/fixtures/env.example', 'utf8'), 'example')

const production = {
  COMPOSE_FILE: 'compose.yaml:compose.production.yaml', POSTGRES_PASSWORD: '8d2e6a0b4c1f', REDIS_PASSWORD: '93b5d7f1a2c8', FLOWER_PASSWORD: '4f1c9b7e2a',
  S3_SECRET_ACCESS_KEY: 'c7a1e5b9d3f0', SECRET_KEY: 'e4a8c2f6b0d19573',
}

test('nothing is found in a file that is in order', () => {
  expect([{}, production].flatMap((edits) => findings(schema, fileWith(schema, edits)))).toEqual([])
})

test.each<[found: string, edits: Edits, around?: Around]>([
  ['E01 WEB_APP', { WEB_APP: "'" }],
  ['E02 WEB_PORT', { WEB_PORT: '1\nWEB_PORT=8000' }],
  ['E10 APP_DIR', { APP_DIR: '' }],
  ['E11 WEB_PORT', { WEB_PORT: '80a' }],
  ['E11 CELERY_APP', { CELERY_APP: 'shop/tasks.py' }],
  ['W13 WEB_PROT', { WEB_PROT: '1' }],
  ['E20 SECRET_KEY', { SECRET_KEY: 'changeme-changeme' }],
  ['E20 POSTGRES_PASSWORD', { ...production, POSTGRES_PASSWORD: 'postgres-local-only' }],
  ['E25 FLOWER_PASSWORD', { FLOWER_PASSWORD: '' }],
  ['E38 COMPOSE_PROFILES', { COMPOSE_PROFILES: 'postgres,redis,flowr' }],
  ['E40 REDIS_URL', { REDIS_URL: 'redis://:${REDIS_PASSWORD}@localhost:6379/0' }],
  ['E42 DATABASE_URL', { DATABASE_URL: 'postgresql://postgres:${POSTGRES_PASSWORD}@db:5433/app' }],
  ['E43 DATABASE_URL', { POSTGRES_PASSWORD: "'8d2e@a0b4c1f'" }],
  ['E44 REDIS_URL', { REDIS_URL: 'redis://redis:6379/0' }],
  ['E50 FLOWER_PORT', { FLOWER_PORT: '8000' }],
  ['E67 WEB_APP', { WEB_APP: '' }],
  ['W68 REDIS_URL', { COMPOSE_PROFILES: 'postgres' }],
  ['E75 COMPOSE_FILE', { ...production, COMPOSE_FILE: 'compose.yaml:compose.override.yaml:compose.production.yaml' }],
  ['E80 DATABASE_URL', { DATABASE_URL: 'postgresql://postgres:${POSTGRES_PASSWROD}@db:5432/app' }],
  ['W81 REDIS_PASSWORD', { REDIS_PASSWORD: '8d2e$wa0b4c1f9' }],
  ['E82 DATABASE_URL', { DATABASE_URL: 'mysql://postgres:${POSTGRES_PASSWORD}@db:5432/app' }],
  ['E85 APP_DIR', { APP_DIR: 'apps' }],
  ['E06', production, { git: 'tracked', mode: 0o644 }],
  ['W07', production, { git: 'ignored', mode: 0o640 }],
  ['W70 WEB_PORT', {}, { shell: { WEB_PORT: '9000', HTTP_PROXY: 'http://proxy:3128' } }],
])('%s %o', (code, edits, around) => {
  const text = fileWith(schema, edits)
  expect(codesOf(text, findings(schema, text, around))).toEqual([code])
})

describe('no finding holds a secret:', () => {
  const secret = 'hunter2hunter2'
  test.each<[title: string, edits: Edits]>([
    ['a secret of the wrong form', { SECRET_KEY: 'hunter2', REDIS_URL: `redis:${secret}` }],
    ['another setting that has it', { SECRET_KEY: secret, WEB_APP: `${secret}/a`, FLOWER_PORT: secret, APP_DIR: secret }],
    ['a password that is not encoded', { POSTGRES_PASSWORD: `'${secret}@'` }],
    ['an undeclared name', { TOKEN: secret }],
    ['a line that is half of it', { PORT: `1\n${secret}\nA="${secret}` }],
    ['a $ in it', { REDIS_PASSWORD: `x$${secret}` }],
  ])('%s', (_, edits) => {
    const found = findings(schema, fileWith(schema, edits))
    expect(found.length).toBeGreaterThan(0)
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })
})
