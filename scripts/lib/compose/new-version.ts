/** A new version of the application, in place of one that serves. */
import { capture, read } from '../engine/docker.ts'
import { CliError } from '../errors.ts'
import { step } from '../terminal.ts'
import type { Model } from './model.ts'
import { migration, runOnce } from './one-shot.ts'
import { compose, ofProject, readNames, startServices } from './stack.ts'
import type { Stack } from './stack.ts'

/** The containers that run, each as `[service, image, id, …status]`. One-off containers are left out. */
async function readRunning(project: string): Promise<string[][]> {
  const columns = '{{.Label "com.docker.compose.service"}} {{.Image}} {{.ID}} {{.Status}}'
  const lines = await readNames(['ps', ...ofProject(project), '--filter', 'label=com.docker.compose.oneoff=False', '--format', columns])
  return lines.map((line) => line.split(' '))
}

const idsOf = (containers: string[][]): string[] => containers.map(([, , id]) => id!)

/**
 * Replaces web if an older version of it runs: migrates while that one goes on serving, starts the new web beside it,
 * and then stops it. Compose alone would first stop every old container, and visitors would wait for the migration, for
 * the worker's last task, and for a new web that perhaps never becomes healthy. Two cannot publish the same port: where
 * there is no proxy, web is replaced at once, before the rest.
 *
 * @throws CliError (exit code 6 or 7) while the old version goes on serving
 */
export async function replaceWeb(stack: Stack, model: Model, start: readonly string[]): Promise<void> {
  const { migrate, web, proxy } = model.services
  const running = await readRunning(model.name)
  const webs = running.filter(([service]) => service === 'web')
  // Docker shows an id in place of a name that another image has taken.
  const old = webs.filter(([, image]) => image !== web?.image)
  const hasDatabase = Object.entries(migrate?.depends_on ?? {}).every(([service, { condition }]) =>
    running.some(([name]) => name === service) || !(service in model.services) || condition !== 'service_healthy')
  if (old.length === 0 || !hasDatabase) return
  if (migrate?.environment?.MIGRATE_COMMAND) await runOnce(stack, model, migration, { options: ['--no-deps'] })

  const isBeside = proxy && !web?.ports?.length && old.every(([, , , ...status]) => status.includes('(healthy)'))
  // The start of the whole stack reports whether this worked.
  if (!isBeside) return void (await startServices(stack, model, [...start, 'web']))
  // This removes only what has ended. Compose would start the old version's migrate once more.
  await read(compose(stack, 'rm', '--force'))
  const code = await startServices(stack, model, [...start, '--no-recreate', '--scale', `web=${webs.length + old.length}`, 'web'])
  if (code === 0) {
    return step('Stopping the old web', async () => {
      await read(['stop', ...idsOf(old)])
      await read(['rm', ...idsOf(old)])
    })
  }
  const { message, details, hint, exitCode } = await (await import('../explain/explain.ts')).explain(stack, model)
  const added = (await readRunning(model.name)).filter(([service, , id]) => service === 'web' && !idsOf(webs).includes(id!))
  // It is not removed before the next attempt, so its log can be read.
  await capture(['stop', ...idsOf(added)])
  throw new CliError(`${message} The old version still serves.`, { details, hint, exitCode })
}
