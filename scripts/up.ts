/** `npm run up`: brings up a healthy stack, whatever is there already. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { $, quote } from 'zx/core'
import { common, defineCommand, main } from './lib/command.ts'
import { firstCause, urls, type Container, type Model } from './lib/compose/model.ts'
import { readHashes, replaceWeb, tryFrontend, workersToStop } from './lib/compose/new-version.ts'
import { checkPorts } from './lib/compose/ports.ts'
import { checkSourceAccess } from './lib/compose/source-access.ts'
import { buildImages, captureCompose, composeCommand, openStack, readContainers, stackOf, startServices } from './lib/compose/stack.ts'
import type { Stack } from './lib/compose/stack.ts'
import { lastLines, read } from './lib/engine/docker.ts'
import { ensureImages } from './lib/engine/images.ts'
import { envFile } from './lib/env/settings.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { addressed, amount, info, ok, print, printJson, secondsSince, step, warn } from './lib/terminal.ts'

/** How far `up` got: it decides what is said after Ctrl-C. */
let hasBegunToStart = false

/** Makes .env.docker when there is none. */
async function makeEnvFile(file: string): Promise<void> {
  // Docker leaves a file of size 0 where something is mounted over a missing file (compose.override.yaml).
  if (file !== envFile || statSync(file, { throwIfNoEntry: false })?.size) return
  const { fillEnvFile } = await import('./lib/env/write.ts')
  const { generated, fitted } = await fillEnvFile(file)
  ok(`${file} made from ${envFile}.example: ${[...generated, ...fitted].join(', ')} set for this machine`)
}

/** Two at a time would each take the other's new web for one that has failed. @throws CliError (exit code 1) */
async function refuseSecond(project: string): Promise<void> {
  // In the folder of temporary files, because this one may be read-only. Its name has room for every path.
  const file = join(tmpdir(), `npm-run-up.${createHash('sha256').update(`${process.cwd()} ${project}`).digest('hex')}`)
  const other = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  if (other > 0 && (await $({ quiet: true, nothrow: true })`ps -p ${other}`).exitCode === 0) {
    throw new CliError(`npm run up works on ${project} already: process ${other}. This one has changed nothing.`,
      { hint: `Run it again when that one has ended. If there is none: rm ${quote(file)}` })
  }
  rmSync(file, { force: true })
  writeFileSync(file, String(process.pid))
  process.once('exit', () => rmSync(file, { force: true }))
}

/**
 * Starts the stack. First it stops unhealthy containers, and those that Docker restarts again and again. Compose would
 * not wait until they have restarted: it sees their last health, and gives up at once, even if the cause has been
 * corrected. One that ran before may also become unhealthy only now, such as a worker whose Redis was away.
 */
async function startStack(stack: Stack, model: Model, start: readonly string[], hashes: readonly string[], isAgain = false): Promise<{ failed: boolean; all: Container[] }> {
  // Not by `docker ps`: Podman's answer has no health, and it refuses the filter status=restarting.
  const before = await readContainers(model.name)
  // What Compose had made and not yet named when it was interrupted: it would be in its own way.
  const unnamed = before.filter(({ state, name }) => state === 'created' && /^[\da-f]{12}_/.test(name)).map(({ id }) => id)
  if (unnamed.length > 0) await read(['rm', ...unnamed])
  const workers = await workersToStop(model, before, hashes)
  if (workers.length > 0) await step('Waiting for the tasks that run', () => read(['stop', ...workers]))
  const sick = before.filter(({ state, health }) => state === 'restarting' || health === 'unhealthy').map(({ id }) => id)
  if (sick.length > 0) await read(['stop', ...sick])
  const code = await startServices(stack, model, start)
  const all = await readContainers(model.name)
  const { id, health } = firstCause(all, model.services) ?? {}
  const wasWell = before.some((one) => one.id === id && one.state === 'running') && !sick.includes(id!)
  if (wasWell && health === 'unhealthy' && !isAgain) return startStack(stack, model, start, hashes, true)
  // At its time-out, Compose 2.26 sometimes exits with 0 anyway, so the containers count too.
  return { failed: code !== 0 || id !== undefined, all }
}

/**
 * Lets a proxy that started before its Caddyfile was changed read it again: Compose does not look into mounted files.
 *
 * @throws CliError (exit code 3) for a mistake in it; the proxy then keeps its former configuration
 */
async function reloadProxy(stack: Stack, model: Model, all: readonly Container[]): Promise<void> {
  const folder = model.services.proxy?.volumes?.find(({ type, target }) => type === 'bind' && target === '/etc/caddy')?.source
  const file = join(folder ?? '', 'Caddyfile')
  const changed = (folder && statSync(file, { throwIfNoEntry: false })?.mtimeMs) || 0
  if (!all.some(({ service, state, startedAt }) => service === 'proxy' && state === 'running' && Date.parse(startedAt) < changed)) return
  const { exitCode, stderr } = await captureCompose(stack, ['exec', '--no-TTY', 'proxy', 'caddy', 'reload', '--config', '/etc/caddy/Caddyfile'])
  if (exitCode === 0) return ok('The proxy has read its Caddyfile again')
  throw new CliError('The Caddyfile has a mistake. The proxy keeps its former configuration until it restarts, and then fails.', {
    details: lastLines(stderr, 3), hint: `Correct ${file}, then run npm run up again.`, exitCode: ExitCode.config,
  })
}

/** Warns of what is odd about a stack that is up. */
async function warnOfOddities(stack: Stack, model: Model, running: readonly string[]): Promise<void> {
  const { web } = urls(model)
  // One request proves the address before it is printed.
  const answer = web && (await fetch(web, { signal: AbortSignal.timeout(5000), redirect: 'manual' }).catch(() => undefined))
  if (web && !answer) warn(`web is healthy in its container, but ${web} does not answer on this machine.`)
  const strays = running.filter((service) => !(service in model.services))
  if (strays.length === 0) return
  const command = composeCommand(stack, '--profile', '*', 'rm', '--stop', '--force', ...strays)
  warn(`Still running, although COMPOSE_PROFILES does not ask for it: ${strays.join(', ')}. Remove it: ${command}`)
}

export const up = defineCommand({
  name: 'up',
  summary: 'Build the images, start the stack and wait until every service is healthy.',
  options: {
    'no-build': { type: 'boolean', help: 'Start with the application image that is there' },
    pull: { type: 'boolean', help: 'Pull the newest image of each tag first, with its security updates' },
    timeout: { type: 'string', value: 'seconds', help: 'How long to wait for healthy services (180)' },
    ...common,
  },
  notes: 'Makes .env.docker when there is none.\n\nExit codes: 0 healthy, 1 another up runs, 2 usage, 3 a setting, a port or the Caddyfile,\n'
    + '4 no engine or no images, 5 the image could not be built, 6 the migration failed, 7 a service is not healthy,\n130 interrupted.',
  examples: ['npm run up', 'npm run --silent up -- --json | jq .urls', 'npm run up -- --env-file .env.staging'],
  whenStopped: () => hasBegunToStart ? 'Continue: npm run up. Or stop what had started: npm run teardown' : 'What ran before still runs. Continue: npm run up',
  async run({ 'no-build': noBuild = false, pull = false, timeout = '180', 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }) {
    const started = performance.now()
    if (!/^[1-9]\d*$/.test(timeout)) throw new CliError(`--timeout ${timeout} is not a number of seconds.`, { exitCode: ExitCode.usage })
    const start = ['up', '--detach', ...(noBuild ? ['--no-build'] : []), '--wait', '--wait-timeout', timeout, '--remove-orphans']
    if (dryRun) {
      if (pull) print(`docker pull IMAGE   # each that the stack runs${noBuild ? '' : ' or is built on'}`)
      if (!noBuild) print(composeCommand(stackOf(file), 'build'))
      return print(composeCommand(stackOf(file), ...start))
    }

    // First, what the start needs. What ran before still runs.
    await makeEnvFile(file)
    const opened = await openStack(file)
    const { engine, settings: { names, findings, values } } = opened
    await refuseSecond(opened.model.name)
    ok(`${engine.product} ${engine.engineVersion}, Compose ${engine.composeVersion}`)
    const warnings = findings.length === 0 ? '' : addressed(`, ${amount(findings.length, 'warning')} (see npm run env)`, file)
    ok(`${file}: ${amount(names.length, 'setting')}${warnings}`)
    const { stack, model } = await ensureImages(opened.stack, opened.model, values, { build: !noBuild, pull })
    await checkPorts(model)
    const [hashes] = await Promise.all([readHashes(stack), noBuild ? undefined : buildImages(stack)])
    await checkSourceAccess(stack, model, engine.isRootless)
    await replaceWeb(stack, model, start, hashes, () => void (hasBegunToStart = true))
    await tryFrontend(stack, model)

    hasBegunToStart = true
    const begun = performance.now()
    const { failed, all } = await startStack(stack, model, start, hashes)
    if (failed) throw await (await import('./lib/explain/explain.ts')).explain(stack, model)
    const migrated = model.services.migrate?.environment?.MIGRATE_COMMAND ? ', the database is migrated' : ''
    const running = [...new Set(all.filter(({ state }) => state === 'running').map(({ service }) => service))]
    ok(`${running.filter((service) => service in model.services).length} services are up${migrated}`, secondsSince(begun))

    await reloadProxy(stack, model, all)
    await warnOfOddities(stack, model, running)
    if (json) {
      const services = all.filter(({ service }) => service in model.services)
        .map(({ service, name, state, health, exitCode }) => ({ name: service, container: name, state, health, exitCode }))
      return printJson({ ok: true, durationMs: Math.round(performance.now() - started), services, urls: urls(model) })
    }
    info(['', ...Object.entries(urls(model)).map(([service, url]) => `  ${service.padEnd(10)} ${url}`), ''].join('\n'))
    const seed = model.services.web?.environment?.SEED_COMMAND ? 'npm run seed · ' : ''
    info(addressed(`  Next: ${seed}${composeCommand(stack, 'logs', '--follow', 'web')} · npm run teardown`, file))
    if (engine.dir) info(`  For docker in this shell: . ${engine.dir}/activate`)
  },
})

await main(up, import.meta.url)
