/** One stack: an env file, and the Compose commands that go with it. */
import { quote } from 'zx/core'
import { capture, format, lastLines, read, stream } from '../engine/docker.ts'
import type { Result, RunOptions } from '../engine/docker.ts'
import { CliError, ExitCode } from '../errors.ts'
import { wasInterrupted } from '../interrupt.ts'
import { parseModel } from './model.ts'
import type { Model } from './model.ts'
import { envFile as ownEnvFile } from '../env/settings.ts'
import { parseContainers } from './containers.ts'
import type { Container } from './containers.ts'

export interface Stack {
  envFile: string
  /** Goes into the environment of every Compose command, before what the env file says. */
  env: Record<string, string>
}

/** The stack of an env file, with nothing added to it. */
export const stackOf = (envFile: string): Stack => ({ envFile, env: {} })

/** The arguments of a Compose command on this stack. */
export const compose = ({ envFile }: Stack, ...args: string[]): string[] => ['compose', '--env-file', envFile, ...args]

/** The same as somebody would type it. */
export const composeCommand = (stack: Stack, ...args: string[]): string => format(compose(stack, ...args))

/** One of our own commands on this stack, as somebody would type it. */
export function npmCommand({ envFile }: Stack, name: string, ...args: string[]): string {
  const words = [...(envFile === ownEnvFile ? [] : ['--env-file', envFile]), ...args]
  return ['npm', 'run', name, ...(words.length > 0 ? ['--', ...words] : [])].map((word) => quote(word)).join(' ')
}

/** Runs a Compose command with our terminal. Returns its exit code. */
export const streamCompose = (stack: Stack, ...args: string[]): Promise<number | null> =>
  stream(compose(stack, ...args), { env: stack.env })

/** Runs a Compose command and returns what it said, whatever its exit code. */
export const captureCompose = (stack: Stack, args: string[], options: RunOptions = {}): Promise<Result> =>
  capture(compose(stack, ...args), { ...options, env: { ...options.env, ...stack.env } })

/**
 * To be called when a `compose run` has ended: Ctrl-C ends Compose, and not always what it runs, which would go on
 * unseen.
 *
 * @param container the name that the run was given
 */
export async function endAbandoned(container: string): Promise<void> {
  if (!wasInterrupted()) return
  await capture(['stop', container], { tidiesUp: true })
  await capture(['rm', '--force', container], { tidiesUp: true })
}

/**
 * What Compose makes of the files, the profiles and the settings.
 *
 * @throws CliError (exit code 3) with what Compose does not like
 */
export async function readModel(stack: Stack): Promise<Model> {
  const { exitCode, stdout, stderr } = await captureCompose(stack, ['config', '--format', 'json'])
  if (exitCode === 0) return parseModel(stdout)
  // Compose makes the name of the folder's; a folder such as 日本 leaves nothing of it.
  if (/project name/.test(stderr)) {
    throw new CliError('The stack has no name that Compose accepts: small letters, digits, - and _, with a letter or a digit first.', {
      hint: `Set COMPOSE_PROJECT_NAME in ${stack.envFile}, for example COMPOSE_PROJECT_NAME=shop`,
      exitCode: ExitCode.config,
    })
  }
  throw new CliError(`${composeCommand(stack, 'config')} failed: Compose cannot read its files.`, {
    details: lastLines(stderr || stdout),
    exitCode: ExitCode.config,
  })
}

/** The containers of a project, the stopped ones too. One call to the engine: Compose's own `ps` takes longer. */
export async function readContainers(project: string): Promise<Container[]> {
  const filter = ['--filter', `label=com.docker.compose.project=${project}`]
  const ids = (await read(['ps', '--all', '--quiet', '--no-trunc', ...filter])).split('\n').filter(Boolean)
  return ids.length === 0 ? [] : parseContainers(await read(['inspect', ...ids]))
}

/**
 * Stops what Docker starts again and again. Compose takes such a container for one that runs, with the health that it
 * had last, and gives up at once, whatever has been mended since.
 */
export async function endRestartLoops(project: string): Promise<void> {
  const filters = ['--filter', `label=com.docker.compose.project=${project}`, '--filter', 'status=restarting']
  const ids = (await read(['ps', '--quiet', ...filters])).split('\n').filter(Boolean)
  if (ids.length > 0) await read(['stop', ...ids])
}
