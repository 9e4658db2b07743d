/** `npm test`: every check of the project, and at the end one line that counts them. */
import { existsSync } from 'node:fs'
import { common, defineCommand, main } from './lib/command.ts'
import { CliError, ExitCode, stopIfInterrupted } from './lib/errors.ts'
import { add, countFailure, inWords, named, none, runBats, runTypes, runVitest, tellFailures } from './lib/run-tests.ts'
import type { Counts } from './lib/run-tests.ts'
import { formatSeconds, info, print } from './lib/terminal.ts'

type Suites = Record<string, () => Promise<Counts>>

/** What the template has beside the suites of every copy; a copy has no such file. */
const ofTemplate = new URL('../template/suites.ts', import.meta.url)

const moreSuites = async (): Promise<Suites> =>
  existsSync(ofTemplate) ? ((await import(ofTemplate.href)) as { suites: Suites }).suites : {}

export const test = defineCommand({
  name: 'test',
  summary: 'Run the checks of the project: all of them, or one suite.',
  positionals: {
    name: 'suite',
    help: 'Suites: types (tsc), scripts (vitest), shell (bats without an engine), docker (bats on two throw-away stacks).',
  },
  options: {
    'env-file': { type: 'string', value: 'path', help: 'With docker: settings to use instead of .env.docker' },
    only: { type: 'string', value: 'file', help: 'With docker: one file of tests/docker, e.g. queue' },
    json: common.json,
  },
  notes: [
    'The docker suite starts two stacks of its own, with random names and free ports, and deletes them. Without an',
    '.env.docker it makes settings from the example. Your own stack, its data and your files stay as they are.',
    '',
    'Exit codes: 0 all passed, 1 a test failed; for one suite also 3 a setting, 4 no engine or no images,',
    '5 an image could not be built; 130 interrupted.',
  ].join('\n'),
  examples: ['npm test', 'npm run test:docker', 'npm run test:docker -- --only queue', 'npm run test:docker -- --env-file .env.staging'],
  whenStopped: 'The stacks of the tests were removed.',
  async run({ 'env-file': envFile, only, json = false }, words) {
    const { lint, e2e, ...others } = await moreSuites()
    const daily: Suites = {
      ...(lint ? { lint } : { types: runTypes }),
      scripts: () => runVitest(['--exclude', 'template/**', '--passWithNoTests']),
      shell: () => runBats(['tests/shell']),
      docker: async () => (await import('./lib/contract.ts')).runContract({ envFile, only }),
      ...(e2e ? { e2e } : {}),
    }
    const suites: Suites = { types: runTypes, ...daily, ...others }
    const stranger = words.find((word) => !(word in suites))
    if (stranger) throw new CliError(`"${stranger}" is none of ${Object.keys(suites).join(', ')}.`, { exitCode: ExitCode.usage })

    const chosen = words.length > 0 ? words : Object.keys(daily)
    let total: Counts = none
    for (const name of chosen) {
      stopIfInterrupted()
      const started = performance.now()
      info(`\n${name}`)
      const running = suites[name]!()
      // Alone it has an exit code of its own for what kept it from beginning.
      const counts = named(name, await (chosen.length > 1 ? running.catch(countFailure) : running))
      info(`${name}: ${inWords(counts)} in ${formatSeconds((performance.now() - started) / 1000)}`)
      total = add(total, counts)
    }
    stopIfInterrupted()
    tellFailures(total)
    if (total.passed + total.failures.length === 0) throw new CliError('No test ran.')
    print(json ? JSON.stringify(total) : inWords(total))
    if (total.failures.length > 0) process.exitCode = ExitCode.failed
  },
})

await main(test, import.meta.url)
