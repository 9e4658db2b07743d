/** `npm run lint`: TypeScript on this machine; shell, Dockerfiles and Python in an image that has the tools. */
import { $ } from 'zx/core'
import { common, defineCommand, main } from './lib/command.ts'
import { capture, stream } from './lib/docker.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { prepareImages } from './lib/test-images.ts'
import { add, none } from './lib/test-counts.ts'
import type { Counts } from './lib/test-counts.ts'
import { failure, ok, print } from './lib/terminal.ts'

const image = 'python-docker-starter-lint'

/** By npm: seconds, and no Docker. */
const local: Record<string, string[]> = {
  tsc: ['npx', 'tsc'],
  oxlint: ['npx', 'oxlint', '--type-aware', '--deny-warnings', 'scripts', 'tests'],
}

/** In the image; git names the files, so that what it ignores is ignored here. */
const inImage: Record<string, { tool: string[]; files: string[] }> = {
  shellcheck: { tool: ['shellcheck', '--external-sources'], files: ['*.sh', '*.bash', '*.bats'] },
  hadolint: { tool: ['hadolint', '--config', '.hadolint.yaml'], files: ['*Dockerfile'] },
  ruff: { tool: ['ruff', 'check', '--no-cache'], files: ['*.py'] },
  'ruff format': { tool: ['ruff', 'format', '--no-cache', '--check'], files: ['*.py'] },
}

async function judge(name: string, run: () => Promise<{ exitCode: number | null; stdout: string; stderr: string }>): Promise<Counts> {
  const { exitCode, stdout, stderr } = await run()
  if (exitCode === 0) {
    ok(name)
    return { ...none, passed: 1 }
  }
  failure(`${name} found something`, `${stdout}${stderr}`.trim())
  return { ...none, failed: 1 }
}

async function filesOf(patterns: readonly string[]): Promise<string[]> {
  const listed = await $({ quiet: true })`git ls-files --cached --others --exclude-standard -- ${patterns}`
  return listed.stdout.split('\n').filter(Boolean)
}

async function buildImage(): Promise<void> {
  const { TEST_PYTHON_IMAGE: python, TEST_EXTRA_CA_FILE: ca } = await prepareImages()
  const args = ['build', '--quiet', '--tag', image, '--build-arg', `PYTHON_IMAGE=${python}`]
  const secret = ca ? ['--secret', `id=extra-ca,src=${ca}`] : []
  if ((await stream([...args, ...secret, 'tests/lint'])) === 0) return
  throw new CliError('The image with the linters could not be built.', { exitCode: ExitCode.build })
}

/** Runs every linter, whatever the others find. */
export async function lintAll(): Promise<Counts> {
  let total = none
  for (const [name, command] of Object.entries(local)) {
    total = add(total, await judge(name, () => $({ quiet: true, nothrow: true })`${command}`))
  }
  await buildImage()
  for (const [name, { tool, files }] of Object.entries(inImage)) {
    const listed = await filesOf(files)
    const args = ['run', '--rm', '--network', 'none', '--volume', `${process.cwd()}:/src:ro`, image, ...tool, ...listed]
    total = add(total, await judge(name, () => capture(args)))
  }
  return total
}

export const lint = defineCommand({
  name: 'lint',
  summary: 'Run every linter: tsc, oxlint, shellcheck, hadolint, ruff.',
  options: { json: common.json },
  notes: 'Shell, Dockerfiles and Python are checked in an image, for which an engine is set up where there is none.',
  async run({ json = false }) {
    const counts = await lintAll()
    print(json ? JSON.stringify(counts) : `${counts.passed} passed, ${counts.failed} failed`)
    if (counts.failed > 0) process.exitCode = 1
  },
})

await main(lint, import.meta.url)
