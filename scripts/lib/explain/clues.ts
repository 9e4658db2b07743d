/** What a line of a log says about a container, a database or a service that does not answer. Pure. */
import { isLoopback } from '../env/rules/addresses.ts'
import { makeRoom } from '../engine/machine.ts'

/** What else is known where something failed. */
export interface Scene {
  /** The role that failed: web, worker, migrate, seed … or another service of the stack. */
  role: string
  /** Why Python does not find a module that the source has; undefined for a module that is not of the source. */
  explainModule?: (name: string) => string | undefined
}

export interface Clue {
  pattern: RegExp
  /** What it means and what to do. A guess begins with "Likely". */
  say: string | ((match: RegExpExecArray, scene: Scene) => string)
}

/** How a sentence about a setting ends. */
export const again = 'then run npm run up again.'

/** What matched: patterns have one group for each way in which programs write the same thing. */
export const firstGroup = ([, ...groups]: RegExpExecArray): string => groups.find(Boolean) ?? ''

/** The setting that holds the command of a role. */
export const commandOf = (role: string): string =>
  ['migrate', 'seed', 'test', 'frontend'].includes(role) ? `${role.toUpperCase()}_COMMAND` : 'WEB_COMMAND'

/** How to give a role more memory. */
export function moreMemory(role: string): string {
  const name = role.toUpperCase()
  const fewer = role === 'web' || role === 'worker' ? `, or lower ${name}_CONCURRENCY` : ''
  return `Raise ${name}_MEMORY in .env.docker${fewer}, ${again}`
}

/** The container starts, and never reaches the application. */
export const startClues: readonly Clue[] = [
  {
    // The lock of a migration on SQLite has a clue of its own.
    pattern: /Read-only file system: '((?!.*\.migrate-lock')[^']+)'/,
    say: ([, path]) =>
      `The application writes to ${path}, and its container is read-only. Write what must stay to /data, which is a volume, and the rest to /tmp. ` +
      `Or name one more folder in APP_WRITABLE_DIR. APP_READ_ONLY=false allows writing anywhere; the container loses those files when it is replaced. Set it, ${again}`,
  },
  {
    pattern: /PermissionError: \[Errno 13\] Permission denied: '((?!.*\.migrate-lock')[^']+)'/,
    say: ([, path = '']) =>
      /^(?:\/app|[^/])/.test(path)
        ? `The application may not write to ${path}: the source belongs to another user than the one in APP_UID. In development, set APP_UID and APP_GID ` +
          `in .env.docker to the owner of the source (stat -c %u:%g app), ${again} Data belongs in /data.`
        : `The application may not use ${path}: it belongs to another user than the one in APP_UID. A volume keeps the owner that it was created with. ` +
          'Data belongs in /data, or in the folders of APP_WRITABLE_DIR.',
  },
  {
    pattern: /exec format error/i,
    say:
      'The image was made for another kind of processor than this machine has. Build it here: npm run up without --no-build, ' +
      'and with DOCKER_DEFAULT_PLATFORM unset. If you use a base image of your own, it must exist for this processor too.',
  },
  {
    // tini finds the script, and the kernel does not find "/bin/sh\r".
    pattern: /exec entrypoint\.sh failed: No such file or directory|env: '?(?:ba)?sh\\r|\/bin\/(?:ba)?sh\^M/,
    say:
      'Likely: docker/entrypoint.sh has the line endings of Windows (CRLF). The .gitattributes of the template prevents that: run ' +
      'git config core.autocrlf input, then git add --renormalize . and git checkout -- docker, then npm run up.',
  },
  {
    pattern: /exec (\S+) failed: Permission denied|^(?:\/bin\/)?sh: \d+: (\S+): Permission denied/m,
    say: (match) => `${firstGroup(match)} is there and may not be executed: chmod +x the file in the source, ${again}`,
  },
  {
    pattern: /^entrypoint: .* which is not installed/m,
    say: 'Add it to the file of PYTHON_MANIFEST, or to PYTHON_EXTRA_PACKAGES in .env.docker; npm run up builds the image again.',
  },
  { pattern: /^(entrypoint|check-secrets): (.*)$/m, say: `Correct the setting in .env.docker, ${again}` },
  {
    pattern: /^(?:\/bin\/)?sh: \d+: (\S+): not found|sh: (?:line \d+: )?(\S+): command not found/m,
    say: (match, { role }) =>
      `${commandOf(role)} runs "${firstGroup(match)}", which is not in the image. Check the spelling. Add a Python package to the file of ` +
      'PYTHON_MANIFEST, and a Debian package to APT_PACKAGES.',
  },
  {
    pattern: /no space left on device|enough free space|disk quota exceeded/i,
    say: `A disk is full. ${makeRoom}\nIf the volume has a size limit of its own, raise that.`,
  },
  {
    // gunicorn; Celery's prefork pool.
    pattern: /was sent SIGKILL! Perhaps out of memory|exited prematurely: signal 9 \(SIGKILL\)/,
    say: (_, { role }) => `Likely: its processes need more memory than the container may have. ${moreMemory(role)}`,
  },
]

/** Both databases read the password of their first user only when they create the volume. */
const otherPassword = (user: string, database: string, setting: string): string =>
  `Likely: the volume of the database was made with another password of "${user}", or DATABASE_URL and ${setting} differ. ` +
  `${database} reads ${setting} only when the volume is new: put the old one back, or delete the data with npm run teardown -- --volumes. ` +
  'If the database is managed elsewhere, DATABASE_URL has another password than its provider.'

export const databaseClues: readonly Clue[] = [
  { pattern: /password authentication failed for user "([^"]+)"/, say: ([, user]) => otherPassword(user!, 'PostgreSQL', 'POSTGRES_PASSWORD') },
  { pattern: /Access denied for user '([^']+)'@/, say: ([, user]) => otherPassword(user!, 'MariaDB', 'MARIADB_PASSWORD') },
  {
    // The second is the lock that migrate creates beside the file.
    pattern: /unable to open database file|: '[^']+\.migrate-lock'/,
    say:
      'SQLite cannot make or open its file: the folder is not there, or the application may not write into it. A path that works and survives a restart: ' +
      `DATABASE_URL=sqlite:////data/app.db in .env.docker (four slashes), ${again}`,
  },
  {
    // The version stands in the line below.
    pattern: /database files are incompatible with server(?:.*\n.*?version (\d+))?/,
    say: ([, version]) =>
      `The volume was made by ${version ? `PostgreSQL ${version}` : 'another major version of PostgreSQL'}, which this one cannot read. Put the old POSTGRES_IMAGE back, ` +
      'or delete the data: npm run teardown -- --volumes. To keep the data, dump it with the old version (pg_dump) and load it with the new one (psql).',
  },
  {
    pattern: /Can't locate revision identified by '([^']+)'/,
    say: ([, revision]) =>
      `The database is at revision ${revision}, which this checkout does not have: another branch made it. Downgrade on that branch, or delete the data: npm run teardown -- --volumes`,
  },
  {
    pattern: /Multiple head revisions are present/,
    say: 'Two branches have added a migration each. Join them with the merge command of the migration tool (alembic merge heads, flask db merge heads).',
  },
  {
    pattern: /Path doesn't exist: '?([^\s']+?)'?\.? +Please use the 'init' command/,
    say: ([, folder]) =>
      `There is no folder of migrations at ${folder}. Create it once and commit it: docs/use-your-own-app.md shows how. ` +
      'If the application has no migrations, set MIGRATE_COMMAND= in .env.docker.',
  },
  {
    pattern: /relation "([^"]+)" does not exist|no such table: (\S+)|Table '([^']+)' doesn't exist/,
    say: (match, { role }) =>
      role === 'migrate'
        ? `A migration expects the table "${firstGroup(match)}", and no earlier migration creates it. Is one missing?`
        : `The database has no table "${firstGroup(match)}". Is MIGRATE_COMMAND in .env.docker set, and does it create that table? npm run migrate -- --verbose shows what it does.`,
  },
  {
    pattern: /relation "([^"]+)" already exists|table (\S+) already exists|Table '([^']+)' already exists/,
    say: (match) =>
      `The table "${firstGroup(match)}" is there already, and the database does not know which migration made it. Likely the application created it ` +
      '(create_all), or MariaDB kept half of a migration that failed. Delete the data (npm run teardown -- --volumes), or tell the migration tool ' +
      'which revision the database has (flask db stamp, alembic stamp).',
  },
  {
    // A traceback through a migration: its file and line, and what Python said.
    pattern: /File "([^"]*\/versions\/[^"]+\.py)", line (\d+), in (?:up|down)grade\n(?:.*\n)*?[\w.]*(?:Error|Exception)\b/,
    say: ([, file, line]) =>
      `The migration itself is wrong, at line ${line} of ${file}. Correct it, then run npm run migrate. PostgreSQL has undone the whole migration; ` +
      'MariaDB keeps each statement that succeeded.',
  },
]

/** How an application gets an address under a name of its own. */
const byOwnName = `under a name of its own it gets it by a line in .env.app, such as CELERY_BROKER_URL=\${REDIS_URL}. Then run npm run up again.`

/** The application reaches for a service: its name, its password, its certificate. */
export const serviceClues: readonly Clue[] = [
  {
    // Celery's default when no broker is set.
    pattern: /Cannot connect to amqps?:\/\/guest:\*+@(?:127\.0\.0\.1|localhost):5672/,
    say: `The Celery application that CELERY_APP names has no broker, and so takes RabbitMQ on its own machine. It must read the address from REDIS_URL; ${byOwnName}`,
  },
  {
    // redis-py and kombu; libpq; PyMySQL; botocore.
    pattern:
      /Error 111 connecting to ([\w.-]+):\d+|connection to server at "([^"]+)"[^\n]* failed: Connection refused|Can't connect to MySQL server on '([^']+)'[^\n]*refused|Could not connect to the endpoint URL: "https?:\/\/([^/:"]+)/,
    say: (match) => {
      const host = firstGroup(match)
      return isLoopback(host)
        ? `The application asks ${host}, which in a container is the container itself. It must read the address from DATABASE_URL, REDIS_URL or S3_ENDPOINT_URL; ${byOwnName}`
        : `Likely: ${host} is there and does not listen on that port, or does not run. Compare host and port in .env.docker; npm run env knows those of the stack.`
    },
  },
  {
    pattern: /WRONGPASS|invalid username-password pair|NOAUTH|Authentication required\./,
    say: `REDIS_URL has another password (or user) than Redis. Correct it in .env.docker, ${again}`,
  },
  {
    pattern: /SignatureDoesNotMatch|InvalidAccessKeyId|signature we calculated does not match/,
    say: 'The object store refuses the key. Compare S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY in .env.docker with those of its provider.',
  },
  {
    // libpq, Python's ssl, urllib3.
    pattern: /certificate for "[^"]+".* does not match host name "([^"]+)"|certificate is not valid for '([^']+)'|hostname '([^']+)' doesn't match/,
    say: (match) => `The certificate of the service that answered does not name "${firstGroup(match)}". Use the host that its provider gives in the URL.`,
  },
  {
    pattern: /certificate has expired/i,
    say: 'The certificate of an outside service has expired. Its provider has to renew it. If it is valid, check the clock of this machine.',
  },
  {
    pattern: /certificate verify failed|root certificate file "[^"]+" does not exist/i,
    say:
      'The application does not trust the authority that signed the certificate of an outside service. ' +
      'Name the certificate file of that authority in APP_CA_FILE in .env.docker, or correct it if it names another one.',
  },
  {
    pattern: /(?:could not translate host name|failed to resolve host) ["']([^"']+)["']|Name or service not known/,
    say: ([, host]) =>
      `Likely: ${host ? `"${host}"` : 'a host in a URL of .env.docker'} is neither a service of this stack nor a name that is known outside. ` +
      'Check the spelling, and whether COMPOSE_PROFILES has its profile.',
  },
]
