/** What every command on a stack begins with: settings in order, an engine that answers, and the model. */
import { existsSync } from 'node:fs'
import { ensureEngine, findEngine } from '../engine/engine.ts'
import type { Engine } from '../engine/engine.ts'
import { read } from '../engine/docker.ts'
import { standInOverlay, withStandIns } from '../engine/offline-room.ts'
import { CliError, ExitCode } from '../errors.ts'
import { isUsable } from '../env/finding.ts'
import type { Values } from '../env/finding.ts'
import { extraCaFile, valueOf } from '../engine/machine.ts'
import type { Model } from './model.ts'
import { envFile as ownEnvFile, loadSettings } from '../env/settings.ts'
import type { Settings } from '../env/settings.ts'
import { readModel, stackOf } from './stack.ts'
import type { Stack } from './stack.ts'

export interface OpenStack {
  stack: Stack
  model: Model
  settings: Settings
  engine: Engine
}

/** A stack that was never started has nothing to migrate, to fill or to take down. */
function requireEnvFile(file: string): void {
  if (existsSync(file)) return
  throw new CliError(`${file} does not exist.`, {
    hint: file === ownEnvFile ? 'npm run up makes it and starts the stack.' : 'Is the path of --env-file right?',
    exitCode: ExitCode.config,
  })
}

/** The errors of the check as one failure, each with its line and its remedy. */
export function settingsError({ file, findings }: Settings): CliError {
  const errors = findings.filter(({ severity }) => severity === 'error')
  const lines = errors.map(({ code, line, message, hint }) => `${file}${line === null ? '' : `:${line}`}  ${message} (${code})\n  ${hint}`)
  return new CliError(`${file} has ${errors.length === 1 ? 'a mistake' : `${errors.length} mistakes`}. Nothing was started.`, {
    details: lines.join('\n'),
    hint: 'npm run env checks the file again.',
    exitCode: ExitCode.config,
  })
}

/** @throws CliError (exit code 3) with what is wrong */
function requireUsable(settings: Settings): void {
  if (!isUsable(settings.findings)) throw settingsError(settings)
}

/** What the tools of this machine are told to trust, the builds trust too, unless the settings name a file. */
function withHostCertificates(stack: Stack, { values }: Settings): Stack {
  const caFile = extraCaFile(values, process.env)
  const isSet = valueOf('EXTRA_CA_FILE', values, process.env) !== undefined
  return isSet || !caFile ? stack : { ...stack, env: { ...stack.env, EXTRA_CA_FILE: caFile } }
}

/**
 * A stack that `up` has started on stand-ins goes on with them. In .env.docker that is written down; for another env
 * file, which is somebody's own, its containers remember it.
 */
export async function asItWasStarted(stack: Stack, model: Model, { COMPOSE_FILE: chosenFiles }: Values): Promise<{ stack: Stack; model: Model }> {
  if (stack.envFile === ownEnvFile) return { stack, model }
  const project = ['--filter', `label=com.docker.compose.project=${model.name}`]
  const files = await read(['ps', '--all', ...project, '--format', '{{.Label "com.docker.compose.project.config_files"}}'])
  if (!files.includes(standInOverlay) || chosenFiles?.includes(standInOverlay)) return { stack, model }
  const chosen = { ...stack, env: { ...stack.env, COMPOSE_FILE: withStandIns(chosenFiles) } }
  return { stack: chosen, model: await readModel(chosen) }
}

/**
 * Reads the settings, finds or makes the engine, and asks Compose what the stack is made of.
 *
 * @param options.toEndIt a stack that is there can be taken down whatever is wrong with its settings by now, as long as
 *   Compose knows what it is made of
 * @throws CliError exit code 3 for a setting that is wrong, 4 without an engine
 */
export async function openStack(file: string = ownEnvFile, { toEndIt = false } = {}): Promise<OpenStack> {
  requireEnvFile(file)
  let engine = await findEngine()
  if (!engine) {
    // To set up an engine takes a while: what is wrong with the settings is said before.
    const settings = await loadSettings(file)
    requireUsable(settings)
    engine = await ensureEngine({ ...settings.values, ...process.env })
  }
  const stack = stackOf(file)
  const [settings, model] = await Promise.allSettled([loadSettings(file), readModel(stack)])
  if (settings.status === 'rejected') throw settings.reason
  // A setting that is wrong explains itself better than the model that it breaks.
  if (!toEndIt || model.status === 'rejected') requireUsable(settings.value)
  if (model.status === 'rejected') throw model.reason
  const started = await asItWasStarted(withHostCertificates(stack, settings.value), model.value, settings.value.values)
  return { ...started, settings: settings.value, engine }
}
