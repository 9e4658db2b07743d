import { stripVTControlCharacters } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseContainers } from '../../scripts/lib/containers.ts'
import { diagnose } from '../../scripts/lib/diagnose.ts'
import { failure } from '../../scripts/lib/terminal.ts'
import { inspected } from '../helpers/containers.ts'
import type { Sketch } from '../helpers/containers.ts'

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
  'a revision of another branch': [
    { service: 'migrate', state: 'exited', exitCode: 1 },
    "alembic.util.exc.CommandError: Can't locate revision identified by '8a1b2c3d4e5f'\n",
  ],
  'code that cannot be imported': [
    { service: 'beat', state: 'restarting', exitCode: 1 },
    '  File "/app/stories/worker.py", line 12\n    def send(:\n             ^\nSyntaxError: invalid syntax\n',
  ],
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
