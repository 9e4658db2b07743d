/** One stack: an env file, and the Compose commands that go with it. */
import { existsSync, realpathSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { capture, format, lastLines, read, stream, type Result, type RunOptions } from '../engine/docker.ts'
import { findEngine, startEngine, type Engine } from '../engine/engine.ts'
import { ensureBuildxFolder, hostCaBundle, makeRoom, valueOf, type Values } from '../engine/machine.ts'
import { inLine } from '../env/check.ts'
import { envFile as ownEnvFile, loadSettings, type Settings } from '../env/settings.ts'
import { CliError, ExitCode, wasInterrupted } from '../errors.ts'
import { loadOfflineRoom } from '../rooms.ts'
import { ok, secondsSince } from '../terminal.ts'
import { parseContainers, parseModel, type Container, type Model } from './model.ts'

export interface Stack {
  envFile: string
  /** Goes into the environment of every Compose command, where it wins over the env file. */
  env: Record<string, string>
}

/** The stack of an env file. */
export const stackOf = (envFile: string, env: Stack['env'] = {}): Stack => ({ envFile, env })

/** The arguments of a Compose command on this stack. */
export const compose = ({ envFile }: Stack, ...args: string[]): string[] => ['compose', '--env-file', envFile, ...args]

/** The same command, as a user would type it. */
export const composeCommand = (stack: Stack, ...args: string[]): string => format(compose(stack, ...args))

/**
 * Starts services and waits until all are well or one has ended five times: Compose would wait until every other one is
 * healthy or unhealthy. By then Docker has paused for 1.5 seconds in all, and longer each time. Returns the exit code.
 */
export async function startServices(stack: Stack, { name }: Model, start: readonly string[]): Promise<number | null> {
  const end = new AbortController()
  const ends: string[] = []
  const onLine = (id: string): void => {
    ends.push(id)
    if (ends.filter((one) => one === id).length === 5) end.abort()
  }
  const watched = capture(['events', ...ofProject(name), '--filter', 'event=die', '--format', '{{.ID}}'], { onLine, signal: end.signal })
  try {
    return await stream(compose(stack, ...start), { env: stack.env, signal: end.signal })
  } finally {
    end.abort()
    await watched
  }
}

/** Builds the images of a stack, or of some of its services. @throws CliError (exit code 5) */
export async function buildImages(stack: Stack, ...services: string[]): Promise<void> {
  const started = performance.now()
  ensureBuildxFolder()
  // An attestation holds the time: the same image would get a new id, and every container would be replaced.
  const env = { BUILDX_NO_DEFAULT_ATTESTATIONS: '1', ...stack.env }
  if ((await stream(compose(stack, 'build', ...services), { env })) === 0) return ok('Images built', secondsSince(started))
  const again = composeCommand(stack, 'build', ...services)
  throw new CliError('The image could not be built. What ran before still runs.', {
    hint: `The lines above name the step that failed. Without Node: ${again}\nIf a disk is full: ${makeRoom}`, exitCode: ExitCode.build,
  })
}

/** Runs a Compose command and returns what it said, whatever its exit code. */
export const captureCompose = (stack: Stack, args: string[], options: RunOptions = {}): Promise<Result> =>
  capture(compose(stack, ...args), { ...options, env: { ...options.env, ...stack.env } })

/** Ctrl-C ends a `compose run`, but not always its container, which would go on unseen. */
export async function endAbandoned(container: string): Promise<void> {
  if (!wasInterrupted()) return
  const end = (...command: string[]) => capture([...command, container], { tidiesUp: true })
  // A container that has only just started does not hear TERM, so it gets another one a second later.
  await Promise.all([end('stop'), setTimeout(1000).then(() => end('kill', '--signal', 'TERM'))])
  await end('rm', '--force')
}

/** What Compose makes of files, profiles and settings. @throws CliError (exit code 3) with Compose's complaint */
export async function readModel(stack: Stack): Promise<Model> {
  const { exitCode, stdout, stderr } = await captureCompose(stack, ['config', '--format', 'json'])
  if (exitCode === 0) return parseModel(stdout)
  throw new CliError(`${composeCommand(stack, 'config')} failed: Compose cannot read its files.`, {
    details: lastLines(stderr || stdout), exitCode: ExitCode.config,
    // Compose makes the name from the folder's. Of a folder such as 日本, nothing is left.
    hint: /project name/.test(stderr) ? `Set COMPOSE_PROJECT_NAME in ${stack.envFile}, for example COMPOSE_PROJECT_NAME=shop` : undefined,
  })
}

/** The options by which `docker …` finds everything of a project. */
export const ofProject = (project: string): string[] => ['--filter', `label=com.docker.compose.project=${project}`]

/** The lines of Docker's answer, one name or id each. */
export const readNames = async (args: readonly string[], options?: RunOptions): Promise<string[]> => (await read(args, options)).split('\n').filter(Boolean)

/** The containers of a project, the stopped ones too. Compose's own `ps` takes longer. */
export async function readContainers(project: string): Promise<Container[]> {
  const ids = await readNames(['ps', '--all', '--quiet', '--no-trunc', ...ofProject(project)])
  return ids.length === 0 ? [] : parseContainers(await read(['inspect', ...ids]))
}

/**
 * The other folder to which the containers of a project belong, if it is still there, and what to do. Without
 * COMPOSE_PROJECT_NAME, a second copy in a folder of the same name is the same project: it would replace or remove what
 * the first has started.
 */
export function findOtherFolder(name: string, containers: readonly Container[], settings: Values): { text: string; remedy: string } | undefined {
  if (valueOf('COMPOSE_PROJECT_NAME', settings, process.env) !== undefined) return undefined
  const other = containers.map(({ folder }) => folder).find((folder) => existsSync(folder) && realpathSync(folder) !== realpathSync('.'))
  return other === undefined ? undefined : {
    text: `The containers of ${name} belong to another folder: ${other}.`,
    remedy: `Give this stack another name: COMPOSE_PROJECT_NAME=… in .env.docker. To go on with theirs from here, write COMPOSE_PROJECT_NAME=${name}`,
  }
}

/** @throws CliError (exit code 3) if the containers belong to another folder */
export function refuseOtherFolder(name: string, containers: readonly Container[], settings: Values): void {
  const other = findOtherFolder(name, containers, settings)
  if (other) throw new CliError(`${other.text} Nothing was changed.`, { hint: other.remedy, exitCode: ExitCode.config })
}

/** What still runs although its profile or its overlay is off, and the command that removes it. */
export function findStrays({ services }: Model, containers: readonly Container[]): { text: string; remedy: string } | undefined {
  const strays = containers.filter(({ service, state }) => state === 'running' && !(service in services))
  const names = strays.map(({ name }) => name)
  return names.length === 0 ? undefined : {
    text: `Still running, although the settings do not ask for it: ${[...new Set(strays.map(({ service }) => service))].join(', ')}.`,
    remedy: `${format(['stop', ...names])} && ${format(['rm', ...names])}`,
  }
}

/** A stack, and what Compose makes of it. */
export interface ModelledStack {
  stack: Stack
  model: Model
}

/** @throws CliError (exit code 3) with every error of the check, its line and its remedy */
function requireUsable({ file, findings }: Settings): void {
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return
  const lines = errors.map((error) => `${inLine(file, error)}\n  ${error.hint}`)
  throw new CliError(`${file} has ${errors.length === 1 ? 'a mistake' : `${errors.length} mistakes`}. Nothing was started.`, {
    details: lines.join('\n'), hint: 'npm run env checks the file again.', exitCode: ExitCode.config,
  })
}

/** A stack that `up` started on stand-ins keeps them. .env.docker says so in COMPOSE_FILE, unless the shell has one. */
export async function asItWasStarted(stack: Stack, model: Model, settings: Values): Promise<ModelledStack> {
  const room = stack.envFile === ownEnvFile && process.env.COMPOSE_FILE === undefined ? undefined : await loadOfflineRoom()
  return (await room?.asItWasStarted(stack, model, settings)) ?? { stack, model }
}

/** What every command on a stack begins with. @throws CliError (exit code 3: a wrong setting, 4: no engine) */
export async function openStack(file: string = ownEnvFile): Promise<ModelledStack & { settings: Settings; engine: Engine }> {
  if (!existsSync(file)) {
    const hint = file === ownEnvFile ? 'npm run up makes it and starts the stack.' : 'Is the path of --env-file right?'
    throw new CliError(`${file} does not exist.`, { hint, exitCode: ExitCode.config })
  }
  const stack = stackOf(file)
  const ask = () => Promise.allSettled([loadSettings(file), readModel(stack)])
  // Compose needs no engine for this, and every command waits for both answers.
  const asked = ask()
  let engine = await findEngine()
  if (!engine) {
    // Setting up an engine takes a while, so wrong settings are reported first.
    const settings = await loadSettings(file)
    requireUsable(settings)
    engine = await startEngine({ ...settings.values, ...process.env })
  }
  // A private engine brings its own Compose, which is asked again.
  const [settings, model] = await (engine.dir ? ask() : asked)
  if (settings.status === 'rejected') throw settings.reason
  // The finding about a wrong setting explains more than the failure of the model that it breaks.
  requireUsable(settings.value)
  if (model.status === 'rejected') throw model.reason
  const { values } = settings.value
  // Builds trust what the tools of this machine are told to trust, unless the settings name a file.
  const caFile = valueOf('EXTRA_CA_FILE', values, process.env) === undefined ? hostCaBundle(process.env) : undefined
  const trusting = stackOf(file, caFile ? { EXTRA_CA_FILE: caFile } : {})
  return { ...await asItWasStarted(trusting, model.value, values), settings: settings.value, engine }
}
