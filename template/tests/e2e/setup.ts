/**
 * Runs once for all files: prepares the image of the browser, and a stack.
 *
 * TEST_ENV_FILE names the env file of a running stack to use instead; the tests stop and start its services.
 * TEST_URL is the address of its page, if the published port does not give it.
 */
import { rm } from 'node:fs/promises'
import type { TestProject } from 'vitest/node'
import { stream } from '../../../scripts/lib/engine/docker.ts'
import { CliError, ExitCode } from '../../../scripts/lib/errors.ts'
import { stackOf } from '../../../scripts/lib/compose/stack.ts'
import { image, screenshots } from './browser-image.ts'
import { describeStack, startStack } from './stack.ts'

async function buildBrowser(): Promise<void> {
  const base = `PYTHON_IMAGE=${process.env.TEST_PYTHON_IMAGE}`
  if ((await stream(['build', '--quiet', '--tag', image, '--build-arg', base, 'template/tests/e2e'])) === 0) return
  throw new CliError('The image with the browser could not be built.', { exitCode: ExitCode.build })
}

/** Runs before the first file; what it returns runs after the last one. */
export default async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  await rm(screenshots, { recursive: true, force: true })
  await buildBrowser()
  // The stack is left as it was, except for new stories.
  const theirs = process.env.TEST_ENV_FILE
  if (theirs) {
    provide('target', await describeStack(stackOf(theirs)))
    return undefined
  }
  const [target, tidyUp] = await startStack()
  provide('target', target)
  return tidyUp
}
