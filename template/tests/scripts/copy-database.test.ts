import { describe, expect, test } from 'vitest'
import { bar, emptyReport, logLine, readEvent, take } from '../../../extras/copy-database/report.ts'
import { databaseOf, redact } from '../../../extras/copy-database/database-url.ts'
import { stackWith, wellStack } from '../../../tests/helpers/stack.ts'
import { Sandbox, SECRET, stack } from '../../../tests/helpers/sandbox.ts'

const sqlite = { DATABASE_URL: 'sqlite:////data/shop.db', COMPOSE_PROFILES: 'postgres,redis' }
const events = (...all: object[]): string => all.map((event) => `${JSON.stringify({ line: '', ...event })}\n`).join('')
const copied = events(
  { event: 'progress', step: 'checking', table: 'story', done: 3, total: 3 },
  { event: 'progress', step: 'copying', table: 'story', done: 3, total: 3 },
  { event: 'rounded', table: 'story', column: 'price', count: 2 },
  { event: 'table', table: 'story', rows: 3, hash: '0123456789abcdef0123' },
  { event: 'done', rows: 3, tables: 1, seconds: 0.5 },
)
const command = 'compose run --rm --no-TTY --name shop-copy-database migrate python -m docker_roles.copy_database --json --from sqlite:////data/shop.db'
/** A stack on SQLite of which only the databases run. */
async function stopped(values: Record<string, string> = {}): Promise<Sandbox> {
  const box = await stack({ ...sqlite, ...values })
  box.containers(wellStack.map((sketch) => (['postgres', 'redis', 'storage'].includes(sketch.service) ? sketch : { ...sketch, state: 'exited' })))
  return box
}

describe.concurrent('copy-database', () => {
  test('copies into the service that --to names, compares, and says what to do next', async () => {
    const box = await stopped()
    box.answer('compose-run', { out: `migrated\n${copied}`, err: 'INFO alembic\n' })
    const { code, stdout, stderr } = await box.run('extras/copy-database/copy-database', ['--to', 'postgres'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(box.effects()).toEqual([command])
    expect(stderr).toContain('  copying story: 3 of 3\n')
    expect(stderr).toContain('  story: 3 rows, the same on both sides (0123456789abcdef)\n')
    expect(stderr).toContain('! story.price: rounded, 2 values\n')
    expect(stderr).toContain('✓ 3 rows in 1 table were copied\n')
    expect(stderr).toMatch(/Next: put this into \.env\.docker, then npm run up\n {2}DATABASE_URL=postgresql\+psycopg:\/\/\$\{POSTGRES_USER\}:<POSTGRES_PASSWORD, percent-encoded>@db:5432\/\$\{POSTGRES_DB\}\n$/)
    expect(stderr).not.toContain('alembic')
  })

  test('prints one object with --json', async () => {
    const box = await stopped()
    box.answer('compose-run', { out: copied })
    const { code, stdout } = await box.run('extras/copy-database/copy-database', ['--to', 'postgres', '--json', '--accept-rounding', '--skip', 'log,cache', '--verbose'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true, dryRun: false, from: 'sqlite:////data/shop.db', to: expect.stringMatching(/^postgresql\+psycopg:\/\/postgres:\*\*\*@postgres:5432\/stories$/) as string,
      rows: 3, tables: [{ table: 'story', rows: 3, hash: '0123456789abcdef0123' }], rounded: [{ table: 'story', column: 'price', count: 2 }],
    })
    expect(box.effects()).toEqual([`${command} --accept-rounding --skip log,cache --all`])
  })

  test('takes DATABASE_URL for the side that is not named', async () => {
    const box = await stopped({ DATABASE_URL: `postgresql+psycopg://me:${SECRET}@db.example.org/shop` })
    box.answer('compose-run', { out: copied })
    const { code, stderr } = await box.run('extras/copy-database/copy-database', ['--from', 'sqlite:////data/shop.db'])
    expect(code).toBe(0)
    expect(stderr).toContain('  from sqlite:////data/shop.db\n  to   postgresql+psycopg://me:***@db.example.org/shop\n')
    expect(stderr).toContain('Next: npm run up\n')
  })

  test('takes a URL with a password from a variable of the shell', async () => {
    const box = await stopped()
    box.answer('compose-run', { out: copied })
    const env = { NEW_DATABASE_URL: `mysql+pymysql://me:${SECRET}@db.example.org/shop` }
    const { code, stderr } = await box.run('extras/copy-database/copy-database', ['--to', 'NEW_DATABASE_URL'], { env })
    expect(code).toBe(0)
    expect(stderr).toContain('  to   mysql+pymysql://me:***@db.example.org/shop\n')
    expect(stderr).toContain('  DATABASE_URL=${NEW_DATABASE_URL}\n')
  })

  test('lists what does not fit, and ends with 8', async () => {
    const box = await stopped()
    const finding = { table: 'story', key: 'id=7', column: 'created', kind: 'date', text: "'soon' is not a date" }
    box.answer('compose-run', {
      out: events(
        { event: 'finding', ...finding, line: "story.created [id=7]: 'soon' is not a date (date)" },
        { event: 'more', table: 'story', column: 'created', kind: 'date', count: 30, line: 'story.created: 30 more like these (date)' },
        { event: 'failed', message: 'Not everything fits (31 found). Nothing was copied.', hint: 'See the page.' },
      ),
      code: 8,
    })
    const { code, stdout, stderr } = await box.run('extras/copy-database/copy-database', ['--to', 'postgres', '--json'])
    expect(code).toBe(8)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { exitCode: 8, findings: [finding] } })
    expect(stderr).toContain("\n  story.created [id=7]: 'soon' is not a date (date)\n  story.created: 30 more like these (date)\n")
    expect(stderr).toContain('✗ Not everything fits (31 found). Nothing was copied.\n')
  })

  test('--dry-run looks only, also while the application runs', async () => {
    const box = await stack(sqlite)
    box.containers(wellStack)
    box.answer('compose-run', { out: events({ event: 'done', rows: 3, tables: 1, seconds: 0.5 }) })
    const { code, stderr } = await box.run('extras/copy-database/copy-database', ['--to', 'postgres', '--dry-run', '--empty-target'])
    expect(code).toBe(0)
    expect(box.effects()).toEqual([`${command} --check`])
    expect(stderr).toContain('✓ 3 rows in 1 table fit. Nothing was written\n')
  })

  test('refuses while the application runs, and names what to stop', async () => {
    const box = await stack(sqlite)
    box.containers(stackWith({ service: 'web', state: 'exited' }, { service: 'worker', state: 'restarting' }))
    const { code, stderr } = await box.run('extras/copy-database/copy-database', ['--to', 'postgres'])
    expect(code).toBe(1)
    expect(stderr).toContain('✗ The application is running (beat, flower, worker)')
    expect(stderr).toContain("docker compose --env-file .env.docker stop beat flower worker")
    expect(box.effects()).toEqual([])
  })

  test('--empty-target without a terminal ends with 2, and with --yes goes on', async () => {
    const box = await stopped()
    box.answer('compose-run', { out: copied })
    const refused = await box.run('extras/copy-database/copy-database', ['--to', 'postgres', '--empty-target'])
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('postgresql+psycopg://postgres:***@postgres:5432/stories')
    expect(box.effects()).toEqual([])
    expect((await box.run('extras/copy-database/copy-database', ['--to', 'postgres', '--empty-target', '--yes'])).code).toBe(0)
    expect(box.effects()).toEqual([`${command} --empty-target`])
  })

  test.each([
    [[], 'Where to?', 2],
    [['--to', 'mariadb'], 'The service mariadb is not switched on.', 3],
    [['--to', 'elsewhere'], '--to elsewhere is neither a service (postgres, mariadb), nor a setting, nor a URL.', 2],
    [['--to', 'mysql://me:word@db/shop'], '--to has a password in it', 2],
    [['--to', 'sqlite:////data/other.db'], 'is SQLite, and only into PostgreSQL and MariaDB is copied.', 2],
    [['--from', 'postgres', '--to', 'postgres'], 'is no SQLite file, and only from SQLite is copied.', 2],
  ])('%j is refused', async (args, message, code) => {
    const box = await stopped()
    const outcome = await box.run('extras/copy-database/copy-database', args)
    expect(outcome.stderr).toContain(message)
    expect(outcome.code).toBe(code)
    expect(box.effects()).toEqual([])
  })

  test.each([
    [6, 6, 'The migrations of the application failed on the target.'],
    [1, 1, 'The target is not empty.'],
  ])('the exit code %i of the container is %i here', async (inner, code, message) => {
    const box = await stopped()
    box.answer('compose-run', { out: events({ event: 'failed', message, hint: '' }), err: 'sqlite3.OperationalError: no such table\n', code: inner })
    const outcome = await box.run('extras/copy-database/copy-database', ['--to', 'postgres'])
    expect(outcome.code).toBe(code)
    expect(outcome.stderr).toContain(`✗ ${message}`)
    // Of a migration, its own last words say why.
    expect(outcome.stderr.includes('no such table')).toBe(inner === 6)
  })

  test('a container that never got as far shows its last words', async () => {
    const box = await stopped()
    box.answer('compose-run', { err: 'entrypoint: something\n', code: 64 })
    const { code, stderr } = await box.run('extras/copy-database/copy-database', ['--to', 'postgres'])
    expect(code).toBe(1)
    expect(stderr).toContain('✗ The database was not copied. The target is as it was.\n\n  entrypoint: something\n')
  })

  test('interrupted ends with 130, when the container has ended too', async () => {
    const box = await stopped()
    box.answer('compose-run', { wait: true })
    const { code, stderr } = await box.run('extras/copy-database/copy-database', ['--to', 'postgres'], { interrupt: 'compose-run' })
    expect(code).toBe(130)
    expect(box.wasInterrupted('compose-run')).toBe(true)
    expect(box.calls().slice(-2)).toEqual(['stop shop-copy-database', 'rm --force shop-copy-database'])
    expect(stderr).toContain('✗ Stopped.\n')
  })
})

const model = { name: 'shop', services: { postgres: {}, mariadb: {} } }
const values = { MARIADB_USER: 'shop', MARIADB_PASSWORD: 'p@ss/w%rd', MARIADB_DATABASE: 'shop', POSTGRES_USER: 'u', POSTGRES_PASSWORD: 'plain-1', POSTGRES_DB: 'd' }

test('a service of the stack is addressed with its own settings, percent-encoded', () => {
  expect(databaseOf('to', 'mariadb', values, {}, model).url).toBe('mysql+pymysql://shop:p%40ss%2Fw%25rd@mariadb:3306/shop?charset=utf8mb4')
  expect(databaseOf('to', 'postgres', values, {}, model).advice).toContain('@postgres:5432/')
  expect(databaseOf('to', 'postgres', values, {}, { name: 'shop', services: { postgres: {} } })).toEqual({
    url: 'postgresql+psycopg://u:plain-1@postgres:5432/d',
    advice: 'DATABASE_URL=postgresql+psycopg://${POSTGRES_USER}:${POSTGRES_PASSWORD}@db:5432/${POSTGRES_DB}',
  })
})

test.each([
  ['mysql://me:word@db/shop', 'mysql://me:***@db/shop'],
  ['mysql://me:w@rd@db/shop', 'mysql://me:***@db/shop'],
  ['mysql://me@db/shop', 'mysql://me@db/shop'],
  ['sqlite:////data/shop.db', 'sqlite:////data/shop.db'],
  ['mysql://:word@db/shop?ssl_ca=/x', 'mysql://:***@db/shop?ssl_ca=/x'],
])('%s is shown as %s', (url, shown) => {
  expect(redact(url)).toBe(shown)
})

test('what is no event is left alone', () => {
  expect(['', 'migrated', '{broken', '[1]', '{"a":1}', 'null'].map((line) => readEvent(line))).toEqual(Array.from({ length: 6 }))
  expect(take(emptyReport(), { event: 'of a later version', line: '' })).toBeUndefined()
})

test('progress is a bar on a terminal, and in a log a line at each tenth', () => {
  const at = (done: number, table = 'story', total = 200_000) => ({ step: 'copying', table, done, total })
  expect(bar(at(90_000))).toBe('copying story █████░░░░░░░ 45% of 200,000')
  expect(bar(at(0, 'story', 0))).toBe('copying story ████████████ 100% of 0')
  expect(logLine(undefined, at(1000))).toBeUndefined()
  expect(logLine(at(1000), at(20_000))).toBe('copying story: 20,000 of 200,000')
  expect(logLine(at(20_000), at(21_000))).toBeUndefined()
  expect(logLine(at(200_000), at(3, 'other', 3))).toBe('copying other: 3 of 3')
})
