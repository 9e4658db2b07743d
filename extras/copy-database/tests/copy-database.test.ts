import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { Sandbox, SECRET, stack } from '../../../tests/helpers/sandbox.ts'
import { stackWith, wellStack } from '../../../tests/helpers/stack.ts'
import { databaseOf, redact } from '../database-url.ts'

const script = 'extras/copy-database/copy-database'
const sqlite = { DATABASE_URL: 'sqlite:////data/shop.db', COMPOSE_PROFILES: 'postgres,redis' }
const events = (...all: object[]): string => all.map((event) => `${JSON.stringify(event)}\n`).join('')
const copied = events(
  { event: 'progress', step: 'copying', table: 'book', done: 0, total: 3000 },
  { event: 'progress', step: 'copying', table: 'book', done: 3000, total: 3000 },
  { event: 'rounded', table: 'book', column: 'price', count: 2 },
  { event: 'table', table: 'book', rows: 3000, hash: '0123456789abcdef0123' },
  { event: 'done', rows: 3000, tables: 1, seconds: 0.5 },
)
const volume = `${fileURLToPath(new URL('../copy_database', import.meta.url))}:/opt/docker/copy_database:ro`
const command = `compose run --rm --no-TTY --name shop-copy-database --volume ${volume} migrate python -m copy_database --from sqlite:////data/shop.db`

/** A stack on SQLite in which only the data services run. */
async function stopped(values: Record<string, string> = {}): Promise<Sandbox> {
  const box = await stack({ ...sqlite, ...values })
  box.containers(wellStack.map((sketch) => (['postgres', 'redis', 'storage'].includes(sketch.service) ? sketch : { ...sketch, state: 'exited' })))
  return box
}

describe.concurrent('copy-database', () => {
  test('copies into the service that --to names, compares, and says what to do next', async () => {
    const box = await stopped()
    box.answer('compose-run', { out: `migrated\n{broken\nnull\n${copied}`, err: 'INFO alembic\n' })
    const { code, stdout, stderr } = await box.run(script, ['--to', 'postgres'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(box.effects()).toEqual([command])
    expect(stderr).toMatch(/^ {2}copying book: 3,000\n/m)
    expect(stderr).toContain('  book: 3000 rows, the same on both sides (0123456789abcdef)\n')
    expect(stderr).toContain('! book.price: rounded, 2 values\n')
    expect(stderr).toContain('✓ 3000 rows in 1 table were copied\n')
    expect(stderr).toMatch(/Next: put this into \.env\.docker, then npm run up\n {2}DATABASE_URL=postgresql\+psycopg:\/\/\$\{POSTGRES_USER\}:/)
    expect(stderr).not.toContain('alembic')
  })

  test('takes DATABASE_URL for the side that is not named, and a URL with a password from the shell', async () => {
    const box = await stopped({ DATABASE_URL: `postgresql+psycopg://me:${SECRET}@db.example.org/shop` })
    box.answer('compose-run', { out: copied })
    const from = await box.run(script, ['--from', 'sqlite:////data/shop.db'])
    expect(from.stderr).toContain('  from sqlite:////data/shop.db\n  to   postgresql+psycopg://me:***@db.example.org/shop\n')
    const env = { NEW_URL: `mysql+pymysql://me:${SECRET}@db.example.org/shop` }
    const to = await box.run(script, ['--from', 'sqlite:////data/shop.db', '--to', 'NEW_URL', '--json', '--skip', 'log'], { env })
    expect(JSON.parse(to.stdout)).toMatchObject({ ok: true, dryRun: false, rows: 3000, tables: [{ table: 'book' }], rounded: [{ column: 'price', count: 2 }] })
    expect(box.effects()).toEqual([command, `${command} --skip log`])
  })

  test.each([
    [{ code: 8, out: events({ event: 'finding', line: 'book.created', table: 'book' }, { event: 'failed', message: 'No.' }) }, 8, 'No.\n\n  book.created\n'],
    [{ code: 6, out: events({ event: 'failed', message: 'The migrations failed.' }), err: 'no such table\n' }, 6, 'failed.\n\n  no such table\n'],
    [{ code: 64, out: '', err: 'entrypoint: something\n' }, 1, '  entrypoint: something\n'],
  ])('%j ends with %i', async (answer, code, message) => {
    const box = await stopped()
    box.answer('compose-run', answer)
    const outcome = await box.run(script, ['--to', 'postgres', '--json'])
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
    if (code === 8) expect(JSON.parse(outcome.stdout)).toMatchObject({ ok: false, failure: { exitCode: 8, findings: [{ table: 'book' }] } })
  })

  test('--dry-run works while the application runs and writes nothing; a copy refuses', async () => {
    const box = await stack(sqlite)
    box.containers(wellStack)
    box.answer('compose-run', { out: copied })
    const looked = await box.run(script, ['--to', 'postgres', '--dry-run', '--empty-target', '--accept-rounding', '--verbose'])
    expect(looked.stderr).toContain('✓ 3000 rows in 1 table fit. Nothing was written\n')
    expect(box.effects()).toEqual([`${command} --dry-run --empty-target --accept-rounding --verbose`])
    box.containers(stackWith({ service: 'web', state: 'exited' }, { service: 'worker', state: 'restarting' }))
    const { code, stderr } = await box.run(script, ['--to', 'postgres'])
    expect(code).toBe(1)
    expect(stderr).toContain('docker compose --env-file .env.docker stop beat flower worker')
  })

  test('--empty-target without a terminal ends with 2, unless --yes is given', async () => {
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
    [['--to', 'sqlite:////data/other.db'], 'not from sqlite:////data/shop.db to sqlite:////data/other.db', 2],
    [['--from', 'postgres', '--to', 'postgres'], 'The copy goes from SQLite', 2],
  ])('%j is refused', async (args, message, code) => {
    const box = await stopped()
    const outcome = await box.run(script, args)
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(message) as string })
    expect(box.effects()).toEqual([])
  })

  test('an interrupted copy ends with 130, after its container has ended', async () => {
    const box = await stopped()
    box.answer('compose-run', { wait: true })
    const { code } = await box.run(script, ['--to', 'postgres'], { interrupt: 'compose-run' })
    expect(code).toBe(130)
    expect(box.calls().slice(-3)).toEqual(['stop', 'kill --signal TERM', 'rm --force'].map((end) => `${end} shop-copy-database`))
  })
})

test('a service of the stack is addressed with its own settings, percent-encoded', () => {
  const values = { MARIADB_USER: 'shop', MARIADB_PASSWORD: 'p@ss/w%rd', MARIADB_DATABASE: 'shop' }
  expect(databaseOf('to', 'mariadb', values, {}, { name: 'shop', services: { mariadb: {} } })).toEqual({
    url: 'mysql+pymysql://shop:p%40ss%2Fw%25rd@mariadb:3306/shop?charset=utf8mb4',
    advice: 'DATABASE_URL=mysql+pymysql://${MARIADB_USER}:<MARIADB_PASSWORD, percent-encoded>@mariadb:3306/${MARIADB_DATABASE}?charset=utf8mb4',
  })
  expect(redact('mysql://me:w@rd@db/shop')).toBe('mysql://me:***@db/shop')
})
