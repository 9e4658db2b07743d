import { describe, expect, test, vi } from 'vitest'
import { seed } from '../../../scripts/seed.ts'
import { Sandbox, stack } from '../../../tests/helpers/sandbox.ts'

describe.concurrent('seed', () => {
  test('shows its output when it succeeds, beside the result, and ends with 0', async () => {
    const box = await stack()
    box.answer('compose-run', { out: 'Seeded 3 stories.\n' })
    const { code, stdout, stderr } = await box.run('seed', ['--json'])
    expect({ code, result: JSON.parse(stdout) as unknown }).toEqual({ code: 0, result: { ok: true } })
    expect(stderr).toMatch(/✓ Seeding +\d/)
    expect(stderr).toContain('\n  Seeded 3 stories.\n')
    expect(box.effects()).toEqual([expect.stringMatching(/^compose --progress quiet run --rm --no-TTY --name shop-seed-\d+ web seed$/)])
  })

  test('shows its last lines when it fails, and ends with 1', async () => {
    const box = await stack()
    box.answer('compose-run', { out: 'Seeding …\n', err: 'sqlalchemy.exc.IntegrityError: UNIQUE\n', code: 3 })
    const { code, stdout, stderr } = await box.run('seed')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('✗ The application was not seeded.\n\n  Seeding …\n  sqlalchemy.exc.IntegrityError: UNIQUE\n\n')
  })
})

test('seed --dry-run prints the command and does nothing', async () => {
  const box = new Sandbox()
  box.enter()
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  await seed.run({ 'dry-run': true, 'env-file': 'some.env' }, [])
  expect(stdout.mock.calls).toEqual([['docker compose --env-file some.env run --rm --no-TTY web seed\n']])
  stdout.mockRestore()
  expect(box.calls()).toEqual([])
})
