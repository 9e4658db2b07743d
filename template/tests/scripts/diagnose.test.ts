import { stripVTControlCharacters } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseContainers } from '../../../scripts/lib/compose/containers.ts'
import { diagnose } from '../../../scripts/lib/explain/diagnose.ts'
import { failure } from '../../../scripts/lib/terminal.ts'
import { inspected } from '../../../tests/helpers/stack.ts'
import type { Sketch } from '../../../tests/helpers/stack.ts'

afterEach(() => vi.restoreAllMocks())

const command = 'docker compose --env-file .env.docker logs'

function diagnosed(sketch: Sketch, log = '') {
  const [container] = parseContainers(JSON.stringify([inspected(sketch)]))
  return diagnose(container!, log, `${command} ${sketch.service}`)
}

describe('what happened', () => {
  test.each<[Sketch, string, number]>([
    [{ service: 'migrate', state: 'exited', exitCode: 1 }, 'The database was not migrated: migrate ended with exit code 1.', 6],
    [{ service: 'migrate', health: 'healthy' }, 'The database was not migrated in time: migrate still runs.', 6],
    [{ service: 'migrate', state: 'created' }, 'migrate was not started.', 6],
    [{ service: 'migrate', state: 'exited', exitCode: 137, oomKilled: true }, 'migrate was killed: it used more memory than it may have.', 6],
    [{ service: 'web', health: 'unhealthy', says: 'HTTP 500\n' }, 'web is not healthy: HTTP 500.', 7],
    [{ service: 'postgres', health: 'unhealthy' }, 'postgres is not healthy.', 7],
    [{ service: 'web', health: 'starting', says: 'Connection refused' }, 'web did not become healthy in time: Connection refused.', 7],
    [{ service: 'worker', state: 'restarting', exitCode: 2 }, 'worker stops as soon as it starts (exit code 2).', 7],
    [{ service: 'worker', state: 'exited', exitCode: 3 }, 'worker stopped with exit code 3.', 7],
    [{ service: 'redis', state: 'created' }, 'redis was not started.', 7],
    [{ service: 'worker', state: 'exited', exitCode: 137, oomKilled: true }, 'worker was killed: it used more memory than it may have.', 7],
    [{ service: 'worker', state: 'restarting', exitCode: 137, memoryLimit: 40 * 1024 ** 2 }, 'worker was killed: it used more memory than it may have (40 MB).', 7],
    // Without a limit somebody else may have ended it.
    [{ service: 'worker', state: 'exited', exitCode: 137 }, 'worker stopped with exit code 137.', 7],
    [{ service: 'worker', health: 'starting', restarts: 3, says: 'no heartbeat yet' }, 'worker was started 4 times and never became healthy: no heartbeat yet.', 7],
  ])('%j', (sketch, message, exitCode) => {
    expect(diagnosed(sketch)).toMatchObject({ message, exitCode })
  })
})

/** For each pattern a log in which it really appears. */
const logs: Record<string, [Sketch, string]> = {
  'a setting that the entrypoint refuses': [
    { service: 'web', state: 'restarting', exitCode: 64 },
    'entrypoint: WEB_APP is empty: set it to the module of the application\n',
  ],
  'a volume that is full': [
    { service: 'postgres', state: 'restarting', exitCode: 1 },
    'initdb: error: could not write to file "pg_wal/xlogtemp.28": No space left on device\n',
  ],
  'a password of another time': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    [
      '  File "/opt/venv/lib/python3.13/site-packages/psycopg/connection.py", line 117, in connect',
      'psycopg.OperationalError: connection failed: connection to server at "172.19.0.2", port 5432 failed: FATAL:  password authentication failed for user "postgres"',
      'The above exception was the direct cause of the following exception:', '',
    ].join('\n'),
  ],
  'a password of another time, in MariaDB': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    `pymysql.err.OperationalError: (1045, "Access denied for user 'stories'@'172.19.0.5' (using password: YES)")\n`,
  ],
  'a password that the queue refuses': [
    { service: 'worker', health: 'starting' },
    'consumer: Cannot connect to rediss://:**@queue.example.org:6379/0: invalid username-password pair or user is disabled..\n',
  ],
  'a key that the store refuses': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'An error occurred (SignatureDoesNotMatch) when calling the PutObject operation: The request signature we calculated does not match the signature you provided.\n',
  ],
  'a CA that libpq does not know': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'psycopg.OperationalError: connection failed: connection to server at "10.1.2.3", port 5432 failed: SSL error: certificate verify failed\n',
  ],
  'a CA that is not there, for libpq': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'psycopg.OperationalError: connection failed: root certificate file "/tmp/.postgresql/root.crt" does not exist\n',
  ],
  "a CA that Python's ssl does not know": [
    { service: 'worker', health: 'starting' },
    'consumer: Cannot connect to rediss://queue:6379/0: Error 1 connecting to queue:6379. [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain (_ssl.c:1032).\n',
  ],
  'a name that is not in the certificate, for libpq': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'psycopg.OperationalError: connection failed: server certificate for "db.example.org" (and 1 other name) does not match host name "db.example.com"\n',
  ],
  "a name that is not in the certificate, for Python's ssl": [
    { service: 'worker', health: 'starting' },
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for 'queue.example.com'. (_ssl.c:1032).\n",
  ],
  'a name that is not in the certificate, for urllib3': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    "SSL validation failed for https://files.example.com/agent hostname 'files.example.com' doesn't match 'files.example.org'\n",
  ],
  'a certificate that is too old': [
    { service: 'worker', health: 'starting' },
    '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1032).\n',
  ],
  'a host that psycopg does not find': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'psycopg.OperationalError: could not translate host name "dbb" to address: Name or service not known\n',
  ],
  'a host that kombu does not find': [
    { service: 'worker', health: 'unhealthy', says: 'no answer' },
    'consumer: Cannot connect to redis://rediss:6379/0: Error -2 connecting to rediss:6379. Name or service not known.\n',
  ],
  'a module that is not there': [
    { service: 'web', state: 'restarting', exitCode: 3 },
    "    from stories.storys import create_app\nModuleNotFoundError: No module named 'stories.storys'\n[1] [ERROR] Reason: Worker failed to boot.\n",
  ],
  'a variable that Python does not find': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    '  File "/app/shop/config.py", line 3, in <module>\n    TOKEN = os.environ["SHOP_TOKEN"]\n            ~~~~~~~~~~^^^^^^^^^^^^^^\n  File "<frozen os>", line 716, in __getitem__\nKeyError: \'SHOP_TOKEN\'\n',
  ],
  'a variable that an older Python does not find': [
    { service: 'worker', state: 'restarting', exitCode: 1 },
    '    TOKEN = os.environ["SHOP_TOKEN"]\n  File "/usr/local/lib/python3.10/os.py", line 680, in __getitem__\n    raise KeyError(key) from None\nKeyError: \'SHOP_TOKEN\'\n',
  ],
  'a variable that pydantic does not find': [
    { service: 'web', state: 'restarting', exitCode: 3 },
    'pydantic_core._pydantic_core.ValidationError: 1 validation error for AppSettings\nshop_token\n  Field required [type=missing, input_value={}, input_type=dict]\n',
  ],
  'a variable that django-environ does not find': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'django.core.exceptions.ImproperlyConfigured: Set the SHOP_TOKEN environment variable\n',
  ],
  'a variable that decouple does not find': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'decouple.UndefinedValueError: SHOP_TOKEN not found. Declare it as envvar or define a default value.\n',
  ],
  'a Celery application without a broker': [
    { service: 'worker', health: 'starting' },
    'consumer: Cannot connect to amqp://guest:**@127.0.0.1:5672//: [Errno 111] Connection refused.\n',
  ],
  'a queue on localhost': [
    { service: 'worker', health: 'starting' },
    'consumer: Cannot connect to redis://localhost:6379/0: Error 111 connecting to localhost:6379. Connection refused..\n',
  ],
  'a database on localhost, for libpq': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'psycopg2.OperationalError: connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused\n',
  ],
  'a database that does not listen, for PyMySQL': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    `pymysql.err.OperationalError: (2003, "Can't connect to MySQL server on 'db' ([Errno 111] Connection refused)")\n`,
  ],
  'a store on localhost': [
    { service: 'web', state: 'restarting', exitCode: 3 },
    'botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "http://localhost:8333/stories"\n',
  ],
  'a module that uvicorn does not find': [
    { service: 'web', state: 'restarting', exitCode: 1 },
    'ERROR:    Error loading ASGI app. Could not import module "shop.mian".\n',
  ],
  'an object that uvicorn does not find': [
    { service: 'web', state: 'restarting', exitCode: 1 },
    'ERROR:    Error loading ASGI app. Attribute "ap" not found in module "shop.main".\n',
  ],
  'an ASGI application behind gunicorn': [
    { service: 'web', health: 'unhealthy', says: 'GET /healthz answered 500' },
    '  File "/opt/venv/lib/python3.13/site-packages/gunicorn/workers/gthread.py", line 282, in handle_request\n    respiter = self.wsgi(environ, resp.start_response)\nTypeError: FastAPI.__call__() missing 1 required positional argument: \'send\'\n',
  ],
  'a WSGI application behind uvicorn': [
    { service: 'web', health: 'unhealthy', says: 'GET /healthz answered 500' },
    "TypeError: Flask.__call__() missing 1 required positional argument: 'start_response'\n",
  ],
  'Django without settings': [
    { service: 'web', state: 'restarting', exitCode: 3 },
    'django.core.exceptions.ImproperlyConfigured: Requested setting INSTALLED_APPS, but settings are not configured. You must either define the environment variable DJANGO_SETTINGS_MODULE or call settings.configure() before accessing settings.\n',
  ],
  'a root that is read-only': [
    { service: 'web', state: 'restarting', exitCode: 3 },
    "    os.makedirs('/app/logs')\nOSError: [Errno 30] Read-only file system: '/app/logs'\n",
  ],
  'a source of another user': [
    { service: 'web', state: 'restarting', exitCode: 3 },
    "    open('/app/shop.log', 'a')\nPermissionError: [Errno 13] Permission denied: '/app/shop.log'\n",
  ],
  'a volume of another user': [
    { service: 'worker', state: 'restarting', exitCode: 1 },
    "PermissionError: [Errno 13] Permission denied: '/data/uploads'\n",
  ],
  'a file of SQLite in no folder': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file\n',
  ],
  'a lock of SQLite in no folder': [
    { service: 'migrate', state: 'exited', exitCode: 69 },
    "migrate: the database of DATABASE_URL cannot be used. builtins.PermissionError: [Errno 13] Permission denied: '/nowhere/app.db.migrate-lock'\n",
  ],
  'a revision of another branch': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    "alembic.util.exc.CommandError: Can't locate revision identified by '8a1b2c3d4e5f'\n",
  ],
  'code that cannot be imported': [
    { service: 'beat', state: 'restarting', exitCode: 1 },
    '  File "/app/stories/worker.py", line 12\n    def send(:\n             ^\nSyntaxError: invalid syntax\n',
  ],
  'a name that is looked up while a module is imported': [
    { service: 'web', state: 'restarting', exitCode: 3 },
    '  File "/app/stories/__init__.py", line 43, in <module>\n    os.nowhere()\n    ^^^^^^^^^^\nAttributeError: module \'os\' has no attribute \'nowhere\'\n',
  ],
  'a migration that is wrong': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    [
      '  File "/app/migrations/env.py", line 36, in <module>',
      '    context.run_migrations()',
      '  File "/app/migrations/versions/20261123_stories.py", line 13, in upgrade',
      '    op.make_table("x")',
      "AttributeError: module 'alembic.op' has no attribute 'make_table'. Did you mean: 'create_table'?", '',
    ].join('\n'),
  ],
  'no folder of migrations': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    "Error: Path doesn't exist: /app/migrations.  Please use the 'init' command to create a new scripts folder.\n",
  ],
  'a table that nobody has made': [
    { service: 'worker', health: 'starting' },
    'sqlalchemy.exc.ProgrammingError: (psycopg.errors.UndefinedTable) relation "story" does not exist\nLINE 2: FROM story\n',
  ],
  'a table that is there already': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    'sqlalchemy.exc.ProgrammingError: (psycopg.errors.DuplicateTable) relation "story" already exists\n',
  ],
  'a volume of another version of PostgreSQL': [
    { service: 'postgres', state: 'restarting', exitCode: 1 },
    'FATAL:  database files are incompatible with server\nDETAIL:  The data directory was initialized by PostgreSQL version 16, which is not compatible with this version 17.5.\n',
  ],
  'two heads': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    "ERROR [flask_migrate] Error: Multiple head revisions are present for given argument 'head'; please specify a specific target revision\n",
  ],
  'an image for another processor': [{ service: 'migrate', state: 'exited', exitCode: 1 }, 'exec /usr/bin/tini: exec format error\n'],
  'line endings of Windows': [
    { service: 'migrate', state: 'exited', exitCode: 127 },
    '[FATAL tini (7)] exec entrypoint.sh failed: No such file or directory\n',
  ],
  'a script that may not be executed': [
    { service: 'web', state: 'restarting', exitCode: 126 },
    '[FATAL tini (7)] exec /app/start.sh failed: Permission denied\n',
  ],
  'a server that is not installed': [
    { service: 'web', state: 'restarting', exitCode: 127 },
    "entrypoint: web needs uvicorn, which is not installed. List it in the application's dependencies or in PYTHON_EXTRA_PACKAGES.\n",
  ],
  'a command that is not in the image': [{ service: 'migrate', state: 'exited', exitCode: 127 }, 'sh: 1: alembik: not found\n'],
  'a command that the application does not offer': [
    { service: 'migrate', state: 'exited', exitCode: 2 },
    "Usage: flask [OPTIONS] COMMAND [ARGS]...\n\nError: No such command 'dbb'.\n",
  ],
  'Flower that is not installed': [{ service: 'flower', state: 'restarting', exitCode: 2 }, "Error: No such command 'flower'.\n"],
  'a CELERY_APP that is no module': [
    { service: 'worker', state: 'restarting', exitCode: 2 },
    'Error: \nUnable to load celery application.\nThe module stories.workerr was not found.\n',
  ],
  'a CELERY_APP that its module does not have': [
    { service: 'worker', state: 'restarting', exitCode: 2 },
    "Error: \nUnable to load celery application.\nModule 'stories.pages' has no attribute 'celery'\n",
  ],
  'processes that are killed': [
    { service: 'web', health: 'starting' },
    '[2026-11-24 23:42:17 +0000] [6] [ERROR] Worker (pid:18) was sent SIGKILL! Perhaps out of memory?\n',
  ],
  'a container that is killed': [{ service: 'worker', state: 'restarting', exitCode: 137, memoryLimit: 41943040 }, ''],
  'a health path that is not there': [{ service: 'web', health: 'unhealthy', says: 'GET /nope answered 404' }, ''],
  'a health check that is refused by its host': [{ service: 'web', health: 'unhealthy', says: 'GET /healthz answered 400' }, ''],
  'a health path behind a login': [{ service: 'web', health: 'unhealthy', says: 'GET /private answered 401' }, ''],
  'a server that listens elsewhere': [{ service: 'web', health: 'starting', says: 'nothing listens on port 8000' }, 'Serving on port 8099\n'],
  'nothing that is known': [
    { service: 'web', health: 'unhealthy', says: 'HTTP 503 from /healthz' },
    'GET /healthz 503\nGET /healthz 503\n\n',
  ],
  'no log at all': [{ service: 'storage', health: 'starting' }, ' \n'],
}

test.each(Object.entries(logs))('what people read: %s', (_, [sketch, log]) => {
  let written = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += stripVTControlCharacters(String(text))
    return true
  })
  const { message, details, hint } = diagnosed(sketch, log)
  failure(message, details, hint)
  expect(written).toMatchSnapshot()
})

describe('the evidence', () => {
  const lines = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)
  const shown = (log: string): string[] => diagnosed({ service: 'web' }, log).details.split('\n').slice(1)

  test('is the end of the log', () => {
    expect(shown(lines(1, 40).join('\n'))).toEqual(lines(26, 40))
  })

  test('is what leads to the clue, where that stands further up', () => {
    const clue = "ModuleNotFoundError: No module named 'nowhere'"
    expect(shown([...lines(1, 30), clue, ...lines(32, 60)].join('\n'))).toEqual([...lines(17, 30), clue])
    expect(shown([...lines(1, 30), clue, ...lines(32, 40)].join('\n'))).toEqual([...lines(26, 30), clue, ...lines(32, 40)])
  })

  test.each([
    ['redis://:hunter2@redis:6379/0', 'redis://:***@redis:6379/0'],
    ['could not connect to "postgresql+psycopg://me:hun/ter2@x@db/shop"', 'could not connect to "postgresql+psycopg://me:***@db/shop"'],
    ['http://me:hunter2@[::1]:80/ and http://localhost:8000/a', 'http://me:***@[::1]:80/ and http://localhost:8000/a'],
    ['GET http://web:8000/a mail a@b.org', 'GET http://web:8000/a mail a@b.org'],
  ])('shows no password of a URL: %s', (line, expected) => {
    expect(shown(line)).toEqual([expected])
    expect(diagnosed({ service: 'web', health: 'unhealthy', says: line }).message).toContain(expected)
  })
})

describe('the advice', () => {
  test('is that of the more specific pattern', () => {
    const log = "ImportError: cannot import name 'x'\nModuleNotFoundError: No module named 'celery'\n"
    expect(diagnosed({ service: 'web' }, log).hint).toContain('"celery" is not in the image')
  })

  test('is not given for words that only resemble a pattern', () => {
    const log = 'MyImportErrors: 3\nthe entrypoint: started\n'
    expect(diagnosed({ service: 'web' }, log).hint).toBe(`All of it: ${command} web`)
  })

  test('always ends with the command that shows everything', () => {
    for (const [sketch, log] of Object.values(logs)) {
      expect(diagnosed(sketch, log).hint).toMatch(new RegExp(`(^|\n)All of it: .* logs ${sketch.service}$`))
    }
  })
})

test('a module that the source has is explained by what is known of it', () => {
  const [container] = parseContainers(JSON.stringify([inspected({ service: 'worker', state: 'restarting', exitCode: 1 })]))
  const asked: string[] = []
  const { hint } = diagnose(container!, "ModuleNotFoundError: No module named 'core.celery_worker'", command, (name) => {
    asked.push(name)
    return 'Line 2 hides it.'
  })
  expect(asked).toEqual(['core.celery_worker'])
  expect(hint).toBe(`Line 2 hides it.\nAll of it: ${command}`)
})
