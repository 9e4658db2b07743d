/**
 * npm run bench
 *
 * Measures what the stack, the image and the scripts cost, against the budgets and against plain Docker. It works in
 * a copy of the repository, on a project of its own with free ports, and removes both; what stays is build cache.
 */
import { availableParallelism, loadavg, totalmem } from 'node:os'
import { buildImages, dependencyRebuild, imageSize, sourceRebuild } from './build-rows.ts'
import { bareStart } from './cold.ts'
import { hasFailed, record, rowsOf, type Findings } from './report.ts'
import {
  checkOfSettings, healthyUp, idleUsage, removeStack, roleStart, roundTrip, startOfScripts, timeStop, timeUp,
} from './stack-rows.ts'
import { renderTable, toJson } from './table.ts'
import { overlays, withWorkshop, type Overlay, type Workshop } from './workshop.ts'
import { common, defineCommand, main } from '../../scripts/lib/command.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { info, print, printJson, step, warn } from '../../scripts/lib/terminal.ts'

/** @throws CliError (exit code 2) */
function wholeNumber(flag: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new CliError(`${flag} ${text} is no whole number above 0.`, { exitCode: ExitCode.usage })
}

function chooseOverlay(word: string): Overlay {
  if (Object.hasOwn(overlays, word)) return word as Overlay
  throw new CliError(`--overlay ${word} is none of ${Object.keys(overlays).join(', ')}.`, { exitCode: ExitCode.usage })
}

async function measureBareStart(findings: Findings, overlay: Overlay): Promise<void> {
  await record(findings, ['bareStart'], async () => {
    const result = await bareStart(overlay)
    if ('samples' in result) return { bareStart: result }
    findings.set('bareStart', { missing: { why: result.leftOut, failed: false } })
    return {}
  })
}

/** Idle comes first, because the other figures leave traces. */
async function measureRunning(findings: Findings, workshop: Workshop, runs: number, idle: number): Promise<void> {
  await record(findings, ['cpu', 'memory'], () => step(`Leaving the stack alone for ${idle} seconds`, () => idleUsage(workshop, idle)))
  const inTurn = { healthyUp, env: checkOfSettings, help: startOfScripts, roundTrip, roleStart } as const
  const titles = {
    healthyUp: 'npm run up and docker compose up, on a healthy stack',
    env: 'npm run env',
    help: 'npm run up -- --help',
    roundTrip: 'Tasks to the worker and back',
    roleStart: 'Start of web with a read-only root',
  }
  for (const id of Object.keys(inTurn) as (keyof typeof inTurn)[]) {
    await record(findings, [id], () => step(titles[id], async () => ({ [id]: await inTurn[id](workshop, runs) })))
  }
}

/**
 * Runs from fresh volumes to a stop, several times. The first stack is measured after a second start, on its old data:
 * most stacks run like that, and a store may then behave differently than a new one.
 */
async function measureStack(findings: Findings, workshop: Workshop, runs: number, idle: number): Promise<void> {
  const fresh: number[] = []
  const stops: Awaited<ReturnType<typeof timeStop>>[] = []
  for (let run = 1; run <= runs; run += 1) {
    fresh.push(await step(`Start with fresh volumes, ${run} of ${runs}`, () => timeUp(workshop)))
    stops.push(await step(`Stop, ${run} of ${runs}`, () => timeStop(workshop)))
    if (run === 1) {
      await step('Start with the data of before', () => timeUp(workshop))
      await measureRunning(findings, workshop, runs, idle)
    }
    await removeStack(workshop)
  }
  findings.set('freshUp', { measured: { samples: fresh } })
  const flaw = stops.map((stop) => stop.flaw).find((found) => found !== undefined)
  findings.set('stop', { measured: { samples: stops.map(({ seconds }) => seconds), flaw } })
}

async function measureBuilds(findings: Findings, workshop: Workshop, runs: number): Promise<void> {
  await record(findings, ['image', 'surplus'], () => imageSize(workshop))
  for (const [id, title, measure] of [
    ['sourceRebuild', 'Production rebuild after one source line', sourceRebuild],
    ['dependencyRebuild', 'Production rebuild after one dependency', dependencyRebuild],
  ] as const) {
    await record(findings, [id], () => step(title, async () => ({ [id]: await measure(workshop, runs) })))
  }
}

export const bench = defineCommand({
  name: 'bench',
  summary: 'Measure what stack, image and scripts cost, against the budgets and against plain Docker.',
  options: {
    runs: { type: 'string', value: 'number', help: 'How often each figure is measured (5)' },
    overlay: { type: 'string', value: 'name', help: 'development (the default) or production' },
    idle: { type: 'string', value: 'seconds', help: 'How long the idle stack is watched (60)' },
    cold: { type: 'boolean', help: 'Also the bare start, with a private engine that is made for it' },
    json: common.json,
  },
  notes: [
    'Takes about five minutes. A budget that is missed is no failure: budgets are for two processors with nothing',
    'else to do, and on another machine the ratios are what counts. What each row means: template/bench/README.md',
    '',
    'With --cold a private engine that runs is stopped, with its containers, and started again afterwards. An engine',
    'of your own is left alone, and the row with it.',
    '',
    'Exit codes: 0 all was measured, 1 something could not be, 4 no engine or no images, 130 interrupted.',
  ].join('\n'),
  examples: ['npm run bench', 'npm run --silent bench -- --runs 3 --json | jq .rows', 'npm run bench -- --overlay production'],
  whenStopped: 'What the benchmark had started is removed.',
  async run({ runs: runsText = '5', overlay: word = 'development', idle: idleText = '60', cold = false, json = false }) {
    const runs = wholeNumber('--runs', runsText)
    const idle = wholeNumber('--idle', idleText)
    const overlay = chooseOverlay(word)

    const [load = 0] = loadavg()
    const processors = availableParallelism()
    if (load > processors / 4) warn(`Something else uses this machine (load ${load.toFixed(1)}): only the ratios will mean something.`)
    const findings: Findings = new Map()
    if (cold) await measureBareStart(findings, overlay)
    const { engineVersion, composeVersion } = await withWorkshop(overlay, async (workshop) => {
      await buildImages(workshop)
      await measureStack(findings, workshop, runs, idle)
      await measureBuilds(findings, workshop, runs)
      return workshop.engine
    })

    const rows = rowsOf(findings)
    const failed = hasFailed(rows)
    const machine = { processors, load, memoryMB: Math.round(totalmem() / 1e6), engineVersion, composeVersion }
    if (failed) process.exitCode = ExitCode.failed
    if (json) return printJson({ ok: !failed, overlay, runs, idleSeconds: idle, machine, rows: toJson(rows) })
    info()
    print(renderTable(rows))
    info(`\n${overlay}, ${runs} runs; ${processors} processors, Engine ${engineVersion}, Compose ${composeVersion}`)
  },
})

await main(bench, import.meta.url)
