/** What `npm run adopt` finds out about an application by reading its files. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'dotenv'
import { describe, expect, it } from 'vitest'
import { find, type Found } from '../../adopt/find/find.ts'
import { fitsPython } from '../../adopt/find/python.ts'

const root = join(import.meta.dirname, '../../..')

function findIn(files: Record<string, string>, appDir = 'app'): Found {
  return find({ paths: Object.keys(files), read: (path) => files[path] ?? '' }, { appDir, project: 'shop', versions: { gunicorn: '27.0.1', uvicorn: '0.54.0', python: '3.13' } })
}

/** The settings that are found, as a container gets them. */
const settingsOf = ({ findings }: Found): Record<string, string> => parse(findings.map(({ name, value }) => `${name}=${value}`).join('\n'))

describe('the systems that have an env file', () => {
  // What an env file says on purpose otherwise: the owner chose SQLite, other profiles, or a command of their own.
  const OWN = /^(APP_DIR|APP_WORKDIR|CELERY_APP|COMPOSE_\w+|DATABASE_URL|POSTGRES_DB|S3_\w+|TEST_COMMAND|MIGRATE_COMMAND|APT_PACKAGES|PYTHON_IMAGE|WORKER_QUEUES)$/
  it.each([
    ['app', '.env.docker.example'], ['template/examples/podcast'], ['template/examples/transcripts'], ['template/examples/dashboard'], ['template/examples/agent'],
  ])('%s starts as its env file says', (folder, envFile = `${folder}/env.docker`) => {
    const paths = readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(root, folder).length + 1)).filter((path) => !/(^|\/)(node_modules|__pycache__|\.venv)\//.test(path))
    const files = Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, folder, path), 'utf8')]))
    const found = settingsOf(findIn(files))
    const said = parse(readFileSync(join(root, envFile)))
    for (const [name, value] of Object.entries(found)) if (said[name] !== undefined && !OWN.test(name)) expect(`${name}=${value}`).toBe(`${name}=${said[name]}`)
    expect(Object.keys(found)).toEqual(expect.arrayContaining(['WEB_APP', 'CELERY_APP', 'HEALTH_PATH', 'PYTHON_MANIFEST', 'TEST_COMMAND']))
    // The object may be left out.
    expect(said.CELERY_APP!.startsWith(found.CELERY_APP!)).toBe(true)
    expect(found.HEALTH_PATH).toBe(said.HEALTH_PATH ?? '/healthz')
  })
})

const flask = { 'requirements.txt': 'Flask==3\ngunicorn\n', 'shop/__init__.py': '' }
const django = {
  'manage.py': 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")', 'config/settings.py': '', 'config/wsgi.py': 'application = get_wsgi_application()\n',
  'config/asgi.py': 'application = get_asgi_application()\n', 'config/celery.py': 'app = Celery("config")\napp.autodiscover_tasks()\n', 'requirements.txt': 'django\ngunicorn\nuvicorn\n',
}

describe('what starts', () => {
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['an object', { 'shop/main.py': '"""app = Flask()"""\nfrom flask import Flask\n\napp = Flask(__name__)\n' }, { WEB_APP: 'shop.main:app', WEB_SERVER: 'gunicorn' }],
    ['an object with its type', { 'shop/api.py': 'app: FastAPI = FastAPI(\n  title="x",\n)\n' }, { WEB_APP: 'shop.api:app', WEB_SERVER: 'uvicorn' }],
    ['a factory', { 'shop/__init__.py': 'def create_app(config=None, *, debug: bool = False):\n    app = Flask(__name__)\n    return app\n' }, { WEB_APP: 'shop:create_app()' }],
    ['what a factory of another module has made', {
      'shop/factory.py': 'def make(config):\n    result = flask.Flask(__name__)\n    return result\n', 'wsgi.py': 'from shop.factory import make\nif True:\n    application = make("prod")\n',
    }, { WEB_APP: 'wsgi:application' }],
    ['an object of a class of its own', { 'shop/app.py': 'class Shop(flask.Flask):\n    pass\n\n\nserver = Shop("shop")\n' }, { WEB_APP: 'shop.app:server' }],
    ['the object that the module of Celery does not need for itself', {
      'shop/app.py': 'def create_app():\n    return Flask("x")\n', 'shop/worker.py': 'flask_app = create_app()\ncelery = flask_app.extensions["celery"]\n',
    }, { WEB_APP: 'shop.app:create_app()', CELERY_APP: 'shop.worker:celery' }],
    ['Celery made by a function', {
      'shop/main.py': 'app = Flask("x")\n', 'shop/celery_app.py': 'def make_celery(app):\n    celery = Celery(app.name)\n    return celery\n\ncelery = make_celery(flask)\n',
    }, { WEB_APP: 'shop.main:app', CELERY_APP: 'shop.celery_app:celery' }],
    ['a package below src', { 'shop/__init__.py': 'x = 1\n', 'src/store/__init__.py': '', 'src/store/web.py': 'app = Flask("x")\n' }, { WEB_APP: 'store.web:app', APP_PYTHONPATH: '/app/src' }],
    ['a folder without __init__.py that is imported by its name', { 'service/main.py': 'from service.config import x\napp = FastAPI()\n', 'service/config.py': '' }, { WEB_APP: 'service.main:app' }],
    ['the application of wsgi.py that wraps another', { 'shop/wsgi.py': '_wsgi = get_wsgi_application()\n\n\ndef application(environ, start_response):\n    return _wsgi(environ, start_response)\n' }, { WEB_APP: 'shop.wsgi:application' }],
    ['nothing that is made only if the file is run', { 'run.py': 'from shop.factory import create_app\n\nif __name__ == "__main__":\n    app = create_app()\n    app.run()\n', 'shop/factory.py': 'def create_app():\n    return Flask("x")\n' }, { WEB_APP: 'shop.factory:create_app()' }],
    ['neither of two in one line', { 'shop/app.py': 'app, celery = Flask("x"), Celery("y")\n', 'wsgi.py': 'application = Flask("x")\n' }, { WEB_APP: 'wsgi:application' }],
    ['nothing in a template of Python', { 'shop/app.py': 'app = Flask("x")\n', 'shop/cookie.py': 'def {{ name }}_app():\n    return Flask("x")\n\n\ndef create_app:\nclass (Flask):\nx = 1\n' }, { WEB_APP: 'shop.app:app' }],
    ['the object that is called app', { 'shop/app.py': 'api = FastAPI()\napp = FastAPI()\napp.mount("/api", api)\n' }, { WEB_APP: 'shop.app:app' }],
    ['nothing of the tests', { 'shop/app.py': 'app = Flask("x")\n', 'tests/app.py': 'app = Flask("x")\n', 'shop/test_app.py': 'app = Flask("x")\n' }, { WEB_APP: 'shop.app:app' }],
  ])('%s', (_, files, expected) => expect(settingsOf(findIn({ ...flask, ...files }))).toMatchObject(expected))

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['in a Procfile', { Procfile: 'web: gunicorn --workers 2 shop.b:app --log-file -\nworker: celery -A shop.b worker\n' }, { WEB_APP: 'shop.b:app', CELERY_APP: 'shop.b' }],
    ['with a socket', { Procfile: 'web: gunicorn --bind unix:shop.sock shop.b:app\n' }, { WEB_APP: 'shop.b:app' }],
    ['in a sentence', { 'README.md': 'Start it with celery -A shop.b.\n' }, { CELERY_APP: 'shop.b' }],
    ['as a list of Docker', { Dockerfile: 'CMD ["uvicorn", "shop.c:make", "--factory", "--port", "80"]\n' }, { WEB_APP: 'shop.c:make()', WEB_SERVER: 'uvicorn' }],
    ['of gunicorn with processes of uvicorn', { 'start.sh': 'exec gunicorn -k uvicorn.workers.UvicornWorker \\\n  shop.b:app\n' }, { WEB_APP: 'shop.b:app', WEB_SERVER: 'uvicorn' }],
    ['in a Compose file', { 'docker-compose.yml': 'services:\n  w:\n    command: celery --app=shop.b:queue worker -l info\n' }, { CELERY_APP: 'shop.b:queue' }],
    ['only if its module is there', { Procfile: 'web: gunicorn shop.gone:app\n', 'shop/c.py': '' }, { WEB_APP: 'shop.b:app' }],
  ])('a command %s', (_, files, expected) => {
    const found = findIn({ ...flask, 'shop/b.py': 'app = Flask("x")\nqueue = Celery("x")\n', 'shop/c.py': 'app = Flask("x")\n', ...files })
    expect(settingsOf(found)).toMatchObject(expected)
  })

  it('of Django: wsgi, its migrations and its tests, in the folder of manage.py', () => {
    const files = Object.fromEntries(Object.entries(django).map(([path, text]) => [path === 'requirements.txt' ? path : `site/${path}`, text]))
    expect(settingsOf(findIn(files))).toEqual({
      PYTHON_MANIFEST: 'requirements.txt', PYTHON_DEV_MANIFEST: '', APP_WORKDIR: 'site', WEB_APP: 'config.wsgi:application', CELERY_APP: 'config.celery:app', WEB_SERVER: 'gunicorn',
      MIGRATE_COMMAND: 'python manage.py migrate --noinput', TEST_COMMAND: 'python manage.py test --noinput', COMPOSE_PROFILES: 'redis',
    })
  })

  it('leaves to the owner how static files and a frontend are built', () => {
    const { open } = findIn({ ...django, 'config/settings.py': 'STATIC_ROOT = "x"\n', 'frontend/package.json': '{ "scripts": { "build": "vite build" } }' })
    expect(open.map((line) => line.split(':')[0])).toEqual(['HEALTH_PATH', 'PREBUILD_COMMAND', 'FRONTEND'])
  })

  it('of Django with Channels: asgi, which alone answers websockets', () => {
    expect(settingsOf(findIn({ ...django, 'requirements.txt': 'django\nchannels\n' }))).toMatchObject({
      WEB_APP: 'config.asgi:application', WEB_SERVER: 'uvicorn', PYTHON_EXTRA_PACKAGES: 'uvicorn==0.54.0 websockets',
    })
  })

  it('of Django with settings for each place: those of manage.py for development', () => {
    const wsgi = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")\napplication = get_wsgi_application()\n'
    expect(findIn({ ...django, 'config/wsgi.py': wsgi }).variables).toContainEqual({
      name: 'DJANGO_SETTINGS_MODULE', where: 'manage.py has config.settings, and what web starts has config.settings.production',
    })
    expect(findIn(django).variables).toEqual([])
  })

  it('of a database whose migration is nowhere: the owner is told', () => {
    expect(findIn({ ...flask, 'requirements.txt': 'psycopg2\n', 'README.md': 'make migrate, flask db upgrade\n' }).open).toContain('MIGRATE_COMMAND: nothing in the source tells it. If it is empty, nothing is migrated')
    expect(findIn(flask).open.filter((line) => line.startsWith('MIGRATE_COMMAND'))).toEqual([])
  })

  it('of Django that an installed package starts: the settings of manage.py, since the package names its own', () => {
    const site = { 'requirements.txt': 'weblate[postgres]\n', 'manage.py': django['manage.py'], 'config/settings.py': '', 'README.md': '`gunicorn weblate.wsgi:application`\n' }
    expect(findIn(site).variables).toContainEqual({
      name: 'DJANGO_SETTINGS_MODULE', value: 'config.settings', where: 'manage.py, and weblate.wsgi:application is an installed package',
    })
  })

  it('is not guessed if it could be either', () => {
    const { findings, open } = findIn({ ...flask, 'shop/one.py': 'app = Flask("x")\n', 'shop/two.py': 'app = Flask("x")\n' })
    expect(findings.filter(({ name }) => name === 'WEB_APP')).toEqual([])
    expect(open).toContain('WEB_APP: perhaps shop.one:app (shop/one.py:1) or shop.two:app (shop/two.py:1)')
    expect(open).toContain('CELERY_APP: nothing in the source tells it')
  })

  it('may be an installed package, but nothing else that is not in the source', () => {
    const procfile = 'web: gunicorn superset.app:application\nworker: celery -A superset.tasks worker\nother: uvicorn strange.app:app\n'
    expect(settingsOf(findIn({ 'requirements.txt': 'apache-superset==6\n', 'superset_config.py': '', Procfile: procfile }))).toMatchObject({
      WEB_APP: 'superset.app:application', CELERY_APP: 'superset.tasks',
    })
    expect(settingsOf(findIn({ 'requirements.txt': 'flask\n', 'config.py': '', Procfile: procfile }))).not.toHaveProperty('WEB_APP')
  })

  it("says which command of a package starts Celery, which sets up something before that", () => {
    const { open } = findIn({ ...flask, 'systemd/worker.service': '# x celery worker\nExecStart=/opt/venv/bin/nautobot-server celery worker --loglevel INFO\n' })
    expect(open).toContain('CELERY_APP: systemd/worker.service starts it by "nautobot-server celery worker". Write a module that sets up what this command does and has its Celery application')
  })

  it('says what else is started', () => {
    const { open } = findIn({ ...flask, 'shop/a.py': '', 'shop/b.py': '', Dockerfile: 'CMD gunicorn shop.a:app\n', 'compose.yaml': '    command: gunicorn shop.b:app\n' })
    expect(open).toContain('WEB_APP: shop.a:app was taken, and not shop.b:app (compose.yaml)')
  })

  it('gives a bucket a name that S3 takes', () => {
    const files = { 'requirements.txt': 'boto3\n', 's.py': 'boto3.client("s3")' }
    const { findings } = find({ paths: Object.keys(files), read: (path) => files[path as keyof typeof files] ?? '' }, { appDir: 'app', project: 'my_shop', versions: { gunicorn: '1', uvicorn: '1', python: '3.13' } })
    expect(findings.find(({ name }) => name === 'S3_BUCKET')?.value).toBe('my-shop')
  })

  it('says where it was found', () => {
    expect(findIn({ ...flask, 'shop/app.py': '\n\napp = Flask("x")\n' }).findings).toContainEqual({ name: 'WEB_APP', value: 'shop.app:app', where: 'shop/app.py:3' })
  })
})

describe('packages', () => {
  const lock = '[[package]]\nname = "Flask"\n\n[[package]]\nname = "pytest"\n'
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['requirements.txt', { 'requirements.txt': '' }, { PYTHON_MANIFEST: 'requirements.txt', PYTHON_DEV_MANIFEST: '' }],
    ['those of development', { 'requirements.txt': '', 'requirements-dev.txt': '', 'pyproject.toml': '' }, { PYTHON_MANIFEST: 'requirements.txt', PYTHON_DEV_MANIFEST: 'requirements-dev.txt' }],
    ['a folder of them', { 'requirements/base.txt': '', 'requirements/production.txt': '', 'requirements/local.txt': '' },
      { PYTHON_MANIFEST: 'requirements/production.txt', PYTHON_DEV_MANIFEST: 'requirements/local.txt' }],
    ['uv.lock', { 'pyproject.toml': '[dependency-groups]\ndev = ["pytest>=8"]\ndocs = []\n', 'uv.lock': lock },
      { PYTHON_INSTALLER: 'uv', PYTHON_MANIFEST: 'pyproject.toml', PYTHON_DEV_MANIFEST: '', PYTHON_DEV_GROUPS: 'dev', TEST_COMMAND: 'python -m pytest' }],
    ['poetry.lock', { 'pyproject.toml': '[tool.poetry.group.test.dependencies]\npytest = "*"\n', 'poetry.lock': lock, 'requirements.txt': '' },
      { PYTHON_INSTALLER: 'poetry', PYTHON_MANIFEST: 'pyproject.toml', PYTHON_DEV_MANIFEST: '', PYTHON_DEV_GROUPS: 'test' }],
    ['groups and extras that a role starts with', { 'pyproject.toml': '[project.optional-dependencies]\nserver = ["gunicorn>=20"]\nplot = ["numpy"]\n[dependency-groups]\nmonitor = ["flower", {include-group = "x"}]\nlint = ["ruff"]\n', 'uv.lock': lock },
      { PYTHON_EXTRAS: 'server', PYTHON_GROUPS: 'monitor' }],
    ['the folder that has them, although the root configures tools', { 'pyproject.toml': '[tool.ruff]\nline-length = 100\n', 'backend/requirements.txt': 'uvicorn\n', 'backend/main.py': 'app = FastAPI()\n' },
      { APP_DIR: 'app/backend', WEB_APP: 'main:app' }],
    ['SQLAlchemy that another package brings', { 'requirements.txt': 'flask-sqlalchemy\npymysql\n' }, { DATABASE_URL: 'mysql+pymysql://${MARIADB_USER}:${MARIADB_PASSWORD}@db:3306/${MARIADB_DATABASE}?charset=utf8mb4' }],
    ['pytest that a plugin brings', { 'requirements.txt': 'flask\npytest-flask\n' }, { TEST_COMMAND: 'python -m pytest' }],
    ['another Python', { 'requirements.txt': '', '.python-version': '3.11.4\n' }, { PYTHON_IMAGE: 'library/python:3.11-slim-trixie' }],
    ['the folder that has them', { 'backend/requirements.txt': '', 'frontend/package.json': '' }, { APP_DIR: 'app/backend', PYTHON_MANIFEST: 'requirements.txt' }],
    ['a server that they lack', { 'requirements.txt': 'fastapi\n', 'main.py': 'app = FastAPI()\n' }, { PYTHON_EXTRA_PACKAGES: 'uvicorn==0.54.0' }],
    ['of a file that is included', { 'requirements.txt': '-r lists/all.txt\n', 'lists/all.txt': 'psycopg[binary]==3\nsqlalchemy\n' },
      { DATABASE_URL: 'postgresql+psycopg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432/${POSTGRES_DB}', COMPOSE_PROFILES: 'postgres,redis' }],
    ['MariaDB of Django', { ...django, 'requirements.txt': 'mysqlclient\n' }, {
      DATABASE_URL: 'mysql://${MARIADB_USER}:${MARIADB_PASSWORD}@db:3306/${MARIADB_DATABASE}?charset=utf8mb4', MARIADB_USER: 'shop', MARIADB_DATABASE: 'shop', COMPOSE_PROFILES: 'mariadb,redis',
    }],
    ["PostgreSQL that only Django's settings name", { ...django, 'requirements.txt': 'weblate[postgres]\n', 'config/settings.py': 'DATABASES = {\n    "default": {\n        # Or mysql.\n        "ENGINE": "django.db.backends.postgresql",\n    }\n}\n' },
      { DATABASE_URL: 'postgresql://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432/${POSTGRES_DB}', COMPOSE_PROFILES: 'postgres,redis' }],
    ['MariaDB that only an address names', { 'requirements.txt': 'flask\n', 'shop/a.py': 'URL = "mysql://root@localhost/shop"\n' }, { COMPOSE_PROFILES: 'mariadb,redis' }],
    ['SQLite, which needs no service', { ...django, 'requirements.txt': 'django\n', 'config/settings.py': 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}\n' }, { COMPOSE_PROFILES: 'redis' }],
    ['of Debian, as Python packages need them', { 'requirements.txt': 'mysqlclient\npsycopg2\n' }, { APT_PACKAGES: 'libmariadb3 libpq5', APT_BUILD_PACKAGES: 'gcc libc6-dev pkg-config libmariadb-dev libpq-dev' }],
    ['of Debian, as its Dockerfile has them', { 'requirements.txt': '', 'web/Dockerfile': 'FROM node\nRUN apt-get install -y chromium\n', 'deploy/app/Dockerfile': 'FROM python:3.12\n# RUN apt-get install old\nRUN apt-get update && apt-get install -y --no-install-recommends -t bookworm-backports \\\n  # for sound\n    # and more\n  ffmpeg curl \\\n  build-essential libpq-dev && rm -r /x\n' },
      { APT_PACKAGES: 'ffmpeg libpq5', APT_BUILD_PACKAGES: 'gcc g++ libc6-dev make libpq-dev' }],
  ])('%s', (_, files, expected) => {
    // In single quotes, ${NAME} would stay as it is.
    for (const { value } of findIn(files).findings) expect(value).not.toMatch(/^'.*\$\{/)
    const found = Object.fromEntries(findIn(files).findings.map(({ name, value }) => [name, value.replaceAll("'", '')]))
    expect(found).toMatchObject(expected)
  })

  it.each<[string, Record<string, string>, string]>([
    ['no list', { 'main.py': '' }, 'there is no requirements.txt and no pyproject.toml'],
    ['a list beside the application', { 'docker/requirements.txt': '', 'main.py': 'app = FastAPI()\n' }, 'the list of packages is in docker, and the application is beside that folder'],
    ['no lock', { 'pyproject.toml': '[project]\ndependencies = ["flask"]\n' }, 'there is no lock: make uv.lock with "uv lock", or poetry.lock with "poetry lock"'],
    ['two locks', { 'pyproject.toml': '', 'uv.lock': '', 'poetry.lock': '' }, 'both a uv.lock and a poetry.lock: delete the one that is not used'],
    ['two lists', { 'a/requirements.txt': '', 'b/requirements.txt': '' }, 'more than one folder has a list of packages (a, b): APP_DIR says which'],
  ])('%s: the owner is told', (_, files, expected) => {
    const { findings, open } = findIn(files)
    expect(findings.filter(({ name }) => name === 'PYTHON_MANIFEST')).toEqual([])
    expect(open.find((line) => line.startsWith('PYTHON_MANIFEST: '))).toContain(expected)
  })
})

describe('what is beside it', () => {
  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['a schedule', { 'shop/c.py': 'celery = Celery("x")\ncelery.conf.beat_schedule = {}\n' }, { COMPOSE_PROFILES: 'redis,beat' }],
    ["Django's own scheduler", { ...django, 'requirements.txt': 'django-celery-beat\n', 'config/settings.py': 'INSTALLED_APPS = ["django_celery_beat"]\n' }, { COMPOSE_PROFILES: 'redis,beat', BEAT_SCHEDULER: 'django' }],
    ['queues to which tasks are routed', { 'shop/c.py': 'celery = Celery("x")\ncelery.conf.update(task_default_queue="fast", task_routes={"a.b": {"queue": "slow"}})\n\n@celery.task(\n    queue="rare"\n)\ndef x(): ...\n' }, { WORKER_QUEUES: 'fast,slow,rare' }],
    ['no queues that the application declares', { 'shop/c.py': 'celery = Celery("x")\ncelery.conf.task_queues = QUEUES\ncelery.conf.task_routes = {"a.b": {"queue": "slow"}}\n' }, { COMPOSE_PROFILES: 'redis' }],
    ['Flower', { 'requirements.txt': 'flower\n', 'shop/c.py': 'celery = Celery("x")\n' }, { COMPOSE_PROFILES: 'redis,flower' }],
    ['a driver that waits for nothing', { 'requirements.txt': 'psycopg2\nasyncpg\nsqlalchemy\n', 'shop/d.py': 'engine = create_async_engine(url)\n' }, { POSTGRES_DB: 'shop', COMPOSE_PROFILES: 'postgres,redis' }],
    ['a store', { 'requirements.txt': 'boto3\n', 'shop/s.py': 's3 = boto3.client("s3")\n' }, { COMPOSE_PROFILES: 'redis,storage', S3_BUCKET: 'shop' }],
    ['no store for mail of Amazon', { 'requirements.txt': 'boto3\n', 'shop/s.py': 'ses = boto3.client("ses")\n' }, { COMPOSE_PROFILES: 'redis' }],
    ['migrations of Flask', { 'requirements.txt': 'flask-migrate\n', 'shop/w.py': 'app = Flask("x")\n', 'migrations/env.py': '' }, { MIGRATE_COMMAND: 'flask --app shop.w db upgrade' }],
    ['migrations of Flask elsewhere', { 'requirements.txt': 'flask-migrate\n', 'api/app.py': 'app = Flask("x")\n', 'api/migrations/env.py': '' }, { MIGRATE_COMMAND: 'flask --app app db upgrade --directory api/migrations' }],
    ['migrations by the command of an installed package', { 'requirements.txt': 'apache-superset\n', 'README.md': 'First migrate:\n\n    ./venv/bin/superset db upgrade\n' }, { MIGRATE_COMMAND: 'superset db upgrade' }],
    ['migrations of a factory', { 'requirements.txt': 'flask-migrate\n', 'shop/w.py': 'def build():\n    return Flask("x")\n', 'migrations/env.py': '' }, { MIGRATE_COMMAND: 'flask --app "shop.w:build()" db upgrade' }],
    ['migrations of Alembic', { 'alembic.ini': '' }, { MIGRATE_COMMAND: 'alembic upgrade head' }],
    ['migrations of Alembic where the application is imported from', { 'api/alembic.ini': '', 'api/main.py': 'app = FastAPI()\n' }, { MIGRATE_COMMAND: 'alembic upgrade head', APP_WORKDIR: 'api' }],
    ['migrations of Alembic inside the package', { 'shop/alembic.ini': '', 'shop/main.py': 'app = FastAPI()\n' }, { MIGRATE_COMMAND: 'cd shop && alembic upgrade head', APP_PYTHONPATH: '/app' }],
  ])('%s', (_, files, expected) => expect(settingsOf(findIn({ ...flask, ...files }))).toMatchObject(expected))

  it.each<[string, Record<string, string>, string | undefined]>([
    ['a route', { 'shop/a.py': 'app = Flask("x")\n\n@app.route("/health")\ndef health(): ...\n' }, '/health'],
    ['a route below a prefix that another file adds', { 'shop/a.py': 'app = Flask("x")\napp.register_blueprint(bp, url_prefix="/api")\n', 'shop/b.py': '@bp.get("/health")\ndef health(): ...\n' }, undefined],
    ['a route of a router without a prefix, beside one with', {
      'shop/main.py': 'from .routes import documents, health\napp = FastAPI()\napp.include_router(health.router)\napp.include_router(documents.router)\n',
      'shop/routes/documents.py': 'router = APIRouter(prefix="/documents")\n', 'shop/routes/health.py': 'router = APIRouter()\n\n@router.get("/health")\nasync def health(): ...\n',
    }, '/health'],
    ['a route of a blueprint that is imported under another name', {
      'shop/a.py': 'from shop.status import bp as status\napp = Flask("x")\napp.register_blueprint(status)\napp.register_blueprint(api, url_prefix="/api")\n',
      'shop/status.py': 'bp = Blueprint("status", __name__)\n\n@bp.route("/healthz")\ndef healthz(): ...\n',
    }, '/healthz'],
    ['a route of a router that another router includes', {
      'shop/main.py': 'app = FastAPI(docs_url=None)\napp.include_router(api, prefix="/api")\n', 'shop/api.py': 'from shop.health import router\napi.include_router(router)\n',
      'shop/health.py': '@router.get("/health")\nasync def health(): ...\n',
    }, undefined],
    ['a route beside a folder of static files', { 'shop/main.py': 'app = FastAPI()\napp.mount("/static", StaticFiles(directory="static"))\n\n@router.get("/health")\nasync def health(): ...\n' }, '/health'],
    ['a path of the main urls of Django', { ...django, 'config/urls.py': 'urlpatterns = [path("health/", view)]\n' }, '/health/'],
    ['a path that other urls include', { ...django, 'blog/urls.py': 'urlpatterns = [path("health/", view)]\n' }, undefined],
    ['what a dictionary has', { 'shop/a.py': 'app = Flask("x")\nx = player.get("health") or requests.get("/health")\n' }, undefined],
    ['a route of a mounted application', { 'shop/a.py': 'app = FastAPI(docs_url=None)\napp.mount("/api", sub)\n\n@sub.get("/health")\ndef health(): ...\n' }, undefined],
    ["FastAPI's own page", { 'shop/a.py': 'app = FastAPI()\n' }, '/docs'],
    ["FastAPI's own page that is switched off", { 'shop/a.py': 'app = FastAPI(docs_url=None)\n' }, undefined],
  ])('the health path: %s', (_, files, expected) => expect(settingsOf(findIn({ ...flask, ...files })).HEALTH_PATH).toBe(expected))

  it.each([
    ['AWS_STORAGE_BUCKET_NAME', '${S3_BUCKET}'], ['AWS_ACCESS_KEY_ID', '${S3_ACCESS_KEY_ID}'], ['AWS_SECRET_ACCESS_KEY', '${S3_SECRET_ACCESS_KEY}'], ['AWS_S3_ENDPOINT_URL', '${S3_ENDPOINT_URL}'],
    ['DB_HOST', 'db'], ['POSTGRES_PORT', '5432'], ['MYSQL_USER', '${POSTGRES_USER}'], ['SQL_PASSWORD', '${POSTGRES_PASSWORD}'], ['POSTGRES_DB', '${POSTGRES_DB}'], ['APP_DATABASE_URI', '${DATABASE_URL}'],
    ['REDIS_HOST', 'redis'], ['REDIS_PASSWORD', '${REDIS_PASSWORD}'], ['CELERY_RESULT_BACKEND', '${REDIS_URL}'], ['FLASK_SECRET_KEY', '${SECRET_KEY}'], ['SHOP_SECRET_KEY', '${SECRET_KEY}'],
    ['COLOUR', undefined], ['STRIPE_SECRET_KEY', undefined], ['MQTT_BROKER_URL', undefined], ['SLACK_CHANNEL_URL', undefined],
    ['TEST_DATABASE_URL', undefined], ['MONGO_DB_URL', undefined],
  ])('a variable %s is %s', (name, value) => {
    const files = { ...flask, 'requirements.txt': 'psycopg\nboto3\n', 'shop/s.py': `s3 = boto3.client("s3")\nx = os.environ["${name}"]\n` }
    expect(findIn(files).variables.map((one) => one.value)).toEqual([value])
  })

  it("the key of Django under any name, nothing of a comment, and from the example of an env file what a package's name tells", () => {
    const { variables } = findIn({
      ...flask, 'shop/config.py': 'SECRET_KEY = os.environ["NAUTOBOT_KEY"]\n# OLD = os.environ["NAUTOBOT_OLD"]\n', 'requirements.txt': 'psycopg\n',
      'nautobot.env.example': 'NAUTOBOT_KEY=\nNAUTOBOT_DB_HOST=localhost\n#NAUTOBOT_REDIS_HOST=a\nexport NAUTOBOT_REDIS_PASSWORD=b\nNAUTOBOT_COLOUR=red\nDATABASE_URL=c\n',
    })
    expect(variables.map(({ name, value, where }) => `${name}=${value ?? '?'} ${where}`)).toEqual([
      'NAUTOBOT_KEY=${SECRET_KEY} shop/config.py:1', 'NAUTOBOT_DB_HOST=db nautobot.env.example:2', 'NAUTOBOT_REDIS_PASSWORD=${REDIS_PASSWORD} nautobot.env.example:4',
    ])
  })

  it('variables of its own, with the value that their name tells', () => {
    const settings = `import os
broker = os.environ["CELERY_BROKER_URL"]
a = os.environ.get("CACHE_URL"), os.getenv("DB_HOST", "localhost"), env.str("DJANGO_SECRET_KEY"), os.environ["DATABASE_URL"]
c = os.getenv("CELERY_RESULT_BACKEND", "django-db"), env("PAY_KEY", cast=str), os.getenv("APP_REDIS_URL", "redis://localhost:6379/0")
b = os.environ["STRIPE_KEY"], os.getenv("COLOUR"), app.config["PAGE_SIZE"], request.environ["HTTP_HOST"]
if "SENTRY_DSN" in os.environ:
    init(os.environ["SENTRY_DSN"])
os.environ["TOKENIZERS_PARALLELISM"] = "false"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_", env_nested_delimiter="__")
    """Settings.

    Attributes:
        token: what it is
    Note: careful
    """
    redis_url: RedisDsn
    origins: Annotated[
        list[str], NoDecode
    ] = []
    token: str = Field(...)
    colour: str = "red"
    cache: Cache


class Cache(BaseModel):
    url: str
    size: int = 1
    parent: Cache = None
`
    const { variables } = findIn({ ...flask, 'requirements.txt': 'psycopg\n', 'shop/settings.py': settings, 'tests/settings.py': 'os.environ["TEST_KEY"]' })
    expect(variables.map(({ name, value, where }) => `${name}=${value ?? '?'} ${where}`)).toEqual([
      'CELERY_BROKER_URL=${REDIS_URL} shop/settings.py:2', 'CACHE_URL=${REDIS_URL} shop/settings.py:3', 'DB_HOST=db shop/settings.py:3', 'DJANGO_SECRET_KEY=${SECRET_KEY} shop/settings.py:3',
      'PAY_KEY=? shop/settings.py:4', 'APP_REDIS_URL=${REDIS_URL} shop/settings.py:4', 'STRIPE_KEY=? shop/settings.py:5', 'SHOP_REDIS_URL=${REDIS_URL} shop/settings.py:19', 'SHOP_TOKEN=? shop/settings.py:23',
      'SHOP_CACHE__URL=${REDIS_URL} shop/settings.py:29',
    ])
  })
})

it.each<[specifier: string, yes: string, no: string]>([
  ['>=3.11', '3.11 3.14', '3.9 3.10'], ['>= 3.11, < 3.13', '3.11 3.12', '3.10 3.13'], ['>=3.9 <3.13', '3.9', '3.13'],
  ['<3.13.2', '3.13', '3.14'], ['<3.13.0', '3.12', '3.13'], ['<4', '3.14', ''], ['<=3.12', '3.12', '3.13'], ['>3.11', '3.12 3.11', '3.10'],
  ['==3.11.*', '3.11', '3.10 3.12'], ['==3.11.4', '3.11', '3.12'], ['===3.11.4', '3.11', '3.12'], ['==3.*', '3.8 3.14', ''], ['3.11.*', '3.11', '3.12'],
  ['!=3.9.*,>=3.8', '3.8 3.10', '3.9 3.7'], ['!=3.9.1', '3.9', ''], ['~=3.11', '3.11 3.14', '3.10'], ['~=3.11.2', '3.11', '3.12 3.10'],
  ['^3.11', '3.11 3.14', '3.10'], ['^3.11.2', '3.14', '3.10'], ['~3.11', '3.11', '3.12 3.10'], ['~3', '3.8 3.14', ''], ['3.11', '3.11', '3.13'],
  ['>=3.11.0rc1,<3.13.0a0', '3.11 3.12', '3.10 3.13'], ['>=3.10,<3.15.0.dev0', '3.14', '3.15 3.9'], ['>=3.08,<3.13.0.0', '3.12', '3.13'],
  ['>=3.8 !=3.9.* <3.13', '3.8 3.12', '3.9 3.13'], ['!= 3.9.*||>=3.12', '3.12', '3.9'], ['any', '3.8', ''],
  ['~2.7 || ^3.12', '3.12 3.13', '3.11'], ['*', '3.8', ''], ['>=3.9,<4.0,!=3.9.7', '3.9 3.14', '3.8'], ['^2.7', '', '3.9'],
])('%s has %s, and not %s', (specifier, yes, no) => {
  const all = [...yes.split(' '), ...no.split(' ')].filter(Boolean)
  expect(all.filter((version) => fitsPython(specifier, version))).toEqual(yes.split(' ').filter(Boolean))
})
