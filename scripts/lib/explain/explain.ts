/** Why a stack or a command failed: one cause, its evidence, and what to do. */
import { stripVTControlCharacters } from 'node:util'
import { firstCause, type Container, type Model } from '../compose/model.ts'
import { captureCompose, composeCommand, readContainers, type Stack } from '../compose/stack.ts'
import { capture, lastLines } from '../engine/docker.ts'
import { CliError, ExitCode } from '../errors.ts'
import { redactUrls } from '../terminal.ts'
import { clues, moreMemory, type Scene } from './clues.ts'

/** How many lines of a log are shown, and are read: a traceback may stand before a long usage text. */
const SHOWN = 15
const READ = 200

const traceback = String.raw`Traceback .*\n(?:[ \t].*\n)*\S.*(?:\n|$)`

/** Exceptions that a program logs and survives: of Celery's signals and tasks, and of Python's logging itself. */
const survived = new RegExp(
  String.raw`(?:Signal handler .* raised: |raised unexpected: |--- Logging error ---).*\n${traceback}(?:\n.* exception.*:\n\n${traceback})*`, 'g')

/** The end of a log, or the lines that lead to a clue further up, without passwords; and what the clue advises. */
function judge(output: string, scene: Scene): { details: string; advice: string | undefined } {
  // A line of many thousand letters would be searched for minutes.
  const log = redactUrls(output).trimEnd().replaceAll(/^(.{1000}).+$/gm, '$1…')
  const lines = log.split(/\r?\n/)
  const causes = log.replaceAll(survived, (block) => block.replaceAll(/./g, ' '))
  for (const [pattern, say] of clues) {
    const match = pattern.exec(causes)
    if (!match) continue
    const advice = typeof say === 'string' ? say : say(match.slice(1).filter(Boolean), scene)
    if (advice === undefined) continue
    const last = log.slice(0, match.index + match[0].length).split('\n').length
    const end = last <= lines.length - SHOWN ? last : lines.length
    return { details: lines.slice(Math.max(0, end - SHOWN), end).join('\n'), advice }
  }
  return { details: lines.slice(-SHOWN).join('\n'), advice: undefined }
}

/** What the output of a role that ran once means. */
export const explainOutput = (output: string, role: string, model: Model) => judge(stripVTControlCharacters(output), { role, model })

/** Docker does not always report this. If there is a limit, the kernel ends a program with signal 9; so does `docker stop` in the end. */
const ranOutOfMemory = ({ oomKilled, exitCode, memoryLimit, wasStopped }: Container): boolean => oomKilled || (exitCode === 137 && memoryLimit > 0 && !wasStopped)

/** What is wrong with a container, in a sentence that holds no secret. Pure. */
function whatHappened(container: Container): string {
  const { service, name, state, health, exitCode, memoryLimit, restarts, healthOutput } = container
  const limit = memoryLimit > 0 ? ` (${Math.round(memoryLimit / 1024 ** 2)} MB)` : ''
  if (ranOutOfMemory(container)) return `${service} was killed: it used more memory than it may have${limit}.`
  if (service === 'migrate' && state === 'running') return 'The database was not migrated in time: migrate still runs.'
  if (service === 'migrate' && state === 'exited') return `The database was not migrated: migrate ended with exit code ${exitCode}.`
  if (state === 'exited') return `${service} stopped with exit code ${exitCode}.`
  if (state === 'restarting') return `${service} stops as soon as it starts (exit code ${exitCode}).`
  if (state === 'paused') return `${service} is paused. Resume it: docker unpause ${name}`
  if (state === 'created') return `${service} was not started. npm run up starts it.`
  const says = healthOutput ? `: ${redactUrls(healthOutput)}` : ''
  if (restarts > 0) return `${service} was started ${restarts + 1} times and never became healthy${says}.`
  return health === 'unhealthy' ? `${service} is not healthy${says}.` : `${service} did not become healthy in time${says}.`
}

/** Finds the cause in the state of a container and the end of its log. Pure. */
export function diagnose(container: Container, log: string, logCommand: string, model: Model): CliError {
  const { service, state, healthOutput } = container
  const scene = { role: service, model }
  const { details, advice } = judge(log, scene)
  // The last health check of a container that has ended is out of date.
  const ofHealth = state === 'running' ? judge(healthOutput, scene).advice : undefined
  const known = ranOutOfMemory(container) ? moreMemory(scene, container.memoryLimit > 0) : (advice ?? ofHealth)
  return new CliError(whatHappened(container), {
    details: details && `${service}, last lines\n${details}`,
    hint: `${known ? `${known}\n` : ''}All of it: ${logCommand}`, exitCode: service === 'migrate' ? ExitCode.migration : ExitCode.unhealthy,
  })
}

/** A container that Docker has just restarted does not tell how it ended, so this waits for its next end. */
async function asItEnded(cause: Container): Promise<Container> {
  if (cause.state !== 'running' || cause.restarts === 0) return cause
  const { exitCode, stdout } = await capture(['wait', cause.id], { timeoutMs: 20_000 })
  // Docker may have restarted it since, so only `wait` knows the exit code.
  return exitCode === 0 ? { ...cause, state: 'restarting', health: '', exitCode: Number(stdout.trim()) } : cause
}

/** What the last run of a container wrote; or all runs, if it restarts: the last may have written nothing yet. */
async function readLog(stack: Stack, { service, number, state, startedAt, restarts }: Container): Promise<string> {
  const isOneRun = startedAt !== '' && (state === 'exited' || restarts === 0)
  // A program that cannot be executed says so before Docker calls the container started.
  const since = isOneRun ? ['--since', new Date(Date.parse(startedAt) - 2000).toISOString()] : []
  const { stdout } = await captureCompose(stack, ['logs', '--no-log-prefix', '--no-color', '--index', number, ...since, '--tail', String(10 * READ), service])
  // Until a service is healthy, the requests of its check push out what matters: as gunicorn and uvicorn log them.
  const log = stripVTControlCharacters(stdout).replaceAll(/^(?:.*"healthcheck"|.*127\.0\.0\.1:\d+ - "GET \S+ HTTP\/1\.0" \d.*)\n/gm, '')
  return lastLines(log, READ)
}

/** Why a container is not well. */
export const explainContainer = async (stack: Stack, model: Model, container: Container): Promise<CliError> =>
  diagnose(container, await readLog(stack, container), composeCommand(stack, 'logs', container.service), model)

/** Why a container that was found to be the cause is not well, if need be after its next end. */
export const explainCause = async (stack: Stack, model: Model, cause: Container): Promise<CliError> =>
  explainContainer(stack, model, await asItEnded(cause))

/** The first cause of a start that failed, with its evidence: among all services, or among some. */
export async function explain(stack: Stack, model: Model, among = Object.keys(model.services)): Promise<CliError> {
  const all = (await readContainers(model.name)).filter(({ service }) => among.includes(service))
  const found = firstCause(all, model.services)
  // Docker itself refused to start a container that waits for nothing: it has said why, and there is no log.
  if (!found || found.state === 'created') {
    return new CliError('The stack did not start.', { hint: `The lines above say why. All states: ${composeCommand(stack, 'ps', '--all')}`, exitCode: ExitCode.unhealthy })
  }
  // One command resumes all that are paused.
  const paused = all.filter(({ state }) => state === 'paused').map(({ name }) => name)
  return explainCause(stack, model, found.state === 'paused' ? { ...found, name: paused.join(' ') } : found)
}
