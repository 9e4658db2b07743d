/** What a line of a log, or the answer of a health check, means and what to do about it. */
import { posix } from 'node:path'
import { hostsOf, type Model } from '../compose/model.ts'
import { makeRoom } from '../engine/machine.ts'
import { explainMisfit, explainRemoved, otherVersion, packageOf } from './packages.ts'
import { explainLost, explainMissing, lostData, readSource } from './source-files.ts'

/** Where something failed: the role (web, worker, migrate, seed …) or another service, and its stack. */
export interface Scene { role: string, model: Model }

/** A pattern, and what it means, perhaps by those of its groups that found something. A guess begins with "Likely". */
type Clue = readonly [pattern: RegExp, say: string | ((found: readonly string[], scene: Scene) => string | undefined)]

/** How a sentence about a setting ends. */
const again = 'then run npm run up again.'
/** Not where visitors come by the proxy. */
const orDeleteData = ({ model }: Scene): string => model.services.proxy ? '' : ' Or delete the data: npm run teardown -- --volumes'
const byOwnName = `if it reads another variable, add a line to .env.app, such as CELERY_BROKER_URL=\${REDIS_URL}, ${again}`

/** The setting that holds the command of a role. */
const commandOf = (role: string): string => ['migrate', 'seed', 'test', 'frontend'].includes(role) ? `${role.toUpperCase()}_COMMAND` : 'WEB_COMMAND'

const halfDone = 'PostgreSQL has undone the whole migration; MariaDB keeps each statement that succeeded.'
const needsVariable = (name = ''): string => `application needs the variable ${name}, and nothing sets it. ` +
  `Write ${name}=… into .env.app (or the file that APP_ENV_FILE names), ${again}`

const unknownHost = (what: string): string =>
  `Likely: ${what} is neither a service of this stack nor known outside. Check the spelling, and whether COMPOSE_PROFILES has its profile.`

/** What is mounted where a path lies. */
const mountOf = (path: string, { role, model: { services } }: Scene) => (services[role] ?? services.migrate)?.volumes
  ?.toSorted((a, b) => b.target.length - a.target.length).find(({ target }) => `${posix.resolve('/app', path)}/`.startsWith(`${target}/`))

/** How the application's user gets access to a path. A volume keeps the owner that it was made with. */
function giveAway({ role, model: { name, services, volumes } }: Scene, mount: ReturnType<typeof mountOf>): string {
  const { image = '' } = services[role] ?? services.migrate ?? {}
  const { APP_UID, APP_GID, APP_DIR } = services.migrate?.build?.args ?? {}
  if (mount?.type === 'volume') {
    const volume = volumes?.[mount.source ?? '']?.name ?? `${name}_${mount.source}`
    return 'Its volume was made for another user. Give it to this one: ' +
      `docker run --rm --user root --volume ${volume}:${mount.target} --entrypoint chown ${image} -R ${APP_UID}:${APP_GID} ${mount.target}`
  }
  if (mount?.target !== '/app') return 'In the image, root owns it. Write what must stay to the volume /data, and the rest to /tmp.'
  return `Give the source to the user of the containers: sudo chown -R ${APP_UID}:${APP_GID} ${APP_DIR}\nOr, unless root owns it, ` +
    `let the containers run as its owner: set APP_UID and APP_GID in .env.docker to what stat -c %u:%g ${APP_DIR} says, ${again}\n` +
    `With a rootless engine neither helps: chmod -R a+rwX ${APP_DIR}`
}

/** SQLite also writes beside its file. A folder that is missing in a volume has nothing to do with its owner. */
function openSqlite(scene: Scene): string {
  const [, file = ''] = /^sqlite[^:]*:\/{3}(\/[^?]+)/.exec(scene.model.services.migrate?.environment?.DATABASE_URL ?? '') ?? []
  const mount = mountOf(file, scene)
  return mount?.type === 'volume' && mount.target === posix.dirname(file) ? `SQLite may not write to ${file}. ${giveAway(scene, mount)}`
    : `SQLite cannot make or open its file: its folder is not there or not writable. Write DATABASE_URL=sqlite:////data/app.db into .env.docker, ${again}`
}

export function moreMemory({ role, model: { services } }: Scene, hasLimit = services[role]?.deploy?.resources?.limits?.memory !== undefined): string {
  const name = role.toUpperCase()
  const fewer = role === 'web' || role === 'worker' ? `, or lower ${name}_CONCURRENCY` : ''
  // Without a limit, the engine itself had no more.
  const more = hasLimit ? `Raise ${name}_MEMORY in .env.docker`
    : 'It has no limit here: give Docker more memory (Docker Desktop has that under Settings, Resources)'
  return `${more}${fewer}, ${again}`
}

/** Where a traceback begins that nothing caught, or that a server writes before it ends; and the rest, with the application's last own line. */
const start = String.raw` {2}File "(?:<frozen runpy>|[^"]*\/bin\/|[^"]*\/(?:runpy|gunicorn\/arbiter|celery\/bin\/celery|flask\/cli|multiprocessing\/process)\.py")`
const ownLine = String.raw`(?:[ \t].*\n)* {2}File "(\/app\/(?:(?!-packages\/)[^"])+)", line (\d+).*\n(?:[ \t].*\n)*(\w.*)`
const fatal = new RegExp(String.raw`Traceback .*\n(?:(?=${start})${ownLine}|(?= {2}File "\/app\/)${ownLine}(?=\s*(?:reload: .*)?$)|${ownLine}(?=\n\n.*startup failed))`)

/** The first that matches counts, so the specific ones stand before the general ones. */
export const clues: readonly Clue[] = [
  // --- The container starts, and never reaches the application ---
  // The last one is the lock that migrate creates beside the file.
  [/unable to open database file|attempt to write a readonly database|: '[^']+\.migrate-lock'/, (_, scene) => openSqlite(scene)],
  [/Read-only file system: '([^']+)'/, ([path]) =>
    `The application writes to ${path}, and its container is read-only. Write what must stay to the volume /data, and the ` +
    `rest to /tmp. Or name that folder in APP_WRITABLE_DIR, or allow writing anywhere by APP_READ_ONLY=false, ${again}`],
  [/Permission denied: '([^']+)'/, ([path = ''], scene) => `The application may not use ${path}. ${giveAway(scene, mountOf(path, scene))}`],
  [/exec format error/i, 'The image was made for another kind of processor. Build it here: npm run up, with DOCKER_DEFAULT_PLATFORM unset.'],
  // tini finds the script, and the kernel does not find "/bin/sh\r".
  [/exec entrypoint\.sh failed: No such file or directory|env: '?(?:ba)?sh\\r|\/bin\/(?:ba)?sh\^M/,
    'Likely: docker/entrypoint.sh has the line endings of Windows (CRLF), which .gitattributes prevents: keep that file, and ' +
    `remove them: sed -i 's/\\r$//' docker/*.sh docker/*/*.sh, ${again}`],
  // tini; dash and bash, with or without the line of the command.
  [/exec (\S+) failed: Permission denied|\b(?:ba)?sh: (?:(?:line )?\d+: )?(\S+): Permission denied/, ([file]) =>
    `${file} exists, but is not executable: chmod +x the file in the source, ${again}`],
  [/^entrypoint: .* which is not installed/m, `Add it to the file of PYTHON_MANIFEST, or to PYTHON_EXTRA_PACKAGES in .env.docker, ${again}`],
  [/^(?:entrypoint|check-secrets): /m, `Correct the setting in .env.docker, ${again}`],
  [/\b(?:ba)?sh: (?:(?:line )?\d+: )?(\S+): (?:(?:command )?not found|No such file or directory)/, ([program], { role }) =>
    `${commandOf(role)} runs "${program}", which is not in the image. Check the spelling. Add a Python package to ` +
    'the file of PYTHON_MANIFEST, and a Debian package to APT_PACKAGES.'],
  [/could not resize shared memory segment/, 'The /dev/shm of PostgreSQL is too small. Set it in compose.mine.yaml (docs/where-to-change-what.md): ' +
    `services: { postgres: { shm_size: 1gb } }, ${again}`],
  [/\bSIGBUS\b|\bbus error|insufficient shared memory|no space left on device: '\/dev\/shm|torch_\S+: no space left/i,
    `Likely: its /dev/shm is full. Make it larger, for example SHM_SIZE=1g in .env.docker, ${again}`],
  [/no space left on device|enough free space|disk quota exceeded/i, `A disk is full. ${makeRoom}\nIf the volume has a limit of its own, raise that.`],
  // gunicorn; Celery's prefork pool.
  [/was sent SIGKILL! Perhaps out of memory|exited prematurely: signal 9 \(SIGKILL\)/, (_, scene) =>
    `Likely: its processes need more memory than there is. ${moreMemory(scene)}`],

  // --- The database ---
  // Both databases read the password of their first user only when they create the volume.
  [/password authentication failed for user "([^"]+)"|Access denied for user '([^']+)'@/, ([user]) =>
    `Likely: the volume of the database was made with another password of "${user}", or DATABASE_URL has another one ` +
    'than its provider, POSTGRES_PASSWORD or MARIADB_PASSWORD. These two are read only when the volume is new: put the ' +
    'old one back, or change it in the database too: docs/troubleshooting.md, "The password does not fit the volume".'],
  [/FATAL: +database "([^"]+)" does not exist|FATAL: +role "([^"]+)" does not exist/, ([name]) =>
    `Likely: the volume of the database was made with another POSTGRES_DB or POSTGRES_USER than "${name}". These are read only when the volume is new: put the old one back.`],
  // The version stands in the line below.
  [/database files are incompatible with server(?:.*\n.*?version (\d+))?/, ([version], scene) =>
    `The volume was made by ${version ? `PostgreSQL ${version}` : 'another major version of PostgreSQL'}, which this one cannot read. Put the old POSTGRES_IMAGE ` +
    `and POSTGRES_MOUNT back. Then docs/backup.md ("Another major version of the database") shows how to move the data.${orDeleteData(scene)}`],
  [/Can't locate revision identified by '([^']+)'/, ([revision], scene) =>
    `The database is at revision ${revision}, which another branch or a newer version made. If this one works with its tables, set MIGRATE_COMMAND= ` +
    `in .env.docker until it has that migration too. Otherwise undo the migration with the version that made it.${orDeleteData(scene)}`],
  [/Multiple head revisions are present/, 'Two branches have added a migration each. Join them: ' +
    'docker compose --env-file .env.docker run --rm --no-deps web alembic merge heads (or flask db merge heads)'],
  [/Path doesn't exist: '?([^\s']+?)'?\.? +Please use the 'init' command/, ([folder]) =>
    `There is no folder of migrations at ${folder}. Create it once and commit it: docs/use-your-own-app.md shows ` +
    'how. If the application has no migrations, set MIGRATE_COMMAND= in .env.docker.'],
  [/(?:relation|column|[Tt]able) ["']?([^"'\s]+)["']?(?: of relation "\S+")? already exists|[Dd]uplicate (?:column|key) name:? '?([^'\s]+)/, ([name], scene) =>
    `"${name}" is there already. Likely the application created it (create_all), or MariaDB kept half of a migration that failed: remove that half ` +
    `by hand, or tell the migration tool which revision the database has (flask db stamp, alembic stamp, manage.py migrate --fake).${orDeleteData(scene)}`],
  // A traceback through a migration of Alembic or Django: its file and line, and what Python said.
  [/File "([^"]*\/(?:versions\/[^"]+(?=", line \d+, in (?:up|down)grade\n)|migrations\/\d[^"/]*\.py))", line (\d+), in \w+\n(?:.*\n)*?[\w.]*(?:Error|Exception)\b/, ([file, line]) =>
    `The migration itself is wrong, at line ${line} of ${file}. Correct it, then run npm run migrate. ${halfDone}`],
  [/column "?([^"\s]+)"?(?: of relation "[^"]+")? does not exist|no such column: (\S+)|Unknown column '([^']+)'/, ([column]) =>
    `The database has no column "${column}". Does a migration create it before it is needed? npm run migrate -- --verbose shows what they do.`],
  [/relation "([^"]+)" does not exist|no such table: (\S+)|Table '([^']+)' doesn't exist/, ([table]) =>
    `The database has no table "${table}". Is MIGRATE_COMMAND in .env.docker set, and does a migration create that table ` +
    'before it is needed? npm run migrate -- --verbose shows what they do.'],

  // --- A service: its name, its password, its certificate ---
  // Celery's default when no broker is set.
  [/Cannot connect to amqps?:\/\/guest:\*+@(?:127\.0\.0\.1|localhost):5672/,
    `The Celery application has no broker setting, and takes RabbitMQ on its own machine. It must read REDIS_URL; ${byOwnName}`],
  // botocore; urllib3, as minio has it; Amazon itself, which knows no key of another store.
  [/(?:endpoint URL: "https?:\/\/|Pool\(host=')[\w.-]*\bs3[\w.-]*\.amazonaws\.com|The AWS Access Key Id you provided/, (_, { model }) =>
    model.services.storage && 'The application asks Amazon, and not the store of this stack. boto3 from 1.28 on reads the address of the store by ' +
      `itself (AWS_ENDPOINT_URL_S3). Another client needs a line in .env.app, such as AWS_S3_ENDPOINT_URL=\${S3_ENDPOINT_URL}, ${again}`],
  // libpq; botocore; mysqlclient; redis-py; PyMySQL; kombu. Docker's DNS knows only services that run.
  [/(?:could not translate host name|[Ff]ailed to resolve(?: host)?|Unknown (?:MySQL )?server host) ["']([^"']+)["']|Error -\d connecting to ([\w.-]+):|Can't connect to MySQL server on '([^']+)' \(\[Errno -|Cannot connect to \w+:\/\/(?:[^@\s]*@)?([\w.-]+)\S* \[Errno -/,
    ([host = ''], { model }) => Object.entries(model.services).some(([name, service]) => hostsOf(name, service).includes(host))
      ? `Likely: ${host}, a service of this stack, did not run. npm run up starts it.` : unknownHost(`"${host}"`)],
  [/Name or service not known|Temporary failure in name resolution|No address associated with hostname/, unknownHost('a host in a URL of .env.docker')],
  // redis-py and kombu; libpq; PyMySQL and mysqlclient, with either's C library; asyncio (asyncpg); botocore. By a socket, only localhost is asked.
  [/Error 111 connecting to ([\w.-]+):\d+|connection to server at "([^"]+)"[^\n]* failed: Connection refused|Can't connect to (?:MySQL )?server on '([^']+?)(?::\d{2,5})?'|Connect call failed \('([^']+)'|Could not connect to the endpoint URL: "https?:\/\/([^/:"]+)|(?:connection to |connect to local (?:MySQL )?)server (?:on|through) (socket)/,
    ([host = '']) => /^(?:localhost|socket|127\..*|::1|0\.0\.0\.0)$/.test(host)
      ? `The application asks ${host === 'socket' ? 'a local socket' : host}, which in a container is the container itself. It must read DATABASE_URL, REDIS_URL or S3_ENDPOINT_URL; ${byOwnName}`
      : `Likely: ${host} does not listen on that port, or does not run. Compare host and port in .env.docker; npm run env knows those of the stack.`],
  [/WRONGPASS|invalid username-password pair|NOAUTH|Authentication required\.|SignatureDoesNotMatch|InvalidAccessKeyId/,
    'Redis or the object store refuses its password or key. Compare REDIS_URL, or S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, with what its provider has.'],
  [/NoCredentialsError|PartialCredentialsError|Unable to locate credentials/, 'The application gets no key of the store. boto3 reads it under other names: write ' +
    `AWS_ACCESS_KEY_ID=\${S3_ACCESS_KEY_ID} and AWS_SECRET_ACCESS_KEY=\${S3_SECRET_ACCESS_KEY} into .env.app, ${again}`],
  [/\bACCESS_REFUSED\b/, 'RabbitMQ refuses its user or password. Compare the URL of the broker, in .env.app or .env.docker, with RABBITMQ_PASSWORD, ' +
    `or with what its provider has, ${again}`],
  // Python's ssl and urllib3; libpq; botocore.
  [/certificate (?:verify failed|has expired|for "[^"]+".* does not match)|hostname '[^']+' doesn't match|root certificate file "[^"]+" does not exist/i,
    'The certificate of an outside service is not accepted. If its authority is not known, name the authority\'s certificate file in APP_CA_FILE. ' +
    'If it is for another host, use the host that the provider gives. If it has expired, the provider has to renew it, or the clock here is wrong.'],

  // --- The application itself, and its packages ---
  [/(?<!\S)(\S{1,200}): cannot open shared object file|no library called "([^"]+)" was found|\b(\w{1,100}) library not found|failed to find (libmagic)|[Cc]ould not find the (GDAL|GEOS) library/,
    ([file = '']) => `${packageOf(file)} in .env.docker, ${again}`],
  // kombu, without the package redis or with one that is too old; Celery's store of results.
  [/'NoneType' object has no attribute '(?:Strict)?Redis'|VersionMismatch: Redis.* versions [^6]|Missing redis library|install the redis library/,
    "Celery finds no redis package that fits it. Add 'celery[redis]' to PYTHON_EXTRA_PACKAGES in .env.docker; or write it in place of " +
    `celery and redis into the file of PYTHON_MANIFEST, and make its lock again, ${again}`],
  [/(FileNotFoundError: .*)/, ([said = ''], { model }) => explainLost(lostData(readSource(model), said)[0])],
  // kombu 5.7, with a redis that Celery 5.4 still allows.
  [/requires redis-py versions 6\.\S+ or later/, `Likely: Celery does not fit kombu. ${otherVersion('kombu<5.7')}, ${again}`],
  [/(?:No module named|Scheme) '(\w+)\+\w+(?:'|:\/\/' is)/, ([scheme]) => `Django wants no driver there: begin DATABASE_URL with ${scheme}://, ${again}`],
  [/ModuleNotFoundError: No module named '([^']+)'/, ([module = ''], { model }) =>
    explainMissing(readSource(model), module) ?? explainRemoved(module) ??
    `"${module}" is not in the image. If it is a module of yours, compare WEB_APP, CELERY_APP and APP_PYTHONPATH ` +
      'with the folder, and look at .dockerignore. If it is a package, add it to the file of PYTHON_MANIFEST.'],
  [/__call__\(\) missing \d+ required positional arguments?: (?:'receive' and )?'(send|start_response)'/, ([missing]) => missing === 'send'
      ? `The application is ASGI (FastAPI, Starlette), and gunicorn speaks WSGI: set WEB_SERVER=uvicorn in .env.docker, ${again}`
      : `The application is WSGI (Flask, Django), and uvicorn speaks ASGI: set WEB_SERVER=gunicorn in .env.docker, ${again}`],
  [/but settings are not configured|must either define the environment variable DJANGO_SETTINGS_MODULE/,
    `Django does not know where its settings are: set DJANGO_SETTINGS_MODULE=package.settings in .env.app, ${again}`],
  // os.environ of Python, django-environ, python-decouple, environs.
  [/File "(?:<frozen os>|[^"]*\/os\.py)", line \d+, in __getitem__\n(?: {4}.*\n)*KeyError: '(\w+)'|Set the (\w+) environment variable|UndefinedValueError: (\w+) not found|Environment variable "(\w+)" not set/,
    ([name]) => `The ${needsVariable(name)}`],
  // pydantic-settings names the field, from which it makes the name of the variable.
  [/ValidationError: \d+ validation errors? for \w*(?:Settings|Config|Env)\w*\n(\w+)\n {2}Field required/i, ([field = '']) =>
    `Likely (with env_prefix in front of the name, if there is one): the ${needsVariable(field.toUpperCase())}`],
  [/(?:PackageNotFoundError: No package metadata was found for|DistributionNotFound: The) '?([\w.-]+)/, ([name]) =>
    `"${name}" is not installed. If it is your own project, set PYTHON_EXTRA_PACKAGES='-e .'; if not, add it to the file of PYTHON_MANIFEST, ${again}`],
  // A package's line outside of every function, or its file that is not Python. What it raises itself says more.
  [/File "[^"]*\/python(3\.\d+)\/(?:site|dist)-packages\/([\w-]+)[^"]*", line \d+(?:, in <module>)?\n(?: {4}(?!raise ).*\n)*(\w[\w.]*(?:Error|Exception)\b.*)/,
    (found) => `${explainMisfit(found)}, ${again}`],
  // The error at the end of the traceback, which may begin with those that caused it.
  [/Applying ([\w.]+)\.\.\.\s*(?:Traceback .*\n(?:.+\n)+\n(?:The above|During) .*\n\n)*Traceback .*\n(?:[ \t].*\n)*(\S.*)/, ([name, error]) =>
    `Django's migration ${name} failed: ${error}\nCorrect it, then run npm run migrate. ${halfDone}`],
  // A program may log what it catches and go on. So a traceback that begins in the application counts only at the end.
  [fatal, ([file, line, error]) => `The application failed at line ${line} of ${file}: ${error}\nCorrect that, ${again}`],
  [/File "([^"]+)", line (\d+)\n(?: {4}.*\n)*\w*Error\b/, ([file, line]) => `Line ${line} of ${file} is not Python that this version reads. Correct it, ${again}`],
  // Celery, where no line of the traceback is the application's own.
  [/^While trying to load the module (\S+) the following error occurred:\n(?:.*\n)*?(\w[\w.]*(?::|Error|Exception).*)/m, ([name, error]) =>
    `${name} (CELERY_APP) fails while it is loaded: ${error}\nCorrect that, ${again}`],
  // gunicorn and uvicorn; Celery. What could not be imported has left a traceback, and that says more.
  [/(Failed to find attribute|Error loading ASGI app)|Unable to load celery application(?:.*\n.+)?/, ([byWeb]) =>
    `${byWeb ? 'WEB_APP' : 'CELERY_APP'} names something that the source does not have: the log says what is missing. Correct it in .env.docker, ${again}`],
  // After the import errors: a tool that cannot import the application does not have its commands either.
  [/Error: No such command '([^']+)'/, ([command], { role }) => command === 'flower'
    ? `Flower is not installed: set PYTHON_EXTRA_PACKAGES='flower' in .env.docker, or take it out of COMPOSE_PROFILES, ${again}`
    : `${commandOf(role)} asks for "${command}", which the application does not offer. ` +
    'Check the spelling, and whether the application sets up the extension that brings this command.'],

  // --- What docker/healthcheck.sh says ---
  [/^GET (\S+) answered 40[134]$/m, ([path], { role }) => role === 'flower'
    ? `Flower has no ${path}. If it is to have a prefix, write FLOWER_URL_PREFIX=… into .env.app, and no --url-prefix anywhere, ${again}`
    : `The application has no ${path}, or wants a login there. Set ${role === 'frontend' ? 'FRONTEND_' : ''}HEALTH_PATH in .env.docker to an open path, ${again}\n` +
      "If it has one: it may answer only to its own host, such as Flask's SERVER_NAME. Set HEALTH_HOST to that, with its port."],
  [/^GET (\S+) answered 400$/m, 'Likely: the application accepts only its own host names (ALLOWED_HOSTS, trusted hosts). In development, ' +
    `allow "localhost" too, because your browser asks for it. Elsewhere, set HEALTH_HOST in .env.docker to one of those names, ${again}`],
  [/^nothing listens on port (\d+)$/m, ([port]) => `Likely: it is still starting (raise --timeout), or it listens elsewhere than on 0.0.0.0:${port} ($PORT).`],
]
