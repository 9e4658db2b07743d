/** `npm run doctor`: can this machine run the stack, and is the running stack healthy? */
import { existsSync } from 'node:fs'
import { common, defineCommand, main } from './lib/command.ts'
import { asItWasStarted, readContainers, readModel, stackOf } from './lib/compose/stack.ts'
import { groups, type Observation, type Sight } from './lib/doctor/examinations.ts'
import { findEngine } from './lib/engine/engine.ts'
import { envFile, exampleFile, loadSettings } from './lib/env/settings.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { addressed, amount, failure, info, ok, printJson, warn } from './lib/terminal.ts'

const show: Record<Observation['level'], (text: string, remedy?: string) => void> =
  { well: (text) => ok(text), doubtful: warn, wrong: (text, remedy) => failure(text, undefined, remedy) }

/** @throws CliError (exit code 4) when no engine answers */
async function look(file: string): Promise<Sight> {
  const engine = await findEngine()
  if (!engine) {
    throw new CliError('No Docker Engine is running here.', { hint: 'npm run up starts one, and sets one up where that is needed.', exitCode: ExitCode.docker })
  }
  const own = stackOf(existsSync(file) ? file : exampleFile)
  const [settings, ownModel] = await Promise.all([loadSettings(file), readModel(own)])
  const { stack, model } = await asItWasStarted(own, ownModel, settings.values)
  return { engine, settings, stack, model, containers: await readContainers(model.name) }
}

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Check whether this machine can run the stack, and whether the running stack is healthy.',
  options: { 'env-file': common['env-file'], json: common.json },
  notes: 'Changes nothing, and sets up no engine.\n\nExit codes: 0 no problem, 3 a problem, 4 no engine answers.',
  examples: ['npm run doctor', 'npm run --silent doctor -- --json | jq .stack'],
  async run({ 'env-file': file = envFile, json = false }) {
    const sight = await look(file)
    const results = await Promise.all(Object.entries(groups).map(async ([name, { title, examinations }]) => {
      const found = (await Promise.all(examinations.map(async (examine) => examine(sight)))).flat()
      // Advice is written for .env.docker; this stack may have another file.
      const observations = found.map(({ level, text, remedy }): Observation =>
        ({ level, text: addressed(text, file), ...(remedy !== undefined && { remedy: addressed(remedy, file) }) }))
      return { name, title, observations }
    }))
    const all = results.flatMap(({ observations }) => observations)
    const count = (wanted: Observation['level']): number => all.filter(({ level }) => level === wanted).length
    const [problems, warnings] = [count('wrong'), count('doubtful')]
    if (problems > 0) process.exitCode = ExitCode.config
    if (json) return printJson({ ok: problems === 0, ...Object.fromEntries(results.map(({ name, observations }) => [name, observations])) })
    for (const { title, observations } of results) {
      info(title)
      for (const { level, text, remedy } of observations) show[level](text, remedy)
      info()
    }
    const say = problems > 0 ? failure : warnings > 0 ? warn : ok
    say(`${amount(problems, 'problem')}, ${amount(warnings, 'warning')}.`)
  },
})

await main(doctor, import.meta.url)
