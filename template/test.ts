/** `npm run test:template`: the long proof. It proves what this template promises and a copy need not prove again. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { $ } from 'zx/core'
import { common, defineCommand, main } from '../scripts/lib/command.ts'
import { CliError, ExitCode, stopIfInterrupted } from '../scripts/lib/errors.ts'
import { add, inWords, runBats, tellFailures, type Counts } from '../tests/helpers/bats.ts'
import { formatSeconds, info, print } from '../scripts/lib/terminal.ts'
import { buildLintImage } from './lint/lint.ts'
import { countFailure, named, none, oneFailure, runVitest } from './run-tests.ts'
import { prepareImages } from './tests/images.ts'

/** Something that runs by itself, beside others. */
interface Job {
  name: string
  /** Takes so long, or so much of the machine, that it runs only when asked for by name. */
  onRequest?: true
  /**
   * Runs the job. Each failure has the job's name in front.
   *
   * @param isAlone whether the job was asked for by name
   */
  run(isAlone: boolean): Promise<Counts>
}

/** How many files run at once on two processors. With two, a tenth of the time was left over: 1,757 s, not 1,468 s. */
const LANES = 3

/** How many seconds each takes, roughly. The longest begin first, so that none is left at the end. Others are short. */
const SECONDS: Readonly<Record<string, number>> = {
  mirrors: 430, stack: 420, diagnosis: 420, 'example-agent': 320, image: 260, production: 220, rabbitmq: 210, 'copy-database': 190, scripts: 160,
  'example-podcast': 160, adopt: 160, 'example-dashboard': 150, hosts: 130, application: 120, engine: 110, locks: 100, rooms: 90,
}

const isFile = (path: string): Promise<boolean> => stat(path).then((found) => found.isFile(), () => false)

/** The bats files of a folder; none if there is no such folder. */
async function batsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => name.endsWith('.bats')).map((name) => join(folder, name))
}

function batsJob(path: string): Job {
  const name = basename(path, '.bats')
  return { name, run: () => runBats([path], `${name}: `) }
}

/** Its database, queue and store are outside, where the contract suite touches nothing. example-agent.bats tests it. */
const OUTSIDE = 'template/examples/agent'

/**
 * The contract suite, as an owner runs it, on the env file of an example. All of it runs if it is asked for by name;
 * otherwise only production's image, because example-NAME.bats has development's stack.
 */
const contractJob = (example: string): Job => ({
  name: `contract-${basename(example)}`,
  async run(isAlone) {
    const args = ['--env-file', join(example, 'env.docker'), '--json', ...(isAlone ? [] : ['--only', 'image'])]
    const { stdout, exitCode } = await $({ nothrow: true, quiet: true, stdio: ['ignore', 'pipe', process.stderr] })`npm run --silent test:docker -- ${args}`
    const counts = stdout.trim() ? (JSON.parse(stdout) as Partial<Counts>) : {}
    // The reason why it could not begin has been printed above.
    return named(`contract-${basename(example)}`, counts.failures ? (counts as Counts) : oneFailure(`could not begin: exit code ${exitCode}`))
  },
})

/** Everything of the long proof, the longest first. */
async function jobs(): Promise<Job[]> {
  const examples = (await readdir('template/examples')).map((name) => join('template/examples', name))
  const own = examples.filter((folder) => folder !== OUTSIDE)
  const withSettings = await Promise.all(own.map(async (folder) => ((await isFile(join(folder, 'env.docker'))) ? [folder] : [])))
  const rooms = (await readdir('extras')).map((room) => join('extras', room, 'tests'))
  const files = await Promise.all(['template/tests/docker', ...rooms].map(batsIn))
  const onRequest = await batsIn('template/tests/docker/on-request')
  const all = [
    ...withSettings.flat().map((folder) => contractJob(folder)),
    ...files.flat().map(batsJob),
    ...onRequest.map(batsJob).map((job) => ({ ...job, onRequest: true as const })),
    { name: 'scripts', run: async () => named('scripts', await runVitest(['template/tests/scripts'])) },
    { name: 'shell', run: () => runBats(['template/tests/shell'], 'shell: ') },
  ]
  return all.toSorted((a, b) => (SECONDS[b.name] ?? 0) - (SECONDS[a.name] ?? 0))
}

async function runJob({ name, run }: Job, isAlone: boolean): Promise<Counts> {
  const started = performance.now()
  const counts = await run(isAlone).catch((error: unknown) => named(name, countFailure(error)))
  info(`${name}: ${inWords(counts)} in ${formatSeconds((performance.now() - started) / 1000)}`)
  return counts
}

/** The environment of the tests: engine, images, the linters' image with the newest Compose, and separate ports. */
async function prepare(): Promise<() => Promise<void>> {
  Object.assign(process.env, await prepareImages({ examples: true }))
  process.env.TEST_LINT_IMAGE = await buildLintImage()
  const ports = (process.env.TEST_PORTS = await mkdtemp(join(tmpdir(), 'ports-')))
  return () => rm(ports, { recursive: true, force: true })
}

/**
 * Runs the long proof, or one part of it.
 *
 * @throws CliError when there is no such part; without an engine or an image
 */
export async function proveTemplate(only?: string): Promise<Counts> {
  const all = await jobs()
  const chosen = only === undefined ? all.filter(({ onRequest }) => !onRequest) : all.filter(({ name }) => name === only)
  if (chosen.length === 0) {
    throw new CliError(`The long proof has no part "${only}".`, { details: all.map(({ name }) => name).toSorted().join(' '), exitCode: ExitCode.usage })
  }
  const tidyUp = await prepare()
  const queue = chosen.values()
  const lane = async (): Promise<Counts> => {
    let counts = none
    for (const job of queue) {
      stopIfInterrupted()
      counts = add(counts, await runJob(job, only !== undefined))
    }
    return counts
  }
  try {
    return (await Promise.all(Array.from({ length: LANES }, lane))).reduce(add, none)
  } finally {
    await tidyUp()
  }
}

const testTemplate = defineCommand({
  name: 'test:template',
  summary: 'Prove the whole template: five systems, rooms, offline, mirrors, diagnosis, locks, hosts. Takes about half an hour.',
  options: {
    only: { type: 'string', value: 'part', help: 'One part: a bats file by its name, scripts, shell or contract-EXAMPLE' },
    json: common.json,
  },
  notes: 'If no Docker Engine answers, a private one is set up (npm run engine -- --help).',
  examples: ['npm run test:template', 'npm run test:template -- --only diagnosis'],
  whenStopped: 'Containers of a test that was cut off have names that begin with test-.',
  async run({ only, json = false }) {
    const counts = await proveTemplate(only)
    tellFailures(counts)
    print(json ? JSON.stringify(counts) : inWords(counts))
    if (counts.failures.length > 0) process.exitCode = 1
  },
})

await main(testTemplate, import.meta.url)
