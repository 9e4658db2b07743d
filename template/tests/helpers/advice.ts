/**
 * Prints what `up` would say about one container of a stack, from its log and its health check, without starting the
 * whole stack. Waits until a sentence appears, or until the time is over.
 *
 *     node --import tsx/esm -- template/tests/helpers/advice.ts ENV_FILE ROLE CONTAINER SENTENCE
 *
 * Prints the last answer. Exit code 1 if the sentence did not appear.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { readModel, stackOf } from '../../../scripts/lib/compose/stack.ts'
import { capture } from '../../../scripts/lib/engine/docker.ts'
import { explainOutput } from '../../../scripts/lib/explain/explain.ts'

const [envFile = '', role = '', container = '', sentence = ''] = process.argv.slice(2)
const end = Date.now() + 30_000
const model = await readModel(stackOf(envFile))
let said = ''

while (!said.includes(sentence) && Date.now() < end) {
  const [log, health] = await Promise.all([capture(['logs', container]), capture(['exec', container, 'healthcheck.sh'])])
  // A container that has ended has no health.
  const told = [log.stdout + log.stderr, ...(health.exitCode === 1 ? [health.stdout + health.stderr] : [])].map((text) => explainOutput(text, role, model))
  said = told.map(({ details, advice }) => `${details}\n→ ${advice ?? ''}`).join('\n')
  if (!said.includes(sentence)) await pause(250)
}
console.log(said)
if (!said.includes(sentence)) process.exitCode = 1
