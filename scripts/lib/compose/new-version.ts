/** A new version of the application, in place of one that serves. */
import { setTimeout } from 'node:timers/promises'
import { capture, lastLines, read } from '../engine/docker.ts'
import { CliError, ExitCode } from '../errors.ts'
import { step } from '../terminal.ts'
import { isUnderWay, isWell, waitsFor, type Container, type Model, type Service } from './model.ts'
import { migration, runOnce, type Job } from './one-shot.ts'
import { captureCompose, compose, endAbandoned, ofProject, readContainers, readNames, startServices, type Stack } from './stack.ts'

const idsOf = (containers: readonly Container[]): string[] => containers.map(({ id }) => id)

/** The ids of the images that some services are to have. */
export const currentImages = async (model: Model, names: readonly string[]): Promise<string[]> => {
  const images = names.flatMap((name) => model.services[name]?.image ?? [])
  return (await capture(['image', 'inspect', '--format', '{{.Id}}', ...new Set(images)])).stdout.replaceAll('sha256:', '').split('\n')
}

/** Compose's hash of the settings of each service, as `service hash`. */
export const readHashes = async (stack: Stack): Promise<string[]> => (await captureCompose(stack, ['config', '--hash', '*'])).stdout.split('\n')

/** What is known of the stack before anything is replaced: its containers, and Compose's hashes. */
interface Found { all: readonly Container[], hashes: readonly string[] }

/** Whether two containers of a service can be in the network at the same time. */
const canRunTwice = ({ network_mode: mode, networks = {} }: Service): boolean => !mode && !Object.values(networks).some((network) => network?.ipv4_address)

/** Whether Compose will replace a container, because its image or its settings are others now. */
const changesTo = (images: readonly string[], hashes: readonly string[]) => ({ service, image, hash }: Container): boolean =>
  !(images.includes(image) && hashes.includes(`${service} ${hash}`))

/**
 * Stops the workers and beats that run, if a service that they need will be replaced. Compose would stop the broker first
 * and then wait for the last task, which nobody could acknowledge any more, so it would run again.
 */
export async function stopWorkers(model: Model, all: readonly Container[], hashes: readonly string[]): Promise<void> {
  const workers = all.filter(({ service, state }) => state === 'running' && /^(?:worker|beat)$/.test(model.services[service]?.command?.[0] ?? ''))
  // Not migrate, which has the workers' own image: it runs at every start.
  const needed = workers.flatMap(({ service }) => waitsFor(model, service).map(([name]) => name).filter((name) => model.services[name]?.image !== model.services[service]?.image))
  if (needed.length === 0) return
  const changes = changesTo(await currentImages(model, needed), hashes)
  if (!all.some((one) => needed.includes(one.service) && changes(one))) return
  await step('Waiting for the tasks that run', () => read(['stop', ...idsOf(workers)]))
}

/**
 * Starts a new web beside the old one. Until it is healthy, it is not in the network in which the proxy finds web.
 *
 * @throws CliError (exit code 7), also after Ctrl-C; the new web is then stopped, and its log can be read
 */
async function startBeside(stack: Stack, model: Model, start: readonly string[], old: readonly Container[], needed: readonly string[]): Promise<void> {
  const { name, networks, services: { web } } = model
  const own = ['service=web', 'oneoff=False'].flatMap((label) => ['--filter', `label=com.docker.compose.${label}`])
  const listNew = async (): Promise<string[]> => (await readNames(['ps', '--all', '--quiet', '--no-trunc', ...ofProject(name), ...own], { tidiesUp: true }))
    .filter((id) => !idsOf(old).includes(id))
  const site = web?.networks && 'site' in web.networks ? networks?.site?.name : undefined
  const aliases = ['web', ...(web?.networks?.site?.aliases ?? [])].flatMap((alias) => ['--alias', alias])
  const both = ['--no-recreate', '--scale', `web=${2 * old.length}`, 'web']
  try {
    await read(compose(stack, 'create', ...both), { env: stack.env })
    const added = await listNew()
    if (site) for (const id of added) await read(['network', 'disconnect', site, id])
    const code = await startServices(stack, model, [...start, ...both])
    const well = (await readContainers(name)).filter(({ id, health }) => added.includes(id) && health === 'healthy')
    if (code !== 0 || well.length < old.length) throw await (await import('../explain/explain.ts')).explain(stack, model, ['web', ...needed])
    if (site) for (const id of added) await read(['network', 'connect', ...aliases, site, id])
  } catch (error) {
    const added = await listNew()
    if (added.length > 0) await capture(['stop', ...added], { tidiesUp: true })
    // Compose takes it for a web like any other, so whoever starts it by hand has to get one that the proxy finds.
    if (site) for (const id of added) await capture(['network', 'connect', ...aliases, site, id], { tidiesUp: true })
    if (!(error instanceof CliError)) throw error
    throw new CliError(`${error.message} The old version still serves.`, { details: error.details, hint: error.hint, exitCode: ExitCode.unhealthy })
  }
}

/** Logs in to the database with its new URL, under the lock of the migration. */
const login: Job = {
  ...migration, title: 'Logging in to the database', failure: 'up could not log in to the database with the new DATABASE_URL. What ran before still runs.',
}

/** What a container has in its environment, as NAME=VALUE. Compose's hash does not tell: it leaves out what is in an env_file. */
const variablesOf = async (id: string): Promise<string[]> => JSON.parse(await read(['inspect', '--format', '{{json .Config.Env}}', id])) as string[]

/** Whether there is a migration, and the last one had another DATABASE_URL or is not there any more to tell. */
async function hasOtherUrl(migrate: Service | undefined, all: readonly Container[]): Promise<boolean> {
  const { DATABASE_URL: url, MIGRATE_COMMAND: command } = migrate?.environment ?? {}
  const id = all.find(({ service }) => service === 'migrate')?.id
  return Boolean(url && command) && !(id && (await variablesOf(id)).includes(`DATABASE_URL=${url}`))
}

/** Whether a service is to have a variable, or a value of it, that this container of it does not have. */
async function hasOtherVariables({ environment = {} }: Service, { id }: Container): Promise<boolean> {
  const had = await variablesOf(id)
  // Without a value it is not passed at all.
  return Object.entries(environment).some(([name, value]) => value !== null && !had.includes(`${name}=${value}`))
}

/**
 * Replaces web if an older version of it runs, or one with other variables: migrates while that one goes on serving,
 * starts the new web beside it, and stops it when the new one is healthy. Compose alone would first stop every old
 * container: visitors would wait for the migration and for the worker's last task, and a new web that never becomes
 * healthy would be an outage.
 *
 * If only settings change and web cannot have two, it tries a new DATABASE_URL, provided that there is a proxy: the
 * database may have another password, and Compose would find out only after it has stopped everything.
 *
 * A new version is replaced in its place, before the rest, if there is no proxy, if two of it cannot run, if a service
 * is not well (this start may be the cure), or if one that web needs changes too (Compose would then replace the new web
 * as well).
 *
 * @param found the containers, and what readHashes says of the stack
 * @param begins is called before anything that serves is stopped
 * @returns whether a new version serves, while all else is still the old one
 * @throws CliError (exit code 6 or 7) while the old version goes on serving
 */
export async function replaceWeb(stack: Stack, model: Model, start: readonly string[], found: Found, begins: () => void): Promise<boolean> {
  const { migrate, web, proxy } = model.services
  const { all, hashes } = found
  const running = all.filter((one) => isUnderWay(one))
  const webs = running.filter(({ service }) => service === 'web')
  // What earlier attempts have left. Compose 2.26 may keep a stopped web, and remove the one that serves. What Compose had
  // made and not yet named when it was interrupted would be in its own way.
  const left = idsOf(all.filter((one) => !running.includes(one) &&
    (one.service === 'web' && webs.length > 0 || one.state === 'created' && /^[\da-f]{12}_/.test(one.name))))
  if (left.length > 0) await read(['rm', ...left])
  if (!web?.image || webs.length === 0) return false
  const waits = waitsFor(model, 'web')
  const needed = waits.map(([service]) => service)
  const current = await currentImages(model, ['web', ...needed])
  // A broker is none: to log in, it is not needed.
  const databases = waitsFor(model, 'migrate').filter(([service, condition]) => condition !== 'service_completed_successfully' && !/^(redis|rabbitmq)$/.test(service)).map(([service]) => service)
  if (!databases.every((name) => running.some(({ service }) => service === name))) return false
  const changes = changesTo(current, hashes)
  const isUnsettled = running.some((one) => one.service !== 'web' && (one.state === 'restarting' || one.health === 'unhealthy' || needed.includes(one.service) && changes(one)))
  const canBeBeside = proxy && !web.ports?.length && !web.container_name && canRunTwice(web) && !isUnsettled
  const isOld = ({ image }: Container): boolean => !current.includes(image)
  const hasOldImage = webs.some((one) => isOld(one))
  const hasOldSettings = !hasOldImage && canBeBeside && webs.every(({ health }) => health === 'healthy') && await hasOtherVariables(web, webs[0]!)
  if (!hasOldImage && !hasOldSettings) {
    // A database that is not well cannot tell, and this start may be the cure.
    const canTell = proxy && running.every((one) => !databases.includes(one.service) || isWell(one))
    if (canTell && await hasOtherUrl(migrate, all)) await runOnce(stack, model, login, all, { options: ['--no-deps', '--env', 'MIGRATE_COMMAND=true'] })
    return false
  }
  if (migrate?.environment?.MIGRATE_COMMAND) await runOnce(stack, model, migration, all, { options: ['--no-deps'] })
  const old = webs.filter((one) => (hasOldSettings || isOld(one)) && one.health === 'healthy')
  if (!canBeBeside || old.length === 0) {
    begins()
    await stopWorkers(model, all, hashes)
    return (await startServices(stack, model, [...start, 'web'])) === 0
  }
  const useless = idsOf(webs.filter((one) => !old.includes(one)))
  if (useless.length > 0) await read(['stop', ...useless])
  // The old version's migrate, which Compose would start once more.
  const ended = waits.flatMap(([service, condition]) => condition === 'service_completed_successfully' ? [service] : [])
  await read(compose(stack, 'rm', '--force', 'web', ...new Set(ended)))
  await startBeside(stack, model, start, old, needed)
  begins()
  await step('Stopping the old web', async () => {
    await read(['stop', ...idsOf(old)], { tidiesUp: true })
    await read(['rm', ...idsOf(old)], { tidiesUp: true })
  })
  return true
}

/** Whether a frontend serves and will be replaced by another version, which can be tried beside it. */
export async function hasNewFrontend({ name, services }: Model): Promise<boolean> {
  const { frontend, proxy } = services
  if (!frontend?.image || !proxy || !canRunTwice(frontend)) return false
  const old = (await readContainers(name)).filter(({ service, health }) => service === 'frontend' && health === 'healthy')
  if (old.length === 0) return false
  const current = await currentImages({ name, services }, ['frontend'])
  return old.some(({ image }) => !current.includes(image))
}

/**
 * Tries a new frontend beside the old one: a container of `compose run` lacks the name by which the proxy finds it.
 *
 * @param seconds how long it may take
 * @throws CliError (exit code 7) if it does not become healthy; the old frontend goes on serving
 */
export async function tryFrontend(stack: Stack, model: Model, seconds: number): Promise<void> {
  const container = `${model.name}-frontend-trial`
  const remove = (): Promise<unknown> => capture(['rm', '--force', container], { tidiesUp: true })
  const look = async (what: string): Promise<string> => (await read(['inspect', '--format', what, container])).trim()
  const deadline = performance.now() + seconds * 1000
  // One that was cut off may have left it.
  await remove()
  try {
    await step('Trying the new frontend beside the old one', async () => {
      await read(compose(stack, 'run', '--detach', '--no-deps', '--name', container, 'frontend'), { env: stack.env })
      let state = 'created'
      while (/^(?:created|running starting)/.test(state) && performance.now() < deadline) {
        await setTimeout(250)
        state = await look('{{.State.Status}} {{with .State.Health}}{{.Status}}{{end}}')
      }
      if (/^running(?: healthy)?$/.test(state)) return
      const { stdout, stderr } = await capture(['logs', '--tail', '15', container])
      const checked = await look('{{with .State.Health}}{{range .Log}}{{println .Output}}{{end}}{{end}}')
      const { explainOutput } = await import('../explain/explain.ts')
      const { details, advice } = explainOutput(`${stdout}${stderr}${lastLines(checked, 1)}`, 'frontend', model)
      throw new CliError('The new frontend is not healthy. The old one still serves.', { details, hint: advice, exitCode: ExitCode.unhealthy })
    })
  } finally {
    await endAbandoned(container)
    await remove()
  }
}
