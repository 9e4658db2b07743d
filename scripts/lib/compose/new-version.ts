/** A new version of the application, in place of one that serves. */
import { capture, read } from '../engine/docker.ts'
import { CliError } from '../errors.ts'
import { step } from '../terminal.ts'
import type { Container, Model } from './model.ts'
import { migration, runOnce } from './one-shot.ts'
import { captureCompose, compose, ofProject, readContainers, startServices } from './stack.ts'
import type { Stack } from './stack.ts'

const idsOf = (containers: readonly Container[]): string[] => containers.map(({ id }) => id)

/** What a service waits for, and what that waits for, each as `[service, condition]`. */
const waitsFor = ({ services }: Model, name: string): [string, string][] => Object.entries(services[name]?.depends_on ?? {})
  .flatMap(([service, { condition }]) => [[service, condition], ...waitsFor({ name, services }, service)])

/**
 * Replaces web if an older version of it runs: migrates while that one goes on serving, starts the new web beside it,
 * and stops it when the new one is healthy. Compose alone would first stop every old container: visitors would wait for
 * the migration and for the worker's last task, and a new web that never becomes healthy would be an outage.
 *
 * Web is replaced in its place, before the rest, if there is no proxy or if two of it cannot run. The same holds if a
 * service is not well, because this start may be the cure, and if one that web needs changes too, because Compose would
 * then replace the new web as well.
 *
 * @param begins is called before anything that serves is stopped
 * @throws CliError (exit code 6 or 7) while the old version goes on serving
 */
export async function replaceWeb(stack: Stack, model: Model, start: readonly string[], begins: () => void): Promise<void> {
  const { name, services: { migrate, web, proxy } } = model
  const running = (await readContainers(name)).filter(({ state }) => !['created', 'exited', 'dead'].includes(state))
  const webs = running.filter(({ service }) => service === 'web')
  if (!web?.image || webs.length === 0) return
  const waits = waitsFor(model, 'web')
  const needed = waits.map(([service]) => service)
  const images = ['web', ...needed].flatMap((service) => model.services[service]?.image ?? [])
  const current = (await capture(['image', 'inspect', '--format', '{{.Id}}', ...new Set(images)])).stdout.replaceAll('sha256:', '').split('\n')
  const hasDatabase = waitsFor(model, 'migrate').every(([service, condition]) =>
    running.some((one) => one.service === service) || !(service in model.services) || condition !== 'service_healthy')
  if (!hasDatabase || webs.every(({ image }) => current.includes(image))) return
  if (migrate?.environment?.MIGRATE_COMMAND) await runOnce(stack, model, migration, { options: ['--no-deps'] })
  const old = webs.filter(({ image, health }) => !current.includes(image) && health === 'healthy')
  const hashes = (await captureCompose(stack, ['config', '--hash', '*'])).stdout.split('\n')
  const changes = ({ service, image, hash }: Container): boolean =>
    needed.includes(service) && !(current.includes(image) && hashes.includes(`${service} ${hash}`))
  const isUnsettled = running.some((one) => one.service !== 'web' && (one.state === 'restarting' || one.health === 'unhealthy' || changes(one)))
  const fitsTwice = !web.ports?.length && !web.container_name && !web.network_mode
  if (!proxy || !fitsTwice || isUnsettled || old.length === 0) {
    begins()
    // The start of the whole stack reports whether this worked.
    return void (await startServices(stack, model, [...start, 'web']))
  }
  // What an earlier attempt has left, and the old version's migrate, which Compose would start once more.
  const useless = webs.filter((one) => !old.includes(one))
  if (useless.length > 0) await read(['stop', ...idsOf(useless)])
  const ended = waits.filter(([, condition]) => condition === 'service_completed_successfully').map(([service]) => service)
  await read(compose(stack, 'rm', '--force', 'web', ...new Set(ended)))
  try {
    const code = await startServices(stack, model, [...start, '--no-recreate', '--scale', `web=${2 * old.length}`, 'web'])
    const all = (await readContainers(name)).filter(({ service, state }) => service === 'web' && state !== 'exited')
    // At its time-out, Compose 2.26 sometimes exits with 0 anyway.
    if (code !== 0 || all.some(({ health }) => health !== 'healthy')) {
      const { message, details, hint, exitCode } = await (await import('../explain/explain.ts')).explain(stack, model, ['web', ...needed])
      throw new CliError(`${message} The old version still serves.`, { details, hint, exitCode })
    }
  } catch (error) {
    // Also after Ctrl-C: half of the visitors would get a web that is not well. Its log can be read until the next attempt.
    const own = ['service=web', 'oneoff=False'].flatMap((label) => ['--filter', `label=com.docker.compose.${label}`])
    const { stdout } = await capture(['ps', '--quiet', '--no-trunc', ...ofProject(name), ...own], { tidiesUp: true })
    const added = stdout.split('\n').filter((id) => id && !idsOf(old).includes(id))
    if (added.length > 0) await capture(['stop', ...added], { tidiesUp: true })
    throw error
  }
  begins()
  await step('Stopping the old web', async () => {
    await read(['stop', ...idsOf(old)])
    await read(['rm', ...idsOf(old)])
  })
}
