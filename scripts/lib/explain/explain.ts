/** Asks the containers of a stack why it did not start. */
import { stripVTControlCharacters } from 'node:util'
import { firstCause } from '../compose/containers.ts'
import type { Container } from '../compose/containers.ts'
import { diagnose, LOOKED_AT } from './diagnose.ts'
import { capture } from '../engine/docker.ts'
import { CliError, ExitCode } from '../errors.ts'
import type { Model } from '../compose/model.ts'
import { explainMissing, readSource } from './source-files.ts'
import { captureCompose, composeCommand, readContainers } from '../compose/stack.ts'
import type { Stack } from '../compose/stack.ts'

/** As long as a program that starts again and again may take to end once more. */
const NEXT_END_MS = 20_000

/**
 * A container that Docker has just started again says nothing of how it ended. It is waited for until it ends the next
 * time, and then it is looked at.
 */
async function asItEnded(cause: Container): Promise<Container> {
  if (cause.state !== 'running' || cause.restarts === 0) return cause
  const { exitCode, stdout } = await capture(['wait', cause.id], { timeoutMs: NEXT_END_MS })
  if (exitCode !== 0) return cause
  // Docker may have started it once more by now, so that only `wait` knows the code.
  return { ...cause, state: 'restarting', health: '', exitCode: Number(stdout.trim()) }
}

/** A program that cannot even be executed says so before Docker calls it started. */
const BEFORE_THE_START_MS = 2000

/** What the last run of a container wrote. One that is started again is asked for all of its runs, the last may be young. */
async function readLog(stack: Stack, { service, state, startedAt, restarts }: Container): Promise<string> {
  const isOneRun = startedAt !== '' && (state === 'exited' || restarts === 0)
  const since = isOneRun ? ['--since', new Date(Date.parse(startedAt) - BEFORE_THE_START_MS).toISOString()] : []
  const { stdout } = await captureCompose(stack, ['logs', '--no-log-prefix', '--no-color', ...since, '--tail', String(LOOKED_AT), service])
  return stripVTControlCharacters(stdout)
}

/** The first cause of a start that failed, with its evidence. */
export async function explain(stack: Stack, model: Model): Promise<CliError> {
  const found = firstCause(await readContainers(model.name), model.services)
  // What waits for nothing and was not started, Docker refused: it says why, and the container has no log.
  if (!found || found.state === 'created') {
    return new CliError('The stack did not start.', {
      hint: `The lines above say why. All states: ${composeCommand(stack, 'ps', '--all')}`,
      exitCode: ExitCode.unhealthy,
    })
  }
  const cause = await asItEnded(found)
  const source = readSource(model)
  const { message, ...rest } = diagnose(cause, await readLog(stack, cause), composeCommand(stack, 'logs', cause.service), (name) =>
    source && explainMissing(source, name))
  return new CliError(message, rest)
}
