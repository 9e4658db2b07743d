/** The advice that each clue gives. */
import { expect, test } from 'vitest'
import { explainOutput } from '../../../scripts/lib/explain/explain.ts'

const flask = '  File "/opt/venv/lib/python3.13/site-packages/flask/app.py", line 28, in <module>\n    from werkzeug.urls import url_quote\n'

/** Tracebacks as gunicorn, uvicorn and Celery write them, of a program that python or flask starts, and of what is caught. */
const library = '/opt/venv/lib/python3.13/site-packages'
const frame = (file: string, line: number, name: string) => `  File "${file}", line ${line}, in ${name}\n    ${name}()\n    ~~~~^^\n`
const traceback = (...frames: string[]) => `Traceback (most recent call last):\n${frames.join('')}`
const imported = frame('/app/shop/main.py', 9, '<module>') + frame('/app/shop/licence.py', 4, 'check_licence')
const licence = `${imported}RuntimeError: no licence for "shop"`
const byGunicorn = frame(`${library}/gunicorn/arbiter.py`, 752, 'spawn_worker')
const stopIteration = `${traceback(frame('/usr/lib/python3.13/importlib/metadata/__init__.py', 407, 'from_name'))}StopIteration\n\nDuring handling of the above exception, another exception occurred:\n\n`
// gunicorn before 24 ends with a traceback of its own.
const halted = `\n[2026-11-30 15:52:07 +0000] [7] [INFO] Worker exiting (pid: 7)\n${traceback(frame('/opt/venv/bin/gunicorn', 8, '<module>'), frame(`${library}/gunicorn/arbiter.py`, 226, 'run'))}` +
  "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>"

const mounts = [
  { type: 'bind', source: '/home/me/shop/backend', target: '/app' }, { type: 'volume', source: 'app-data', target: '/data' },
  { type: 'volume', source: 'media', target: '/app/media' },
]
const model = {
  name: 'shop',
  services: {
    migrate: { build: { args: { APP_UID: '1001', APP_GID: '1002', APP_DIR: 'backend' } }, image: 'shop-app:dev', volumes: mounts },
    web: { image: 'shop-app:dev', volumes: mounts, deploy: { resources: { limits: { memory: '536870912' } } } },
    storage: { image: 'chrislusf/seaweedfs:4.48' },
    postgres: { networks: { data: { aliases: ['db'] } } },
    redis: {},
  },
}

/** Lines as programs really write them, each with words from its advice. */
test.each<[string, string]>([
  ["OSError: [Errno 30] Read-only file system: '/app/logs'", 'APP_WRITABLE_DIR'],
  ["PermissionError: [Errno 13] Permission denied: '/app/shop.log'", 'sudo chown -R 1001:1002 backend\nOr, unless root owns it'],
  ["PermissionError: [Errno 13] Permission denied: 'shop.log'", 'sudo chown -R 1001:1002 backend'],
  ["PermissionError: [Errno 13] Permission denied: '/app/shop.log'", 'With a rootless engine neither helps: chmod -R a+rwX backend'],
  ["PermissionError: [Errno 13] Permission denied: '/var/log/shop.log'", 'Write what must stay to the volume /data'],
  ["PermissionError: [Errno 13] Permission denied: '/data/uploads'",
    'docker run --rm --user root --volume shop_app-data:/data --entrypoint chown shop-app:dev -R 1001:1002 /data'],
  ["PermissionError: [Errno 13] Permission denied: 'media/a.png'", '--volume shop_media:/app/media'],
  ["builtins.PermissionError: [Errno 13] Permission denied: '/no/app.db.migrate-lock'", 'SQLite cannot make or open its file'],
  ['sqlite3.OperationalError: attempt to write a readonly database', 'SQLite cannot make or open its file'],
  ['sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file', 'SQLite cannot make or open its file'],
  ['exec /usr/bin/tini: exec format error', 'another kind of processor'],
  ['[FATAL tini (7)] exec entrypoint.sh failed: No such file or directory', 'CRLF'],
  ['[FATAL tini (7)] exec /app/start.sh failed: Permission denied', '/app/start.sh exists, but is not executable'],
  ['entrypoint: web needs uvicorn, which is not installed. List it …', 'PYTHON_EXTRA_PACKAGES'],
  ['entrypoint: WEB_APP is empty: set it …', 'Correct the setting in .env.docker'],
  ['sh: 1: alembik: not found', 'WEB_COMMAND runs "alembik", which is not in the image.'],
  ['bash: line 1: alembik: command not found', 'WEB_COMMAND runs "alembik"'],
  ['bash: line 1: ./begin.sh: No such file or directory', 'WEB_COMMAND runs "./begin.sh"'],
  ['bash: line 1: ./start.sh: Permission denied', './start.sh exists, but is not executable'],
  ['pg_wal/xlogtemp.28: No space left on device', 'A disk is full.'],
  ['could not resize shared memory segment "/PostgreSQL.1" to 8388608 bytes: No space left on device', 'postgres: { shm_size: 1gb }'],
  ["OSError: [Errno 28] No space left on device: '/dev/shm/sem.x'", 'SHM_SIZE=1g in .env.docker'],
  ['unable to write to file </torch_17_1>: No space left on device (28)', 'SHM_SIZE=1g'],
  ['billiard.exceptions.WorkerLostError: Worker exited prematurely: signal 7 (SIGBUS) Job: 0.', 'SHM_SIZE=1g'],
  ['[ERROR] Worker (pid:18) was sent SIGBUS!', 'SHM_SIZE=1g'],
  ['[ERROR] Worker (pid:18) was sent SIGKILL! Perhaps out of memory?', 'Raise WEB_MEMORY in .env.docker, or lower WEB_CONCURRENCY'],
  ['failed: FATAL:  password authentication failed for user "me"', 'with another password of "me"'],
  [`(1045, "Access denied for user 'me'@'172.19.0.5' (using password: YES)")`, 'with another password of "me"'],
  ['FATAL:  database files are incompatible with server\nDETAIL:  … was initialized by PostgreSQL version 16, which …', 'The volume was made by PostgreSQL 16, which this one cannot read. Put the old POSTGRES_IMAGE and POSTGRES_MOUNT back. Then docs/backup.md'],
  ["Can't locate revision identified by '8a1b2c3d4e5f'", 'at revision 8a1b2c3d4e5f'],
  ['psycopg.errors.UndefinedColumn: column "nothing" of relation "audit" does not exist', 'The database has no column "nothing".'],
  ['psycopg.OperationalError: connection failed: FATAL:  database "stories2" does not exist', 'another POSTGRES_DB or POSTGRES_USER than "stories2"'],
  ["Error: Multiple head revisions are present for given argument 'head'", 'Two branches have added a migration each.'],
  ["Error: Path doesn't exist: /app/migrations.  Please use the 'init' command to create", 'no folder of migrations at /app/migrations.'],
  ['(psycopg.errors.UndefinedTable) relation "book" does not exist', 'The database has no table "book".'],
  [`django.db.utils.OperationalError: (1060, "Duplicate column name 'pages'")`, '"pages" is there already. Likely the application created it (create_all), or MariaDB'],
  ["(1061, \"Duplicate key name 'book_pages'\")", '"book_pages" is there already'],
  ['column "pages" of relation "book" already exists', '"pages" is there already'],
  ["Table 'book' already exists", '"book" is there already. Likely the application created it'],
  ['  File "/app/migrations/versions/3_c.py", line 9, in upgrade\n    op.add_column("books", colour)\nsqlalchemy.exc.ProgrammingError: relation "books" does not exist', 'at line 9 of /app/migrations/versions/3_c.py'],
  ['  File "/app/migrations/versions/1_a.py", line 13, in upgrade\n    op.make_table("x")\nAttributeError: no', 'at line 13 of /app/migrations/versions/1_a.py'],
  ['  File "/app/shop/migrations/0002_a.py", line 9, in forwards\n    {}["x"]\nKeyError: \'x\'', 'at line 9 of /app/shop/migrations/0002_a.py'],
  [`  Applying shop.0002_a...${traceback(frame('/app/manage.py', 22, '<module>'))}MySQLdb.DataError: 1\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File "/app/manage.py", line 2, in <module>\ndjango.db.utils.DataError: too long`, "Django's migration shop.0002_a failed: django.db.utils.DataError: too long"],
  ['Cannot connect to amqp://guest:**@127.0.0.1:5672//: [Errno 111]', 'takes RabbitMQ on its own machine'],
  ['amqp.exceptions.AccessRefused: (0, 0): (403) ACCESS_REFUSED - Login was refused', 'RabbitMQ refuses its user or password.'],
  ['redis://localhost:6379/0: Error 111 connecting to localhost:6379. Connection refused..', 'The application asks localhost'],
  ['connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused', 'The application asks localhost'],
  [`(2003, "Can't connect to MySQL server on 'db' ([Errno 111] Connection refused)")`, 'Likely: db does not listen on that port, or does not run'],
  [`MySQLdb.OperationalError: (2002, "Can't connect to server on '127.0.0.1' (115)")`, 'asks 127.0.0.1, which in a container is the container itself'],
  [`MySQLdb.OperationalError: (2003, "Can't connect to MySQL server on '127.0.0.1:3306' (111)")`, 'The application asks 127.0.0.1, which'],
  [`(2002, "Can't connect to server on 'db' (115)")`, 'Likely: db does not listen'],
  [`(2002, "Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)")`, 'The application asks a local socket, which in a container'],
  ['connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: No such file or directory', 'The application asks a local socket'],
  ["OSError: Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432, 0, 0), [Errno 111] Connect call failed ('127.0.0.1', 5432)", 'The application asks ::1, which'],
  ['Could not connect to the endpoint URL: "http://localhost:8333/files"', 'The application asks localhost'],
  ['EndpointConnectionError: Could not connect to the endpoint URL: "https://files.s3.eu-west-1.amazonaws.com/a"', 'asks Amazon'],
  ["HTTPSConnectionPool(host='s3.amazonaws.com', port=443): Max retries exceeded with url: /", 'AWS_S3_ENDPOINT_URL=${S3_ENDPOINT_URL}'],
  ['(InvalidAccessKeyId) when calling the PutObject operation: The AWS Access Key Id you provided does not exist', 'asks Amazon'],
  ['botocore.exceptions.NoCredentialsError: Unable to locate credentials', 'AWS_ACCESS_KEY_ID=${S3_ACCESS_KEY_ID} and AWS_SECRET_ACCESS_KEY=${S3_SECRET_ACCESS_KEY} into .env.app'],
  ['invalid username-password pair or user is disabled..', 'Compare REDIS_URL'],
  ['An error occurred (SignatureDoesNotMatch) when calling the PutObject operation', 'S3_SECRET_ACCESS_KEY'],
  ['server certificate for "db.a.org" (and 1 other name) does not match host name "db.b.org"', 'use the host that the provider gives'],
  ['certificate verify failed: certificate has expired (_ssl.c:1032)', 'the provider has to renew it'],
  ["SSL validation failed for https://files.a.org/b hostname 'files.a.org' doesn't match 'files.b.org'", 'use the host that the provider gives'],
  ['[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate', 'APP_CA_FILE'],
  ['could not translate host name "dbb" to address: Name or service not known', '"dbb" is neither a service of this stack'],
  ['Error 111 connecting to redis:6379. Connection refused.\nError -3 connecting to redis:6379. Temporary failure in name resolution.', 'Likely: redis, a service of this stack, did not run'],
  ['could not translate host name "db" to address: Name or service not known', 'Likely: db, a service of this stack, did not run'],
  ['[Errno -2] Name or service not known\nurllib3.exceptions.NameResolutionError: Failed to resolve \'storage\' ([Errno -2] …)\nCould not connect to the endpoint URL: "http://storage:8333/a"', 'Likely: storage, a service'],
  ["consumer: Cannot connect to amqp://shop:**@queue:5672//: [Errno -2] Name or service not known.", 'Likely: "queue" is neither a service'],
  [`(2003, "Can't connect to MySQL server on 'db' ([Errno -2] Name or service not known)")`, 'Likely: db, a service'],
  [`(2005, "Unknown server host 'db' (-2)")`, 'Likely: db, a service'],
  ['socket.gaierror: [Errno -5] No address associated with hostname', 'Likely: a host in a URL of .env.docker is neither a service'],
  ['ImportError: libpq.so.5: cannot open shared object file: No such file or directory', 'Add libpq5 to APT_PACKAGES in .env.docker, then'],
  ['ImportError: libGL.so.1: cannot open shared object file: No such file or directory', 'Add libgl1 libglib2.0-0 to'],
  ['OSError: cannot load library \'libgobject-2.0-0\': libgobject-2.0-0: cannot open shared object file: No', 'Add libpangoft2-1.0-0 libharfbuzz-subset0 to'],
  ["- couldn't import psycopg 'python' implementation: libpq library not found", 'Add libpq5 to'],
  ['ImportError: failed to find libmagic.  Check your installation', 'Add libmagic1 to'],
  ['OSError: no library called "cairo-2" was found', 'Add libcairo2 to'],
  ['ImportError: libjpeg.so.62: cannot open shared object file: No such file or directory', 'Add libjpeg62-turbo to'],
  ['ImportError: libcurl.so.4: cannot open shared object file: No such file or directory', 'Add libcurl4 to'],
  ['django.core.exceptions.ImproperlyConfigured: Could not find the GDAL library (tried "gdal", …', 'Add gdal-bin to'],
  ['OSError: libfoo-2.so.1: cannot open shared object file: No such file or directory', 'https://packages.debian.org finds the package that contains it'],
  ["ModuleNotFoundError: No module named 'mysql+pymysql'", 'begin DATABASE_URL with mysql://, then'],
  ["ValueError: Scheme 'postgresql+psycopg://' is unknown.", 'begin DATABASE_URL with postgresql://'],
  ["ModuleNotFoundError: No module named 'pkg_resources'", "Add 'setuptools<82' to PYTHON_EXTRA_PACKAGES"],
  ["ModuleNotFoundError: No module named 'distutils'", "Add 'setuptools<82' to PYTHON_EXTRA_PACKAGES"],
  ["ModuleNotFoundError: No module named 'imp'", 'PYTHON_IMAGE=library/python:3.11-slim-trixie'],
  ["ModuleNotFoundError: No module named 'cgi'", 'PYTHON_IMAGE=library/python:3.12-slim-trixie'],
  ['kombu.exceptions.VersionMismatch: Redis transport requires redis-py versions 3.2.0 or later. You have 2.10.6', "Add 'celery[redis]' to PYTHON_EXTRA_PACKAGES"],
  // Celery 5.4's own extra allows no redis of 6, and no bound keeps kombu 5.7 away.
  ['kombu.exceptions.VersionMismatch: Redis transport requires redis-py versions 6.1.0 or later. You have 5.3.1', "add 'kombu<5.7' to PYTHON_CONSTRAINTS"],
  ['  File "/opt/venv/lib/python3.13/site-packages/kombu/transport/redis.py", line 271, in <module>\n    class PrefixedStrictRedis(GlobalKeyPrefixMixin, redis.Redis):\n' +
    "AttributeError: 'NoneType' object has no attribute 'Redis'", "Add 'celery[redis]' to PYTHON_EXTRA_PACKAGES"],
  ['celery.exceptions.ImproperlyConfigured: You need to install the redis library in order to use the Redis result store backend.', "Add 'celery[redis]' to"],
  [`${flask}ImportError: cannot import name 'url_quote' from 'werkzeug.urls' (/opt/venv/lib/python3.13/site-packages/werkzeug/urls.py)`,
    "does not fit the werkzeug that is installed. Take another version in the file of PYTHON_MANIFEST and make its lock again. Without a lock, add 'werkzeug<…' to PYTHON_CONSTRAINTS"],
  [`${flask}ImportError: cannot import name 'send' from 'blinker' (/opt/venv/lib/python3.13/site-packages/blinker/__init__.py)`,
    "the package flask does not fit the blinker that is installed. Take another version"],
  [`${flask}ImportError: cannot import name 'Mapping' from 'collections' (/usr/local/lib/python3.13/collections/__init__.py)`,
    'the package flask does not fit Python 3.13, or a package beside it'],
  ['  File "/opt/venv/lib/python3.13/site-packages/six.py", line 58\n    print x\nSyntaxError: Missing parentheses', 'PYTHON_IMAGE=library/python:3.12-slim-trixie'],
  ["Failed to find attribute 'ap' in 'shop'.", 'WEB_APP names something that the source does not have'],
  ["ImportError: no\nModuleNotFoundError: No module named 'celery'", '"celery" is not in the image.'],
  ['Error loading ASGI app. Could not import module "shop.mian".', 'WEB_APP names something that the source does not have'],
  ['Error loading ASGI app. Attribute "ap" not found in module "shop.main".', 'WEB_APP names something that the source does not have'],
  ["TypeError: FastAPI.__call__() missing 1 required positional argument: 'send'", 'WEB_SERVER=uvicorn'],
  ["TypeError: Flask.__call__() missing 1 required positional argument: 'start_response'", 'WEB_SERVER=gunicorn'],
  ['Requested setting INSTALLED_APPS, but settings are not configured. You must', 'DJANGO_SETTINGS_MODULE=package.settings'],
  ['Unable to load celery application.\nThe module shop.workerr was not found.', 'CELERY_APP names something that the source does not have'],
  ["Unable to load celery application.\nModule 'shop' has no attribute 'celery'", 'CELERY_APP names something that the source does not have'],
  [`Unable to load celery application.\nWhile trying to load the module shop.tasks the following error occurred:\n${traceback(frame(`${library}/shop/db.py`, 3, 'connect'), 'sqlalchemy.exc.ArgumentError: no URL')}`,
    'shop.tasks (CELERY_APP) fails while it is loaded: sqlalchemy.exc.ArgumentError: no URL\nCorrect that, then'],
  [`Unable to load celery application.\nWhile trying to load the module shop.tasks the following error occurred:\n${traceback(frame(`${library}/shop/db.py`, 3, 'connect'), 'django.core.exceptions.ImproperlyConfigured: no KEY')}`,
    'shop.tasks (CELERY_APP) fails while it is loaded: django.core.exceptions.ImproperlyConfigured: no KEY\n'],
  ["Error: No such command 'flower'.", 'Flower is not installed'],
  ['  File "<frozen os>", line 716, in __getitem__\nKeyError: \'TOKEN\'', 'needs the variable TOKEN'],
  ['ImproperlyConfigured: Set the TOKEN environment variable', 'needs the variable TOKEN'],
  ['pydantic_core.ValidationError: 1 validation error for AppSettings\ntoken\n  Field required [type=missing]', 'the variable TOKEN'],
  [traceback(byGunicorn, licence) + halted, 'The application failed at line 4 of /app/shop/licence.py: RuntimeError: no licence for "shop"\nCorrect that, then'],
  [traceback(byGunicorn, frame('/app/a.py', 3, 'create_app'), 'shop.Refused') + halted, 'at line 3 of /app/a.py: shop.Refused\n'],
  [`Process SpawnProcess-1:\n${traceback(frame('/usr/lib/python3.13/multiprocessing/process.py', 313, '_bootstrap'), licence)}`, 'at line 4 of /app/shop/licence.py'],
  [traceback(frame('<frozen runpy>', 198, '_run_module_as_main'), frame('/opt/docker/docker_roles/uvicorn.py', 90, '<module>'), licence), 'at line 4 of /app/shop/licence.py'],
  [`ERROR:    ${traceback(frame(`${library}/starlette/routing.py`, 661, 'lifespan'), frame('/app/a.py', 5, 'lifespan'))}RuntimeError: no\n\nERROR:    Application startup failed. Exiting.`,
    'at line 5 of /app/a.py: RuntimeError: no\n'],
  [`Error: \nUnable to load celery application.\n${traceback(frame(`${library}/celery/bin/celery.py`, 137, 'celery'), licence)}`, 'at line 4 of /app/shop/licence.py'],
  [`${traceback(frame(`${library}/flask/cli.py`, 250, 'locate_app'), licence)}\n\nError: No such command 'db'.`, 'at line 4 of /app/shop/licence.py'],
  [traceback(frame('/opt/venv/bin/alembic', 8, '<module>'), imported, frame(`${library}/sqlalchemy/engine/url.py`, 922, '_parse_url'), 'sqlalchemy.exc.ArgumentError: Could not parse'),
    'at line 4 of /app/shop/licence.py: sqlalchemy.exc.ArgumentError: Could not parse\n'],
  [`${traceback(licence)}\nreload: ended with exit code 1; waiting for the next save`, 'at line 4 of /app/shop/licence.py'],
  [traceback(frame('/opt/venv/bin/flask', 8, '<module>'), '  File "/app/a.py", line 12\n    def send(:\nSyntaxError: invalid syntax'), 'at line 12 of /app/a.py: SyntaxError: invalid syntax'],
  ['  File "/app/a.py", line 12\n    def send(:\nSyntaxError: invalid syntax', 'Line 12 of /app/a.py is not Python'],
  [stopIteration + traceback(byGunicorn, frame('/app/a.py', 4, 'version'), 'importlib.metadata.PackageNotFoundError: No package metadata was found for shop') + halted,
    `"shop" is not installed. If it is your own project, set PYTHON_EXTRA_PACKAGES='-e .'`],
  ["pkg_resources.DistributionNotFound: The 'shop' distribution was not found and is required by the application", '"shop" is not installed.'],
  ["Usage: flask [OPTIONS]\n\nError: No such command 'dbb'.", 'asks for "dbb", which the application does not offer'],
  ['GET /nope answered 404', 'Set HEALTH_PATH'],
  ['GET /healthz answered 400', 'set HEALTH_HOST in'],
  ['GET /private answered 401', 'The application has no /private, or wants a login there.'],
  ['nothing listens on port 8000', '0.0.0.0:8000'],
])('%s', (line, advice) => {
  expect(explainOutput(`earlier\n${line}\n`, 'web', model).advice).toContain(advice)
})

test.each([
  ['sqlite:////data/app.db', '--volume shop_app-data:/data --entrypoint chown shop-app:dev -R 1001:1002 /data'],
  ['sqlite+aiosqlite:////app/media/app.db?timeout=5', '--volume shop_media:/app/media'],
  ['sqlite:////data/sub/app.db', 'its folder is not there or not writable'],
  ['sqlite:////app/app.db', 'DATABASE_URL=sqlite:////data/app.db into .env.docker'],
  ['sqlite:///app.db', 'DATABASE_URL=sqlite:////data/app.db into .env.docker'],
])('a file of SQLite at the top of a volume belongs to another user: %s', (url, advice) => {
  const migrate = { ...model.services.migrate, environment: { DATABASE_URL: url } }
  for (const said of ["PermissionError: [Errno 13] Permission denied: '/data/app.db.migrate-lock'", 'sqlite3.OperationalError: unable to open database file',
    'sqlite3.OperationalError: attempt to write a readonly database']) {
    expect(explainOutput(said, 'web', { ...model, services: { ...model.services, migrate } }).advice).toContain(advice)
  }
})

test('what a package raises itself is no sign that it does not fit', () => {
  const said = '  File "/opt/venv/lib/python3.13/site-packages/shop/__init__.py", line 2, in <module>\n    raise RuntimeError("no licence")\nRuntimeError: no licence'
  expect(explainOutput(said, 'web', model).advice).toBeUndefined()
})

test.each([
  "Can't locate revision identified by '0002'", 'database files are incompatible with server\nDETAIL:  initialized by PostgreSQL version 16,', 'relation "story" already exists',
])('only development is told to delete its data: %s', (said) => {
  const deletes = 'Or delete the data: npm run teardown -- --volumes'
  expect(explainOutput(said, 'migrate', model).advice).toContain(deletes)
  expect(explainOutput(said, 'migrate', { ...model, services: { ...model.services, proxy: {} } }).advice).not.toContain(deletes)
})

test('without a store in the stack, the advice means Amazon', () => {
  const { storage: _, ...services } = model.services
  const said = '(InvalidAccessKeyId) when calling the PutObject operation: The AWS Access Key Id you provided does not exist'
  expect(explainOutput(said, 'web', { ...model, services }).advice).toContain('Compare REDIS_URL, or S3_ACCESS_KEY_ID')
})

test.each([
  ['worker', '[ERROR] billiard: Worker exited prematurely: signal 9 (SIGKILL) Job: 0.', 'It has no limit here: give Docker more memory'],
  ['frontend', 'GET / answered 404', 'Set FRONTEND_HEALTH_PATH in'],
  ['flower', 'GET /healthcheck answered 404', 'write FLOWER_URL_PREFIX=… into .env.app'],
])('of %s: %s', (role, line, advice) => {
  expect(explainOutput(line, role, model).advice).toContain(advice)
})

test.each([
  ['a request', `Exception on /a [GET]\n${traceback(frame(`${library}/flask/app.py`, 1511, 'wsgi_app'), licence)}\n`],
  ['a version of an interface', `Exception on /a [GET]\n${traceback(frame(`${library}/flask/app.py`, 1511, 'wsgi_app'), frame('/app/api/versions/v2.py', 3, 'get'))}ValueError: no\n`],
  ['a module', `ERROR:shop:no\n${traceback(frame('/app/shop/main.py', 9, '<module>'))}ValueError: no\n[2026-11-30 15:52:07 +0000] [7] [INFO] Booting worker with pid: 7`],
  ['the application', `ERROR:shop:no licence\n${traceback(licence)}\n[2026-11-30 15:52:07 +0000] [7] [INFO] Booting worker with pid: 7`],
])('what %s raised and something caught is not the cause', (_, log) => {
  expect(explainOutput(log, 'web', model).advice).toBeUndefined()
  expect(explainOutput(`${log}\nnothing listens on port 8000\n`, 'web', model).advice).toContain('0.0.0.0:8000')
})

/** Logs as Celery and Python write them. */
test.each([
  "[1, 1: ERROR/MainProcess] Signal handler <function f at 0x7f> raised: PermissionError(13, 'Permission denied')\n",
  "[1, 1: ERROR/ForkPoolWorker-1] Task shop.sell[1] raised unexpected: PermissionError(13, 'Permission denied')\n",
  '--- Logging error ---\n',
])('what a program logs and survives is not the cause: %s', (head) => {
  const first = 'Traceback (most recent call last):\n  File "/app/a.py", line 7, in f\n    {}["x"]\n    ~~^^^^^\nKeyError: \'x\'\n'
  const second = 'Traceback (most recent call last):\n  File "/app/a.py", line 8, in f\n    open("x")\nPermissionError: [Errno 13] Permission denied: \'x\'\n'
  const chain = `${first}\nDuring handling of the above exception, another exception occurred:\n\n${second}`
  for (const trace of [second, chain]) {
    const said = (end: string) => explainOutput(`${head}${trace}${end}`, 'worker', model).advice
    expect(said('[1, 1: INFO/MainProcess] ready.\n')).toBeUndefined()
    expect(said('')).toBeUndefined()
    expect(said(second)).toContain('may not use x')
    expect(said('redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.\n')).toContain('asks localhost')
  }
})

test('the lines that are shown end with the one that says what is missing', () => {
  const usage = 'Usage: celery [OPTIONS]\n\nError: \nUnable to load celery application.\nThe module shop.workerr was not found.\n'
  const { details } = explainOutput(`${usage}${'later\n'.repeat(20)}`, 'worker', model)
  expect(details).toMatch(/The module shop\.workerr was not found\.$/)
})

test('a line of many letters is cut, and does not take minutes to search', () => {
  const { details, advice } = explainOutput(`${'x'.repeat(300_000)}\nlibpq.so.5: cannot open shared object file\n`, 'web', model)
  expect(advice).toContain('Add libpq5')
  expect(details.length).toBeLessThan(2000)
})
