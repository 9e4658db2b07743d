/** `npm run up`: brings up a healthy stack, whatever is there already. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quote } from 'zx/core'
import { common, defineCommand, main } from './lib/command.ts'
import { firstCause, urls, waitsFor, type Container, type Model } from './lib/compose/model.ts'
import { hasNewFrontend, readHashes, replaceWeb, stopWorkers, tryFrontend } from './lib/compose/new-version.ts'
import { checkPorts } from './lib/compose/ports.ts'
import { checkCaddyfile, reloadProxy } from './lib/compose/proxy.ts'
import { checkSourceAccess } from './lib/compose/source-access.ts'
import { buildImages, captureCompose, composeCommand, findStrays, openStack, readContainers, refuseOtherFolder, stackOf, startServices, type Stack } from './lib/compose/stack.ts'
import { lastLines, read } from './lib/engine/docker.ts'
import { ensureImages } from './lib/engine/images.ts'
import { envFile } from './lib/env/settings.ts'
import { CliError, ExitCode, wasInterrupted } from './lib/errors.ts'
import { addressed, amount, info, ok, print, printJson, redactUrls, secondsSince, step, warn } from './lib/terminal.ts'

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

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // It belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Two at a time would each take the other's new web for one that has failed. @throws CliError (exit code 1) */
function refuseSecond(project: string): void {
  // In the folder of temporary files, because this one may be read-only. Its name has room for every path.
  const file = join(tmpdir(), `npm-run-up.${createHash('sha256').update(`${process.cwd()} ${project}`).digest('hex')}`)
  try {
    const other = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
    if (other > 0 && other !== process.pid && isAlive(other)) {
      throw new CliError(`npm run up works on ${project} already: process ${other}. This one has changed nothing.`,
        { hint: `Run it again when that one has ended. If there is none: rm ${quote(file)}` })
    }
    writeFileSync(file, String(process.pid))
    process.once('exit', () => rmSync(file, { force: true }))
  } catch (error) {
    if (error instanceof CliError) throw error
    warn(`${file} cannot be used, so nothing prevents a second npm run up beside this one.`)
  }
}

/**
 * Starts what Compose has only made when it gave up or was broken off, and what does not wait for the cause. It may have
 * run before, and Docker starts no container that was never started.
 */
async function startRest(stack: Stack, model: Model, all: readonly Container[], cause: string): Promise<void> {
  const isFree = (name: string): boolean => name !== cause && !waitsFor(model, name).some(([needed]) => needed === cause)
  const rest = new Set(all.filter(({ service, state }) => state === 'created' && service in model.services && isFree(service)).map(({ service }) => service))
  if (rest.size === 0) return
  const { exitCode, stderr } = await step('Starting the other services', () => captureCompose(stack, ['up', '--detach', '--no-build', ...rest]))
  if (exitCode !== 0) warn(`${[...rest].join(', ')} did not start: ${redactUrls(lastLines(stderr, 1))}`)
}

/**
 * Starts the stack. First it stops unhealthy containers, and those that Docker restarts again and again. Compose would
 * not wait until they have restarted: it sees their last health, and gives up at once, even if the cause has been
 * corrected. One that ran before may also become unhealthy only now, such as a worker whose Redis was away.
 *
 * @returns all containers
 * @throws CliError (exit code 6 or 7) with the first cause
 */
async function startStack(stack: Stack, model: Model, start: readonly string[], hashes: readonly string[], isAgain = false): Promise<Container[]> {
  // Not by `docker ps`: Podman's answer has no health, and it refuses the filter status=restarting.
  const before = await readContainers(model.name)
  await stopWorkers(model, before, hashes)
  const sick = before.filter(({ state, health }) => state === 'restarting' || health === 'unhealthy').map(({ id }) => id)
  if (sick.length > 0) await read(['stop', ...sick])
  const code = await startServices(stack, model, start)
  const all = await readContainers(model.name)
  const { id, health, service, state } = firstCause(all, model.services) ?? {}
  const wasWell = before.some((one) => one.id === id && one.state === 'running') && !sick.includes(id!)
  if (wasWell && health === 'unhealthy' && !isAgain) return startStack(stack, model, start, hashes, true)
  // At its time-out, Compose 2.26 sometimes exits with 0 anyway, so the containers count too.
  if (code === 0 && id === undefined) return all
  const failure = await (await import('./lib/explain/explain.ts')).explain(stack, model)
  // If nothing was started, it is Docker that refused.
  if (service && state !== 'created' && !wasInterrupted()) await startRest(stack, model, all, service)
  throw failure
}

/** Warns of what is odd about a stack that is up. */
async function warnOfOddities(model: Model, all: readonly Container[]): Promise<void> {
  const { web } = urls(model)
  // One request proves the address before it is printed.
  const answer = web && (await fetch(web, { signal: AbortSignal.timeout(5000), redirect: 'manual' }).catch(() => undefined))
  if (web && !answer) warn(`web is healthy in its container, but ${web} does not answer on this machine.`)
  const strays = findStrays(model, all)
  if (strays) warn(`${strays.text} Remove it: ${strays.remedy}`)
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
    refuseSecond(opened.model.name)
    const before = await readContainers(opened.model.name)
    refuseOtherFolder(opened.model.name, before, values)
    ok(`${engine.product} ${engine.engineVersion}, Compose ${engine.composeVersion}`)
    const warnings = findings.length === 0 ? '' : addressed(`, ${amount(findings.length, 'warning')} (see npm run env)`, file)
    ok(`${file}: ${amount(names.length, 'setting')}${warnings}`)
    const { stack, model } = await ensureImages(opened.stack, opened.model, values, { build: !noBuild, pull })
    await checkPorts(model)
    const [hashes] = await Promise.all([readHashes(stack), noBuild ? undefined : buildImages(stack)])
    await checkSourceAccess(stack, model, engine.isRootless)
    await checkCaddyfile(stack, model, before)
    const isNew = await replaceWeb(stack, model, start, { all: before, hashes }, () => void (hasBegunToStart = true))

    hasBegunToStart = true
    const begun = performance.now()
    if (await hasNewFrontend(model)) {
      // First all that it needs, as it will be.
      await startStack(stack, model, [...start, ...Object.keys(model.services).filter((name) => name !== 'frontend')], hashes)
      await tryFrontend(stack, model, Number(timeout))
    }
    const all = await startStack(stack, model, start, hashes).catch((error: unknown) => {
      if (!isNew || !(error instanceof CliError)) throw error
      const hint = 'Web serves the new version already, and tasks wait in their queue. To go back: git checkout the version before, and npm run up.'
      throw new CliError(error.message, { details: error.details, exitCode: error.exitCode, hint: [error.hint, hint].filter(Boolean).join('\n') })
    })
    const migrated = model.services.migrate?.environment?.MIGRATE_COMMAND ? ', the database is migrated' : ''
    const running = new Set(all.filter(({ service, state }) => state === 'running' && service in model.services).map(({ service }) => service))
    ok(`${running.size} services are up${migrated}`, secondsSince(begun))

    await reloadProxy(stack, model, all)
    await warnOfOddities(model, all)
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
