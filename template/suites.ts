/** `npm test`: the suites that a change needs, one after the other, and at the end one line that counts them. */
import { common, defineCommand, main } from '../scripts/lib/command.ts'
import { add, inWords, runBats, tellFailures, type Counts } from '../tests/helpers/bats.ts'
import { ExitCode, stopIfInterrupted } from '../scripts/lib/errors.ts'
import { formatSeconds, info, print, secondsSince } from '../scripts/lib/terminal.ts'
import { countFailure, named, none, runVitest } from './run-tests.ts'

/** Each suite loads what it needs when it runs. */
const suites: Record<string, () => Promise<Counts>> = {
  lint: async () => (await import('./lint/lint.ts')).lintAll(),
  scripts: () => runVitest(['--exclude', 'template/**']),
  shell: () => runBats(['tests/shell']),
  docker: async () => (await import('../tests/docker/run.ts')).runContract(),
  /** Chromium runs in a container of its own. */
  async e2e() {
    const { prepareImages } = await import('./tests/images.ts')
    Object.assign(process.env, await prepareImages())
    return runVitest(['--config', 'template/tests/e2e/vitest.config.ts', '--root', '.'])
  },
}

export const test = defineCommand({
  name: 'test',
  summary: 'Run what a change of the template needs: every suite, or those that are named.',
  positionals: { choices: Object.keys(suites), help: 'One suite, or several. Without a word: all of them.' },
  options: { json: common.json },
  examples: ['npm test', 'npm test -- lint scripts', 'npm test -- e2e'],
  async run({ json = false }, words) {
    let total = none
    for (const name of words.length > 0 ? words : Object.keys(suites)) {
      stopIfInterrupted()
      const started = performance.now()
      info(`\n${name}`)
      const counts = named(name, await suites[name]!().catch(countFailure))
      info(`${name}: ${inWords(counts)} in ${formatSeconds(secondsSince(started))}`)
      total = add(total, counts)
    }
    stopIfInterrupted()
    tellFailures(total)
    print(json ? JSON.stringify(total) : inWords(total))
    if (total.failures.length > 0) process.exitCode = ExitCode.failed
  },
})

await main(test, import.meta.url)
