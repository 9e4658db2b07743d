import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { Sandbox, SECRET, stack } from '../../../tests/helpers/sandbox.ts'
import { stackWith, wellStack } from '../../../tests/helpers/stack.ts'
import { bar, logLine, readEvent } from '../copy-database.ts'
import { databaseOf, redact } from '../database-url.ts'

const script = 'extras/copy-database/copy-database'
const sqlite = { DATABASE_URL: 'sqlite:////data/shop.db', COMPOSE_PROFILES: 'postgres,redis' }
const events = (...all: object[]): string => all.map((event) => `${JSON.stringify({ line: '', ...event })}\n`).join('')
const copied = events(
  { event: 'progress', step: 'copying', table: 'book', done: 3, total: 3 },
  { event: 'rounded', table: 'book', column: 'price', count: 2 },
  { event: 'table', table: 'book', rows: 3, hash: '0123456789abcdef0123' },
  { event: 'done', rows: 3, tables: 1, seconds: 0.5 },
)
const volume = `${fileURLToPath(new URL('../copy_database', import.meta.url))}:/opt/docker/copy_database:ro`
const command = `compose run --rm --no-TTY --name shop-copy-database --volume ${volume} migrate python -m copy_database --json --from sqlite:////data/shop.db`

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
    const { code, stdout, stderr } = await box.run(script, ['--to', 'postgres'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(box.effects()).toEqual([command])
    expect(stderr).toContain('  book: 3 rows, the same on both sides (0123456789abcdef)\n')
    expect(stderr).toContain('! book.price: rounded, 2 values\n')
    expect(stderr).toContain('✓ 3 rows in 1 table were copied\n')
    expect(stderr).toMatch(/Next: put this into \.env\.docker, then npm run up\n {2}DATABASE_URL=postgresql\+psycopg:\/\/\$\{POSTGRES_USER\}:/)
    expect(stderr).not.toContain('alembic')
  })

  test('prints one object with --json', async () => {
    const box = await stopped()
    box.answer('compose-run', { out: copied })
    const { code, stdout } = await box.run(script, ['--to', 'postgres', '--json', '--accept-rounding', '--skip', 'log,cache', '--verbose'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, dryRun: false, rows: 3, tables: [{ table: 'book' }], rounded: [{ column: 'price', count: 2 }] })
    expect(box.effects()).toEqual([`${command} --accept-rounding --skip log,cache --all`])
  })

  test('takes DATABASE_URL for the side that is not named, and a URL with a password from the shell', async () => {
    const box = await stopped({ DATABASE_URL: `postgresql+psycopg://me:${SECRET}@db.example.org/shop` })
    box.answer('compose-run', { out: copied })
    const from = await box.run(script, ['--from', 'sqlite:////data/shop.db'])
    expect(from.stderr).toContain('  from sqlite:////data/shop.db\n  to   postgresql+psycopg://me:***@db.example.org/shop\n')
    const env = { NEW_URL: `mysql+pymysql://me:${SECRET}@db.example.org/shop` }
    const to = await box.run(script, ['--from', 'sqlite:////data/shop.db', '--to', 'NEW_URL'], { env })
    expect(to.stderr).toContain('  DATABASE_URL=${NEW_URL}\n')
  })

  test('lists what does not fit, and ends with 8', async () => {
    const box = await stopped()
    const finding = { table: 'book', key: 'id=7', column: 'created', kind: 'date', text: "'soon' is not a date" }
    const out = events({ event: 'finding', ...finding, line: 'book.created' }, { event: 'failed', message: 'Not everything fits.', hint: '' })
    box.answer('compose-run', { out, code: 8 })
    const { code, stdout, stderr } = await box.run(script, ['--to', 'postgres', '--json'])
    expect(code).toBe(8)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { exitCode: 8, findings: [finding] } })
    expect(stderr).toContain('✗ Not everything fits.\n\n  book.created\n')
  })

  test('--dry-run only looks, also while the application runs; a copy refuses then', async () => {
    const box = await stack(sqlite)
    box.containers(wellStack)
    box.answer('compose-run', { out: copied })
    const looked = await box.run(script, ['--to', 'postgres', '--dry-run', '--empty-target'])
    expect(looked.stderr).toContain('✓ 3 rows in 1 table fit. Nothing was written\n')
    expect(box.effects()).toEqual([`${command} --check`])
    box.containers(stackWith({ service: 'web', state: 'exited' }, { service: 'worker', state: 'restarting' }))
    const { code, stderr } = await box.run(script, ['--to', 'postgres'])
    expect(code).toBe(1)
    expect(stderr).toContain('docker compose --env-file .env.docker stop beat flower worker')
  })

  test('--empty-target without a terminal ends with 2, and with --yes goes on', async () => {
    const box = await stopped()
    box.answer('compose-run', { out: copied })
    expect((await box.run(script, ['--to', 'postgres', '--empty-target'])).code).toBe(2)
    expect(box.effects()).toEqual([])
    expect((await box.run(script, ['--to', 'postgres', '--empty-target', '--yes'])).code).toBe(0)
    expect(box.effects()).toEqual([`${command} --empty-target`])
  })

  test.each([
    [[], 'Where to?', 2],
    [['--to', 'mariadb'], 'The service mariadb is not switched on.', 3],
    [['--to', 'elsewhere'], '--to elsewhere is neither a service (postgres, mariadb), nor a setting, nor a URL.', 2],
    [['--to', 'mysql://me:word@db/shop'], '--to has a password in it', 2],
    [['--to', 'sqlite:////data/other.db'], 'is SQLite', 2],
    [['--from', 'postgres', '--to', 'postgres'], 'is no SQLite file', 2],
  ])('%j is refused', async (args, message, code) => {
    const box = await stopped()
    const outcome = await box.run(script, args)
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
    expect(box.effects()).toEqual([])
  })

  test('a migration that fails ends with 6, and a container that said nothing with its last words', async () => {
    const box = await stopped()
    box.answer('compose-run', { out: events({ event: 'failed', message: 'The migrations failed.', hint: '' }), err: 'no such table\n', code: 6 })
    expect(await box.run(script, ['--to', 'postgres'])).toMatchObject({ code: 6, stderr: expect.stringMatching(/✗ The migrations failed\.\n\n {2}no such table/) as string })
    box.answer('compose-run', { out: '', err: 'entrypoint: something\n', code: 64 })
    expect(await box.run(script, ['--to', 'postgres'])).toMatchObject({ code: 1, stderr: expect.stringContaining('  entrypoint: something\n') as string })
  })

  test('interrupted ends with 130, after the container has ended', async () => {
    const box = await stopped()
    box.answer('compose-run', { wait: true })
    const { code } = await box.run(script, ['--to', 'postgres'], { interrupt: 'compose-run' })
    expect(code).toBe(130)
    expect(box.calls().slice(-2)).toEqual(['stop shop-copy-database', 'rm --force shop-copy-database'])
  })
})

test('a service of the stack is addressed with its own settings, percent-encoded', () => {
  const values = { MARIADB_USER: 'shop', MARIADB_PASSWORD: 'p@ss/w%rd', MARIADB_DATABASE: 'shop' }
  expect(databaseOf('to', 'mariadb', values, {}, { name: 'shop', services: { mariadb: {} } })).toEqual({
    url: 'mysql+pymysql://shop:p%40ss%2Fw%25rd@mariadb:3306/shop?charset=utf8mb4',
    advice: 'DATABASE_URL=mysql+pymysql://${MARIADB_USER}:<MARIADB_PASSWORD, percent-encoded>@db:3306/${MARIADB_DATABASE}?charset=utf8mb4',
  })
  expect(redact('mysql://me:w@rd@db/shop')).toBe('mysql://me:***@db/shop')
})

test('only events count, and progress is a bar on a terminal and a line at each tenth in a log', () => {
  expect(['', 'migrated', '{broken', '{"a":1}', 'null'].map((line) => readEvent(line))).toEqual(Array.from({ length: 5 }))
  const at = (done: number) => ({ step: 'copying', table: 'book', done, total: 200_000 })
  expect(bar(at(90_000))).toBe('copying book █████░░░░░░░ 45% of 200,000')
  expect([logLine(undefined, at(1000)), logLine(at(1000), at(20_000))]).toEqual([undefined, 'copying book: 20,000 of 200,000'])
})
