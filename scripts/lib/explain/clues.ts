/** What a line of a log, or the answer of a health check, means and what to do about it. Pure. */
import { makeRoom } from '../engine/machine.ts'

/** What else is known where something failed. */
export interface Scene {
  /** The role that failed: web, worker, migrate, seed … or another service of the stack. */
  role: string
  /** Why Python does not find a module that the source has; undefined for a module that is not of the source. */
  explainModule?: (name: string) => string | undefined
}

/** What the groups of a pattern found, without those that found nothing. */
type Found = readonly string[]

/** A pattern and what it means. A guess begins with "Likely". */
type Clue = readonly [pattern: RegExp, say: string | ((found: Found, scene: Scene) => string)]

/** How a sentence about a setting ends. */
const again = 'then run npm run up again.'
const correct = `Correct it in .env.docker, ${again}`
const byOwnName =
  `under a name of its own it gets it by a line in .env.app, such as CELERY_BROKER_URL=\${REDIS_URL}. Then run npm ` +
  'run up again.'

/** The setting that holds the command of a role. */
const commandOf = (role: string): string =>
  ['migrate', 'seed', 'test', 'frontend'].includes(role) ? `${role.toUpperCase()}_COMMAND` : 'WEB_COMMAND'

export function moreMemory(role: string): string {
  const name = role.toUpperCase()
  const fewer = role === 'web' || role === 'worker' ? `, or lower ${name}_CONCURRENCY` : ''
  return `Raise ${name}_MEMORY in .env.docker${fewer}, ${again}`
}

/** Both databases read the password of their first user only when they create the volume. */
const otherPassword = (user = '', database: string, setting: string): string =>
  `Likely: the volume of the database was made with another password of "${user}", or DATABASE_URL and ${setting} ` +
  `differ. ${database} reads ${setting} only when the volume is new: put the old one back, or delete the data with ` +
  'npm run teardown -- --volumes. If the database is managed elsewhere, DATABASE_URL has another password than its ' +
  'provider.'

const needsVariable = (name: string): string =>
  `application cannot do without the variable ${name}, and nothing hands it over. ` +
  `Write ${name}=… into .env.app (or the file that APP_ENV_FILE names), ${again}`

/** The first that matches counts, so the specific ones stand before the general ones. */
export const clues: readonly Clue[] = [
  // --- The container starts, and never reaches the application ---
  // The lock of a migration on SQLite has a clue of its own.
  [/Read-only file system: '((?!.*\.migrate-lock')[^']+)'/, ([path]) =>
    `The application writes to ${path}, and its container is read-only. Write what must stay to /data, which is a ` +
    'volume, and the rest to /tmp. Or name one more folder in APP_WRITABLE_DIR. APP_READ_ONLY=false allows writing ' +
    `anywhere; the container loses those files when it is replaced. Set it, ${again}`],
  [/PermissionError: \[Errno 13\] Permission denied: '((?!.*\.migrate-lock')(?:\/app|[^/'])[^']*)'/, ([path]) =>
    `The application may not write to ${path}: the source belongs to another user than the one in APP_UID. In ` +
    'development, set APP_UID and APP_GID in .env.docker to the owner of the source (stat -c %u:%g app), ' +
    `${again} Data belongs in /data.`],
  [/PermissionError: \[Errno 13\] Permission denied: '((?!.*\.migrate-lock')[^']+)'/, ([path]) =>
    `The application may not use ${path}: it belongs to another user than the one in APP_UID. A volume keeps the ` +
    'owner that it was created with. Data belongs in /data, or in the folders of APP_WRITABLE_DIR.'],
  [/exec format error/i,
    'The image was made for another kind of processor than this machine has. Build it here: npm run up without ' +
    '--no-build, and with DOCKER_DEFAULT_PLATFORM unset. If you use a base image of your own, it must exist for this ' +
    'processor too.'],
  // tini finds the script, and the kernel does not find "/bin/sh\r".
  [/exec entrypoint\.sh failed: No such file or directory|env: '?(?:ba)?sh\\r|\/bin\/(?:ba)?sh\^M/,
    'Likely: docker/entrypoint.sh has the line endings of Windows (CRLF). The .gitattributes of the template ' +
    'prevents that: run git config core.autocrlf input, then git add --renormalize . and git checkout -- docker, ' +
    'then npm run up.'],
  [/exec (\S+) failed: Permission denied|^(?:\/bin\/)?sh: \d+: (\S+): Permission denied/m, ([file]) =>
    `${file} is there and may not be executed: chmod +x the file in the source, ${again}`],
  [/^entrypoint: .* which is not installed/m,
    'Add it to the file of PYTHON_MANIFEST, or to PYTHON_EXTRA_PACKAGES in .env.docker; npm run up builds the image ' +
    'again.'],
  [/^(entrypoint|check-secrets): (.*)$/m, `Correct the setting in .env.docker, ${again}`],
  [/^(?:\/bin\/)?sh: \d+: (\S+): not found|sh: (?:line \d+: )?(\S+): command not found/m, ([program], { role }) =>
    `${commandOf(role)} runs "${program}", which is not in the image. Check the spelling. Add a Python package to ` +
    'the file of PYTHON_MANIFEST, and a Debian package to APT_PACKAGES.'],
  [/no space left on device|enough free space|disk quota exceeded/i,
    `A disk is full. ${makeRoom}\nIf the volume has a size limit of its own, raise that.`],
  // gunicorn; Celery's prefork pool.
  [/was sent SIGKILL! Perhaps out of memory|exited prematurely: signal 9 \(SIGKILL\)/, (_, { role }) =>
    `Likely: its processes need more memory than the container may have. ${moreMemory(role)}`],

  // --- The database ---
  [/password authentication failed for user "([^"]+)"/, ([user]) => otherPassword(user, 'PostgreSQL', 'POSTGRES_PASSWORD')],
  [/Access denied for user '([^']+)'@/, ([user]) => otherPassword(user, 'MariaDB', 'MARIADB_PASSWORD')],
  // The second is the lock that migrate creates beside the file.
  [/unable to open database file|: '[^']+\.migrate-lock'/,
    'SQLite cannot make or open its file: the folder is not there, or the application may not write into it. A path ' +
    `that works and survives a restart: DATABASE_URL=sqlite:////data/app.db in .env.docker (four slashes), ${again}`],
  // The version stands in the line below.
  [/database files are incompatible with server(?:.*\n.*?version (\d+))?/, ([version]) =>
    `The volume was made by ${version ? `PostgreSQL ${version}` : 'another major version of PostgreSQL'}, which this ` +
    'one cannot read. Put the old POSTGRES_IMAGE back, or delete the data: npm run teardown -- --volumes. To keep ' +
    'the data, dump it with the old version (pg_dump) and load it with the new one (psql).'],
  [/Can't locate revision identified by '([^']+)'/, ([revision]) =>
    `The database is at revision ${revision}, which this checkout does not have: another branch made it. Downgrade ` +
    'on that branch, or delete the data: npm run teardown -- --volumes'],
  [/Multiple head revisions are present/,
    'Two branches have added a migration each. Join them with the merge command of the migration tool ' +
    '(alembic merge heads, flask db merge heads).'],
  [/Path doesn't exist: '?([^\s']+?)'?\.? +Please use the 'init' command/, ([folder]) =>
    `There is no folder of migrations at ${folder}. Create it once and commit it: docs/use-your-own-app.md shows ` +
    'how. If the application has no migrations, set MIGRATE_COMMAND= in .env.docker.'],
  [/relation "([^"]+)" does not exist|no such table: (\S+)|Table '([^']+)' doesn't exist/, ([table], { role }) =>
    role === 'migrate'
      ? `A migration expects the table "${table}", and no earlier migration creates it. Is one missing?`
      : `The database has no table "${table}". Is MIGRATE_COMMAND in .env.docker set, and does it create that table? ` +
        'npm run migrate -- --verbose shows what it does.'],
  [/relation "([^"]+)" already exists|table (\S+) already exists|Table '([^']+)' already exists/, ([table]) =>
    `The table "${table}" is there already, and the database does not know which migration made it. Likely the ` +
    'application created it (create_all), or MariaDB kept half of a migration that failed. Delete the data (npm run ' +
    'teardown -- --volumes), or tell the migration tool which revision the database has (flask db stamp, alembic ' +
    'stamp).'],
  // A traceback through a migration: its file and line, and what Python said.
  [/File "([^"]*\/versions\/[^"]+\.py)", line (\d+), in (?:up|down)grade\n(?:.*\n)*?[\w.]*(?:Error|Exception)\b/, ([file, line]) =>
    `The migration itself is wrong, at line ${line} of ${file}. Correct it, then run npm run migrate. PostgreSQL has ` +
    'undone the whole migration; MariaDB keeps each statement that succeeded.'],

  // --- A service: its name, its password, its certificate ---
  // Celery's default when no broker is set.
  [/Cannot connect to amqps?:\/\/guest:\*+@(?:127\.0\.0\.1|localhost):5672/,
    'The Celery application that CELERY_APP names has no broker, and so takes RabbitMQ on its own machine. ' +
    `It must read the address from REDIS_URL; ${byOwnName}`],
  // redis-py and kombu; libpq; PyMySQL; botocore.
  [/Error 111 connecting to ([\w.-]+):\d+|connection to server at "([^"]+)"[^\n]* failed: Connection refused|Can't connect to MySQL server on '([^']+)'[^\n]*refused|Could not connect to the endpoint URL: "https?:\/\/([^/:"]+)/,
    ([host = '']) => /^(?:localhost|127\..*|::1|0\.0\.0\.0)$/.test(host)
      ? `The application asks ${host}, which in a container is the container itself. It must read the address from ` +
        `DATABASE_URL, REDIS_URL or S3_ENDPOINT_URL; ${byOwnName}`
      : `Likely: ${host} is there and does not listen on that port, or does not run. Compare host and port in ` +
        '.env.docker; npm run env knows those of the stack.'],
  [/WRONGPASS|invalid username-password pair|NOAUTH|Authentication required\./,
    `REDIS_URL has another password (or user) than Redis. ${correct}`],
  [/SignatureDoesNotMatch|InvalidAccessKeyId|signature we calculated does not match/,
    'The object store refuses the key. Compare S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY in .env.docker with those ' +
    'of its provider.'],
  // libpq, Python's ssl, urllib3.
  [/certificate for "[^"]+".* does not match host name "([^"]+)"|certificate is not valid for '([^']+)'|hostname '([^']+)' doesn't match/,
    ([host]) => `The certificate of the service that answered does not name "${host}". Use the host that its ` +
      'provider gives in the URL.'],
  [/certificate has expired/i,
    'The certificate of an outside service has expired. Its provider has to renew it. If it is valid, check the ' +
    'clock of this machine.'],
  [/certificate verify failed|root certificate file "[^"]+" does not exist/i,
    'The application does not trust the authority that signed the certificate of an outside service. Name the ' +
    'certificate file of that authority in APP_CA_FILE in .env.docker, or correct it if it names another one.'],
  [/(?:could not translate host name|failed to resolve host) ["']([^"']+)["']|Name or service not known/, ([host]) =>
    `Likely: ${host ? `"${host}"` : 'a host in a URL of .env.docker'} is neither a service of this stack nor a name ` +
    'that is known outside. Check the spelling, and whether COMPOSE_PROFILES has its profile.'],

  // --- The application itself ---
  // gunicorn; uvicorn, which prints no traceback for these three.
  [/Failed to find attribute '([^']+)' in '([^']+)'|Error loading ASGI app\. Attribute "([^"]+)" not found in module "([^"]+)"/,
    ([attribute, module]) => `WEB_APP names "${attribute}", which "${module}" does not have. ${correct}`],
  [/ModuleNotFoundError: No module named '([^']+)'/, ([module = ''], { explainModule }) =>
    explainModule?.(module) ??
    `"${module}" is not in the image. If it is a module of yours, compare WEB_APP, CELERY_APP and APP_PYTHONPATH ` +
      'with the folder, and look at .dockerignore. If it is a package, add it to the file of PYTHON_MANIFEST.'],
  [/Error loading ASGI app\. Could not import module "([^"]+)"/, ([module]) =>
    `WEB_APP names the module "${module}", which is not in the source, or cannot be imported. ${correct}`],
  [/Error loading ASGI app\. Import string "([^"]+)" must be in format/, ([text]) =>
    `WEB_APP is "${text}", and must have the form module:object. ${correct}`],
  [/__call__\(\) missing \d+ required positional arguments?: (?:'receive' and )?'send'/,
    'The application is ASGI (FastAPI, Starlette), and gunicorn speaks WSGI with it. WEB_SERVER=uvicorn in ' +
    `.env.docker, ${again}`],
  [/__call__\(\) missing \d+ required positional arguments?: 'start_response'/,
    'The application is WSGI (Flask, Django), and uvicorn speaks ASGI with it. WEB_SERVER=gunicorn in .env.docker, ' +
    again],
  [/but settings are not configured|must either define the environment variable DJANGO_SETTINGS_MODULE/,
    'Nobody has told Django where its settings are: DJANGO_SETTINGS_MODULE=package.settings in .env.app ' +
    `(or the file that APP_ENV_FILE names), ${again}`],
  [/Unable to load celery application\.\s+The module (\S+) was not found/, ([module]) =>
    `CELERY_APP names the module "${module}", which is not in the source. ${correct}`],
  [/Unable to load celery application\.\s+Module '([^']+)' has no attribute '([^']+)'/, ([module, attribute]) =>
    `CELERY_APP names "${attribute}", which "${module}" does not have. ${correct}`],
  [/Error: No such command 'flower'/,
    "Flower is not installed: PYTHON_EXTRA_PACKAGES='flower' in .env.docker, or take flower out of COMPOSE_PROFILES. " +
    'Then run npm run up again.'],
  // os.environ of Python, django-environ, python-decouple, environs.
  [/File "(?:<frozen os>|[^"]*\/os\.py)", line \d+, in __getitem__\n(?: {4}.*\n)*KeyError: '(\w+)'|Set the (\w+) environment variable|UndefinedValueError: (\w+) not found|Environment variable "(\w+)" not set/,
    ([name = '']) => `The ${needsVariable(name)}`],
  // pydantic-settings names the field, from which it makes the name of the variable.
  [/ValidationError: \d+ validation errors? for \w*(?:Settings|Config|Env)\w*\n(\w+)\n {2}Field required/i, ([field = '']) =>
    'Likely (with env_prefix in front of the name, where the settings have one): the ' +
    needsVariable(field.toUpperCase())],
  // A traceback whose last line of code stands outside every function.
  [/File "([^"]+)", line (\d+), in <module>\n(?: {4}.*\n)*\w[\w.]*(?:Error|Exception)\b/, ([file, line]) =>
    `The application could not be imported, because of line ${line} of ${file}. Correct it, ${again}`],
  [/\b(?:ImportError|SyntaxError|IndentationError|TabError): /,
    `The application could not be imported. Correct it, ${again}`],
  // After the import errors: a tool that cannot import the application does not have its commands either.
  [/Error: No such command '([^']+)'/, ([command], { role }) =>
    `${commandOf(role)} asks for "${command}", which the application does not offer. ` +
    'Check the spelling, and whether the application sets up the extension that brings this command.'],

  // --- What docker/healthcheck.sh says ---
  [/^GET (\S+) answered 404$/m, ([path]) =>
    `The application has no ${path}. Set HEALTH_PATH in .env.docker to a path that answers without a login, ${again}`],
  [/^GET (\S+) answered 400$/m,
    'Likely: the application answers to its own names alone (ALLOWED_HOSTS, trusted hosts), and the check asks as ' +
    `"localhost". Set HEALTH_HOST in .env.docker to one of those names, ${again}`],
  [/^GET (\S+) answered 40[13]$/m, ([path]) =>
    `${path} wants a login. Set HEALTH_PATH in .env.docker to a path that answers without one, ${again}`],
  [/^nothing listens on port (\d+)$/m, ([port]) =>
    `Likely: it still starts (raise --timeout), or it listens elsewhere. It has to listen on 0.0.0.0:${port}, the ` +
    'port in $PORT.'],
]
