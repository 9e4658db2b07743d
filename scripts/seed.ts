/** `npm run seed`: fills the application with its sample data. */
import { common, defineCommand, main } from './lib/command.ts'
import { ExitCode } from './lib/errors.ts'
import { printOnce, runOnce } from './lib/one-shot.ts'
import type { OneShot } from './lib/one-shot.ts'
import { openStack } from './lib/open-stack.ts'
import { envFile } from './lib/settings.ts'
import { stackOf } from './lib/stack.ts'
import { printJson } from './lib/terminal.ts'

const job: OneShot = {
  title: 'Seeding',
  service: 'web',
  role: 'seed',
  failure: 'The application was not seeded.',
  exitCode: ExitCode.failed,
}

export const seed = defineCommand({
  name: 'seed',
  summary: 'Run SEED_COMMAND of .env.docker in a container of the stack.',
  options: {
    verbose: { type: 'boolean', help: 'Show its output also when it succeeds' },
    'env-file': common['env-file'],
    json: common.json,
    'dry-run': common['dry-run'],
  },
  notes: 'Starts and migrates the database when it is not running.\nExit codes: 0 seeded, 1 failed, 3 settings, 4 no engine.',
  examples: ['npm run seed', 'npm run seed -- --verbose'],
  whenStopped: 'Run it again: npm run seed',
  async run({ verbose = false, 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }) {
    if (dryRun) return printOnce(stackOf(file), job)
    const { stack } = await openStack(file)
    await runOnce(stack, job, verbose)
    if (json) printJson({ ok: true })
  },
})

await main(seed, import.meta.url)
