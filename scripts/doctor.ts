/** `npm run doctor`: can this machine run the stack, and is a stack that runs well? */
import { existsSync } from 'node:fs'
import { addressed } from './lib/words.ts'
import { common, defineCommand, main } from './lib/command.ts'
import { examineDatabase } from './lib/doctor/databases.ts'
import { examineEngine } from './lib/doctor/machine.ts'
import { doubtful, show, well, wrong } from './lib/doctor/observation.ts'
import type { Observation } from './lib/doctor/observation.ts'
import { examineRegistries } from './lib/doctor/registries.ts'
import { examineVariables, judgeShellFiles, judgeSource, shellFiles } from './lib/doctor/source.ts'
import { examineBeat, examineQueues, examineSizes, judgeContainers } from './lib/doctor/stack.ts'
import { findEngine } from './lib/engine/engine.ts'
import { CliError, ExitCode } from './lib/errors.ts'
import { foreignImages } from './lib/compose/model.ts'
import type { Model } from './lib/compose/model.ts'
import { takenPorts } from './lib/compose/ports.ts'
import { asItWasStarted, composeCommand, readContainers, readModel, stackOf } from './lib/compose/stack.ts'
import { envFile, exampleFile, loadSettings } from './lib/env/settings.ts'
import type { Settings } from './lib/env/settings.ts'
import type { Stack } from './lib/compose/stack.ts'
import { amount, failure, info, ok, printJson, warn } from './lib/terminal.ts'

const titles = { machine: 'This machine', settings: 'The settings', stack: 'The stack' } as const

/** What `npm run env` finds, in a line. */
function judgeSettings({ file, findings, count }: Settings): Observation {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  if (findings[0]?.code === 'E08') return doubtful(`${file} does not exist; the rest goes by ${exampleFile}.`, 'npm run up creates it.')
  if (errors > 0) return wrong(`${file} has ${amount(errors, 'mistake')}.`, 'npm run env names them.')
  return findings.length > 0
    ? doubtful(`${file} has ${amount(findings.length, 'warning')}.`, 'npm run env shows them.')
    : well(`${file}: ${amount(count, 'setting')}, and no mistake found`)
}

async function examineMachine(model: Model): Promise<Observation[]> {
  const images = new Set(Object.values(model.services).flatMap(({ image }) => image ?? []))
  const [engine, registries, taken] = await Promise.all([examineEngine([...images]), examineRegistries(foreignImages(model)), takenPorts(model)])
  const ports = taken.map(({ message, hint }) => wrong(message, hint))
  if (ports.length === 0) ports.push(well('Every port that the stack publishes is free, or its own already'))
  return [...engine, ...registries, ...ports, ...judgeShellFiles(shellFiles()), ...judgeSource(model)]
}

async function examineStack(stack: Stack, model: Model): Promise<Observation[]> {
  const containers = await readContainers(model.name)
  const running = (service: string) => containers.find((container) => container.service === service && container.state === 'running')
  const beat = running('beat')
  // The lighter roles first: asking takes memory of the container that is asked.
  const role = ['flower', 'beat', 'web', 'worker'].map((service) => running(service)).find((container) => container !== undefined)
  const hasQueue = Boolean(model.services.worker?.environment?.REDIS_URL)
  const groups = await Promise.all([
    ...['postgres', 'mariadb'].map((service) => examineDatabase(service, model, running(service))),
    role && hasQueue ? examineQueues(role) : [],
    beat ? examineBeat(beat) : [],
    examineSizes(model),
  ])
  return [...judgeContainers(containers, model, (service) => composeCommand(stack, 'logs', service)), ...groups.flat()]
}

/** Advice is written for .env.docker; this stack may have another file. */
const forFile = (file: string) => ({ level, text, remedy }: Observation): Observation =>
  ({ level, text: addressed(text, file), ...(remedy !== undefined && { remedy: addressed(remedy, file) }) })

function summarise(all: readonly Observation[]): void {
  const wrongs = all.filter(({ level }) => level === 'wrong').length
  const doubts = all.filter(({ level }) => level === 'doubtful').length
  if (wrongs > 0) return failure(`${amount(wrongs, 'problem')}, ${amount(doubts, 'warning')}.`)
  if (doubts > 0) return warn(`No problem, ${amount(doubts, 'warning')}.`)
  ok('All is well')
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
    const engine = await findEngine()
    if (!engine) {
      throw new CliError('No Docker Engine is running here.', {
        hint: 'npm run up starts one, and sets one up where that is needed.',
        exitCode: ExitCode.docker,
      })
    }
    const own = stackOf(existsSync(file) ? file : exampleFile)
    const [settings, ownModel] = await Promise.all([loadSettings(file), readModel(own)])
    const { stack, model } = await asItWasStarted(own, ownModel, settings.values)
    const version = well(`Docker ${engine.engineVersion}, Compose ${engine.composeVersion}, Node ${process.versions.node}`)
    const [machine, running] = await Promise.all([examineMachine(model), examineStack(stack, model)])
    const inFile = forFile(file)
    const findings = {
      machine: [version, ...machine].map(inFile),
      settings: [judgeSettings(settings), ...examineVariables(model)].map(inFile),
      stack: running.map(inFile),
    }
    const all = Object.values(findings).flat()
    const isWell = all.every(({ level }) => level !== 'wrong')
    if (json) printJson({ ok: isWell, ...findings })
    else {
      for (const group of ['machine', 'settings', 'stack'] as const) {
        info(titles[group])
        for (const observation of findings[group]) show(observation)
        info()
      }
      summarise(all)
    }
    if (!isWell) process.exitCode = ExitCode.config
  },
})

await main(doctor, import.meta.url)
