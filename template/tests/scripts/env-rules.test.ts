/** Every mistake that the check of an env file knows, a row for each. How a rule is tested is in tests/scripts/env.test.ts. */
import { expect, test } from 'vitest'
import { check } from '../../../scripts/lib/env/check.ts'
import { readLines } from '../../../scripts/lib/env/file.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import type { Around } from '../../../scripts/lib/env/subject.ts'
import { codesOf, diskWith, fileWith as fileOf, findings as findingsOf, model, valuesOf } from '../../../tests/helpers/env-check.ts'
import type { Edits } from '../../../tests/helpers/env-check.ts'

/** Each setting with its rule; behind the bar its sentence, which nobody reads here. */
const schema = parseSchema(`
# @optional @type=string | COMPOSE_PROJECT_NAME=
# @type=string | COMPOSE_FILE=compose.yaml:compose.override.yaml
# @optional @type=string | COMPOSE_PROFILES=postgres,redis,flower
# @type=string @service(build) | APP_DIR=app
# @type=string @service(build) | APP_WORKDIR=.
# @type=string @service(build) | PYTHON_MANIFEST=requirements.txt
# @type=enum(uv, pip, poetry) @service(build) | PYTHON_INSTALLER=uv
# @type=string @service(build) | PYTHON_IMAGE=library/python:3.13
# @optional @type=string @service(compose) | IMAGE_REGISTRY=
# @optional @type=string @service(build) | FRONTEND_DIR=
# @optional @type=string @service(build) | EXTRA_CA_FILE=
# @optional @type=string @service(web) | APP_CA_FILE=
# @optional @type=string @service(compose) | APP_WRITABLE_DIR=/run/app
# @optional @type=string @service(web) | WEB_APP=shop:app
# @optional @type=string @service(web) | WEB_COMMAND=
# @type=port @service(web) | WEB_PORT=8000
# @optional @type=port @service(web) | DEBUG_PORT=
# @optional @type=string @service(compose) | WEB_PUBLISHED_PORT=
# @optional @type=string @service(web) | HEALTH_HOST=localhost
# @optional @type=string @service(worker) | CELERY_APP=shop.tasks
# @optional @type=string @service(worker) | WORKER_ARGS=
# @optional @type=string @service(beat) | BEAT_ARGS=
# @type=number(isInt=true) @service(worker) | WORKER_STOP_TIMEOUT=20
# @type=duration @service(compose) | WORKER_STOP_GRACE=30s
# @optional @type=number(isInt=true) @service(worker) | WORKER_VISIBILITY_TIMEOUT=
# @type=port @service(compose) | FLOWER_PORT=5555
# @optional @sensitive @type=string(minLength=8) @generate=hex(16) @service(flower) | FLOWER_PASSWORD=flower-local-only
# @type=string @service(compose) | POSTGRES_IMAGE=library/postgres:17
# @type=string @service(compose) | POSTGRES_MOUNT=/var/lib/postgresql/data
# @type=string @default="shop" @service(postgres) | POSTGRES_USER=shop
# @optional @sensitive @type=string @generate=hex(16) @service(postgres) | POSTGRES_PASSWORD=postgres-local-only
# @optional @sensitive @type=string @generate=hex(16) @service(redis) | REDIS_PASSWORD=redis-local-only
# @optional @type=string @service(proxy) | SITE_ADDRESS=:80
# @optional @type=string @service(proxy) | SITE_SERVICE=web
# @optional @sensitive @type=url @service(web) | DATABASE_URL=postgresql://\${POSTGRES_USER}:\${POSTGRES_PASSWORD}@db:5432/shop
# @optional @sensitive @type=url @service(web) | REDIS_URL=redis://:\${REDIS_PASSWORD}@redis:6379/0
# @optional @type=string @service(web) | S3_ACCESS_KEY_ID=
# @optional @sensitive @type=string @generate=hex(20) @service(web, storage) | S3_SECRET_ACCESS_KEY=
# @optional @type=url(public=true) @service(web) | S3_PUBLIC_URL=
# @optional @sensitive @type=string(minLength=8) @generate=hex(16) @service(web) | SECRET_KEY=secret-local-only
# @optional @type=string @service(web) | ALLOWED_HOSTS=
# @optional @type=string @service(compose) | APP_ENV_FILE=.env.app
# @type=string @service(web) | MAIL_FROM=me@example.org
# @optional @type=string @service(web) | WEB_CONCURRENCY=2
`.replaceAll(/^(#.*) \| (.*)$/gm, '# A sentence.\n$1\n$2'), 'example')

const fileWith = (edits: Edits): string =>
  fileOf(schema, { MAIL_FROM: 'a@example.org', ALLOWED_HOSTS: 'example.org', SECRET_KEY: 'e4a8c2f6b0d19573', ...edits })
const findings = (text: string, around?: Around) => findingsOf(schema, text, around)

const production = {
  COMPOSE_FILE: 'compose.yaml:compose.production.yaml', POSTGRES_PASSWORD: '8d2e6a0b4c1f', REDIS_PASSWORD: '93b5d7f1a2c8', FLOWER_PASSWORD: '4f1c9b7e2a',
}

test('nothing is found in a file that is in order', () => {
  const newest = { POSTGRES_IMAGE: 'library/postgres:18', POSTGRES_MOUNT: '/var/lib/postgresql' }
  for (const edits of [{}, production, newest]) expect(findings(fileWith(edits))).toEqual([])
})

const store = { COMPOSE_PROFILES: 'postgres,redis,flower,storage', S3_ACCESS_KEY_ID: 'key', S3_SECRET_ACCESS_KEY: '3c5e7a9b1d2f' }

test('a store that browsers reach by its port, and an own env file that is not there, as the example allows', () => {
  for (const S3_PUBLIC_URL of ['http://localhost:8333', 'http://127.0.0.1:8333/x', 'https://files.example.org', 'http://files.localhost']) {
    expect(findings(fileWith({ ...store, S3_PUBLIC_URL }))).toEqual([])
  }
  expect(findings(fileWith({ S3_PUBLIC_URL: 'http://localhost:9000' })), 'a store of the owner').toEqual([])
  for (const APP_ENV_FILE of ['.env.app', 'shop/.env.app', 'compose.yaml', '']) expect(findings(fileWith({ APP_ENV_FILE }))).toEqual([])
})

test.each<[code: string, setting: string, edits: Edits, hint?: string | RegExp]>([
  ['E02', 'WEB_PORT', { WEB_PORT: '1\nWEB_PORT=8000' }, 'Delete one of the lines.'],
  ['E10', 'MAIL_FROM', { MAIL_FROM: '' }],
  ['E10', 'MAIL_FROM', { MAIL_FROM: null }, 'For example: MAIL_FROM=me@example.org'],
  ['E10', 'APP_DIR', { APP_DIR: '' }, 'For example: APP_DIR=app'],
  ['E11', 'WEB_PORT', { WEB_PORT: '80a' }, 'For example: WEB_PORT=8000'],
  ['E11', 'WORKER_STOP_GRACE', { WORKER_STOP_GRACE: '30' }],
  ['E11', 'REDIS_URL', { REDIS_URL: 'redis:6379' }],
  ['E11', 'WEB_APP', { WEB_APP: 'shop/main.py' }, 'For example: WEB_APP=shop:app'],
  ['E11', 'WEB_APP', { WEB_APP: "'shop.web.create_app()'" }],
  ['E11', 'CELERY_APP', { CELERY_APP: "'celery -A shop.tasks worker'" }],
  ['E11', 'APP_WRITABLE_DIR', { APP_WRITABLE_DIR: '/var/tmp' }, 'Remove the line.'],
  ['E11', 'HEALTH_HOST', { HEALTH_HOST: 'https://shop.example.org' }],
  ['E11', 'PYTHON_IMAGE', { PYTHON_IMAGE: 'library/python:3.13-alpine3.20' }],
  ['E11', 'IMAGE_REGISTRY', { IMAGE_REGISTRY: 'mirror.example/hub/' }],
  ['E11', 'IMAGE_REGISTRY', { IMAGE_REGISTRY: 'me:word@mirror.example' }, /says what it is for\.$/],
  ['E11', 'SITE_ADDRESS', { ...production, SITE_ADDRESS: '8080' }],
  ['E12', 'PYTHON_INSTALLER', { PYTHON_INSTALLER: 'poetri' }, 'Did you mean poetry?'],
  ['W13', 'WEB_PROT', { WEB_PROT: '1' }, 'Did you mean WEB_PORT?'],
  ['W13', 'SHOP_COLOUR', { SHOP_COLOUR: 'red' }, /\.env\.app/],
  ['E20', 'SECRET_KEY', { SECRET_KEY: 'changeme-changeme' }],
  ['E20', 'POSTGRES_PASSWORD', { POSTGRES_PASSWORD: 'password' }, /If the database exists already/],
  ['E20', 'POSTGRES_PASSWORD', { POSTGRES_PASSWORD: 'x7Tq2' }],
  ['E20', 'POSTGRES_PASSWORD', { ...production, POSTGRES_PASSWORD: 'postgres-local-only' }],
  ['E11', 'FLOWER_PASSWORD', { FLOWER_PASSWORD: 'ab,12345678' }, ''],
  ['E25', 'FLOWER_PASSWORD', { FLOWER_PASSWORD: '' }, 'npm run env -- --init makes a value; or take flower out of COMPOSE_PROFILES.'],
  ['E25', 'REDIS_PASSWORD', { ...production, REDIS_PASSWORD: '', REDIS_URL: 'redis://redis:6379/0' }, /REDIS_URL too; a client without a password needs a Redis of its own/],
  ['E25', 'S3_SECRET_ACCESS_KEY', { COMPOSE_PROFILES: 'postgres,redis,storage' }, /or take storage out of COMPOSE_PROFILES\.$/],
  ['E36', 'POSTGRES_IMAGE', { POSTGRES_IMAGE: 'mirror.example:5000/postgres' }, 'For example: POSTGRES_IMAGE=library/postgres:17'],
  ['E38', 'COMPOSE_PROFILES', { COMPOSE_PROFILES: 'postgres,redis,flowr' }, 'Did you mean flower?'],
  ['E38', 'COMPOSE_PROFILES', { COMPOSE_PROFILES: 'db,redis', DATABASE_URL: '' }, 'There are beat, frontend, flower, postgres, mariadb, redis, storage, with commas between them.'],
  ['E40', 'REDIS_URL', { REDIS_URL: 'redis://:${REDIS_PASSWORD}@localhost:6379/0' }, /such as redis\. For a server on this machine itself: docs\/networking-and-storage\.md\.$/],
  ['E42', 'DATABASE_URL', { DATABASE_URL: 'postgresql://shop:${POSTGRES_PASSWORD}@db:5433/shop' }, 'Write db:5432.'],
  ['E43', 'DATABASE_URL', { POSTGRES_PASSWORD: "'8d2e@a0b4c1f'" }, /^Take a password of letters and digits/],
  ['E43', 'REDIS_URL', { REDIS_URL: "'redis://:8d2e#a0b@redis:6379/0'" }],
  ['E44', 'REDIS_URL', { REDIS_URL: 'redis://redis:6379/0' }, 'Write ${REDIS_PASSWORD} in its place, outside of single quotes.'],
  ['E44', 'DATABASE_URL', { DATABASE_URL: 'postgresql://shop:8d2e6a0b4c1f@db:5432/shop' }],
  ['E54', 'WEB_PUBLISHED_PORT', { WEB_PUBLISHED_PORT: '127.0.0.1:8000' }],
  ['E67', 'WEB_APP', { WEB_APP: '' }],
  ['E67', 'S3_SECRET_ACCESS_KEY', { S3_ACCESS_KEY_ID: 'key' }],
  ['E67', 'CELERY_APP', { CELERY_APP: '' }, /^Set CELERY_APP: module/],
  ['E67', 'FRONTEND_DIR', { COMPOSE_PROFILES: 'postgres,redis,frontend' }],
  ['E67', 'SITE_SERVICE', { ...production, SITE_SERVICE: 'frontend' }],
  ['E72', 'COMPOSE_PROJECT_NAME', { COMPOSE_PROJECT_NAME: "'My Shop'" }],
  ['E75', 'COMPOSE_FILE', { ...production, COMPOSE_FILE: 'compose.yaml:compose.override.yaml:compose.production.yaml:mine.yaml' }, /^Remove compose\.override\.yaml for production/],
  ['E80', 'DATABASE_URL', { DATABASE_URL: 'postgresql://shop:${POSTGRES_PASSWROD}@db:5432/shop' }, 'Did you mean POSTGRES_PASSWORD?'],
  ['E80', 'DATABASE_URL', { POSTGRES_USER: null }, 'Set POSTGRES_USER on a line above DATABASE_URL.'],
  ['E80', 'POSTGRES_USER', { POSTGRES_USER: '${SITE_SERVICE}' }, 'Set SITE_SERVICE on a line above POSTGRES_USER.'],
  ['E44', 'REDIS_URL', { REDIS_URL: "'redis://:${REDIS_PASSWORD}@redis:6379/0'" }, /outside of single quotes\.$/],
  ['E43', 'REDIS_URL', { REDIS_URL: 'redis://:{REDIS_PASSWORD}@redis:6379/0' }],
  ['W81', 'REDIS_PASSWORD', { REDIS_PASSWORD: '8d2e$wa0b4c1f9' }, /^Put the value in single quotes/],
  ['E82', 'DATABASE_URL', { DATABASE_URL: 'mysql://shop:${POSTGRES_PASSWORD}@db:5432/shop' }, /^Point it to another service/],
  ['E85', 'APP_DIR', { APP_DIR: 'apps' }, /^Did you mean app\?/],
  ['E85', 'APP_WORKDIR', { APP_WORKDIR: '/app/shop' }, 'The path starts in APP_DIR.'],
  ['E85', 'PYTHON_MANIFEST', { PYTHON_MANIFEST: '../package.json' }],
  ['E85', 'EXTRA_CA_FILE', { EXTRA_CA_FILE: 'no/such.pem' }, 'The path starts in this folder.'],
  ['E85', 'APP_CA_FILE', { APP_CA_FILE: 'no/such.pem' }],
  ['E94', 'POSTGRES_MOUNT', { POSTGRES_IMAGE: 'library/postgres:18-trixie' }, /^Write POSTGRES_MOUNT=\/var\/lib\/postgresql\. /],
  ['E94', 'POSTGRES_MOUNT', { POSTGRES_IMAGE: 'mirror.example:5000/pgvector/pgvector:pg18' }],
  ['E94', 'POSTGRES_MOUNT', { POSTGRES_MOUNT: '/var/lib/postgresql' }, /^Write POSTGRES_MOUNT=\/var\/lib\/postgresql\/data\. /],
  ['W47', 'S3_PUBLIC_URL', { ...production, S3_PUBLIC_URL: 'http://localhost:8333' }],
  ['W48', 'S3_PUBLIC_URL', { ...store, S3_PUBLIC_URL: 'http://localhost:9000' }, 'Write S3_PUBLIC_URL=http://localhost:8333'],
  ['W48', 'S3_PUBLIC_URL', { ...store, S3_PUBLIC_URL: 'http://127.0.0.1/files' }],
  ['W65', 'WORKER_STOP_GRACE', { WORKER_STOP_GRACE: '15s' }, 'WORKER_STOP_GRACE=30s'],
  ['W66', 'WORKER_VISIBILITY_TIMEOUT', { WORKER_VISIBILITY_TIMEOUT: '60', WORKER_ARGS: '--time-limit=300' }],
  ['W68', 'REDIS_URL', { COMPOSE_PROFILES: 'postgres' }, /^Add redis to COMPOSE_PROFILES/],
  ['W86', 'APP_ENV_FILE', { APP_ENV_FILE: '.env.ap' }, 'The path starts in this folder.'],
  ['W86', 'APP_ENV_FILE', { APP_ENV_FILE: 'compose.yml' }, 'Did you mean compose.yaml?'],
  ['W91', 'WORKER_ARGS', { WORKER_ARGS: '-B' }],
  ['W91', 'BEAT_ARGS', { BEAT_ARGS: "'--scheduler other'" }],
  ['W92', 'WEB_COMMAND', { WEB_COMMAND: "'python manage.py runserver 8000'" }],
  ['W92', 'WEB_COMMAND', { WEB_COMMAND: "'hypercorn shop:app --bind localhost:8000'" }],
])('%s %s %o', (code, setting, edits, hint = '') => {
  const text = fileWith(edits)
  const found = findings(text)
  expect(codesOf(text, found)).toEqual([`${code} ${setting}`])
  expect(found[0]!.severity).toBe(code.startsWith('W') || (/^E(20|36)/.test(code) && !('COMPOSE_FILE' in edits)) ? 'warning' : 'error')
  if (hint instanceof RegExp) expect(found[0]!.hint).toMatch(hint)
  else if (hint !== '') expect(found[0]!.hint).toBe(hint)
})

test.each<[code: string, text: string, around?: Around]>([
  ['E01', `${fileWith({})}nonsense\n`],
  ['E53', fileWith({}), { model: model({ DATABASE_BIND: '0.0.0.0', CELERY_APP: 'shop.tasks', POSTGRES_USER: 'shop', POSTGRES_PASSWORD: 'postgres-local-only', REDIS_PASSWORD: 'redis-local-only' }) }],
  ['E06', fileWith({}), { git: 'tracked', mode: 0o644 }],
  ['W07', fileWith({}), { git: 'ignored', mode: 0o640 }],
  ['W77', fileWith({}), { git: 'neither', mode: 0o600 }],
  ['W70 WEB_PORT', fileWith({}), { shell: { WEB_PORT: '9000', HTTP_PROXY: 'http://proxy:3128' } }],
  ['W70 COMPOSE_PROFILES', fileWith({ COMPOSE_PROFILES: null, DATABASE_URL: '', REDIS_URL: '' }), { shell: { COMPOSE_PROFILES: 'redis' } }],
])('%s, in the file or around it', (code, text, around) => {
  expect(codesOf(text, findings(text, around))).toEqual([code])
})

test.each<[declared: string, hint: RegExp | undefined]>([
  ['WORKER_ARG=x', /^Did you mean WORKER_ARGS\? If not, put a rule above it there/], ['# Mine.\nWEB_PROT=1', /^Did you mean WEB_PORT\?/],
  ['# @optional\nWEB_PROT=1', undefined], ['SHOP_COLOUR=red', undefined],
])('a setting that the project itself declares, perhaps by mistake: %j', (declared, hint) => {
  const [, assignment] = /(\w+=\w+)$/.exec(declared)!
  const own = parseSchema(`# @type=port\n# WEB_PORT=8000\n# @optional @type=number\n# WORKER_ARGS=\n\n${declared}\n`, 'example')
  const found = findingsOf(own, `${assignment}\n`).filter(({ code }) => code === 'W13')
  expect(found.map(({ code, severity, line }) => `${code} ${severity} ${line}`)).toEqual(hint ? ['W13 warning 1'] : [])
  if (hint) expect(found[0]).toMatchObject({ message: expect.stringMatching(/ has no rule in example:\d\.$/), hint: expect.stringMatching(hint) })
})

test('the second line of a key is not called a setting, and not shown', () => {
  const text = `${fileWith({ SECRET_KEY: 'AAAAB3NzaC1yc2EAAAADAQ' })}qd7Ybdef9a==\n`
  const found = findings(text)
  expect(found.map(({ code, setting }) => [code, setting])).toEqual([['W13', null]])
  expect(found[0]!.hint).toMatch(/^If it belongs to the value above, put all of that on one line\./)
  expect(JSON.stringify(found)).not.toContain('def9')
})

test.each<[text: string, line?: number]>([
  ['A=1\nTOKEN=abc$def9#x(y\n', 2],
  ['TOKEN="abc${def9}"', 1],
  ["TOKEN='abc$def9#x(y'"],
  ['TOKEN=abc$$def9'],
  ['TOKEN=${def9:-none}'],
  ['SQLALCHEMY_DATABASE_URI=${DATABASE_URL}\nCOPY=$SQLALCHEMY_DATABASE_URI'],
])("a $ in the application's own env file: %j", (text, line) => {
  const own = fileWith({ APP_ENV_FILE: '.env.app' })
  const found = findings(own, { disk: diskWith({ '.env.app': text }) })
  expect(codesOf(own, found)).toEqual(line === undefined ? [] : ['W81 APP_ENV_FILE'])
  if (line !== undefined) expect(found[0]!.message).toMatch(new RegExp(`^\\.env\\.app:${line}  TOKEN has a \\$`))
  expect(JSON.stringify(found)).not.toContain('def9')
})

test('an unreadable setting is not judged, and neither is what needs Compose if Compose could not be asked', () => {
  const lines = readLines(fileWith({ REDIS_URL: 'redis://redsi', COMPOSE_PROFILES: 'flowr', WEB_PORT: 'x' }))
  expect(check({ schema, lines, values: {} })).toEqual([])
  expect(check({ schema, lines, values: valuesOf(fileWith({ REDIS_URL: 'redis://redsi', COMPOSE_PROFILES: 'flowr', WEB_PORT: 'x' })) }).map(({ code }) => code)).toEqual(['E11'])
})

test('what Compose refuses is reported once', () => {
  const text = fileWith({})
  const refusal = { code: 'E01', severity: 'error', line: 3, setting: null, message: 'm', hint: 'h' } as const
  const judge = (more: string): string[] => check({ schema, lines: readLines(text + more), values: valuesOf(text), refusal }).map(({ code, message }) => `${code} ${message}`)
  expect(judge('')).toEqual(['E01 m'])
  expect(judge('x\n')).toEqual(['E01 This line is neither a setting nor a comment.'])
})
