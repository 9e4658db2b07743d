/**
 * The contract suite (tests/docker) on two throw-away stacks, development's and production's. Both are made from a copy
 * of what git would give away, under a random name, with ports that the engine picks. Nothing of the owner's is touched.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { $ } from 'zx/core'
import type { Model } from './compose/model.ts'
import { ofProject, openStack, readModel, streamCompose } from './compose/stack.ts'
import type { Stack } from './compose/stack.ts'
import { capture, lastLines } from './engine/docker.ts'
import { ensureImages } from './engine/images.ts'
import type { Values } from './env/finding.ts'
import { fillEnvFile } from './env/write.ts'
import { envFile as ownEnvFile } from './env/settings.ts'
import { CliError, ExitCode, tidyUpInPeace, wasInterrupted } from './errors.ts'
import { add, named, none, runBats } from './run-tests.ts'
import { info } from './terminal.ts'
import type { Counts } from './run-tests.ts'

const tests = 'tests/docker'

/** The folders of tests/docker, each with one stack, and what its env file says otherwise than the owner's. */
const lanes = {
  development: { overlay: 'compose.override.yaml', other: 'compose.production.yaml', settings: {} },
  // Published on this machine alone, and no certificate is asked for a name that leads elsewhere.
  production: {
    overlay: 'compose.production.yaml',
    other: 'compose.override.yaml',
    settings: { PROXY_BIND: '127.0.0.1', SITE_ADDRESS: ':80', STORAGE_SITE_ADDRESS: '' },
  },
} as const

type Lane = keyof typeof lanes

/** What a lane's tests are told: the environment of bats. */
type Environment = Record<string, string>

/** An env file's text with other values for some settings, where they stand: others may refer to them further down. Pure. */
export function withValues(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((lines, [name, value]) => {
    const line = new RegExp(`^(?:export[ \\t]+)?${name}[ \\t]*[=:].*$`, 'gm')
    return line.test(lines) ? lines.replace(line, () => `${name}=${value}`) : `${lines.trimEnd()}\n${name}=${value}\n`
  }, text)
}

/** The Compose files of a lane: the owner's, with the lane's overlay in place of the other's. Pure. */
export function filesOf(lane: Lane, chosen: string): string[] {
  const { overlay, other } = lanes[lane]
  const [base = 'compose.yaml', ...more] = chosen.split(':').filter((file) => file !== '' && file !== overlay && file !== other)
  return [base, overlay, ...more]
}

/** An overlay in which every published port keeps its address and has a number that the engine picks. Pure. */
export function anyPorts({ services }: Model): string {
  const lines = Object.entries(services).flatMap(([service, { ports = [] }]) => {
    if (ports.length === 0) return []
    const free = ports.map(({ host_ip, target, protocol }) => ({ host_ip, target, protocol }))
    return [`  ${service}: { ports: !override ${JSON.stringify(free)} }`]
  })
  return lines.length > 0 ? `services:\n${lines.join('\n')}\n` : 'services: {}\n'
}

/** Databases and brokers that the application is told of and that are no service of the stack. Pure. */
export function outsideHosts({ services }: Model): string[] {
  const networks = Object.values(services).flatMap((service) => Object.values(service.networks ?? {}))
  const own = new Set([...Object.keys(services), ...networks.flatMap((network) => network?.aliases ?? []), 'localhost', '127.0.0.1'])
  const values = Object.values(services).flatMap(({ environment }) => Object.values(environment ?? {}))
  const hosts = values.map((value) => /^(?:postgres|mysql|mariadb|mongodb|redis|amqp)[^:]*:\/\/(?:[^/]*@)?([^:/?@]+)/.exec(value ?? '')?.[1])
  return [...new Set(hosts)].filter((host) => host !== undefined && !own.has(host)) as string[]
}

/** @throws CliError (exit code 3), because a test would migrate somebody's database and take tasks from their queue */
function requireOwnData(file: string, model: Model): void {
  const outside = outsideHosts(model)
  if (outside.length === 0) return
  throw new CliError(`${file} names ${outside.join(', ')}, which is no service of this stack. The tests would write there.`, {
    hint: 'Give an env file whose database and broker are services: npm run test:docker -- --env-file .env.test',
    exitCode: ExitCode.config,
  })
}

/** Copies what git would give away, and the files beside it that the settings name. */
async function copyRepository(folder: string, values: Values): Promise<void> {
  const listed = await $({ quiet: true, nothrow: true })`git ls-files -z --cached --others --exclude-standard --deduplicate`
  if (listed.exitCode !== 0) throw new CliError('The tests ask git for the files to copy, and git refuses.', { details: lastLines(listed.stderr) })
  const { APP_ENV_FILE = '.env.app', FRONTEND_ENV_FILE = '.env.frontend', APP_CA_FILE = '', EXTRA_CA_FILE = '' } = values
  const beside = [APP_ENV_FILE, FRONTEND_ENV_FILE, APP_CA_FILE, EXTRA_CA_FILE].filter((file) => file !== '' && !isAbsolute(file))
  for (const file of new Set([...listed.stdout.split('\0').filter(Boolean), ...beside])) {
    if (existsSync(file)) await cp(file, join(folder, file), { recursive: true, verbatimSymlinks: true })
  }
  await rm(join(folder, 'node_modules'), { recursive: true, force: true })
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
}

/** What both lanes are made from. */
interface Source {
  copy: string
  project: string
  /** The env file that both begin with. */
  text: string
  values: Values
  /** Goes into the environment of Compose, where it wins over what the shell has. */
  env: Record<string, string>
}

const projectOf = (project: string, lane: Lane): string => (lane === 'development' ? project : `${project}-${lane}`)

/** Writes the env file of a lane. */
async function laneStack(lane: Lane, { copy, project, text, env }: Source, files: readonly string[]): Promise<Stack> {
  const envFile = join(copy, `.env.${lane}`)
  const own = { ...env, COMPOSE_PROJECT_NAME: projectOf(project, lane), COMPOSE_PATH_SEPARATOR: ':' }
  await writeFile(envFile, withValues(text, { ...lanes[lane].settings, ...own, COMPOSE_FILE: files.join(':') }), { mode: 0o600 })
  return { envFile, env: { ...own, COMPOSE_FILE: files.map((file) => resolve(copy, file)).join(':') } }
}

/** Makes sure that the images of a lane are there. Returns its Compose files, with that of the stand-ins where it was selected. */
async function readyFiles(lane: Lane, source: Source, files: readonly string[]): Promise<{ files: string[]; model: Model }> {
  const asked = await laneStack(lane, source, files)
  const { stack, model } = await ensureImages(asked, await readModel(asked), { ...source.values, COMPOSE_FILE: asked.env.COMPOSE_FILE })
  return { files: (stack.env.COMPOSE_FILE ?? '').split(':').map((file) => file.replace(`${source.copy}/`, '')), model }
}

/** Gets the images of a lane and builds its own. Returns what its tests are told. */
async function prepareLane(lane: Lane, source: Source, wanted: readonly string[]): Promise<Environment> {
  const { files, model } = await readyFiles(lane, source, wanted)
  const portsFile = `ports.${lane}.yaml`
  await writeFile(join(source.copy, portsFile), anyPorts(model))
  const all = [...files, portsFile]
  const stack = await laneStack(lane, source, all)
  if ((await streamCompose(stack, 'build')) !== 0) {
    throw new CliError(`The image of ${lane} could not be built. No test ran.`, { hint: 'The lines above name the step that failed.', exitCode: ExitCode.build })
  }
  return { ...stack.env, COMPOSE_FILE: all.join(':'), TEST_LANE: lane, TEST_COPY: source.copy, TEST_ENV_FILE: stack.envFile }
}

/** Removes a throw-away project, whatever state it is in. Ctrl-C does not reach it. */
async function remove(project: string): Promise<void> {
  const options = { tidiesUp: true, env: { COMPOSE_FILE: undefined, COMPOSE_PROFILES: undefined } }
  const filter = ofProject(project)
  const list = async (...args: string[]): Promise<string[]> =>
    (await capture([...args, '--quiet', ...filter], options)).stdout.split('\n').filter(Boolean)
  const containers = await list('ps', '--all')
  if (containers.length > 0) await capture(['rm', '--force', '--volumes', ...containers], options)
  for (const kind of ['volume', 'network']) {
    const names = await list(kind, 'ls')
    if (names.length > 0) await capture([kind, 'rm', ...names], options)
  }
  await capture(['image', 'rm', '--force', `${project}-app`, `${project}-app:dev`, `${project}-frontend`], options)
  await capture(['image', 'prune', '--force', ...filter], options)
}

/** The files of the tests by lane, or the one that was asked for. */
function requireTests(only?: string): Map<Lane, string[]> {
  const ending = only === undefined ? '.bats' : `/${basename(only, '.bats')}.bats`
  const all = (Object.keys(lanes) as Lane[]).map((lane) => {
    const paths = readdirSync(join(tests, lane)).toSorted().map((name) => join(tests, lane, name))
    return [lane, paths.filter((path) => path.endsWith(ending))] as const
  })
  const wanted = all.filter(([, files]) => files.length > 0)
  if (wanted.length > 0) return new Map(wanted)
  throw new CliError(`No file of ${tests} is called ${only}.`, { hint: `There are: ls ${tests}/*/*.bats`, exitCode: ExitCode.usage })
}

/** The settings to test: the file that was named, the owner's, or one made from the example. */
async function settingsFile(envFile: string | undefined, folder: string): Promise<string> {
  if (envFile) return envFile
  if (statSync(ownEnvFile, { throwIfNoEntry: false })?.size) return ownEnvFile
  const made = join(folder, 'env')
  await fillEnvFile(made)
  info(`There is no ${ownEnvFile}: the tests run on what ${ownEnvFile}.example says.`)
  return made
}

/**
 * Checks settings and engine, builds both images, and then runs the tests of both lanes side by side.
 *
 * @throws CliError before any test: exit code 3 for a setting, 4 without an engine or an image, 5 when a build fails
 */
export async function runContract({ envFile, only }: { envFile?: string | undefined; only?: string | undefined } = {}): Promise<Counts> {
  const wanted = requireTests(only)
  const folder = await mkdtemp(join(tmpdir(), 'contract-'))
  const project = `test-${randomBytes(4).toString('hex')}`
  try {
    const file = await settingsFile(envFile, folder)
    const { stack: { env }, model, settings: { values } } = await openStack(file)
    requireOwnData(file, model)
    const copy = join(folder, 'copy')
    await copyRepository(copy, values)
    // Secrets of the example would be refused in production, and could not be told apart in an image.
    const text = (await readFile(file, 'utf8')).replaceAll('local-only', randomBytes(12).toString('hex'))
    const { COMPOSE_FILE: chosen = values.COMPOSE_FILE ?? 'compose.yaml', ...rest } = env
    const source = { copy, project, text, values, env: rest }
    // Production is never given stand-ins of its own accord: where development has them, it is told to take them.
    const asked = filesOf('development', chosen)
    const standIns = (await readyFiles('development', source, asked)).files.filter((name) => !asked.includes(name))
    const prepared: [string[], Environment][] = []
    for (const [lane, files] of wanted) prepared.push([files, await prepareLane(lane, source, [...filesOf(lane, chosen), ...standIns])])
    const counts = await Promise.all(prepared.map(async ([files, told]) => {
      const prefix = `${told.TEST_LANE}: `
      return named(told.TEST_LANE ?? '', await runBats(['--setup-suite-file', `${tests}/setup_suite.bash`, ...files], { prefix, env: told }))
    }))
    return counts.reduce(add, none)
  } finally {
    if (wasInterrupted()) tidyUpInPeace()
    const projects = [...wanted.keys()].map((lane) => projectOf(project, lane))
    // The second of each is one that production.bats makes.
    await Promise.all(projects.flatMap((name) => [remove(name), remove(`${name}-known`)]))
    await rm(folder, { recursive: true, force: true })
  }
}
