/** `npm run doctor`: can this machine run the stack, and is a stack that runs well? */
import { existsSync } from 'node:fs'
import { common, defineCommand, main } from './lib/command.ts'
import type { Container, Model } from './lib/compose/model.ts'
import { takenPorts } from './lib/compose/ports.ts'
import { asItWasStarted, composeCommand, readContainers, readModel, stackOf } from './lib/compose/stack.ts'
import type { Stack } from './lib/compose/stack.ts'
import { doubtful, examineEngine, examineRegistries, judgeSource, well, wrong } from './lib/doctor/machine.ts'
import type { Observation } from './lib/doctor/machine.ts'
import { examineBeat, examineDatabase, examineQueues, examineSizes, judgeContainers } from './lib/doctor/stack.ts'
import { findEngine } from './lib/engine/engine.ts'
import type { Engine } from './lib/engine/engine.ts'
import { envFile, exampleFile, loadSettings } from './lib/env/settings.ts'
import type { Settings } from './lib/env/settings.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { missingVariables } from './lib/explain/source-files.ts'
import { amount, failure, indent, info, ok, printJson, warn } from './lib/terminal.ts'
import { addressed } from './lib/words.ts'

/** What the checks look at. */
interface Sight {
  engine: Engine
  settings: Settings
  stack: Stack
  model: Model
  containers: readonly Container[]
  /** The container of a service, when it runs. */
  running: (service: string) => Container | undefined
}

type Found = Observation | readonly Observation[] | undefined
type Check = (sight: Sight) => Found | Promise<Found>

async function checkPorts({ model }: Sight): Promise<Found> {
  const taken = await takenPorts(model)
  return taken.length > 0
    ? taken.map(({ message, hint }) => wrong(message, hint))
    : well('Every port that the stack publishes is free, or its own already')
}

/** What `npm run env` finds, in a line. */
function checkSettings({ settings: { file, findings, count } }: Sight): Observation {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  if (findings[0]?.code === 'E08') {
    return doubtful(`${file} does not exist; the rest goes by ${exampleFile}.`, 'npm run up creates it.')
  }
  if (errors > 0) return wrong(`${file} has ${amount(errors, 'mistake')}.`, 'npm run env names them.')
  return findings.length > 0
    ? doubtful(`${file} has ${amount(findings.length, 'warning')}.`, 'npm run env shows them.')
    : well(`${file}: ${amount(count, 'setting')}, and no mistake found`)
}

/** Does something hand the application every variable that it cannot do without? */
function checkVariables({ model }: Sight): Found {
  const missing = missingVariables(model)
  if (missing?.size === 0) return well('Every variable that the application cannot do without is handed to it')
  return [...missing ?? []].map(([name, place]) => doubtful(
    `The application cannot do without ${name} (${place}), and nothing hands it over.`,
    `Write ${name}=… into .env.app (or the file that APP_ENV_FILE names). ` +
      `It may refer to the stack's settings: ${name}=\${DATABASE_URL}`,
  ))
}

function checkQueues({ model, running }: Sight): Found | Promise<Found> {
  // The lighter roles first: asking takes memory of the container that is asked.
  const role = running('flower') ?? running('beat') ?? running('web') ?? running('worker')
  return role && model.services.worker?.environment?.REDIS_URL ? examineQueues(role) : undefined
}

function checkBeat({ running }: Sight): Found | Promise<Found> {
  const beat = running('beat')
  return beat && examineBeat(beat)
}

const groups: Readonly<Record<'machine' | 'settings' | 'stack', { title: string; checks: readonly Check[] }>> = {
  machine: {
    title: 'This machine',
    checks: [
      ({ engine }) => well(`Docker ${engine.engineVersion}, Compose ${engine.composeVersion}, Node ${process.versions.node}`),
      examineEngine,
      ({ model }) => examineRegistries(model),
      checkPorts,
      ({ model }) => judgeSource(model),
    ],
  },
  settings: { title: 'The settings', checks: [checkSettings, checkVariables] },
  stack: {
    title: 'The stack',
    checks: [
      ({ containers, model, stack }) => judgeContainers(containers, model, (name) => composeCommand(stack, 'logs', name)),
      ({ model, running }) => examineDatabase('postgres', model, running('postgres')),
      ({ model, running }) => examineDatabase('mariadb', model, running('mariadb')),
      checkQueues,
      checkBeat,
      ({ model }) => examineSizes(model),
    ],
  },
}

function show({ level, text, remedy }: Observation): void {
  if (level === 'well') return ok(text)
  if (level === 'wrong') return failure(text, undefined, remedy)
  warn(text)
  if (remedy) info(indent(remedy, '→ '))
}

function summarise(all: readonly Observation[]): void {
  const wrongs = all.filter(({ level }) => level === 'wrong').length
  const doubts = all.filter(({ level }) => level === 'doubtful').length
  if (wrongs > 0) return failure(`${amount(wrongs, 'problem')}, ${amount(doubts, 'warning')}.`)
  if (doubts > 0) return warn(`No problem, ${amount(doubts, 'warning')}.`)
  ok('All is well')
}

/** @throws CliError (exit code 4) when no engine answers */
async function look(file: string): Promise<Sight> {
  const engine = await findEngine()
  if (!engine) {
    const hint = 'npm run up starts one, and sets one up where that is needed.'
    throw new CliError('No Docker Engine is running here.', { hint, exitCode: ExitCode.docker })
  }
  const own = stackOf(existsSync(file) ? file : exampleFile)
  const [settings, ownModel] = await Promise.all([loadSettings(file), readModel(own)])
  const { stack, model } = await asItWasStarted(own, ownModel, settings.values)
  const containers = await readContainers(model.name)
  const running = (name: string) => containers.find(({ service, state }) => service === name && state === 'running')
  return { engine, settings, stack, model, containers, running }
}

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Check whether this machine can run the stack, and whether a stack that runs is well.',
  options: { 'env-file': common['env-file'], json: common.json },
  notes: [
    'Changes nothing, and sets up no engine. For a moment it runs a container of its own that reads',
    "the database's volume.",
    '',
    'Exit codes: 0 no problem, 3 a problem, 4 no engine answers.',
  ].join('\n'),
  examples: ['npm run doctor', 'npm run --silent doctor -- --json | jq .stack'],
  async run({ 'env-file': file = envFile, json = false }) {
    const sight = await look(file)
    const results = await Promise.all(Object.entries(groups).map(async ([name, { title, checks }]) => {
      const answers = await Promise.all(checks.map(async (check) => check(sight)))
      const found = answers.flatMap((answer) => answer ?? [])
      // Advice is written for .env.docker; this stack may have another file.
      const observations = found.map(({ level, text, remedy }): Observation =>
        ({ level, text: addressed(text, file), ...(remedy !== undefined && { remedy: addressed(remedy, file) }) }))
      return { name, title, observations }
    }))
    const all = results.flatMap(({ observations }) => observations)
    const isWell = all.every(({ level }) => level !== 'wrong')
    if (json) {
      printJson({ ok: isWell, ...Object.fromEntries(results.map(({ name, observations }) => [name, observations])) })
    } else {
      for (const { title, observations } of results) {
        info(title)
        for (const observation of observations) show(observation)
        info()
      }
      summarise(all)
    }
    if (!isWell) process.exitCode = ExitCode.config
  },
})

await main(doctor, import.meta.url)
