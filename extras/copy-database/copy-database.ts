/** `npm run copy-database`: moves a SQLite database to PostgreSQL or MariaDB. extras/copy-database/README.md */
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { common, defineCommand, main, yesOption } from '../../scripts/lib/command.ts'
import { addressed, amount, confirm, info, isInteractive, ok, printJson, step, warn } from '../../scripts/lib/terminal.ts'
import { databaseOf, redact, usage } from './database-url.ts'
import { lastLines, type Result } from '../../scripts/lib/engine/docker.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import type { Model } from '../../scripts/lib/compose/model.ts'
import { captureCompose, composeCommand, endAbandoned, openStack, readContainers } from '../../scripts/lib/compose/stack.ts'
import { envFile } from '../../scripts/lib/env/settings.ts'
import type { Stack } from '../../scripts/lib/compose/stack.ts'

/** What the copy in the container says, one JSON object a line. Each kind of event has some of the fields. */
type Event = Record<'event' | 'line' | 'message' | 'hint' | 'step' | 'table' | 'column' | 'hash', string> &
  Record<'done' | 'total' | 'count' | 'rows' | 'tables', number>

/**
 * Refuses while the application runs: whatever it writes into the source during the copy would be lost.
 *
 * @throws CliError that names the services to stop
 */
async function refuseWriters(stack: Stack, { name, services }: Model): Promise<void> {
  // COMPOSE_FILE may add roles, and a role that is switched off may still run.
  const image = services.migrate?.image
  const added = Object.keys(services).filter((service) => services[service]?.image === image)
  const ofApplication = new Set(['web', 'worker', 'beat', 'flower', ...added])
  ofApplication.delete('migrate')
  const running = (await readContainers(name)).filter(({ state }) => state !== 'exited' && state !== 'created')
  const writers = [...new Set(running.map(({ service }) => service))].filter((service) => ofApplication.has(service))
  if (writers.length === 0) return
  throw new CliError(`The application is running (${writers.join(', ')}), and what it writes during the copy would be lost.`, {
    hint: `Stop it first: ${composeCommand(stack, 'stop', ...writers)}`,
  })
}

/** The events of one kind, as --json prints them. */
type Fields = { [field in keyof Event]?: Event[field] | undefined }
const fieldsOf = (events: readonly Event[], kind: string): Fields[] =>
  events.filter(({ event }) => event === kind).map((fields) => ({ ...fields, event: undefined, line: undefined }))

function failureOf({ exitCode, stderr }: Result, events: readonly Event[]): CliError {
  const failed = events.find(({ event }) => event === 'failed')
  const findings = fieldsOf(events, 'finding')
  const lines = events.map(({ line }) => line).filter(Boolean).join('\n')
  const isMigration = exitCode === ExitCode.migration
  return new CliError(failed?.message ?? 'The database was not copied. The target is as it was.', {
    details: lines || (failed && !isMigration ? undefined : lastLines(stripVTControlCharacters(stderr), 15)),
    hint: failed?.hint,
    exitCode: isMigration || exitCode === ExitCode.data ? exitCode : ExitCode.failed,
    data: findings[0] && { findings },
  })
}

/** Runs the copy in a container of the stack. The target's URL is in the environment, where no process list shows it. */
async function runCopy(stack: Stack, container: string, target: string, args: readonly string[], title: string): Promise<Event[]> {
  const events: Event[] = []
  // The production image does not have the Python package that copies, so it is mounted when it runs.
  const volume = `${fileURLToPath(new URL('copy_database', import.meta.url))}:/opt/docker/copy_database:ro`
  const options = ['--rm', '--no-TTY', '--name', container, '--volume', volume]
  const command = ['run', ...options, 'migrate', 'python', '-m', 'copy_database', ...args]
  await step(title, async (show) => {
    const onLine = (line: string): void => {
      // Other programs write to this output too: a migration, Compose.
      if (!line.startsWith('{"event":')) return
      const event = JSON.parse(line) as Event
      if (event.event !== 'progress') return void events.push(event)
      const { step: doing, table, done, total } = event
      const count = total.toLocaleString('en')
      show(`${doing} ${table} ${Math.floor((100 * done) / Math.max(total, 1))}% of ${count}`)
      // A log cannot redraw its last line, so it gets one line when each table begins.
      if (done === 0 && !isInteractive()) info(`  ${doing} ${table}: ${count}`)
    }
    const result = await captureCompose(stack, command, { env: { DATABASE_URL: target }, onLine })
    // If the copy was stopped, the database rolls its rows back.
    await endAbandoned(container)
    if (result.exitCode !== 0) throw failureOf(result, events)
  })
  return events
}

/** Options that the Python package takes under the same names. */
const passedOn = ['dry-run', 'empty-target', 'accept-rounding', 'verbose'] as const
const example = 'For example: npm run copy-database -- --from sqlite:////data/shop.db --to postgres'

export const copyDatabase = defineCommand({
  name: 'copy-database',
  summary: 'Copy a SQLite database into PostgreSQL or MariaDB: all of it, or nothing.',
  options: {
    from: { type: 'string', value: 'database', help: 'The SQLite database. Default: DATABASE_URL' },
    to: { type: 'string', value: 'database', help: 'The target database. Default: DATABASE_URL' },
    'empty-target': { type: 'boolean', help: 'Delete the rows that are there. Asks for the project name' },
    'accept-rounding': { type: 'boolean', help: 'Round values that are more exact than their column in the target' },
    skip: { type: 'string', value: 'tables', help: 'Leave these tables out, separated by commas' },
    'dry-run': { type: 'boolean', help: 'Check everything, list what does not fit, and write nothing' },
    verbose: { type: 'boolean', help: 'Show every finding, not 20 of each kind in a column' },
    yes: yesOption,
    'env-file': common['env-file'],
    json: common.json,
  },
  notes:
    'A database is one of: postgres or mariadb, if this stack runs it; the name of a setting or of a variable\n' +
    'of the shell that holds a URL; or a URL without a password. Step by step: extras/copy-database/README.md\n' +
    'Exit codes: 0 copied, 1 failed, 2 usage, 3 settings, 4 engine, 6 migration, 8 the data does not fit.',
  examples: [
    'npm run copy-database -- --to mariadb --dry-run',
    'npm run copy-database -- --to mariadb',
    'npm run copy-database -- --from sqlite:////data/shop.db',
    'npm run copy-database -- --to NEW_DATABASE_URL --skip sessions,log',
  ],
  whenStopped: 'The database rolls an unfinished copy back. Run it again.',
  async run({ from, to, skip, 'env-file': file = envFile, ...options }) {
    const dryRun = options['dry-run'] ?? false
    if (from === undefined && to === undefined) {
      throw usage('Where to? Without --from or --to, both sides are DATABASE_URL.', example)
    }
    const { stack, model, settings } = await openStack(file)
    const source = databaseOf('from', from, settings.values, process.env, model).url
    const { url, advice } = databaseOf('to', to, settings.values, process.env, model)
    const target = redact(url)
    // A SQLite URL has no password.
    if (!source.startsWith('sqlite') || redact(source) !== source || url.startsWith('sqlite')) {
      throw usage(`The copy goes from SQLite to PostgreSQL or MariaDB, not from ${redact(source)} to ${target}.`, example)
    }
    if (!dryRun) await refuseWriters(stack, model)
    if (options['empty-target'] && !options.yes && !dryRun) {
      await confirm({
        name: model.name,
        warning: 'All rows of the tables that are copied will be deleted.',
        details: target,
        command: 'npm run copy-database -- --empty-target --yes …',
      })
    }
    const args = ['--from', source, ...passedOn.filter((name) => options[name]).map((name) => `--${name}`)]
    if (skip !== undefined) args.push('--skip', skip)
    // On lines of their own, because the progress line needs the space.
    info(`  from ${source}\n  to   ${target}`)
    const title = `${dryRun ? 'Checking' : 'Copying'} the database`
    const events = await runCopy(stack, `${model.name}-copy-database`, url, args, title)
    const [done = {}] = fieldsOf(events, 'done')
    const rounded = fieldsOf(events, 'rounded')
    const tables = fieldsOf(events, 'table')
    for (const { table, column, count = 0 } of rounded) {
      warn(`${table}.${column}: ${dryRun ? 'would be rounded' : 'rounded'}, ${amount(count, 'value')}`)
    }
    for (const { table, rows = 0, hash = '' } of tables) {
      info(`  ${table}: ${amount(rows, 'row')}, the same on both sides (${hash.slice(0, 16)})`)
    }
    if (options.json) return printJson({ ok: true, dryRun, from: source, to: target, ...done, tables, rounded })
    const all = `${amount(done.rows ?? 0, 'row')} in ${amount(done.tables ?? 0, 'table')}`
    if (dryRun) return ok(`${all} fit. Nothing was written`)
    ok(`${all} were copied`)
    const up = addressed('npm run up', file)
    info(advice === undefined ? `Next: ${up}` : `Next: put this into ${file}, then ${up}\n  ${advice}`)
  },
})

await main(copyDatabase, import.meta.url)
