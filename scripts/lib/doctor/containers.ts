/** Are the containers of the stack well, and were they all the time? */
import { isWell } from '../compose/containers.ts'
import type { Container } from '../compose/containers.ts'
import { whatHappened } from '../explain/diagnose.ts'
import type { Model } from '../compose/model.ts'
import { amount } from '../terminal.ts'
import { doubtful, well, wrong } from './observation.ts'
import type { Observation } from './observation.ts'

/** An exit by signal 9, which who ran out of memory gets, and who did not stop in time. */
const KILLED = 137

function judgeRestarts({ name, restarts, exitCode, oomKilled }: Container): Observation {
  const last = oomKilled || exitCode === KILLED ? ', the last time because it was killed: out of memory is the usual reason' : ''
  return doubtful(`Docker has started ${name} again ${amount(restarts, 'time')}${last}.`, `docker logs --since 24h ${name}`)
}

/**
 * @param containers of the project, the stopped ones too
 * @param logsOf the command that shows the log of a service
 */
export function judgeContainers(containers: readonly Container[], { services }: Model, logsOf: (service: string) => string): Observation[] {
  const own = containers.filter(({ service }) => service in services)
  if (own.every(({ state }) => state !== 'running')) {
    return [doubtful('The stack does not run.', 'npm run up starts it.')]
  }
  const sick = own.filter((container) => !isWell(container))
  const absent = Object.keys(services).filter((service) => own.every((container) => container.service !== service))
  return [
    ...(sick.length === 0 ? [well(`${amount(own.length, 'container')} are healthy, or have ended well`)] : []),
    ...sick.map((container) => wrong(whatHappened(container), logsOf(container.service))),
    ...absent.map((service) => doubtful(`${service} has no container, although COMPOSE_PROFILES asks for it.`, 'npm run up starts it.')),
    ...own.filter(({ restarts }) => restarts > 0).map((container) => judgeRestarts(container)),
  ]
}
