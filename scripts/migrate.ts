/** `npm run migrate`: brings the database up to date, under the lock that also `up` takes. */
import { common, defineCommand, main } from './lib/command.ts'
import { ExitCode } from './lib/errors.ts'
import { printOnce, runOnce } from './lib/one-shot.ts'
import type { OneShot } from './lib/one-shot.ts'
import { openStack } from './lib/open-stack.ts'
import { envFile } from './lib/settings.ts'
import { stackOf } from './lib/stack.ts'
import { printJson } from './lib/terminal.ts'

const job: OneShot = {
  title: 'Migrating the database',
  service: 'migrate',
  role: 'migrate',
  failure: 'The database was not migrated. What ran before runs on.',
  exitCode: ExitCode.migration,
}

export const migrate = defineCommand({
  name: 'migrate',
  summary: 'Run MIGRATE_COMMAND of .env.docker in a container, one at a time however many are started.',
  options: {
    verbose: { type: 'boolean', help: 'Show its output also when it succeeds' },
    'env-file': common['env-file'],
    json: common.json,
    'dry-run': common['dry-run'],
  },
  notes: 'Starts the database when it is not running. Exit codes: 0 migrated, 3 settings, 4 no engine, 6 failed.',
  examples: ['npm run migrate', 'npm run migrate -- --verbose'],
  whenStopped: 'A migration that was cut off is rolled back by PostgreSQL. Run it again: npm run migrate',
  async run({ verbose = false, 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }) {
    if (dryRun) return printOnce(stackOf(file), job)
    const { stack } = await openStack(file)
    await runOnce(stack, job, verbose)
    if (json) printJson({ ok: true })
  },
})

await main(migrate, import.meta.url)
