import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { $ } from 'zx'
import { expect, test } from 'vitest'
import { filesIn, withFile } from '../../../scripts/lib/compose/model.ts'
import { leadingOutside } from '../../../tests/docker/outside.ts'
import { anyPorts, filesOf, secretsOf } from '../../../tests/docker/run.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { stack } from '../../../tests/helpers/sandbox.ts'

test.each([
  ['development', 'compose.yaml:compose.override.yaml', ['compose.yaml', 'compose.override.yaml']],
  ['production', 'compose.yaml:compose.override.yaml:extras/rabbitmq/compose.yaml', ['compose.yaml', 'compose.production.yaml', 'extras/rabbitmq/compose.yaml']],
  ['development', 'compose.yaml:compose.production.yaml:extras/offline/compose.yaml', ['compose.yaml', 'compose.override.yaml', 'extras/offline/compose.yaml']],
  ['production', 'compose.yaml:compose.override.yaml:extras/mail/compose.yaml', ['compose.yaml', 'compose.production.yaml']],
  ['production', '', ['compose.yaml', 'compose.production.yaml']],
  ['production', 'compose.yaml:compose.override.yaml:extras/gpu/compose.yaml:extras/gpu/compose.override.yaml', ['compose.yaml', 'compose.production.yaml', 'extras/gpu/compose.yaml', 'extras/gpu/compose.production.yaml']],
  ['production', 'compose.yaml:compose.override.yaml:extras/rabbitmq/compose.yaml:extras/rabbitmq/compose.override.yaml', ['compose.yaml', 'compose.production.yaml', 'extras/rabbitmq/compose.yaml']],
] as const)('the files of %s for %s', (lane, chosen, files) => {
  expect(filesOf(lane, filesIn({ COMPOSE_FILE: chosen }))).toEqual(files)
})

test('files are separated by what COMPOSE_PATH_SEPARATOR says', () => {
  const values = { COMPOSE_FILE: 'compose.yaml;mail.yaml', COMPOSE_PATH_SEPARATOR: ';' }
  expect(filesIn(values)).toEqual(['compose.yaml', 'mail.yaml'])
  expect(withFile(values, 'more.yaml')).toBe('compose.yaml;mail.yaml;more.yaml')
  expect(withFile({}, 'more.yaml')).toBe('compose.yaml:compose.override.yaml:more.yaml')
})

test('a published port keeps its address and loses its number', () => {
  const ports = [{ host_ip: '127.0.0.1', target: 8000, published: '8080', protocol: 'tcp' }, { target: 53, published: '53', protocol: 'udp' }]
  expect(anyPorts({ name: 'shop', services: { web: { ports }, worker: {} } })).toBe(
    'services:\n  web: { ports: !override [{"host_ip":"127.0.0.1","target":8000,"protocol":"tcp"},{"target":53,"protocol":"udp"}] }\n',
  )
  expect(anyPorts({ name: 'shop', services: { worker: {} } })).toBe('services: {}\n')
})

const postgres = { networks: { data: { aliases: ['db'] } } }
const outside = (environment: Record<string, string | null>): string[] =>
  leadingOutside({ name: 'shop', services: { web: { environment }, postgres, redis: {}, storage: { environment: { S3_BUCKET: 'shop' } } } })

test.each([
  ['a service', 'REDIS_URL', 'redis://:word@redis:6379/0'],
  ['an alias of one', 'DATABASE_URL', 'postgresql+psycopg://me:p%40ss@db:5432/shop'],
  ['a socket', 'DATABASE_URL', 'postgresql://me@/shop?host=/var/run/postgresql'],
  ['this container', 'CACHE_URL', 'redis://'],
  ['a file', 'DATABASE_URL', 'sqlite:////data/shop.db'],
  ['the memory', 'BROKER_URL', 'memory://localhost/'],
  ['a service, by its name alone', 'DB_HOST', 'db'],
  ['several services', 'BROKER_HOSTS', 'redis:6379,db:5432'],
  ['a bucket of a service', 'S3_ENDPOINT_URL', 'http://storage:8333'],
  ['the address of that bucket for browsers', 'S3_PUBLIC_URL', 'https://files.example.org'],
  ['a name of the site', 'ALLOWED_HOSTS', 'shop.example.org,localhost'],
  ['the name that the health check says', 'HEALTH_HOST', 'shop.example.org'],
  ['a web site', 'SENTRY_DSN', 'https://key@sentry.example.org/1'],
  ['the site', 'SITE_URL', 'https://shop.example.org/@me'],
  ['a command', 'WEB_ARGS', '--host 0.0.0.0 --proxy-headers'],
  ['a proxy', 'ALL_PROXY', 'socks5://proxy.example.org:1080'],
  ['a socket, by its folder', 'DB_HOST', '/var/run/postgresql'],
  ['a number', 'DB_NODES', '3'],
  ['a word', 'HOST_CACHE', 'true'],
  ['a sentence', 'WELCOME', 'Answer of our server: hello'],
  ['a path of the site', 'STORAGE_URL', '/media/'],
  ['how PostgreSQL trusts', 'POSTGRES_HOST_AUTH_METHOD', 'scram-sha-256'],
])('the tests may write to %s: %s=%s', (_, name, value) => {
  expect(outside({ [name]: value, EMPTY: null })).toEqual([])
})

test.each([
  ['DATABASE_URL', 'postgresql://me:word@db.example.org/shop'],
  ['GEO', 'postgis://me:wo#rd@10.0.0.5/shop'],
  ['REPORTS', 'mssql+pyodbc://me:word@sql.example.org/shop'],
  ['REPORTS', 'jdbc:oracle://sql.example.org/shop'],
  ['DATABASES', '{"default": "cockroachdb://sql.example.org/shop"}'],
  ['DATABASE_URL', 'postgresql://db,sql.example.org:5433/shop'],
  ['DATABASE_URL', 'postgresql:///shop?host=sql.example.org'],
  ['DATABASE_DSN', 'host=sql.example.org dbname=shop'],
  ['REDIS_URL', 'rediss://queue.example.org:6380'],
  ['CELERY_BROKER_URL', 'sentinel://redis:26379;sentinel://queue.example.org:26379'],
  ['CELERY_BROKER_URL', 'sqs://'],
  ['Queue__Url', 'sqs://key:word@'],
  ['WORKER_ARGS', '--broker=amqp://queue.example.org'],
  ['DATABASE_HOST', 'sql.example.org'],
  ['PGHOST', 'host.docker.internal'],
  ['REDIS_HOST', '10.0.0.6:6379'],
  ['KAFKA_BOOTSTRAP_SERVERS', 'redis:9092,queue.example.org:9092'],
  ['S3_ENDPOINT_URL', 'https://files.example.org'],
  ['Storage__Endpoint_Url', 'https://files.example.org'],
  ['S3_BUCKET', 'shop'],
  ['RDS_HOSTNAME', 'a.rds.amazonaws.com'],
  ['ES_HOST', '10.0.0.6'],
  ['CLICKHOUSE_HOST', 'sql.example.org'],
  ['KAFKA_BOOTSTRAP', 'queue.example.org:9092'],
  ['HOST_DB', 'sql.example.org'],
  ['DATABASE_CONFIG', '{"port": 5432, "host": "sql.example.org"}'],
  ['DB_DSN', 'me:word@tcp(sql.example.org:3306)/shop'],
])('the tests would write outside of the stack: %s=%s', (name, value) => {
  expect(outside({ [name]: value })).toEqual([name])
})

const schema = parseSchema(readFileSync('.env.docker.example', 'utf8'), '.env.docker.example')

test.each([
  ['the second setting below a shared rule', 'HTTPS_PROXY', 'http://me:proxy-w0rd@proxy.example:3128', ['proxy-w0rd']],
  ['a token instead of a password', 'PIP_INDEX_URL', 'https://t0ken-of-mine@mirror.example/simple', ['t0ken-of-mine']],
  ['a setting that is marked', 'SECRET_KEY', 'a long word', ['a long word']],
  ['a variable of APP_ENV_FILE', 'STRIPE_API_KEY', 'sk_live_1234', ['sk_live_1234']],
  ['each secret among the variables of a build', 'BUILD_SECRETS', 'PIP_EXTRA_INDEX_URL=https://me:index-w0rd@corp.example/simple\nUV_INDEX_CORP_PASSWORD=named=word UV_INDEX_CORP_USERNAME=somebody',
    ['index-w0rd', 'named=word']],
  ['the longest line', 'SIGNING_KEY', '-----BEGIN KEY-----\r\nmuch longer than the line above\r\n', ['much longer than the line above']],
  ['no address without a password', 'SITE_URL', 'https://shop.example.org', []],
  ['no short word', 'POSTGRES_PASSWORD', 'short', []],
  ['no word that any image may have', 'POSTGRES_PASSWORD', 'development', []],
  ['no user without a password', 'SMTP_URL', 'smtp://postmaster2@mail:25', []],
  ['no routing key', 'CELERY_TASK_DEFAULT_ROUTING_KEY', 'task.Default1', []],
  ['no key that is public', 'STRIPE_PUBLISHABLE_KEY', 'pk_live_1234', []],
  ['no other setting', 'WEB_APP', 'stories:create_app()', []],
])('an image is searched for %s', (_, name, value, secrets) => {
  expect(secretsOf(schema, [[name, value], ['EMPTY', null]]).map((line) => line.replace(/^\w+=/, ''))).toEqual(secrets)
})

// A bats whose only test fails, and says what lies in the copy from which both images have been built.
const bats = `#!/bin/sh
echo "not ok 1 a test of $TEST_LANE"
ls -A "$TEST_COPY" | sed 's/^/# it has /'
test -s "$TEST_SECRETS" && echo '# there are secrets to look for'
exit 1
`

test('nothing is added to the copy that could get into an image, and each failure is printed once and named at the end', async () => {
  const box = await stack({ DATABASE_URL: 'sqlite:////data/shop.db', REDIS_URL: 'redis://web' })
  for (const folder of ['tests/docker/development', 'tests/docker/production', 'node_modules/bats/bin']) mkdirSync(join(box.folder, folder), { recursive: true })
  for (const lane of ['development', 'production']) box.write(`tests/docker/${lane}/any.bats`, '')
  box.write('node_modules/bats/bin/bats', bats)
  box.write('.gitignore', 'node_modules\n.docker-answers\n.env.docker\n')
  await $({ cwd: box.folder })`chmod +x node_modules/bats/bin/bats && git init --quiet`
  const { code, stdout, stderr } = await box.run('tests/docker/run')
  expect([code, stdout], stderr).toEqual([1, '0 passed, 2 failed, 0 skipped\n'])
  for (const lane of ['development', 'production']) {
    const own = stderr.split('\n').filter((line) => line.startsWith(`${lane}: # `)).map((line) => line.replace(/.*# (it has )?/, ''))
    expect(own.toSorted()).toEqual(['.env.contract', '.env.docker.example', '.gitignore', 'app', 'compose.override.yaml',
      'compose.production.yaml', 'compose.yaml', 'extras', 'node_modules', 'tests', 'there are secrets to look for'])
  }
  expect(stderr.trimEnd().split('\n').slice(-2)).toEqual(['✗ development: a test of development', '✗ production: a test of production'])
})
