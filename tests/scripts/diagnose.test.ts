import { describe, expect, test } from 'vitest'
import { firstCause, isWell, parseContainers, parseModel } from '../../scripts/lib/compose/model.ts'
import { diagnose } from '../../scripts/lib/explain/explain.ts'
import { composeModel, inspected, stackWith, wellStack } from '../helpers/stack.ts'
import type { Sketch } from '../helpers/stack.ts'

const containersOf = (...sketches: readonly Sketch[]) => parseContainers(JSON.stringify(sketches.map((sketch) => inspected(sketch))))

function diagnosed(sketch: Sketch, log = '') {
  const [container] = containersOf(sketch)
  return diagnose(container!, log, 'logs', { role: sketch.service })
}

test.each<[Sketch, string, number]>([
  [{ service: 'migrate', state: 'exited', exitCode: 1 }, 'The database was not migrated: migrate ended with exit code 1.', 6],
  [{ service: 'migrate', health: 'healthy' }, 'The database was not migrated in time: migrate still runs.', 6],
  [{ service: 'web', health: 'unhealthy', says: 'HTTP 500\n' }, 'web is not healthy: HTTP 500.', 7],
  [{ service: 'web', health: 'starting', says: 'no answer' }, 'web did not become healthy in time: no answer.', 7],
  [{ service: 'worker', state: 'restarting', exitCode: 2 }, 'worker stops as soon as it starts (exit code 2).', 7],
  [{ service: 'worker', state: 'exited', exitCode: 3 }, 'worker stopped with exit code 3.', 7],
  [{ service: 'worker', state: 'restarting', exitCode: 137, memoryLimit: 40 * 1024 ** 2 }, 'worker was killed: it used more memory than it may have (40 MB).', 7],
  // Without a limit somebody else may have ended it.
  [{ service: 'worker', state: 'exited', exitCode: 137 }, 'worker stopped with exit code 137.', 7],
  [{ service: 'worker', health: 'starting', restarts: 3, says: 'no heartbeat' }, 'worker was started 4 times and never became healthy: no heartbeat.', 7],
])('%j', (sketch, message, exitCode) => {
  expect(diagnosed(sketch)).toMatchObject({ message, exitCode })
})

/** Lines as programs really write them, each with the words by which its advice is known. */
test.each<[string, string]>([
  ["OSError: [Errno 30] Read-only file system: '/app/logs'", 'APP_WRITABLE_DIR'],
  ["PermissionError: [Errno 13] Permission denied: '/app/shop.log'", 'APP_UID and APP_GID'],
  ["PermissionError: [Errno 13] Permission denied: '/data/uploads'", 'A volume keeps the owner'],
  ["builtins.PermissionError: [Errno 13] Permission denied: '/no/app.db.migrate-lock'", 'SQLite cannot make or open its file'],
  ['sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file', 'SQLite cannot make or open its file'],
  ['exec /usr/bin/tini: exec format error', 'another kind of processor'],
  ['[FATAL tini (7)] exec entrypoint.sh failed: No such file or directory', 'CRLF'],
  ['[FATAL tini (7)] exec /app/start.sh failed: Permission denied', '/app/start.sh is there and may not be executed'],
  ['entrypoint: web needs uvicorn, which is not installed. List it …', 'PYTHON_EXTRA_PACKAGES'],
  ['entrypoint: WEB_APP is empty: set it …', 'Correct the setting in .env.docker'],
  ['sh: 1: alembik: not found', 'WEB_COMMAND runs "alembik", which is not in the image.'],
  ['pg_wal/xlogtemp.28: No space left on device', 'A disk is full.'],
  ['[ERROR] Worker (pid:18) was sent SIGKILL! Perhaps out of memory?', 'Raise WEB_MEMORY in .env.docker, or lower WEB_CONCURRENCY'],
  ['failed: FATAL:  password authentication failed for user "me"', 'with another password of "me", or DATABASE_URL and POSTGRES_PASSWORD differ'],
  [`(1045, "Access denied for user 'me'@'172.19.0.5' (using password: YES)")`, 'MariaDB reads MARIADB_PASSWORD only'],
  ['FATAL:  database files are incompatible with server\nDETAIL:  … was initialized by PostgreSQL version 16, which …', 'The volume was made by PostgreSQL 16'],
  ["Can't locate revision identified by '8a1b2c3d4e5f'", 'at revision 8a1b2c3d4e5f'],
  ["Error: Multiple head revisions are present for given argument 'head'", 'Two branches have added a migration each.'],
  ["Error: Path doesn't exist: /app/migrations.  Please use the 'init' command to create", 'no folder of migrations at /app/migrations.'],
  ['(psycopg.errors.UndefinedTable) relation "book" does not exist', 'The database has no table "book".'],
  ["Table 'book' already exists", 'The table "book" is there already'],
  ['  File "/app/migrations/versions/1_a.py", line 13, in upgrade\n    op.make_table("x")\nAttributeError: no', 'at line 13 of /app/migrations/versions/1_a.py'],
  ['Cannot connect to amqp://guest:**@127.0.0.1:5672//: [Errno 111]', 'takes RabbitMQ on its own machine'],
  ['redis://localhost:6379/0: Error 111 connecting to localhost:6379. Connection refused..', 'The application asks localhost'],
  ['connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused', 'The application asks localhost'],
  [`(2003, "Can't connect to MySQL server on 'db' ([Errno 111] Connection refused)")`, 'Likely: db is there and does not listen'],
  ['Could not connect to the endpoint URL: "http://localhost:8333/files"', 'The application asks localhost'],
  ['invalid username-password pair or user is disabled..', 'REDIS_URL has another password'],
  ['An error occurred (SignatureDoesNotMatch) when calling the PutObject operation', 'The object store refuses the key.'],
  ['server certificate for "db.a.org" (and 1 other name) does not match host name "db.b.org"', 'does not name "db.b.org"'],
  ['certificate verify failed: certificate has expired (_ssl.c:1032)', 'has expired'],
  ['[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate', 'APP_CA_FILE'],
  ['could not translate host name "dbb" to address: Name or service not known', '"dbb" is neither a service of this stack'],
  ["Failed to find attribute 'ap' in 'shop'.", 'WEB_APP names "ap", which "shop" does not have.'],
  ["ImportError: no\nModuleNotFoundError: No module named 'celery'", '"celery" is not in the image.'],
  ['Error loading ASGI app. Could not import module "shop.mian".', 'WEB_APP names the module "shop.mian"'],
  ['Error loading ASGI app. Attribute "ap" not found in module "shop.main".', 'WEB_APP names "ap", which "shop.main" does not have'],
  ['Error loading ASGI app. Import string "shop.main" must be in format "<module>:<attribute>".', 'the form module:object'],
  ["TypeError: FastAPI.__call__() missing 1 required positional argument: 'send'", 'WEB_SERVER=uvicorn'],
  ["TypeError: Flask.__call__() missing 1 required positional argument: 'start_response'", 'WEB_SERVER=gunicorn'],
  ['Requested setting INSTALLED_APPS, but settings are not configured. You must', 'DJANGO_SETTINGS_MODULE=package.settings'],
  ['Unable to load celery application.\nThe module shop.workerr was not found.', 'CELERY_APP names the module "shop.workerr"'],
  ["Unable to load celery application.\nModule 'shop' has no attribute 'celery'", 'CELERY_APP names "celery", which "shop" does not have'],
  ["Error: No such command 'flower'.", 'Flower is not installed'],
  ['  File "<frozen os>", line 716, in __getitem__\nKeyError: \'TOKEN\'', 'cannot do without the variable TOKEN'],
  ['ImproperlyConfigured: Set the TOKEN environment variable', 'cannot do without the variable TOKEN'],
  ['pydantic_core.ValidationError: 1 validation error for AppSettings\ntoken\n  Field required [type=missing]', 'the variable TOKEN'],
  ['  File "/app/a.py", line 43, in <module>\n    os.nowhere()\n    ^^^^\nAttributeError: no', 'because of line 43 of /app/a.py'],
  ['  File "/app/a.py", line 12\n    def send(:\nSyntaxError: invalid syntax', 'The application could not be imported.'],
  ["Usage: flask [OPTIONS]\n\nError: No such command 'dbb'.", 'asks for "dbb", which the application does not offer'],
  ['GET /nope answered 404', 'Set HEALTH_PATH'],
  ['GET /healthz answered 400', 'Set HEALTH_HOST'],
  ['GET /private answered 401', '/private wants a login.'],
  ['nothing listens on port 8000', '0.0.0.0:8000'],
])('%s', (line, advice) => {
  const { hint } = diagnosed({ service: 'web', state: 'restarting' }, `earlier\n${line}\n`)
  expect(hint).toContain(advice)
  expect(hint).toMatch(/\nAll of it: logs$/)
  // The same words of a health check that still runs.
  expect(diagnosed({ service: 'web', health: 'unhealthy', says: line }).hint).toContain(advice)
})

test('a line that is not known, or only resembles one, gets no advice', () => {
  expect(diagnosed({ service: 'web' }, 'MyImportErrors: 3\nthe entrypoint: started\n').hint).toBe('All of it: logs')
})

describe('the evidence', () => {
  const lines = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)
  const shown = (...log: string[]): string[] => diagnosed({ service: 'web' }, log.join('\n')).details!.split('\n').slice(1)
  const clue = "ModuleNotFoundError: No module named 'nowhere'"

  test('is the end of the log, or what leads to the clue', () => {
    expect(shown(...lines(1, 40))).toEqual(lines(26, 40))
    expect(shown(...lines(1, 30), clue, ...lines(32, 60))).toEqual([...lines(17, 30), clue])
  })

  test.each([
    ['redis://:hunter2@redis:6379/0', 'redis://:***@redis:6379/0'],
    ['could not connect to "postgresql+psycopg://me:hun/ter2@x@db/shop"', 'could not connect to "postgresql+psycopg://me:***@db/shop"'],
    ['GET http://web:8000/a mail a@b.org', 'GET http://web:8000/a mail a@b.org'],
  ])('shows no password of a URL: %s', (line, expected) => {
    expect(shown(line)).toEqual([expected])
    expect(diagnosed({ service: 'web', health: 'unhealthy', says: line }).message).toContain(expected)
  })
})

test.each<[boolean, Omit<Sketch, 'service'>]>([
  [true, { state: 'running', health: 'healthy' }],
  [true, { state: 'exited', health: 'unhealthy' }],
  [false, { state: 'running', health: 'starting' }],
  [false, { state: 'exited', exitCode: 1 }],
  [false, { state: 'created' }],
])('it is %s that a container is well as %j', (expected, sketch) => {
  expect(containersOf({ service: 'any', ...sketch }).every((container) => isWell(container))).toBe(expected)
})

const { services } = parseModel(JSON.stringify(composeModel({ WEB_PORT: '8000' })))
const created = (...names: string[]): Sketch[] => names.map((service) => ({ service, state: 'created' }))
const waiting = created('beat', 'flower', 'web', 'worker')

test.each<[string, readonly Sketch[], string | undefined]>([
  ['nothing in a stack that is well', wellStack, undefined],
  ['migrate when it failed', stackWith({ service: 'migrate', state: 'exited', exitCode: 1 }, ...waiting), 'migrate'],
  ['migrate when it does not end', stackWith({ service: 'migrate', health: 'healthy' }, ...waiting), 'migrate'],
  ['the database for which everything waits', stackWith({ service: 'postgres', health: 'unhealthy' }, ...created('migrate'), ...waiting), 'postgres'],
  ['the one that stopped, before one that is not healthy', stackWith({ service: 'flower', health: 'unhealthy' }, { service: 'worker', state: 'exited', exitCode: 1 }), 'worker'],
  ['the one that restarts, before one that still starts', stackWith({ service: 'beat', health: 'starting' }, { service: 'web', health: 'starting', restarts: 2 }), 'web'],
  ['the second container of a service', stackWith({ service: 'worker', health: 'healthy' }, { service: 'worker', number: 2, state: 'restarting' }), 'worker'],
  ['nothing of another profile', stackWith({ service: 'stranger', state: 'exited', exitCode: 1 }), undefined],
])('the first cause is %s', (_, sketches, expected) => {
  expect(firstCause(containersOf(...sketches), services)?.service).toBe(expected)
})
