/** The stack that the page belongs to. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capture, lastLines } from '../../../scripts/lib/engine/docker.ts'
import { CliError } from '../../../scripts/lib/errors.ts'
import { publishedPorts, urls } from '../../../scripts/lib/compose/model.ts'
import { captureCompose, composeCommand, readModel, stackOf, type Stack } from '../../../scripts/lib/compose/stack.ts'
import { withValues } from '../../env-values.ts'
import { freePorts } from '../../../tests/helpers/stack.ts'

/** What the tests know of it. */
export interface Target {
  stack: Stack
  project: string
  /** Where a visitor finds the page. */
  url: string
  /** How Chromium resolves names. */
  rules: string
}

declare module 'vitest' {
  interface ProvidedContext {
    target: Target
  }
}

/**
 * Runs a Compose command.
 *
 * @throws CliError with what Compose said last
 */
export async function compose(stack: Stack, args: string[], env: Record<string, string> = {}): Promise<void> {
  const { exitCode, stdout, stderr } = await captureCompose(stack, ['--progress', 'quiet', ...args], { env })
  if (exitCode === 0) return
  throw new CliError(`${composeCommand(stack, ...args)} failed.`, { details: lastLines(`${stdout}${stderr}`) })
}

/** The example's settings, with another name, free ports and the images that are here. */
async function writeSettings(file: string, project: string): Promise<void> {
  const ports = await freePorts()
  const changed: Record<string, string> = {
    COMPOSE_PROJECT_NAME: project,
    COMPOSE_FILE: process.env.TEST_COMPOSE_FILES ?? '',
    EXTRA_CA_FILE: process.env.TEST_EXTRA_CA_FILE ?? '',
    S3_PUBLIC_URL: `http://localhost:${ports.STORAGE_PORT}`,
    ...ports,
  }
  // Each keeps its place, because later lines of the file may refer to it.
  await writeFile(file, withValues(await readFile('.env.docker.example', 'utf8'), changed))
}

/**
 * The browser is in the stack's networks, where services have other names and ports than a visitor knows. So each
 * published port leads to its service, and every other address leads nowhere: as on a machine that reaches what
 * the stack publishes, and nothing else.
 */
export async function describeStack(stack: Stack): Promise<Target> {
  const model = await readModel(stack)
  const { web, proxy } = urls(model)
  const url = process.env.TEST_URL ?? web ?? proxy
  if (url === undefined) throw new CliError('The stack publishes neither web nor a proxy, so no browser reaches it.')
  const published = publishedPorts(model).map(({ port, service, target }) => `MAP *:${port} ${service}:${target}`)
  return { stack, project: model.name, url, rules: [...published, 'MAP * ~NOTFOUND'].join(', ') }
}

/** Removes everything of a project, whatever state it is in, and the image that was built for it. */
async function remove(stack: Stack, project: string): Promise<void> {
  await captureCompose(stack, ['--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5'])
  await capture(['image', 'rm', '--force', `${project}-app:dev`, `${project}-app`])
}

/**
 * Starts a stack of its own.
 *
 * @returns what the tests have to know, and a function that removes the stack with everything in it
 * @throws CliError with the logs when it does not become healthy; nothing of it is left then
 */
export async function startStack(): Promise<[Target, () => Promise<void>]> {
  const folder = await mkdtemp(join(tmpdir(), 'e2e-'))
  const stack = stackOf(join(folder, 'env'))
  const project = `test-${randomBytes(4).toString('hex')}`
  await writeSettings(stack.envFile, project)
  const tidyUp = async (): Promise<void> => {
    await remove(stack, project)
    await rm(folder, { recursive: true })
  }
  try {
    const target = await describeStack(stack)
    await compose(stack, ['build', '--quiet'])
    await compose(stack, ['up', '--detach', '--wait', '--wait-timeout', '180'])
    return [target, tidyUp]
  } catch (error) {
    const { stdout } = await captureCompose(stack, ['logs', '--no-color', '--tail', '25'])
    console.error(stdout)
    await tidyUp()
    throw error
  }
}
