/** `npm run migrate`: brings the database up to date, under the lock that `up` takes too. */
import { main } from './lib/command.ts'
import { defineOneShot, migration } from './lib/compose/one-shot.ts'

export const migrate = defineOneShot(migration, {
  summary: 'Run MIGRATE_COMMAND of .env.docker in a container, one at a time however many are started.',
  notes: 'Starts the database when it is not running. Exit codes: 0 migrated, 3 settings, 4 no engine, 6 failed.',
  whenStopped: 'A migration that was cut off is rolled back by PostgreSQL. Run it again: npm run migrate',
})

await main(migrate, import.meta.url)
