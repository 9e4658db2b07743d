/**
 * `npm run test:docker`: the contract suite (tests/docker) on two throw-away stacks, one for development and one for
 * production. Both are made from a copy of the files that git does not ignore, under a random name, with ports that the
 * engine picks. The owner's own stack and files are not touched.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { $, cd } from 'zx/core'
import { add, inWords, runBats, tellFailures, type Counts } from '../helpers/bats.ts'
import { common, defineCommand, main } from '../../scripts/lib/command.ts'
import { filesIn, withFile, type Model } from '../../scripts/lib/compose/model.ts'
import { leadingOutside } from './outside.ts'
import { buildImages, ofProject, openStack, readModel, stackOf } from '../../scripts/lib/compose/stack.ts'
import type { ModelledStack, Stack } from '../../scripts/lib/compose/stack.ts'
import { capture, lastLines } from '../../scripts/lib/engine/docker.ts'
import { ensureImages } from '../../scripts/lib/engine/images.ts'
import type { Values } from '../../scripts/lib/engine/machine.ts'
import { fillEnvFile } from '../../scripts/lib/env/write.ts'
import type { Schema } from '../../scripts/lib/env/schema.ts'
import { envFile as ownEnvFile, type Settings } from '../../scripts/lib/env/settings.ts'
import { CliError, ExitCode, stopIfInterrupted, tidyUpInPeace, wasInterrupted } from '../../scripts/lib/errors.ts'
import { standInOverlay } from '../../scripts/lib/rooms.ts'
import { info, print } from '../../scripts/lib/terminal.ts'

const tests = 'tests/docker'

/** The env file of both stacks, in the copy. */
const testEnvFile = '.env.contract'

/** The folders of tests/docker, each with one stack, and the settings in which that stack differs from the owner's. */
const lanes = {
  development: { overlay: 'compose.override.yaml', settings: {} },
  // It is published only on this machine, and requests no certificate for a name that leads elsewhere.
  production: { overlay: 'compose.production.yaml', settings: { PROXY_BIND: '127.0.0.1', SITE_ADDRESS: ':80', STORAGE_SITE_ADDRESS: '' } },
} as const

type Lane = keyof typeof lanes

/** Whether production refuses this overlay. Such an overlay gives secrets-check the reason as a command. Pure. */
const isRefused = (overlay: string): boolean => /^ {2}secrets-check:\s+command:/m.test(overlay)

/** The Compose files of a lane: the owner's, with overlays in the lane's version, and without those that it refuses. */
export function filesOf(lane: Lane, chosen: readonly string[]): string[] {
  const { overlay } = lanes[lane]
  const others = chosen.map((file) => file.replace(/\.(override|production)\.yaml$/, overlay.replace('compose', '')))
    .filter((file) => file !== '' && file !== overlay && (chosen.includes(file) || existsSync(file)))
  const [base = 'compose.yaml', ...more] = others.filter((file) => lane !== 'production' || !isRefused(readFileSync(file, 'utf8')))
  return [base, overlay, ...more]
}

/** An overlay in which every published port keeps its address and gets a number that the engine picks. Pure. */
export function anyPorts({ services }: Model): string {
  const lines = Object.entries(services).flatMap(([service, { ports = [] }]) => {
    if (ports.length === 0) return []
    const free = ports.map(({ host_ip, target, protocol }) => ({ host_ip, target, protocol }))
    return [`  ${service}: { ports: !override ${JSON.stringify(free)} }`]
  })
  return lines.length > 0 ? `services:\n${lines.join('\n')}\n` : 'services: {}\n'
}

/** @throws CliError (exit code 3) for data outside the stack: tests would migrate that database and take its tasks */
function requireOwnData(file: string, model: Model): void {
  const outside = leadingOutside(model)
  if (outside.length === 0) return
  throw new CliError(`${file} leads out of this stack: ${outside.join(', ')}. The tests would write there.`, {
    hint: 'Give an env file whose database, broker and bucket are services: npm run test:docker -- --env-file .env.test',
    exitCode: ExitCode.config,
  })
}

/** Whether an application gives this name to a secret. A public key, which browsers get, and Celery's routing key are none. */
const isCalledSecret = (name: string): boolean => /^(?!.*(?:publi|site_?key|routing)).*(?:password|passwd|secret|token|key|credentials?)$/i.test(name)

/** The password of an address, or its token (of HTTP); of several lines the longest: each is looked for on its own. */
function tellingPart(value: string): string {
  const [, user = '', password = /^https?:/.test(value) ? user : ''] = /:\/\/([^\s:/@]*)(?::([^\s@]*))?@/.exec(value) ?? []
  return value.includes('://') ? password : value.split(/\r?\n/).toSorted((a, b) => b.length - a.length)[0]!
}

/** What must not be in an image, as NAME=VALUE. Short values and short words are left out: any image may have them. */
export function secretsOf({ byName }: Schema, variables: readonly (readonly [name: string, value: string | null | undefined])[]): string[] {
  // BUILD_SECRETS holds variables of its own.
  const all = variables.flatMap(([name, value]) => name !== 'BUILD_SECRETS' ? [[name, value ?? ''] as const]
    : (value ?? '').split(/\s+/).map((word) => [word.replace(/=.*/s, ''), word.replace(/^[^=]*=/, '')] as const))
  const found = all.filter(([name, value]) => byName.get(name)?.sensitive || isCalledSecret(name) || value.includes('://'))
  return found.map(([name, value]) => [name, tellingPart(value)] as const)
    .filter(([, value]) => value.length >= 8 && !/^[a-z._-]{0,15}$/.test(value)).map(([name, value]) => `${name}=${value}`)
}

/** Copies the files that git does not ignore, and the other files that the settings name. */
async function copyRepository(folder: string, values: Values): Promise<void> {
  const listed = await $({ quiet: true, nothrow: true })`git ls-files -z --cached --others --exclude-standard --deduplicate`
  if (listed.exitCode !== 0) {
    throw new CliError('The tests ask git for the files to copy, but git fails.', { details: lastLines(listed.stderr) })
  }
  const { APP_ENV_FILE = '.env.app', FRONTEND_ENV_FILE = '.env.frontend', APP_CA_FILE = '', EXTRA_CA_FILE = '' } = values
  // Env files that the owner's Compose files may name, such as .env.flower.
  const others = readdirSync('.').filter((name) => /^\.env\.(?!docker|kubernetes)/.test(name))
  const beside = [...others, APP_ENV_FILE, FRONTEND_ENV_FILE, APP_CA_FILE, EXTRA_CA_FILE].filter((file) => file !== '' && !isAbsolute(file))
  for (const file of new Set([...listed.stdout.split('\0').filter(Boolean), ...beside])) {
    if (existsSync(file)) await cp(file, join(folder, file), { recursive: true, verbatimSymlinks: true })
  }
  await rm(join(folder, 'node_modules'), { recursive: true, force: true })
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
}

/** Makes sure that the images are there. If stand-ins were selected, the stack that it returns has them. */
const withImages = async (stack: Stack, values: Values): Promise<ModelledStack> =>
  ensureImages(stack, await readModel(stack), { ...values, ...stack.env })

/** Gets the images of a lane, gives it free ports, and builds its own image. Returns a function that runs its tests. */
async function prepareLane(lane: Lane, asked: Stack, { schema, values }: Settings, files: readonly string[]): Promise<() => Promise<Counts>> {
  const { stack, model } = await withImages(asked, values)
  // Beside the copy: with APP_DIR=. whatever is in it is in the images too.
  const portsFile = `../ports.${lane}.yaml`
  await writeFile(portsFile, anyPorts(model))
  const free = { ...stack, env: { ...stack.env, COMPOSE_FILE: withFile(stack.env, portsFile) } }
  await buildImages(free)
  const variables = Object.values(model.services).flatMap(({ environment = {} }) => Object.entries(environment))
  const secretsFile = resolve(`../secrets.${lane}`)
  const told = { ...free.env, TEST_LANE: lane, TEST_COPY: process.cwd(), TEST_ENV_FILE: resolve(stack.envFile), TEST_SECRETS: secretsFile }
  const secrets = secretsOf(schema, [...Object.entries(values), ...variables])
  await writeFile(secretsFile, secrets.map((secret) => `${secret}\n`).join(''), { mode: 0o600 })
  return () => runBats(['--setup-suite-file', `${tests}/setup_suite.bash`, ...files], `${lane}: `, told)
}

/** Removes a throw-away project, whatever state it is in. Ctrl-C does not stop this. */
async function remove(project: string): Promise<void> {
  const options = { tidiesUp: true, env: { COMPOSE_FILE: undefined, COMPOSE_PROFILES: undefined } }
  await capture(['compose', '--project-name', project, 'down', '--volumes', '--remove-orphans', '--timeout', '0'], options)
  await capture(['image', 'prune', '--all', '--force', ...ofProject(project)], options)
}

/** The files of the tests by lane, or the one that was asked for. */
function requireTests(only?: string): [Lane, string[]][] {
  const ending = only === undefined ? '.bats' : `/${basename(only, '.bats')}.bats`
  const all = (Object.keys(lanes) as Lane[]).map((lane): [Lane, string[]] => {
    const paths = readdirSync(join(tests, lane)).toSorted().map((name) => join(tests, lane, name))
    return [lane, paths.filter((path) => path.endsWith(ending))]
  })
  const wanted = all.filter(([, files]) => files.length > 0)
  if (wanted.length > 0) return wanted
  throw new CliError(`No file of ${tests} is called ${only}.`, { hint: `There are: ls ${tests}/*/*.bats`, exitCode: ExitCode.usage })
}

/** The env file to test: the one that was named, the owner's, or one made from the example. */
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
  const home = process.cwd()
  const folder = await mkdtemp(join(tmpdir(), 'contract-'))
  const project = `test-${randomBytes(4).toString('hex')}`
  try {
    const file = await settingsFile(envFile, folder)
    const { stack: { env }, model, settings } = await openStack(file)
    requireOwnData(file, model)
    const copy = join(folder, 'copy')
    await copyRepository(copy, settings.values)
    // Production refuses the example's secrets, and in an image they could not be told from the example itself.
    const word = randomBytes(12).toString('hex')
    const renew = (text = ''): string => text.replaceAll('local-only', word)
    await writeFile(join(copy, testEnvFile), renew(await readFile(file, 'utf8')), { mode: 0o600 })
    const values = Object.fromEntries(Object.entries(settings.values).map(([name, value]) => [name, renew(value)]))
    cd(copy)

    const chosen = filesIn({ ...values, ...process.env, ...env })
    // The environment wins over the env file.
    const laneStack = (lane: Lane, ...more: string[]): Stack => stackOf(testEnvFile, {
      ...env, ...lanes[lane].settings, COMPOSE_PROJECT_NAME: `${project}-${lane}`,
      COMPOSE_PATH_SEPARATOR: ':', COMPOSE_FILE: [...filesOf(lane, chosen), ...more].join(':'),
    })
    // Production never selects stand-ins by itself: if development has them, production is told to use them.
    const development = await withImages(laneStack('development'), values)
    const standIns = filesIn(development.stack.env).filter((name) => name === standInOverlay && !chosen.includes(name))
    const runs: (() => Promise<Counts>)[] = []
    for (const [lane, files] of wanted) runs.push(await prepareLane(lane, laneStack(lane, ...standIns), { ...settings, values }, files))
    return (await Promise.all(runs.map(async (run) => run()))).reduce(add)
  } finally {
    cd(home)
    if (wasInterrupted()) tidyUpInPeace()
    // production.bats makes the project with -known.
    await Promise.all(wanted.flatMap(([lane]) => [remove(`${project}-${lane}`), remove(`${project}-${lane}-known`)]))
    await rm(folder, { recursive: true, force: true })
  }
}

export const testDocker = defineCommand({
  name: 'test:docker',
  summary: 'Prove the stack of an env file on two throw-away stacks: start them, break them on purpose, delete them.',
  options: {
    'env-file': common['env-file'],
    only: { type: 'string', value: 'file', help: 'One file of tests/docker, e.g. queue' },
    json: common.json,
  },
  notes: [
    'The two stacks have random names and free ports. Without an .env.docker their settings come from the example.',
    'Your own stack, its data and your files stay as they are.',
    '',
    'Exit codes: 0 all passed, 1 a test failed, 2 usage, 3 a setting, 4 no engine or no images,',
    '5 an image could not be built, 130 interrupted.',
  ].join('\n'),
  examples: ['npm run test:docker', 'npm run test:docker -- --only queue', 'npm run test:docker -- --env-file .env.staging'],
  whenStopped: 'The stacks of the tests were removed.',
  async run({ 'env-file': envFile, only, json = false }) {
    const counts = await runContract({ envFile, only })
    stopIfInterrupted()
    tellFailures(counts)
    if (counts.passed + counts.failures.length === 0) throw new CliError('No test ran.')
    print(json ? JSON.stringify(counts) : inWords(counts))
    if (counts.failures.length > 0) process.exitCode = ExitCode.failed
  },
})

await main(testDocker, import.meta.url)
