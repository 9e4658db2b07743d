/** Mistakes that people make, planted into the example one at a time: each is found, at its line, and nothing else is. */
import { expect, describe, test } from 'vitest'
import { readLines } from '../../../scripts/lib/env/file.ts'
import { example, findingsOf } from '../helpers/env-check.ts'
import { files, readText } from '../helpers/repository.ts'

type Edits = Record<string, string | null>

/** The example with other values; null takes the line out. */
function withEdits(text: string, edits: Edits): string {
  return Object.entries(edits).reduce((lines, [name, raw]) => {
    const line = new RegExp(`^${name}=.*$`, 'm')
    if (!line.test(lines)) return `${lines}${name}=${raw}\n`
    return raw === null ? lines.replace(new RegExp(`^${name}=.*\n`, 'm'), '') : lines.replace(line, () => `${name}=${raw}`)
  }, text)
}

/** Production with secrets of its own, which is in order. */
const production = withEdits(example, {
  COMPOSE_FILE: 'compose.yaml:compose.production.yaml', SITE_ADDRESS: 'shop.example.org', S3_PUBLIC_URL: 'https://files.example.org', STORAGE_SITE_ADDRESS: 'files.example.org',
  FLOWER_PASSWORD: '4f1c9b7e2a', MARIADB_PASSWORD: '1b7d3f9a5c2e', POSTGRES_PASSWORD: '8d2e6a0b4c1f', REDIS_PASSWORD: '93b5d7f1a2c8', S3_SECRET_ACCESS_KEY: 'c7a1e5b9d3f0',
  SECRET_KEY: 'e4a8c2f6b0d19573',
})

/** `CODE SETTING` with the line of the setting, or of `NAME@LINE`; without one where the setting is not in the file. */
function expected(text: string, found: readonly string[]): string[] {
  const lines = text.split('\n')
  return found.map((one) => {
    const [code, name = '', line] = one.split(/[ @]/)
    const at = lines.findLastIndex((content) => content.replace(/^export /, '').startsWith(`${name}=`) || content.startsWith(`${name} `) || content.startsWith(`${name}:`))
    return `${code} ${name || null} ${line ?? (at === -1 ? null : at + 1)}`
  }).toSorted()
}

const summary = (text: string, around?: Parameters<typeof findingsOf>[1]): string[] =>
  findingsOf(text, around).map(({ code, setting, line }) => `${code} ${setting} ${line}`).toSorted()

describe('nothing is found in', () => {
  test('the example', () => expect(findingsOf(example)).toEqual([]))
  test('production with secrets of its own', () => expect(findingsOf(production)).toEqual([]))
  test('a password that is percent-encoded in single quotes, and one that only looks like a reference', () => {
    const edits = { POSTGRES_PASSWORD: "'p@ss$word#1'", DATABASE_URL: "'postgresql+psycopg://postgres:p%40ss$word%231@db:5432/stories'" }
    expect(findingsOf(withEdits(example, edits))).toEqual([])
  })
  test.each(files.filter((file) => /^examples\/[^/]+\/env\.docker$/.test(file)))('%s', (file) => {
    expect(findingsOf(readText(file), { machine: { tracked: true, mode: 0o644 } })).toEqual([])
  })
})

type Row = [title: string, edits: Edits, found: string[]]

const inDevelopment: Row[] = [
  // The values of single settings.
  ['a port with a letter', { WEB_PORT: '80a' }, ['E11 WEB_PORT']],
  ['a port that there is not', { FLOWER_PORT: '70000' }, ['E11 FLOWER_PORT']],
  ['a misspelt choice', { WEB_SERVER: 'gunicron' }, ['E12 WEB_SERVER']],
  ['yes instead of true', { APP_READ_ONLY: 'yes' }, ['E11 APP_READ_ONLY']],
  ['a duration without a unit', { WORKER_STOP_GRACE: '30' }, ['E11 WORKER_STOP_GRACE']],
  ['a size without a unit', { REDIS_MAXMEMORY: '256' }, ['E11 REDIS_MAXMEMORY']],
  ['no processes at all', { WEB_CONCURRENCY: '0' }, ['E11 WEB_CONCURRENCY']],
  ['a required setting that is empty', { PYTHON_MANIFEST: '' }, ['E10 PYTHON_MANIFEST']],
  ['a misspelt name', { WEB_SEVER: 'gunicorn' }, ['W13 WEB_SEVER']],
  ['a name of somebody else', { DJANGO_SETTINGS_MODULE: 'shop.settings' }, ['W13 DJANGO_SETTINGS_MODULE']],
  ['a health path without its slash', { HEALTH_PATH: 'healthz' }, ['E11 HEALTH_PATH']],
  ['a whole URL as the health path', { FRONTEND_HEALTH_PATH: 'http://localhost/healthz' }, ['E11 FRONTEND_HEALTH_PATH']],
  ['a folder in the container without its slash', { APP_WRITABLE_DIR: 'logs' }, ['E11 APP_WRITABLE_DIR']],
  ['a URL without a scheme', { REDIS_URL: 'redis:6379' }, ['E11 REDIS_URL']],
  ['a database with a blank in its name', { POSTGRES_DB: "'my shop'" }, ['E11 POSTGRES_DB']],
  // Their form, where it is more than a type.
  ['the path of the application', { WEB_APP: 'stories/main.py' }, ['E11 WEB_APP']],
  ['a file with its object', { WEB_APP: 'main.py:app' }, ['E11 WEB_APP']],
  ['a factory without its module', { WEB_APP: "'create_app()'" }, ['E11 WEB_APP']],
  ['a command where the application has to be', { WEB_APP: "'gunicorn main:app'" }, ['E11 WEB_APP']],
  ['uvicorn without the object', { WEB_SERVER: 'uvicorn', WEB_APP: 'main' }, ['E11 WEB_APP']],
  ['gunicorn without the object, which it takes', { WEB_APP: 'main' }, []],
  ['an argument with a slash', { WEB_APP: `'stories:create_app("/etc/stories")'` }, []],
  ['what a command of its own does not read', { WEB_APP: 'main.py', WEB_COMMAND: "'python main.py'" }, []],
  ['the option of Celery', { CELERY_APP: "'-A stories.worker'" }, ['E11 CELERY_APP']],
  ['the path of the tasks', { CELERY_APP: 'stories/worker.py' }, ['E11 CELERY_APP']],
  ['a call of the tasks', { CELERY_APP: "'stories.worker:make()'" }, ['E11 CELERY_APP']],
  ['a URL as the host', { HEALTH_HOST: 'https://shop.example.org' }, ['E11 HEALTH_HOST']],
  ['a path of Windows', { APP_PYTHONPATH: "'/app;/app/stories'" }, ['E11 APP_PYTHONPATH']],
  ['Alpine Linux', { PYTHON_IMAGE: 'library/python:3.13-alpine' }, ['E11 PYTHON_IMAGE']],
  ['a registry with its scheme', { IMAGE_REGISTRY: 'https://mirror.example' }, ['E11 IMAGE_REGISTRY']],
  ['a registry with a slash', { IMAGE_REGISTRY: 'mirror.example/hub/' }, ['E11 IMAGE_REGISTRY']],
  ['the registry twice', { IMAGE_REGISTRY: 'mirror.example/hub', REDIS_IMAGE: 'mirror.example/hub/valkey/valkey:9.1' }, ['E11 REDIS_IMAGE']],
  ['the address of a site in development, where nobody reads it', { SITE_ADDRESS: '8080' }, []],
  // Secrets.
  ['a placeholder', { SECRET_KEY: 'changeme-changeme' }, ['E20 SECRET_KEY']],
  ['"password" as the password', { REDIS_PASSWORD: 'password' }, ['E20 REDIS_PASSWORD']],
  ['the user as the password', { POSTGRES_USER: 'shopkeeper', POSTGRES_PASSWORD: 'shopkeeper' }, ['E20 POSTGRES_PASSWORD']],
  ['a run of the keyboard', { FLOWER_PASSWORD: 'qwertyuiop12' }, ['E21 FLOWER_PASSWORD']],
  ['one character again and again', { POSTGRES_PASSWORD: 'aaaaaaaaaaaa' }, ['E21 POSTGRES_PASSWORD']],
  ['a short password', { POSTGRES_PASSWORD: 'x7Tq2' }, ['E21 POSTGRES_PASSWORD']],
  ['one password for two', { POSTGRES_PASSWORD: '8d2e6a0b4c1f', REDIS_PASSWORD: '8d2e6a0b4c1f' }, ['E23 REDIS_PASSWORD']],
  ['Flower without a password', { FLOWER_PASSWORD: '' }, ['E25 FLOWER_PASSWORD']],
  ['PostgreSQL without a password', { POSTGRES_PASSWORD: '' }, ['E25 POSTGRES_PASSWORD']],
  ['PostgreSQL without the line of its password', { POSTGRES_PASSWORD: null }, ['E80 DATABASE_URL']],
  ['a placeholder in angle brackets, in a URL too', { POSTGRES_PASSWORD: "'<your-password>'" }, ['E20 POSTGRES_PASSWORD']],
  ["a placeholder in somebody else's URL", { REDIS_URL: 'redis://:changeme@broker.example.org:6379/0' }, ['E20 REDIS_URL']],
  ['a command as a password', { POSTGRES_PASSWORD: '$(openssl rand -hex 24)' }, ['E20 POSTGRES_PASSWORD']],
  ['the same in backticks', { SECRET_KEY: '`openssl rand -hex 24`' }, ['E20 SECRET_KEY']],
  ['a secret that is shorter than it may be', { SECRET_KEY: 'short' }, ['E11 SECRET_KEY']],
  ["a mirror's password, which is what it is", { PIP_INDEX_URL: 'https://me:12345@mirror.example/simple' }, []],
  ["a mirror's password with an @", { PIP_INDEX_URL: 'https://me:p@ss@mirror.example/simple' }, ['E43 PIP_INDEX_URL']],
  ['the store without its key', { S3_SECRET_ACCESS_KEY: '' }, ['E25 S3_SECRET_ACCESS_KEY']],
  // Compose.
  ['a misspelt profile', { COMPOSE_PROFILES: 'postgres,redis,storage,beat,flowr' }, ['E38 COMPOSE_PROFILES']],
  ['profiles separated by blanks', { COMPOSE_PROFILES: "'postgres redis storage'" }, ['E38 COMPOSE_PROFILES']],
  ['profiles separated by semicolons', { COMPOSE_PROFILES: 'postgres;redis;storage' }, ['E38 COMPOSE_PROFILES']],
  ['the host of a service as its profile', { COMPOSE_PROFILES: 'db,redis,storage' }, ['E38 COMPOSE_PROFILES']],
  ['a service that always runs as a profile', { COMPOSE_PROFILES: 'web,redis,storage' }, ['E38 COMPOSE_PROFILES']],
  ['the name of a project with a blank', { COMPOSE_PROJECT_NAME: "'My Shop'" }, ['E72 COMPOSE_PROJECT_NAME']],
  ['the overlay alone', { COMPOSE_FILE: 'compose.override.yaml' }, ['E74 COMPOSE_FILE']],
  ['the overlay in front of what it changes', { COMPOSE_FILE: 'compose.override.yaml:compose.yaml' }, ['E74 COMPOSE_FILE']],
  ['an image without a tag', { POSTGRES_IMAGE: 'library/postgres' }, ['E36 POSTGRES_IMAGE']],
  ['the latest image', { REDIS_IMAGE: 'valkey/valkey:latest' }, ['E36 REDIS_IMAGE']],
  ['a base image without a tag, of a registry with a port', { PYTHON_IMAGE: 'mirror.example:5000/python' }, ['E36 PYTHON_IMAGE']],
  // Addresses.
  ['the database on localhost', { DATABASE_URL: 'postgresql://postgres:${POSTGRES_PASSWORD}@localhost:5432/stories' }, ['E40 DATABASE_URL']],
  ['the broker on 127.0.0.1', { REDIS_URL: 'redis://:${REDIS_PASSWORD}@127.0.0.1:6379/0' }, ['E40 REDIS_URL']],
  ['the store on localhost', { S3_ENDPOINT_URL: 'http://localhost:8333' }, ['W49 S3_ENDPOINT_URL']],
  ['two databases', { COMPOSE_PROFILES: 'postgres,mariadb,redis,storage,beat,flower' }, ['E39 DATABASE_URL']],
  ['MariaDB with the URL of PostgreSQL', { COMPOSE_PROFILES: 'mariadb,redis,storage,beat,flower' }, ['E82 DATABASE_URL']],
  ['PostgreSQL with the URL of MariaDB', { DATABASE_URL: 'mysql+pymysql://${MARIADB_USER}:${MARIADB_PASSWORD}@db:5432/${MARIADB_DATABASE}' }, ['E82 DATABASE_URL']],
  ['Redis with the scheme of a website', { REDIS_URL: 'http://redis:6379/0' }, ['E82 REDIS_URL']],
  ['Redis with TLS', { REDIS_URL: 'rediss://:${REDIS_PASSWORD}@redis:6379/0' }, ['E83 REDIS_URL']],
  ['the store with TLS', { S3_ENDPOINT_URL: 'https://storage:8333' }, ['E83 S3_ENDPOINT_URL']],
  ['the store with TLS and without its port', { S3_ENDPOINT_URL: 'https://storage' }, ['E83 S3_ENDPOINT_URL']],
  ['PostgreSQL with TLS', { DATABASE_URL: 'postgresql://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db/${POSTGRES_DB}?sslmode=verify-full' }, ['E83 DATABASE_URL']],
  ['two databases, and the database of one', { COMPOSE_PROFILES: 'postgres,mariadb,redis,storage', DATABASE_URL: 'postgresql://me:8d2e6a0bff@db:5432/else' }, ['E39 DATABASE_URL']],
  ['no database at all', { COMPOSE_PROFILES: 'redis,storage' }, ['W68 DATABASE_URL']],
  ["MariaDB with another's password", { COMPOSE_PROFILES: 'mariadb,redis,storage,beat,flower', DATABASE_URL: 'mysql+pymysql://stories:${POSTGRES_PASSWORD}@db:3306/stories?charset=utf8mb4' }, ['E44 DATABASE_URL']],
  ['a misspelt host', { REDIS_URL: 'redis://:${REDIS_PASSWORD}@redsi:6379/0' }, ['E41 REDIS_URL']],
  ['a service by half its name', { DATABASE_URL: 'postgresql://postgres:${POSTGRES_PASSWORD}@postgre:5432/stories' }, ['E41 DATABASE_URL']],
  ['another Redis, by its name', { REDIS_URL: 'redis://:${REDIS_PASSWORD}@redis2:6379/0' }, ['W46 REDIS_URL']],
  ['a host that nobody knows', { S3_ENDPOINT_URL: 'http://fileserver:9000' }, ['W46 S3_ENDPOINT_URL']],
  ['the published port', { STORAGE_PORT: '9000', S3_PUBLIC_URL: 'http://localhost:9000', S3_ENDPOINT_URL: 'http://storage:9000' }, ['E42 S3_ENDPOINT_URL']],
  ["another database's port", { DATABASE_URL: 'postgresql://postgres:${POSTGRES_PASSWORD}@db:5433/stories' }, ['E42 DATABASE_URL']],
  ['no port where the usual one is wrong', { S3_ENDPOINT_URL: 'http://storage' }, ['E42 S3_ENDPOINT_URL']],
  ['a password with an @ in a URL', { POSTGRES_PASSWORD: "'8d2e@a0b4c1f'" }, ['E43 DATABASE_URL']],
  ['a password with a slash in a URL', { REDIS_PASSWORD: "'8d2e/a0b4c1f'" }, ['E43 REDIS_URL']],
  ['such a password in the URL itself', { REDIS_URL: "'redis://:8d2e#a0b@redis:6379/0'" }, ['E43 REDIS_URL']],
  ['another password than the database has', { DATABASE_URL: 'postgresql://postgres:8d2e6a0b4c1f@db:5432/stories' }, ['E44 DATABASE_URL']],
  ['no password where Redis has one', { REDIS_URL: 'redis://redis:6379/0' }, ['E44 REDIS_URL']],
  ['the password as the user', { REDIS_URL: 'redis://${REDIS_PASSWORD}@redis:6379/0' }, ['E44 REDIS_URL']],
  ["a placeholder in place of a service's own password", { REDIS_URL: 'redis://:changeme@redis:6379/0' }, ['E44 REDIS_URL']],
  ['another database than is made', { DATABASE_URL: 'postgresql://postgres:${POSTGRES_PASSWORD}@db:5432/shop' }, ['W45 DATABASE_URL']],
  ['another user than is made', { DATABASE_URL: 'postgresql://shop:${POSTGRES_PASSWORD}@db:5432/stories' }, ['W45 DATABASE_URL']],
  ['a public address where nothing is published', { STORAGE_PORT: '9000' }, ['W47 S3_PUBLIC_URL']],
  // Ports.
  ['two services on one port', { FLOWER_PORT: '8000' }, ['E50 FLOWER_PORT']],
  ["the debugger on another's port", { DEBUG_PORT: '5555' }, ['E50 DEBUG_PORT']],
  ["web on the store's port", { WEB_PUBLISHED_PORT: '8333' }, ['E50 WEB_PUBLISHED_PORT']],
  ["a range with the store's port in it", { WEB_PUBLISHED_PORT: '8330-8340' }, ['W93 WEB_PUBLISHED_PORT']],
  ['a published port with its address', { WEB_PUBLISHED_PORT: '0.0.0.0:8080' }, ['E54 WEB_PUBLISHED_PORT']],
  ['the server on the port of the debugger', { DEBUG_PORT: '5678', WEB_PORT: '5678' }, ['E50 DEBUG_PORT']],
  ['the debugger on the port of the server', { DEBUG_PORT: '8000' }, ['E50 DEBUG_PORT']],
  ['a published port that is none', { WEB_PUBLISHED_PORT: '80x' }, ['E54 WEB_PUBLISHED_PORT']],
  ['a range that goes backwards', { WEB_PUBLISHED_PORT: '8009-8000' }, ['E54 WEB_PUBLISHED_PORT']],
  // What goes together.
  ['more connections than PostgreSQL takes', { WEB_CONCURRENCY: '8' }, ['W63 WEB_CONCURRENCY']],
  ['a worker that is killed too early', { WORKER_STOP_GRACE: '15s' }, ['W65 WORKER_STOP_GRACE']],
  ['a time-out that the tasks outlive', { WORKER_VISIBILITY_TIMEOUT: '60', WORKER_ARGS: "'--loglevel=info --time-limit=300'" }, ['W66 WORKER_VISIBILITY_TIMEOUT']],
  ['half a key to the store', { S3_ACCESS_KEY_ID: '' }, ['E67 S3_ACCESS_KEY_ID']],
  ['half a key to a store elsewhere', { COMPOSE_PROFILES: 'postgres,redis', S3_ENDPOINT_URL: 'https://s3.example.org', S3_PUBLIC_URL: '', S3_SECRET_ACCESS_KEY: '' }, ['E67 S3_SECRET_ACCESS_KEY']],
  ['a frontend without its folder', { FRONTEND: 'build', FRONTEND_BUILD_COMMAND: "'npm ci'" }, ['E67 FRONTEND_DIR']],
  ['a frontend that is a server, without its folder', { COMPOSE_PROFILES: 'postgres,redis,storage,beat,flower,frontend' }, ['E67 FRONTEND_DIR']],
  ['nothing to start', { WEB_APP: '' }, ['E67 WEB_APP']],
  ['Redis switched off and still referred to', { COMPOSE_PROFILES: 'postgres,storage,beat,flower' }, ['W68 REDIS_URL']],
  ['the store switched off and still referred to', { COMPOSE_PROFILES: 'postgres,redis,beat,flower' }, ['W68 S3_ENDPOINT_URL']],
  ['the store switched off and browsers still sent there', { COMPOSE_PROFILES: 'postgres,redis', S3_ENDPOINT_URL: '' }, ['W47 S3_PUBLIC_URL']],
  // Lists, commands and arguments.
  ['packages separated by commas', { APT_PACKAGES: 'ffmpeg,libpq5' }, ['W89 APT_PACKAGES']],
  ['queues separated by blanks', { WORKER_QUEUES: "'extract graph'" }, ['W89 WORKER_QUEUES']],
  ['queues with blanks behind the commas', { WORKER_QUEUES: "'extract, graph'" }, []],
  ['hosts separated by semicolons', { NO_PROXY: "'mirror.example;.internal'" }, ['W89 NO_PROXY']],
  ['a version with a comma, which is no list', { PYTHON_CONSTRAINTS: "'numpy>=1,<2'" }, []],
  ['an address that the server has already', { WEB_ARGS: "'--bind=0.0.0.0:9000'" }, ['W90 WEB_ARGS']],
  ['processes in two places', { WEB_ARGS: '-w4' }, ['W90 WEB_ARGS']],
  ['an option that only begins so', { WEB_ARGS: "'--worker-connections 50'" }, []],
  ['queues in two places', { WORKER_ARGS: "'-Q extract'" }, ['W90 WORKER_ARGS']],
  ['beat in the worker', { WORKER_ARGS: '-B' }, ['W91 WORKER_ARGS']],
  ['a worker without a heartbeat', { WORKER_ARGS: '--without-heartbeat' }, ['W91 WORKER_ARGS']],
  ['another scheduler', { BEAT_ARGS: "'--scheduler django_celery_beat.schedulers:DatabaseScheduler'" }, ['W91 BEAT_ARGS']],
  ['a server in its own container', { WEB_COMMAND: "'gunicorn --bind 127.0.0.1:8000 stories:app'" }, ['W92 WEB_COMMAND']],
  ["Django's server without an address", { WEB_COMMAND: "'python manage.py runserver 8000'" }, ['W92 WEB_COMMAND']],
  ["Django's server for everybody", { WEB_COMMAND: "'python manage.py runserver 0.0.0.0:8000'" }, []],
  ['reload in development', { WEB_ARGS: '--reload' }, []],
  // The file.
  ['a bare $ in a password', { REDIS_PASSWORD: '8d2e$wa0b4c1f9' }, ['W81 REDIS_PASSWORD']],
  ['references without braces', { DATABASE_URL: 'postgresql+psycopg://$POSTGRES_USER:$POSTGRES_PASSWORD@db:5432/$POSTGRES_DB' }, ['W03 DATABASE_URL']],
  // References.
  ['a misspelt reference', { DATABASE_URL: 'postgresql://${POSTGRES_USER}:${POSTGRES_PASSWROD}@db:5432/${POSTGRES_DB}' }, ['E80 DATABASE_URL']],
  ['a misspelt reference without braces', { DATABASE_URL: 'postgresql://$POSTGRES_USR:$POSTGRES_PASSWORD@db:5432/$POSTGRES_DB' }, ['E80 DATABASE_URL']],
  ['a reference to what stands below', { POSTGRES_DB: '${S3_BUCKET}' }, ['E80 POSTGRES_DB']],
  ['a reference to what is not there', { POSTGRES_DB: null }, ['E80 DATABASE_URL']],
  ['a reference to itself', { FLOWER_USER: '${FLOWER_USER}' }, ['E80 FLOWER_USER']],
  ['references in single quotes', { DATABASE_URL: "'postgresql://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432/${POSTGRES_DB}'" }, ['E80 DATABASE_URL']],
  ['a reference in single quotes as a secret', { SECRET_KEY: "'${FLOWER_PASSWORD}'" }, ['E80 SECRET_KEY']],
  ['what only looks like one, in a secret and in a command', { SECRET_KEY: "'8d2e {WEB_PORT} $WEB_PORT a0b4'", SEED_COMMAND: "'seed ${WEB_PORT}'" }, []],
  ['a reference without its $', { REDIS_URL: 'redis://:{REDIS_PASSWORD}@redis:6379/0' }, ['E80 REDIS_URL']],
  ['a reference to a name that nobody has set', { SEED_COMMAND: '"seed $COLOUR"' }, ['W81 SEED_COMMAND']],
  ['a # in a value', { WEB_APP: 'stories#create' }, ['W03 WEB_APP']],
  ['a quote of a word processor', { SEED_COMMAND: '“flask seed”' }, ['W78 SEED_COMMAND']],
  ['the same where a number belongs', { WEB_CONCURRENCY: '“2”' }, ['E11 WEB_CONCURRENCY']],
  ['a port with a zero in front', { WEB_PORT: '08000' }, ['W79 WEB_PORT']],
  ['blanks around the sign', { 'WEB_ARGS ': ' --reload' }, ['E02 WEB_ARGS', 'W04 WEB_ARGS']],
]

const inProduction: Row[] = [
  ['the overlay of production alone', { COMPOSE_FILE: 'compose.production.yaml' }, ['E74 COMPOSE_FILE']],
  ['both overlays', { COMPOSE_FILE: 'compose.yaml:compose.override.yaml:compose.production.yaml' }, ['E75 COMPOSE_FILE']],
  ["the example's password", { POSTGRES_PASSWORD: 'postgres-local-only' }, ['E20 POSTGRES_PASSWORD']],
  ['Redis without a password', { REDIS_PASSWORD: '', REDIS_URL: 'redis://redis:6379/0' }, ['E25 REDIS_PASSWORD']],
  ['a public address of this machine', { S3_PUBLIC_URL: 'http://localhost:8333' }, ['W47 S3_PUBLIC_URL']],
  ['files by a name to which the proxy does not answer', { STORAGE_SITE_ADDRESS: '' }, ['W47 S3_PUBLIC_URL']],
  ['files by another name than the proxy has', { STORAGE_SITE_ADDRESS: 'https://static.example.org' }, ['W47 S3_PUBLIC_URL']],
  ['one of several names, and a site with its scheme', { STORAGE_SITE_ADDRESS: "'static.example.org, https://files.example.org:443'" }, []],
  ['files of a store elsewhere', { S3_ENDPOINT_URL: 'https://s3.example.org', STORAGE_SITE_ADDRESS: '' }, []],
  ['a database in a file of the source', { DATABASE_URL: 'sqlite:///shop.db' }, ['W84 DATABASE_URL']],
  ['the same by its whole path', { DATABASE_URL: 'sqlite+aiosqlite:////app/shop.db' }, ['W84 DATABASE_URL']],
  ['a database in the volume', { DATABASE_URL: 'sqlite:////data/shop.db' }, []],
  ['a database in memory', { DATABASE_URL: 'sqlite:///:memory:' }, []],
  ['TLS to others', { REDIS_URL: 'rediss://:8d2e6a0bff@broker.example.org:6379/0', DATABASE_URL: 'postgresql://me:8d2e6a0bfe@db.example.org/shop?sslmode=require' }, []],
  ['a broker elsewhere without encryption', { REDIS_URL: 'redis://:8d2e6a0bff@broker.example.org:6379/0' }, ['W48 REDIS_URL']],
  ['both ports of the proxy the same', { PROXY_HTTP_PORT: '443' }, ['E50 PROXY_HTTP_PORT']],
  ['a name where an address has to be', { PROXY_BIND: 'localhost' }, ['E11 PROXY_BIND']],
  ['a port as the site', { SITE_ADDRESS: '8080' }, ['E11 SITE_ADDRESS']],
  ['a site with a slash', { SITE_ADDRESS: 'https://shop.example.org/' }, ['E11 SITE_ADDRESS']],
  ['two sites', { SITE_ADDRESS: "'shop.example.org, http://www.shop.example.org:8080'" }, []],
  ['a site that only this machine calls so', { SITE_ADDRESS: 'http://localhost:8080' }, ['W95 SITE_ADDRESS']],
  ['the store under the name of the site', { STORAGE_SITE_ADDRESS: 'https://shop.example.org', S3_PUBLIC_URL: 'https://shop.example.org' }, ['E96 STORAGE_SITE_ADDRESS']],
  ['reload in production', { WEB_ARGS: '--reload' }, ['W94 WEB_ARGS']],
  ['proxies separated by commas', { TRUSTED_PROXIES: "'10.0.0.0/8, 192.168.0.0/16'" }, ['W89 TRUSTED_PROXIES']],
  ['more for Redis to keep', { REDIS_MAXMEMORY: '400mb' }, ['W97 REDIS_MEMORY']],
  ['visitors for a frontend that is off', { SITE_SERVICE: 'frontend' }, ['E67 SITE_SERVICE']],
  ['more memory than there is', { WORKER_MEMORY: '20g' }, ['W64 WORKER_MEMORY']],
]

test.each(inDevelopment)('in development: %s', (_, edits, found) => {
  const text = withEdits(example, edits)
  expect(summary(text)).toEqual(expected(text, found))
})

test.each(inProduction)('in production: %s', (_, edits, found) => {
  const text = withEdits(production, edits)
  expect(summary(text)).toEqual(expected(text, found))
})

test('a weak secret is a warning in development and an error in production', () => {
  const severities = [example, production].map((text) => findingsOf(withEdits(text, { FLOWER_PASSWORD: 'qwertyuiop12' })).map(({ severity }) => severity))
  expect(severities).toEqual([['warning'], ['error']])
})

test.each([
  ['compose.production.yaml', 'COMPOSE_FILE names compose.production.yaml without compose.yaml, which it changes.', 'COMPOSE_FILE=compose.yaml:compose.production.yaml'],
  ['compose.override.yaml:compose.yaml', 'COMPOSE_FILE names compose.override.yaml before compose.yaml, which it changes.', 'COMPOSE_FILE=compose.yaml:compose.override.yaml'],
  ['compose.yaml:compose.override.yaml:compose.production.yaml:mine.yaml', expect.stringContaining('names both'), 'For production: COMPOSE_FILE=compose.yaml:compose.production.yaml:mine.yaml'],
])('COMPOSE_FILE=%s', (list, message, hint) => {
  expect(findingsOf(withEdits(production, { COMPOSE_FILE: list }))).toMatchObject([{ message: message as string, hint }])
})

test('a file of another name may be the base of an overlay', () => {
  expect(summary(withEdits(example, { COMPOSE_FILE: 'base.yaml:compose.yaml:compose.override.yaml' }))).toEqual([])
})

test('a password whose line is not there is said to be missing, and --init adds it', () => {
  expect(findingsOf(withEdits(example, { FLOWER_PASSWORD: null }))).toMatchObject([{
    message: 'FLOWER_PASSWORD is missing, and flower is switched on: it does not start without a password.',
    hint: 'npm run env -- --init adds it and makes a value; or take flower out of COMPOSE_PROFILES.',
  }])
})

describe('advice that ends in a setting holds:', () => {
  test.each<[title: string, base: string, edits: Edits, advice: string]>([
    ['MariaDB with the URL of PostgreSQL', example, { COMPOSE_PROFILES: 'mariadb,redis,storage' },
      'DATABASE_URL=mysql+pymysql://${MARIADB_USER}:${MARIADB_PASSWORD}@db:3306/${MARIADB_DATABASE}?charset=utf8mb4'],
    ['PostgreSQL with the URL of MariaDB', example, { DATABASE_URL: 'mysql://db/x' }, 'DATABASE_URL=postgresql+psycopg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432/${POSTGRES_DB}'],
    ['no password', example, { REDIS_URL: 'redis://redis:6379/1' }, 'REDIS_URL=redis://:${REDIS_PASSWORD}@redis:6379/1'],
    ['the password as the user', example, { REDIS_URL: 'redis://${REDIS_PASSWORD}@redis:6379/0' }, 'REDIS_URL=redis://:${REDIS_PASSWORD}@redis:6379/0'],
    ['no scheme', example, { DATABASE_URL: 'db:5432/stories' }, 'DATABASE_URL=postgresql+psycopg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432/${POSTGRES_DB}'],
    ['a proxy without a scheme', example, { HTTP_PROXY: 'proxy:3128' }, 'HTTP_PROXY=http://proxy.example:3128'],
    ['a site that the proxy does not know', production, { STORAGE_SITE_ADDRESS: '' }, 'STORAGE_SITE_ADDRESS=files.example.org'],
    ['a database in the source', production, { DATABASE_URL: 'sqlite:///shop.db' }, 'DATABASE_URL=sqlite:////data/shop.db'],
  ])('%s', (_, base, edits, advice) => {
    const [found, ...more] = findingsOf(withEdits(base, edits))
    expect([found?.hint.slice(-advice.length), ...more]).toEqual([advice])
    const [name, ...value] = advice.split('=')
    expect(findingsOf(withEdits(base, { ...edits, [name!]: value.join('=') }))).toEqual([])
  })

  test('a password that breaks the URL: another one, or the same percent-encoded there, but no reference to it', () => {
    const password = { POSTGRES_PASSWORD: "'8d2e@a0b4c1f'" }
    const inUrl = (text: string): Edits => ({ ...password, DATABASE_URL: `postgresql://${text}@db:5432/stories` })
    expect(findingsOf(withEdits(example, inUrl('${POSTGRES_USER}:8d2e%40a0b4c1f')))).toEqual([])
    expect(findingsOf(withEdits(example, inUrl('${POSTGRES_USER}:other-8d2e'))).map(({ hint }) => hint)).toEqual([expect.not.stringContaining('${')])
  })

  test('where one of two databases is meant, its name and its profile', () => {
    const hints = ['postgres,mariadb', 'redis'].map((profiles) => findingsOf(withEdits(example, { COMPOSE_PROFILES: profiles, REDIS_URL: '', S3_ENDPOINT_URL: '', S3_PUBLIC_URL: '' }))[0]?.hint)
    expect(hints).toEqual([
      'Take mariadb out of COMPOSE_PROFILES, or write postgres:5432 instead of db in DATABASE_URL.',
      'Add postgres to COMPOSE_PROFILES, write the address of the one that you use, or leave DATABASE_URL empty.',
    ])
  })

  test.each<[title: string, edits: Edits, hint: RegExp]>([
    ['a misspelt reference', { DATABASE_URL: 'postgresql://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432/${POSTGRES_DBB}' }, /^Did you mean POSTGRES_DB\?$/],
    ['one to a line below', { POSTGRES_DB: '${S3_BUCKET}' }, /^It stands on line \d+: move POSTGRES_DB below it\.$/],
    ['one in single quotes', { REDIS_URL: "'redis://:${REDIS_PASSWORD}@redis:6379/0'" }, /^Take the quotes away\.$/],
    ['one without its $', { REDIS_URL: 'redis://:{REDIS_PASSWORD}@redis:6379/0' }, /^Write \$\{REDIS_PASSWORD\}\.$/],
    ['a database password', { POSTGRES_PASSWORD: 'changeme' }, /openssl rand -hex 24\. If the database exists already, change it there as well/],
    ['a password of others', { PIP_INDEX_URL: 'https://me:password@mirror.example/simple' }, /^Write the one that the other side has given you\.$/],
    ['the store switched off', { COMPOSE_PROFILES: 'postgres,redis' }, /leave S3_ENDPOINT_URL and S3_PUBLIC_URL empty\.$/],
    ['a host that nobody knows', { S3_ENDPOINT_URL: 'http://fileserver:9000' }, /^The services are web, db, redis, storage;/],
    ['two $ for one', { FLOWER_PASSWORD: 'qwrt$$78a921' }, /^Put the value in single quotes, with one \$ for every two\.$/],
    ['a #', { WEB_APP: 'stories#create' }, /^Put the value in single quotes\.$/],
  ])('%s', (_, edits, hint) => {
    expect(findingsOf(withEdits(example, edits))).toEqual([expect.objectContaining({ hint: expect.stringMatching(hint) as string })])
  })
})

describe('in the file as it is written:', () => {
  test.each<[title: string, text: string, found: string[]]>([
    ['line endings of Windows', example.replaceAll('\n', '\r\n'), ['W05 @1']],
    ['a byte order mark', `\uFEFF${example}`, ['W05 @1']],
    ['export', example.replace(/^WEB_PORT=/m, 'export WEB_PORT='), ['W04 WEB_PORT']],
    ['a colon', example.replace(/^WEB_PORT=/m, 'WEB_PORT: '), ['W04 WEB_PORT']],
    ['a blank behind the sign', example.replace(/^WEB_PORT=/m, 'WEB_PORT= '), ['W04 WEB_PORT']],
    ['an open quote', example.replace(/^WEB_ARGS=.*/m, 'WEB_ARGS="--reload'), ['E01 WEB_ARGS']],
    ['an open quote around what web starts', example.replace(/^WEB_APP=.*/m, 'WEB_APP="stories'), ['E01 WEB_APP']],
    ['a line without a sign', example.replace(/^WEB_ARGS=/m, 'WEB_ARGS'), ['E01 @207']],
    ['a setting twice', example.replace(/^WEB_ARGS=/m, 'WEB_APP=stories:create_app()\nWEB_ARGS='), ['E02 WEB_APP']],
    ['nothing', '', ['E76']],
    ['nothing but comments', example.replaceAll(/^[A-Z]/gm, '# $&'), ['E76']],
    ['the file twice', `${example}\n${example}`, [`E02 @${example.split('\n').length + 1 + example.split('\n').findIndex((line) => line.startsWith('COMPOSE_PROJECT_NAME='))}`]],
    ['five settings twice', `${example}WEB_PORT=8000\nDEBUG_PORT=\nWEB_ARGS=\nWEB_THREADS=16\nSITE_SERVICE=web\n`, ['E02 WEB_PORT', 'E02 DEBUG_PORT', 'E02 WEB_ARGS', 'E02 WEB_THREADS', 'E02 SITE_SERVICE']],
    ['UTF-16, as PowerShell writes it', Buffer.from(`\uFEFF${example}`, 'utf16le').toString('utf8'), ['E01 @1']],
  ])('%s', (_, text, found) => {
    const line = text.split('\n').findIndex((content) => content === 'WEB_ARGS') + 1
    expect(summary(text)).toEqual(expected(text, found.map((one) => one.replace('@207', `@${line}`))))
  })
})

describe('in what an adopter changes:', () => {
  const own = (line: string): string => `services:\n  mine:\n    image: example/mine:1\n    ${line}\n`
  test.each<[title: string, around: Parameters<typeof findingsOf>[1], found: string[]]>([
    ['a setting that nobody declared', { more: own('environment: { A: "${SHOP_COLOUR}" }') }, ['W30 SHOP_COLOUR']],
    ['a declared setting that nothing reads', { schemaText: `${example}\n# Colour.\n# @optional @service(web)\nSHOP_COLOUR=\n` }, ['W31 SHOP_COLOUR']],
    ['a reader that does not get it', { schemaText: example.replace('@type=port @service(web)', '@type=port @service(web, beat)') }, ['W32 WEB_PORT']],
    ['two defaults', { schemaText: example.replace(/^FLOWER_USER=.*/m, 'FLOWER_USER=boss') }, ['W33 FLOWER_USER']],
    ['a secret with a default', { more: own('environment: { A: "${HTTP_PROXY:-http://proxy}" }') }, ['W34 HTTP_PROXY', 'W35 HTTP_PROXY']],
    ['a secret for a service that does not list it', { more: own('environment: { A: "${SECRET_KEY:-}" }') }, ['W35 SECRET_KEY']],
    ['a secret that is not declared as one', { schemaText: example.replace('# @optional @sensitive @type=string(minLength=16) @generate=hex(32) @service(web', '# @optional @service(web') }, ['W24 SECRET_KEY']],
    ['an image without a version', { more: 'services:\n  mine:\n    image: example/mine\n' }, ['E36']],
    ['an image that is never pulled', { more: 'services:\n  mine:\n    image: example/mine\n    pull_policy: never\n' }, []],
    ['a database on every address', { more: 'services:\n  postgres:\n    ports: ["5432:5432"]\n' }, ['E53']],
    ['the same on this machine alone', { more: 'services:\n  postgres:\n    ports: ["127.0.0.1:5432:5432"]\n' }, []],
    ['a service of theirs on a port of ours', { more: own('ports: ["127.0.0.1:${WEB_PORT}:80"]') }, ['E50 WEB_PORT']],
  ])('%s', (_, around, found) => {
    const text = withEdits(example, { FLOWER_USER: null })
    expect(summary(text, around)).toEqual(expected(text, found))
  })

  test('in a network of others there may be any host', () => {
    const text = withEdits(example, { S3_ENDPOINT_URL: 'http://fileserver:9000', REDIS_URL: 'redis://redsi:6379/0' })
    expect(summary(text, { more: 'networks: { theirs: { external: true } }' })).toEqual(expected(text, ['W46 REDIS_URL']))
  })

  test('a host of theirs is known', () => {
    const text = withEdits(example, { S3_ENDPOINT_URL: 'http://mine:9000' })
    expect(summary(text, { more: own('ports: []') })).toEqual([])
    expect(summary(text, { more: own('extra_hosts: ["mine:10.0.0.1"]').replace('  mine:', '  other:') })).toEqual([])
  })
})

describe('in the folders and files that it names:', () => {
  const frontend = { FRONTEND: 'build', FRONTEND_BUILD_COMMAND: "'npm ci'" }
  test.each<[title: string, edits: Edits, found: string[], hint?: string | RegExp]>([
    ['the beginning of a folder', { APP_DIR: 'ap' }, ['E85 APP_DIR'], 'Did you mean app?'],
    ['a misspelt folder in another', { APP_DIR: 'examples/podcats' }, ['E85 APP_DIR'], 'Did you mean template/examples/podcast?'],
    ['the path on this machine', { APP_DIR: '/home/me/shop/app' }, ['E85 APP_DIR'], 'APP_DIR=app'],
    ['a path of Windows', { APP_DIR: String.raw`'examples\podcast'` }, ['E85 APP_DIR'], 'APP_DIR=template/examples/podcast'],
    ['a folder above', { APP_DIR: '..' }, ['E85 APP_DIR'], /APP_DIR=\. is this one itself/],
    ['a folder at home', { APP_DIR: "'~/app'" }, ['E85 APP_DIR'], /seen from this one/],
    ['a file in place of a folder', { APP_DIR: 'package.json' }, ['E85 APP_DIR'], /seen from this one/],
    ['a folder with dot and slash', { APP_DIR: './app/' }, []],
    ['the folder in the container', { APP_WORKDIR: '/app/stories' }, ['E85 APP_WORKDIR'], 'APP_WORKDIR=stories'],
    ['the folder as it is seen from here', { APP_WORKDIR: 'app/stories' }, ['E85 APP_WORKDIR'], 'APP_WORKDIR=stories'],
    ['a misspelt file', { PYTHON_MANIFEST: 'requirement.txt' }, ['E85 PYTHON_MANIFEST'], 'Did you mean requirements.txt?'],
    ['the file as it is seen from here', { PYTHON_MANIFEST: 'app/requirements.txt' }, ['E85 PYTHON_MANIFEST'], 'PYTHON_MANIFEST=requirements.txt'],
    ['a file outside of the application', { PYTHON_MANIFEST: '../package.json' }, ['E85 PYTHON_MANIFEST'], /APP_DIR has .*requirements\.txt\.$/],
    ['a folder in place of a file', { PYTHON_MANIFEST: 'stories' }, ['E85 PYTHON_MANIFEST'], /seen from APP_DIR/],
    ['a file of the tests that is not there', { PYTHON_DEV_MANIFEST: 'dev.txt' }, ['E85 PYTHON_DEV_MANIFEST'], /leave PYTHON_DEV_MANIFEST empty/],
    ['a project without a lock', { PYTHON_MANIFEST: 'pyproject.toml' }, ['E86 PYTHON_MANIFEST'], 'Make a lock there: uv lock'],
    ['a project that pip cannot install', { PYTHON_MANIFEST: 'pyproject.toml', PYTHON_INSTALLER: 'pip' }, ['E86 PYTHON_MANIFEST'], /^PYTHON_INSTALLER=uv/],
    ['the lock of another installer', { APP_DIR: 'template/examples/transcripts', PYTHON_MANIFEST: 'pyproject.toml', PYTHON_DEV_MANIFEST: '' }, ['E86 PYTHON_MANIFEST'], /^PYTHON_INSTALLER=poetry/],
    ['a lock in place of its project', { APP_DIR: 'template/examples/transcripts', PYTHON_MANIFEST: 'poetry.lock', PYTHON_DEV_MANIFEST: '' }, ['E86 PYTHON_MANIFEST'], 'PYTHON_MANIFEST=pyproject.toml'],
    ['poetry with a requirements file', { PYTHON_INSTALLER: 'poetry' }, ['E86 PYTHON_INSTALLER'], 'PYTHON_INSTALLER=uv'],
    ['a frontend that is not there', { ...frontend, FRONTEND_DIR: 'frontent' }, ['E85 FRONTEND_DIR'], 'Write the folder as it is seen from this one.'],
    ['a frontend that is not built', { FRONTEND_DIR: 'frontent' }, []],
    ['certificates that are not there', { EXTRA_CA_FILE: 'no/such.pem' }, ['E85 EXTRA_CA_FILE'], /leave EXTRA_CA_FILE empty/],
    ['certificates that are no text', { EXTRA_CA_FILE: 'docker/ca.der' }, ['E85 EXTRA_CA_FILE'], /leave EXTRA_CA_FILE empty/],
    ['certificates where nobody may look', { EXTRA_CA_FILE: '/root/ca.pem' }, []],
    ['certificates that are made first', { APP_CA_FILE: 'no/such.pem' }, []],
    ['certificates of the application', { APP_CA_FILE: 'docker/ca.pem' }, ['E85 APP_CA_FILE'], 'Did you mean docker/ca.der?'],
    ['a folder of Python that is not there', { APP_PYTHONPATH: '/app:/app/storys' }, ['W87 APP_PYTHONPATH'], 'Did you mean /app/stories?'],
    ['folders of Python that are there, or of which nobody knows', { APP_PYTHONPATH: 'stories:/opt/x:/app/stories/' }, []],
    ["the application's file with a letter less", { APP_ENV_FILE: 'template/examples/agent/ap.env' }, ['W87 APP_ENV_FILE'], 'Did you mean template/examples/agent/app.env?'],
    ["the application's file that is not there", { APP_ENV_FILE: 'shop.env' }, []],
    ['this file for the application', { APP_ENV_FILE: './.env.docker' }, ['E88 APP_ENV_FILE'], /^APP_ENV_FILE=\.env\.app, /],
    ['this file for the frontend', { FRONTEND_ENV_FILE: '.env.docker' }, ['E88 FRONTEND_ENV_FILE'], /^FRONTEND_ENV_FILE=\.env\.frontend, /],
  ])('%s', (_, edits, found, hint = '') => {
    const text = withEdits(example, edits)
    const around = { paths: [...files, 'docker/ca.der'], certificates: { 'docker/ca.der': '\u0000\u0001' } }
    expect(summary(text, around)).toEqual(expected(text, found))
    expect(findingsOf(text, around).map((one) => one.hint).join('')).toMatch(hint)
  })
})

describe('on this machine:', () => {
  test.each<[title: string, machine: NonNullable<Parameters<typeof findingsOf>[1]>['machine'], edits: Edits, found: string[]]>([
    ['a variable of the shell in front of the setting', { shell: { WEB_PORT: '9000' } }, {}, ['W70 WEB_PORT']],
    ['an empty one', { shell: { POSTGRES_PASSWORD: '' } }, {}, ['W70 POSTGRES_PASSWORD']],
    ['the same value', { shell: { WEB_PORT: '8000' } }, {}, []],
    ['a proxy, which is meant to be there', { shell: { HTTP_PROXY: 'http://proxy:3128', PATH: '/bin' } }, {}, []],
    ['a stack that the shell chooses', { shell: { COMPOSE_PROJECT_NAME: 'shop' } }, { COMPOSE_PROJECT_NAME: null }, ['W71 COMPOSE_PROJECT_NAME']],
    ['secrets in git', { tracked: true, mode: 0o644 }, { SECRET_KEY: 'e4a8c2f6b0d19573' }, ['E06 @1']],
    ['secrets that others can read', { tracked: false, mode: 0o640 }, { SECRET_KEY: 'e4a8c2f6b0d19573' }, ['W07 @1']],
    ['secrets that git does not know of yet', { tracked: false, ignored: false, mode: 0o600 }, { SECRET_KEY: 'e4a8c2f6b0d19573' }, ['W77 @1']],
    ['secrets that git ignores', { tracked: false, ignored: true, mode: 0o600 }, { SECRET_KEY: 'e4a8c2f6b0d19573' }, []],
    ["a file with the example's secrets alone", { tracked: false, ignored: false, mode: 0o600 }, {}, []],
    ['secrets of its owner alone', { tracked: false, mode: 0o600 }, { SECRET_KEY: 'e4a8c2f6b0d19573' }, []],
  ])('%s', (_, machine, edits, found) => {
    const text = withEdits(example, edits)
    expect(summary(text, { machine: { ...machine } })).toEqual(expected(text, found))
  })
})

test.each<[title: string, edits: Edits, hint: string]>([
  ['profiles separated by blanks', { COMPOSE_PROFILES: "'postgres redis storage'" }, 'Separate them by commas: postgres,redis,storage'],
  ['the host of a service as its profile', { COMPOSE_PROFILES: 'db,redis,storage' }, 'Write postgres or mariadb.'],
  ['a service that always runs', { COMPOSE_PROFILES: 'web,postgres,redis,storage' }, 'web always runs: leave it out.'],
  ['a frontend without its folder', { FRONTEND: 'build', FRONTEND_BUILD_COMMAND: "'npm ci'" }, 'Set FRONTEND_DIR too, or write FRONTEND=none.'],
  ['half a key to the local store, which needs it', { S3_ACCESS_KEY_ID: '' }, 'Set S3_ACCESS_KEY_ID too.'],
  ['a path as the application', { WEB_APP: 'app/stories/main.py' }, 'WEB_APP=stories.main:app'],
  ['a factory without its module', { WEB_APP: "'stories.web.create_app()'" }, 'WEB_APP=stories.web:create_app()'],
  ['the options of Celery', { CELERY_APP: "'celery -A stories.worker worker'" }, 'CELERY_APP=stories.worker'],
  ['Alpine Linux', { PYTHON_IMAGE: 'library/python:3.13-alpine3.20' }, 'PYTHON_IMAGE=library/python:3.13-slim'],
  ['a range that goes backwards', { WEB_PUBLISHED_PORT: '8009-8000' }, 'Write 8000-8009.'],
])('what to write instead of %s', (_, edits, hint) => {
  expect(findingsOf(withEdits(example, edits)).map((one) => one.hint)).toEqual([hint])
})

test('a name that nobody declared is told by what it may be', () => {
  const hintFor = (name: string, more = ''): string | undefined => findingsOf(withEdits(example, { [name]: 'x' }), { more }).find(({ code }) => code === 'W13')?.hint
  expect(hintFor('WEB_SEVER')).toMatch(/^Did you mean WEB_SERVER\? That is on line \d+ already/)
  expect(hintFor('POSTGRES_PASS')).toMatch(/^Did you mean POSTGRES_PASSWORD\?/)
  expect(hintFor('DJANGO_SETTINGS_MODULE')).toMatch(/^The application does not get it: .* APP_ENV_FILE/)
  expect(hintFor('SHOP_COLOUR', 'services:\n  web:\n    environment: { A: "${SHOP_COLOUR}" }\n')).toMatch(/^A Compose file uses it/)
})

test('there are sixty of them', () => {
  expect(inDevelopment.length + inProduction.length).toBeGreaterThanOrEqual(60)
})

test('no message has a secret in it', () => {
  const secrets = readLines(production).entries.filter(({ name }) => /PASSWORD$|SECRET/.test(name)).map(({ raw }) => raw)
  const broken = withEdits(production, { REDIS_URL: 'redis://redsi:1/0', DATABASE_URL: 'postgresql://me:c7a1e5b9d3f0@db:5433/x', WEB_APP: '8d2e6a0b4c1f#x' })
  const said = JSON.stringify(findingsOf(broken))
  expect(findingsOf(broken).length).toBeGreaterThan(3)
  for (const secret of secrets) expect(said).not.toContain(secret)
})
