/** `npm run migrate`: brings the database up to date, under the lock that also `up` takes. */
import { main } from './lib/command.ts'
import { ExitCode } from './lib/errors.ts'
import { defineOneShot } from './lib/compose/one-shot.ts'

export const migrate = defineOneShot({
  name: 'migrate',
  summary: 'Run MIGRATE_COMMAND of .env.docker in a container, one at a time however many are started.',
  notes: 'Starts the database when it is not running. Exit codes: 0 migrated, 3 settings, 4 no engine, 6 failed.',
  whenStopped: 'A migration that was cut off is rolled back by PostgreSQL. Run it again: npm run migrate',
  service: 'migrate',
  title: 'Migrating the database',
  failure: 'The database was not migrated. What ran before runs on.',
  exitCode: ExitCode.migration,
})

await main(migrate, import.meta.url)
