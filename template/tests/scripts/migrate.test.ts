import { describe, expect, test } from 'vitest'
import { migrate } from '../../../scripts/migrate.ts'
import { stackWith } from '../../../tests/helpers/stack.ts'
import { Sandbox, stack } from '../../../tests/helpers/sandbox.ts'

const noise = 'INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.\n'
const log = (lines: number): string => Array.from({ length: lines }, (_, index) => `line ${index + 1}\n`).join('')

describe.concurrent('migrate', () => {
  test('hides its output when it succeeds, and ends with 0', async () => {
    const box = await stack()
    box.answer('compose-run', { out: noise, err: noise })
    const { code, stdout, stderr } = await box.run('migrate')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toMatch(/✓ Migrating the database +\d/)
    expect(stderr).not.toContain('alembic')
    expect(box.effects()).toEqual([expect.stringMatching(/^compose --progress quiet run --rm --no-TTY --name shop-migrate-\d+ migrate migrate$/)])
  })

  test('shows its last lines when it fails, and ends with 6', async () => {
    const box = await stack()
    box.answer('compose-run', { err: log(40), code: 1 })
    const { code, stdout, stderr } = await box.run('migrate', ['--json'])
    expect(code).toBe(6)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { exitCode: 6, details: expect.stringMatching(/^line 26\n.*line 40$/s) as string } })
    expect(stderr).toMatch(/✗ The database was not migrated\. .*\n\n {2}line 26\n(?:.*\n)+ {2}line 40\n\n/)
    expect(stderr).toContain('→ Again, with all of its output: docker compose --env-file .env.docker run --rm --no-TTY migrate migrate\n')
  })

  test('explains its failure as up does, without a password and without what Compose says of its containers', async () => {
    const box = await stack()
    const url = 'postgresql://me:another-one@db/shop'
    box.answer('compose-run', { err: `cannot use ${url}: FATAL:  password authentication failed for user "me"\n`, code: 1 })
    const { code, stderr } = await box.run('migrate')
    expect(code).toBe(6)
    expect(stderr).toContain('→ Likely: the volume of the database was made with another password of "me"')
    expect(stderr).toContain('cannot use postgresql://me:***@db/shop: FATAL')
  })

  test('that waits in vain for the database says what is wrong with the database', async () => {
    const box = await stack()
    box.answer('compose-run', { err: 'migrate: postgres has taken no connection for 60 seconds.\n', code: 69 })
    box.answer('compose-logs', { out: 'could not write to file "pg_wal/x": No space left on device\n' })
    box.containers(stackWith({ service: 'postgres', health: 'unhealthy' }))
    const { stderr } = await box.run('migrate')
    expect(stderr).toContain('✗ postgres is not healthy.')
    expect(stderr).toContain('→ A disk is full.')
  })

  test('that fails while the database still starts is the cause itself', async () => {
    const box = await stack()
    box.answer('compose-run', { err: 'no such column\n', code: 1 })
    box.containers(stackWith({ service: 'postgres', health: 'starting' }))
    expect((await box.run('migrate')).stderr).toContain('✗ The database was not migrated.')
  })

  test.each([[1, ['rm ', 'compose --progress']], [0, ['compose --progress']]])('after one that ended with %i: a failure that doctor would still report goes first', async (exitCode, calls) => {
    const box = await stack()
    box.containers(stackWith({ service: 'migrate', state: 'exited', health: '', exitCode }))
    expect((await box.run('migrate')).code).toBe(0)
    expect(box.order('rm ', 'compose --progress')).toEqual(calls)
  })

  test('that is killed asks for more memory', async () => {
    const box = await stack()
    box.answer('compose-run', { code: 137 })
    const { code, stderr } = await box.run('migrate')
    expect(code).toBe(6)
    expect(stderr).toContain('→ Likely: it was killed, because it used more memory than it may have. It has no limit here: give Docker more memory')
  })

  test('--verbose shows its output as it comes', async () => {
    const box = await stack()
    box.answer('compose-run', { out: noise })
    const { code, stdout, stderr } = await box.run('migrate', ['--verbose', '--json'])
    expect({ code, result: JSON.parse(stdout) as unknown }).toEqual({ code: 0, result: { ok: true } })
    expect(stderr).toContain(noise)
  })

  test('--verbose explains its failure as well, and shows what it has shown only once', async () => {
    const box = await stack()
    box.answer('compose-run', { err: 'FATAL:  password authentication failed for user "me"\n', code: 1 })
    const { code, stderr } = await box.run('migrate', ['--verbose'])
    expect(code).toBe(6)
    expect(stderr.split('authentication failed')).toHaveLength(2)
    expect(stderr).toContain('→ Likely: the volume of the database was made with another password of "me"')
    expect(stderr).not.toContain('with all of its output')
  })

  test('that is interrupted ends with 130, and does not blame the migration', async () => {
    const box = await stack()
    box.answer('compose-run', { wait: true })
    const { code, stderr } = await box.run('migrate', [], { interrupt: 'compose-run' })
    expect(code).toBe(130)
    expect(box.wasInterrupted('compose-run')).toBe(true)
    expect(stderr).toContain('✗ Stopped.\n')
    expect(stderr).not.toContain('was not migrated')
    // Compose ends, and what it runs would go on.
    const [container] = /shop-migrate-\d+/.exec(box.calls().join('\n')) ?? []
    expect(box.calls().slice(-3)).toEqual([`stop ${container}`, `kill --signal TERM ${container}`, `rm --force ${container}`])
  })
})

test('migrate without settings ends with 3 and the command that makes them', async () => {
  const box = new Sandbox()
  box.enter()
  await expect(migrate.run({}, [])).rejects.toMatchObject({
    message: '.env.docker does not exist.', hint: 'npm run up makes it and starts the stack.', exitCode: 3,
  })
  expect(box.effects()).toEqual([])
})
