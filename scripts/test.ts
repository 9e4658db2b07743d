/** `npm test`: every check of the project, and at the end one line that counts them. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { $ } from 'zx/core'
import { common, defineCommand, main, report } from './lib/command.ts'
import { CliError } from './lib/errors.ts'
import { stopIfInterrupted } from './lib/interrupt.ts'
import { add, inWords, named, none, oneFailure, readTap, readVitest } from './lib/test-counts.ts'
import type { Counts } from './lib/test-counts.ts'
import { failure, formatSeconds, info, print } from './lib/terminal.ts'

async function runVitest(args: readonly string[] = []): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'vitest-'))
  const outputFile = join(folder, 'report.json')
  try {
    await $({ nothrow: true, stdio: 'inherit' })`npx vitest run ${args} --reporter=default --reporter=json --outputFile.json=${outputFile}`
    return readVitest(JSON.parse(await readFile(outputFile, 'utf8')))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Pure functions and scripts against a fake Docker. */
const runScripts = (): Promise<Counts> => runVitest()

/**
 * @param path a file or a folder
 * @param prefix what stands in front of each line where several run at once
 */
async function runBats(path: string, prefix = ''): Promise<Counts> {
  const child = $({ nothrow: true, quiet: true, stdio: ['ignore', 'pipe', process.stderr] })`node_modules/bats/bin/bats --formatter tap --timing ${path}`
  createInterface({ input: child.stdout }).on('line', (line) => info(`${prefix}${line}`))
  const { stdout, exitCode } = await child
  const counts = readTap(stdout)
  return exitCode !== 0 && counts.failures.length === 0 ? add(counts, oneFailure('bats failed, and none of its tests did')) : counts
}

/** The shell files, without a daemon. */
const runShell = (): Promise<Counts> => runBats('tests/shell')

/** Stacks that start and stop wait for most of their time: so many files share two processors. */
const LANES = 2

/** Several files at once, the largest first, so that none is left over at the end. */
async function runInLanes(folder: string): Promise<Counts> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.bats'))
  const sized = await Promise.all(names.map(async (name) => ({ path: join(folder, name), size: (await stat(join(folder, name))).size })))
  const queue = sized.toSorted((a, b) => b.size - a.size).values()
  const lane = async (): Promise<Counts> => {
    let counts = none
    for (const { path } of queue) {
      stopIfInterrupted()
      const name = basename(path, '.bats')
      counts = add(counts, named(name, await runBats(path, `${name}: `)))
    }
    return counts
  }
  // No port is given to tests of two files.
  const ports = (process.env.TEST_PORTS = await mkdtemp(join(tmpdir(), 'ports-')))
  try {
    return (await Promise.all(Array.from({ length: LANES }, lane))).reduce(add, none)
  } finally {
    await rm(ports, { recursive: true, force: true })
  }
}

/** An engine and the images, which the tests find by this process's environment. */
async function prepareImages(options: { examples?: boolean } = {}): Promise<void> {
  const images = await import('../template/tests/images.ts')
  Object.assign(process.env, await images.prepareImages(options))
}

/** Images and stacks, with projects and ports of their own. */
async function runDocker(filter?: string): Promise<Counts> {
  await prepareImages({ examples: true })
  // The newest Compose is in there.
  const { buildLintImage } = await import('../template/lint/lint.ts')
  process.env.TEST_LINT_IMAGE = await buildLintImage()
  return filter ? runBats(`template/tests/docker/${filter}.bats`) : runInLanes('template/tests/docker')
}

/** The sample's page in Chromium, which has a container of its own. */
async function runE2e(): Promise<Counts> {
  await prepareImages()
  return runVitest(['--config', 'template/tests/e2e/vitest.config.ts', '--root', '.'])
}

async function runLint(): Promise<Counts> {
  const { lintAll } = await import('../template/lint/lint.ts')
  return lintAll()
}

/** A suite that could not even begin is a failure among the others, and the others still run. */
function countFailure(error: unknown): Counts {
  stopIfInterrupted()
  report(error)
  return oneFailure('could not begin', String(error))
}

/** Where a test failed stands first, what it saw stands last. */
function firstAndLast(text: string): string {
  const lines = text.split('\n')
  return lines.length <= 40 ? text : [...lines.slice(0, 10), '…', ...lines.slice(-29)].join('\n')
}

/** What failed, once more at the end: between a thousand lines that are well nobody finds it. */
function tellFailures({ failures }: Counts): void {
  if (failures.length > 0) info()
  for (const { title, details } of failures) failure(title, firstAndLast(details))
}

const suites = { lint: runLint, scripts: runScripts, shell: runShell, docker: runDocker, e2e: runE2e }
type Suite = keyof typeof suites

export const test = defineCommand({
  name: 'test',
  summary: 'Run the checks of the project: all of them, or one suite.',
  positionals: {
    name: 'suite',
    choices: Object.keys(suites),
    help: 'Suites: lint, scripts (vitest), shell (bats without a daemon), docker (bats with one), e2e (a browser).',
  },
  options: {
    only: { type: 'string', value: 'file', help: 'With docker: one file of template/tests/docker, e.g. stack' },
    json: common.json,
  },
  notes: 'Where no Docker Engine answers, the docker and e2e suites set up a private one (npm run engine -- --help).',
  examples: ['npm test', 'npm run test:docker', 'npm run test:docker -- --only stack'],
  whenStopped: 'Containers of a test that was cut off have names that begin with test-.',
  async run({ only, json = false }, words) {
    const chosen = (words.length > 0 ? words : Object.keys(suites)) as Suite[]
    let total: Counts = none
    for (const suite of chosen) {
      stopIfInterrupted()
      const started = performance.now()
      info(`\n${suite}`)
      const counts = named(suite, await (suite === 'docker' ? runDocker(only) : suites[suite]()).catch(countFailure))
      info(`${suite}: ${inWords(counts)} in ${formatSeconds((performance.now() - started) / 1000)}`)
      total = add(total, counts)
    }
    tellFailures(total)
    print(json ? JSON.stringify(total) : inWords(total))
    if (total.passed === 0) throw new CliError('No test ran.')
    if (total.failures.length > 0) process.exitCode = 1
  },
})

await main(test, import.meta.url)
