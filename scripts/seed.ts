/** `npm run seed`: fills the application with its sample data. */
import { main } from './lib/command.ts'
import { ExitCode } from './lib/errors.ts'
import { defineOneShot } from './lib/compose/one-shot.ts'

const seeding = { role: 'seed', service: 'web', title: 'Seeding', failure: 'The application was not seeded.', exitCode: ExitCode.failed, tells: true }

export const seed = defineOneShot(seeding, {
  summary: 'Run SEED_COMMAND of .env.docker in a container of the stack.',
  notes: 'Starts and migrates the database when it is not running.\nExit codes: 0 seeded, 1 failed, 3 settings, 4 no engine.',
  whenStopped: 'Run it again: npm run seed',
})

await main(seed, import.meta.url)
