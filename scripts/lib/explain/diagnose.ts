/** From the state of a container and its log to one clear cause, with the evidence and the next step. Pure. */
import { adviceOn } from './clues/index.ts'
import type { Advice } from './clues/index.ts'
import type { Scene } from './clues/clue.ts'
import { moreMemory } from './clues/start.ts'
import type { Container } from '../compose/containers.ts'
import { ExitCode } from '../errors.ts'
import { redactUrls } from '../env/shown.ts'

export interface Diagnosis {
  message: string
  details: string
  hint: string
  exitCode: ExitCode
}

/** Lines of a log that are shown. */
const SHOWN = 15

/** Lines of a log that are looked at: a traceback in front of a usage text has its say too. */
export const LOOKED_AT = 200

const MEGABYTE = 1024 ** 2

/** Docker does not always call it by its name. Nobody but the kernel ends a program that has a limit with signal 9. */
export const wantedMemory = ({ oomKilled, exitCode, memoryLimit }: Container): boolean =>
  oomKilled || (exitCode === 137 && memoryLimit > 0)

/** What is wrong with a container, in a sentence. */
export function whatHappened(container: Container): string {
  const { service, state, health, exitCode, memoryLimit, restarts, healthOutput } = container
  if (wantedMemory(container)) {
    const limit = memoryLimit > 0 ? ` (${Math.round(memoryLimit / MEGABYTE)} MB)` : ''
    return `${service} was killed: it used more memory than it may have${limit}.`
  }
  if (service === 'migrate' && state === 'running') return 'The database was not migrated in time: migrate still runs.'
  if (service === 'migrate' && state === 'exited') return `The database was not migrated: migrate ended with exit code ${exitCode}.`
  if (state === 'exited') return `${service} stopped with exit code ${exitCode}.`
  if (state === 'restarting') return `${service} stops as soon as it starts (exit code ${exitCode}).`
  if (state === 'paused') return `${service} is paused: docker compose unpause ${service} lets it go on.`
  if (state === 'created') return `${service} was not started.`
  const says = healthOutput ? `: ${healthOutput}` : ''
  if (restarts > 0) return `${service} was started ${restarts + 1} times and never became healthy${says}.`
  return health === 'unhealthy' ? `${service} is not healthy${says}.` : `${service} did not become healthy in time${says}.`
}

/** The end of a log; where the clue stands further up, the lines that lead to it. */
export function evidence(log: string, clue?: Advice): string {
  const lines = log.trimEnd().split('\n')
  const last = clue ? log.slice(0, clue.end).split('\n').length : lines.length
  const end = last <= lines.length - SHOWN ? last : lines.length
  return lines
    .slice(Math.max(0, end - SHOWN), end)
    .map((line) => line.trimEnd())
    .join('\n')
}

/**
 * What the output of a program gives away.
 *
 * @returns its lines that matter, and the advice where something in it is known; without passwords
 */
export function explainOutput(output: string, scene: Scene): { details: string; advice: string | undefined } {
  const text = redactUrls(output)
  const clue = adviceOn(text, scene)
  return { details: text.trim() === '' ? '' : evidence(text, clue), advice: clue?.text }
}

/**
 * @param container the first cause
 * @param log its last lines
 * @param logCommand the command that shows all of them
 * @param explainModule what is known of a module that is not found
 */
export function diagnose(container: Container, log: string, logCommand: string, explainModule?: Scene['explainModule']): Diagnosis {
  const scene: Scene = { role: container.service, ...(explainModule && { explainModule }) }
  const { details, advice } = explainOutput(log, scene)
  // A check of a container that has ended is of another time.
  const ofHealth = container.state === 'running' ? adviceOn(container.healthOutput, scene)?.text : undefined
  const all = wantedMemory(container) ? moreMemory(container.service) : (advice ?? ofHealth)
  return {
    message: redactUrls(whatHappened(container)),
    details: details && `${container.service}, last lines\n${details}`,
    hint: `${all ? `${all}\n` : ''}All of it: ${logCommand}`,
    exitCode: container.service === 'migrate' ? ExitCode.migration : ExitCode.unhealthy,
  }
}
