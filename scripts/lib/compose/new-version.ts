/** A new version of the application, in place of one that serves. */
import { capture, read } from '../engine/docker.ts'
import { CliError } from '../errors.ts'
import { step } from '../terminal.ts'
import type { Container, Model, Service } from './model.ts'
import { migration, runOnce } from './one-shot.ts'
import { compose, ofProject, readContainers, startServices } from './stack.ts'
import type { Stack } from './stack.ts'

const idsOf = (containers: readonly Container[]): string[] => containers.map(({ id }) => id)

/** Whether two containers of web can run side by side: they cannot have the same port, name or address. */
const fitsTwice = ({ ports = [], container_name: name, network_mode: mode, networks = {} }: Service): boolean =>
  ports.length === 0 && !name && !mode && Object.values(networks).every((network) => !network?.ipv4_address)

/**
 * Replaces web if an older version of it runs: migrates while that one goes on serving, starts the new web beside it,
 * and stops it when the new one is healthy. Compose alone would first stop every old container: visitors would wait for
 * the migration and for the worker's last task, and a new web that never becomes healthy would be an outage.
 *
 * Web is replaced in its place, before the rest, where there is no proxy, where no two of it can run, and where the
 * stack is not well: this start may be the cure.
 *
 * @param begins is called before anything that serves is stopped
 * @throws CliError (exit code 6 or 7) while the old version goes on serving
 */
export async function replaceWeb(stack: Stack, model: Model, start: readonly string[], begins: () => void): Promise<void> {
  const { name, services: { migrate, web, proxy } } = model
  const running = (await readContainers(name)).filter(({ state }) => !['created', 'exited', 'dead'].includes(state))
  const webs = running.filter(({ service }) => service === 'web')
  if (!web?.image || webs.length === 0) return
  const image = (await capture(['image', 'inspect', '--format', '{{.Id}}', web.image])).stdout.trim().replace(/^sha256:/, '')
  const hasDatabase = Object.entries(migrate?.depends_on ?? {}).every(([service, { condition }]) =>
    running.some((one) => one.service === service) || !(service in model.services) || condition !== 'service_healthy')
  if (!hasDatabase || webs.every((one) => one.image === image)) return
  if (migrate?.environment?.MIGRATE_COMMAND) await runOnce(stack, model, migration, { options: ['--no-deps'] })
  const old = webs.filter((one) => one.image !== image && one.health === 'healthy')
  const isSick = running.some(({ service, state, health }) => service !== 'web' && (state === 'restarting' || health === 'unhealthy'))
  if (!proxy || !fitsTwice(web) || isSick || old.length === 0) {
    begins()
    // The start of the whole stack reports whether this worked.
    return void (await startServices(stack, model, [...start, 'web']))
  }
  // What an earlier attempt has left, and the old version's migrate, which Compose would start once more.
  const useless = webs.filter((one) => !old.includes(one))
  if (useless.length > 0) await read(['stop', ...idsOf(useless)])
  const needed = Object.entries(web.depends_on ?? {})
  const ended = needed.filter(([, { condition }]) => condition === 'service_completed_successfully').map(([service]) => service)
  await read(compose(stack, 'rm', '--force', 'web', ...ended))
  let serves = false
  try {
    const code = await startServices(stack, model, [...start, '--no-recreate', '--scale', `web=${2 * old.length}`, 'web'])
    const all = (await readContainers(name)).filter(({ service, state }) => service === 'web' && state !== 'exited')
    // At its time-out, Compose 2.26 sometimes exits with 0 anyway.
    serves = code === 0 && all.every(({ health }) => health === 'healthy')
    if (!serves) {
      const { explain } = await import('../explain/explain.ts')
      const { message, details, hint, exitCode } = await explain(stack, model, ['web', ...needed.map(([service]) => service)])
      throw new CliError(`${message} The old version still serves.`, { details, hint, exitCode })
    }
  } finally {
    // Also after Ctrl-C: half of the visitors would get a web that is not well. Its log can be read until the next attempt.
    const found = serves ? '' : (await capture(['ps', '--quiet', '--no-trunc', ...ofProject(name), '--filter', 'label=com.docker.compose.service=web'], { tidiesUp: true })).stdout
    const added = found.split('\n').filter((id) => id && !idsOf(old).includes(id))
    if (added.length > 0) await capture(['stop', ...added], { tidiesUp: true })
  }
  begins()
  await step('Stopping the old web', async () => {
    await read(['stop', ...idsOf(old)])
    await read(['rm', ...idsOf(old)])
  })
}
