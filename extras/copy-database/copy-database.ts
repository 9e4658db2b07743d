/** `npm run copy-database`: moves a SQLite database to PostgreSQL or MariaDB. extras/copy-database/README.md */
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { common, defineCommand, main } from '../../scripts/lib/command.ts'
import { confirm, info, isInteractive, ok, printJson, step, warn } from '../../scripts/lib/terminal.ts'
import { databaseOf, redact } from './database-url.ts'
import { lastLines } from '../../scripts/lib/engine/docker.ts'
import type { Result } from '../../scripts/lib/engine/docker.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import type { Model } from '../../scripts/lib/compose/model.ts'
import { captureCompose, composeCommand, endAbandoned, npmCommand, openStack, readContainers } from '../../scripts/lib/compose/stack.ts'
import { envFile } from '../../scripts/lib/env/settings.ts'
import type { Stack } from '../../scripts/lib/compose/stack.ts'

/** Something that the target would refuse or change. */
interface Finding {
  table: string
  key: string
  column: string
  kind: string
  text: string
}

interface Progress {
  step: string
  table: string
  done: number
  total: number
}

interface Event extends Partial<Finding & Progress> {
  event: string
  line: string
  [field: string]: unknown
}

/** Everything that the copy in the container has said, one JSON object a line. */
interface CopyReport {
  findings: Finding[]
  /** The lines of findings, and how many were left out. */
  lines: string[]
  tables: { table: string; rows: number; hash: string }[]
  rounded: { table: string; column: string; count: number }[]
  failed: { message: string; hint: string } | undefined
  done: { rows: number; tables: number; seconds: number } | undefined
}

const emptyReport = (): CopyReport => ({ findings: [], lines: [], tables: [], rounded: [], failed: undefined, done: undefined })

/** Reads one line; undefined for what other programs print there (a migration, Compose). */
export function readEvent(line: string): Event | undefined {
  try {
    const value = JSON.parse(line) as Event | null
    return typeof value?.event === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/** Adds what an event says. Returns how far the copy is, if that is what it says. */
function take(report: CopyReport, { event, line, ...fields }: Event): Progress | undefined {
  switch (event) {
    case 'progress':
      return fields as Progress
    case 'finding':
      report.findings.push(fields as unknown as Finding)
      report.lines.push(line)
      break
    case 'more':
      report.lines.push(line)
      break
    case 'table':
      report.tables.push(fields as unknown as CopyReport['tables'][number])
      break
    case 'rounded':
      report.rounded.push(fields as unknown as CopyReport['rounded'][number])
      break
    case 'failed':
      report.failed = fields as unknown as CopyReport['failed']
      break
    case 'done':
      report.done = fields as unknown as CopyReport['done']
      break
    default:
  }
  return undefined
}

const withCommas = (value: number): string => value.toLocaleString('en')

/** `copying stories ████████░░░░ 66% of 200,000`: short, because a name is beside it and a time behind. */
export function bar({ step: doing, table, done, total }: Progress, width = 12): string {
  const share = total === 0 ? 1 : done / total
  const full = Math.floor(share * width)
  return `${doing} ${table} ${'█'.repeat(full)}${'░'.repeat(width - full)} ${Math.floor(share * 100)}% of ${withCommas(total)}`
}

/** The same for a log: a line at the end of each table, and at each tenth of a long one. */
export function logLine(previous: Progress | undefined, now: Progress): string | undefined {
  const tenth = ({ done, total }: Progress): number => (total === 0 ? 10 : Math.floor((done / total) * 10))
  const isSame = previous?.table === now.table && previous.step === now.step && tenth(previous) === tenth(now)
  return isSame || tenth(now) === 0 ? undefined : `${now.step} ${now.table}: ${withCommas(now.done)} of ${withCommas(now.total)}`
}

/** The roles of the application; COMPOSE_FILE may add more. */
const roles = ['web', 'worker', 'beat', 'flower']

/**
 * Whatever the application writes into the source during the copy would be lost.
 *
 * @throws CliError that names the services to stop
 */
async function refuseWriters(stack: Stack, { name, services }: Model): Promise<void> {
  const image = services.migrate?.image
  const ofApplication = new Set([...roles, ...Object.keys(services).filter((service) => services[service]?.image === image)])
  ofApplication.delete('migrate')
  const running = (await readContainers(name)).filter(({ service, state }) => ofApplication.has(service) && state !== 'exited' && state !== 'created')
  const writers = [...new Set(running.map(({ service }) => service))]
  if (writers.length === 0) return
  throw new CliError(`The application is running (${writers.join(', ')}), and what it writes during the copy would be lost.`, {
    hint: `Stop it first: ${composeCommand(stack, 'stop', ...writers)}`,
  })
}

/** The exit codes of the container that have a meaning here; every other one is a plain failure. */
const exitCodes: Readonly<Record<number, ExitCode>> = { 6: ExitCode.migration, 8: ExitCode.data }

function failureOf({ exitCode, stdout, stderr }: Result, report: CopyReport): CliError {
  const talk = stripVTControlCharacters(stderr + stdout.split('\n').filter((line) => !readEvent(line)).join('\n'))
  const isPlain = report.failed === undefined || exitCode === ExitCode.migration
  return new CliError(report.failed?.message ?? 'The database was not copied. The target is as it was.', {
    details: report.lines.length > 0 ? report.lines.join('\n') : isPlain ? lastLines(talk, 15) : undefined,
    hint: report.failed?.hint || undefined,
    exitCode: exitCodes[exitCode ?? 1] ?? ExitCode.failed,
    data: report.findings.length > 0 ? { findings: report.findings } : undefined,
  })
}

/** The Python package that copies. The production image does not have it, so it is mounted when it runs. */
const packageFolder = fileURLToPath(new URL('copy_database', import.meta.url))

/** Runs the copy in a container of the stack. The target's URL is in the environment, where no process list shows it. */
async function runCopy(stack: Stack, container: string, target: string, args: readonly string[], title: string): Promise<CopyReport> {
  const report = emptyReport()
  const volume = `${packageFolder}:/opt/docker/copy_database:ro`
  const command = ['run', '--rm', '--no-TTY', '--name', container, '--volume', volume, 'migrate', 'python', '-m', 'copy_database', '--json', ...args]
  await step(title, async (show) => {
    let previous: Parameters<typeof bar>[0] | undefined
    const onLine = (line: string): void => {
      const event = readEvent(line)
      const progress = event && take(report, event)
      if (!progress) return
      const words = isInteractive() ? undefined : logLine(previous, progress)
      if (words !== undefined) info(`  ${words}`)
      show(bar(progress))
      previous = progress
    }
    const result = await captureCompose(stack, command, { env: { DATABASE_URL: target }, onLine })
    // The database takes back the rows of a copy that is stopped.
    await endAbandoned(container)
    if (result.exitCode !== 0) throw failureOf(result, report)
  })
  return report
}

const counted = (number: number, what: string): string => `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`

const amount = (done: CopyReport['done']): string => `${counted(done?.rows ?? 0, 'row')} in ${counted(done?.tables ?? 0, 'table')}`

export const copyDatabase = defineCommand({
  name: 'copy-database',
  summary: 'Copy a SQLite database into PostgreSQL or MariaDB: all of it, or nothing.',
  options: {
    from: { type: 'string', value: 'database', help: 'The SQLite database. Without it: the one of DATABASE_URL' },
    to: { type: 'string', value: 'database', help: 'Where it goes. Without it: the one of DATABASE_URL' },
    'empty-target': { type: 'boolean', help: 'Delete the rows that are there. Asks for the project name' },
    'accept-rounding': { type: 'boolean', help: 'Round values that are more exact than their column in the target' },
    skip: { type: 'string', value: 'tables', help: 'Leave these tables out, separated by commas' },
    'dry-run': { type: 'boolean', help: 'Check everything, list what does not fit, and write nothing' },
    verbose: { type: 'boolean', help: 'Show every finding, not 20 of each kind in a column' },
    yes: common.yes,
    'env-file': common['env-file'],
    json: common.json,
  },
  notes:
    'A database is: postgres or mariadb, which are those of this stack; the name of a setting or of a variable\n' +
    'of the shell that holds a URL; or a URL without a password. Step by step: extras/copy-database/README.md\n' +
    'Exit codes: 0 copied, 1 failed, 2 usage, 3 settings, 4 engine, 6 migration, 8 the data does not fit.',
  examples: [
    'npm run copy-database -- --to mariadb --dry-run',
    'npm run copy-database -- --to mariadb',
    'npm run copy-database -- --from sqlite:////data/shop.db',
    'npm run copy-database -- --to NEW_DATABASE_URL --skip sessions,log',
  ],
  whenStopped: 'The database takes back what was not copied to the end. Run it again.',
  async run({ from, to, skip, yes = false, 'dry-run': dryRun = false, verbose = false, json = false, 'env-file': file = envFile, ...flags }) {
    if (from === undefined && to === undefined) {
      throw new CliError('Where to? Name the source with --from or the target with --to; the other one is DATABASE_URL.', {
        hint: 'For example: npm run copy-database -- --to postgres', exitCode: ExitCode.usage,
      })
    }
    const { stack, model, settings } = await openStack(file)
    const [source, target] = [databaseOf('from', from, settings.values, process.env, model), databaseOf('to', to, settings.values, process.env, model)]
    if (!/^sqlite(\+\w+)?:\/\//.test(source.url) || redact(source.url) !== source.url) {
      throw new CliError(`${redact(source.url)} is no SQLite file, and the copy only reads SQLite.`, {
        hint: 'Name the file as the containers see it: --from sqlite:////data/shop.db', exitCode: ExitCode.usage,
      })
    }
    if (target.url.startsWith('sqlite')) {
      throw new CliError(`${target.url} is SQLite, and the copy only writes to PostgreSQL and MariaDB.`, {
        hint: 'Name another target, for example: --to postgres', exitCode: ExitCode.usage,
      })
    }
    if (!dryRun) await refuseWriters(stack, model)
    const empties = (flags['empty-target'] ?? false) && !dryRun
    if (empties && !yes) {
      await confirm({
        name: model.name,
        warning: 'All rows of the tables that are copied will be deleted.',
        details: redact(target.url),
        command: npmCommand(stack, 'copy-database', '--empty-target', '--yes', '…'),
      })
    }
    const args = [
      '--from', source.url,
      ...(dryRun ? ['--check'] : []),
      ...(empties ? ['--empty-target'] : []),
      ...(flags['accept-rounding'] ? ['--accept-rounding'] : []),
      ...(skip === undefined ? [] : ['--skip', skip]),
      ...(verbose ? ['--all'] : []),
    ]
    // On lines of their own, because the progress bar needs the room.
    info(`  from ${source.url}\n  to   ${redact(target.url)}`)
    const title = `${dryRun ? 'Checking' : 'Copying'} the database`
    const { tables, rounded, done } = await runCopy(stack, `${model.name}-copy-database`, target.url, args, title)
    for (const { table, column, count } of rounded) warn(`${table}.${column}: ${dryRun ? 'would be rounded' : 'rounded'}, ${counted(count, 'value')}`)
    for (const { table, rows, hash } of tables) info(`  ${table}: ${counted(rows, 'row')}, the same on both sides (${hash.slice(0, 16)})`)
    if (json) return printJson({ ok: true, dryRun, from: source.url, to: redact(target.url), ...done, tables, rounded })
    if (dryRun) return ok(`${amount(done)} fit. Nothing was written`)
    ok(`${amount(done)} were copied`)
    if (target.advice === undefined) return info(`Next: ${npmCommand(stack, 'up')}`)
    info(`Next: put this into ${file}, then ${npmCommand(stack, 'up')}\n  ${target.advice}`)
  },
})

await main(copyDatabase, import.meta.url)
