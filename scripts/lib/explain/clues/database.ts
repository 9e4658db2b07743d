/** Databases: their passwords, and what a migration meets. */
import { again } from './clue.ts'
import type { Clue, Scene } from './clue.ts'

/** Both databases read the password of their first user only when they make him. */
const passwordOfAnotherTime = (user: string, database: string, setting: string): string =>
  `Likely: the volume of the database was made with another password of "${user}", or DATABASE_URL and ${setting} differ. ` +
  `${database} reads ${setting} only when the volume is new: put the old one back, or delete the data with npm run teardown -- --volumes. ` +
  'Of a database that is managed elsewhere: DATABASE_URL has another password than its provider.'

/** Tables are missing because nobody has made them yet, or because nothing does. */
const missingTable = (table: string, { role }: Scene): string =>
  role === 'migrate'
    ? `A migration expects the table "${table}", which no migration before it makes. Was one deleted, or was it never made?`
    : `The database has no table "${table}". Is MIGRATE_COMMAND in .env.docker set, and does it make that table? npm run migrate -- --verbose shows what it does.`

export const databaseClues: readonly Clue[] = [
  {
    pattern: /password authentication failed for user "([^"]+)"/,
    say: (match) => passwordOfAnotherTime(match[1]!, 'PostgreSQL', 'POSTGRES_PASSWORD'),
  },
  {
    pattern: /Access denied for user '([^']+)'@/,
    say: (match) => passwordOfAnotherTime(match[1]!, 'MariaDB', 'MARIADB_PASSWORD'),
  },
  {
    // The second is the lock that migrate wants to make beside the file.
    pattern: /unable to open database file|: '[^']+\.migrate-lock'/,
    say: () =>
      'SQLite cannot make or open its file: the folder is not there, or the application may not write into it. A path that works, and stays: ' +
      `DATABASE_URL=sqlite:////data/app.db in .env.docker (four slashes), ${again}`,
  },
  {
    // The number stands in the line behind it.
    pattern: /database files are incompatible with server(?:.*\n.*?version (\d+))?/,
    say: ([, version]) =>
      `The volume was made by ${version ? `PostgreSQL ${version}` : 'another major version of PostgreSQL'}, which this one cannot read. Put the old POSTGRES_IMAGE back, or ` +
      'delete the data: npm run teardown -- --volumes. What is to be kept goes through a dump (pg_dump with the old one, psql with the new one).',
  },
  {
    pattern: /Can't locate revision identified by '([^']+)'/,
    say: (match) =>
      `The database is at revision ${match[1]}, which this checkout does not have (another branch made it). Downgrade from that branch, or delete the data: npm run teardown -- --volumes`,
  },
  {
    pattern: /Multiple head revisions are present/,
    say: () => 'Two branches have added a migration each. Join them in the source with the merge command of the migration tool (alembic merge heads, flask db merge heads).',
  },
  {
    pattern: /Path doesn't exist: (?:')?([^\s']+?)(?:')?\.? +Please use the 'init' command/,
    say: (match) =>
      `There is no folder of migrations at ${match[1]}. It is made once and committed: docs/use-your-own-app.md shows how. ` +
      'With none to run: MIGRATE_COMMAND= in .env.docker.',
  },
  {
    pattern: /relation "([^"]+)" does not exist|no such table: (\S+)|Table '([^']+)' doesn't exist/,
    say: ([, ...names], scene) => missingTable(names.find(Boolean)!, scene),
  },
  {
    pattern: /relation "([^"]+)" already exists|table (\S+) already exists|Table '([^']+)' already exists/,
    say: ([, ...names]) =>
      `The table "${names.find(Boolean)}" is there already, and the database does not know by which migration. Likely the application made it itself ` +
      '(create_all), or MariaDB kept half of a migration that failed. Delete the data (npm run teardown -- --volumes), or tell the migration tool ' +
      'how far the database is (flask db stamp, alembic stamp).',
  },
  {
    // The traceback goes in a migration: the file, and what Python said of it.
    pattern: /File "([^"]*\/versions\/[^"]+\.py)", line (\d+), in (?:up|down)grade\n(?:.*\n)*?[\w.]*(?:Error|Exception)\b/,
    say: ([, file, line]) =>
      `The migration itself is wrong, at line ${line} of ${file}. Mend it, then run npm run migrate. PostgreSQL takes back what it did; ` +
      'MariaDB keeps each statement that succeeded.',
  },
]
