import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stack } from '../helpers/sandbox.ts'
import type { Sandbox } from '../helpers/sandbox.ts'

/** A source of three files, and an image that has these. */
async function sandbox(files: readonly string[], more: object = {}): Promise<Sandbox> {
  const box = await stack()
  mkdirSync(join(box.folder, 'app/core'), { recursive: true })
  for (const file of ['run.py', 'core/__init__.py', 'core/celery_worker.py']) box.write(`app/${file}`, '')
  box.answer('compose-run', { out: { files, broken: [], notes: [], ...more } })
  return box
}

const all = ['run.py', 'core/__init__.py', 'core/celery_worker.py']

describe.concurrent('check-image', () => {
  test('builds, asks the image, and ends with 0', async () => {
    const box = await sandbox(all, { notes: [{ what: 'env.py', error: 'KeyError: 1' }] })
    const { code, stderr, stdout } = await box.run('check-image', ['--json'])
    expect(stderr).toContain('✓ 3 Python files of app are in the image, and nothing that they import is missing')
    expect(stderr).toContain('env.py: KeyError: 1')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, files: 3 })
    expect(box.order('compose build', 'compose run')).toEqual(['compose build', 'compose run'])
    expect(box.effects().at(-1)).toBe('compose run --rm --no-deps --no-TTY web python -')
  })

  test('names the file that is not there and the line that hides it, and ends with 1', async () => {
    const box = await sandbox(all.slice(0, 2), { broken: [{ what: 'CELERY_APP=core.celery_worker', error: 'ModuleNotFoundError' }] })
    box.write('.dockerignore', '.git\n**/celery_*\n')
    const { code, stderr } = await box.run('check-image')
    expect(stderr).toContain('✗ Not every Python file of the source is in the image.')
    expect(stderr).toContain('core/celery_worker.py: line 2 of .dockerignore hides it: **/celery_*')
    expect(stderr).toContain('CELERY_APP=core.celery_worker: ModuleNotFoundError')
    expect(code).toBe(1)
  })

  test('names what cannot be imported, and ends with 1', async () => {
    const box = await sandbox(all, { broken: [{ what: 'run.py', error: "No module named 'humanize'" }] })
    const { code, stderr } = await box.run('check-image')
    expect(stderr).toContain('✗ Not every module can be imported in the image')
    expect(stderr).toContain("run.py: No module named 'humanize'")
    expect(code).toBe(1)
  })

  test('says so when the container ended without an answer, and ends with 5 when the image cannot be built', async () => {
    const box = await sandbox([])
    box.answer('compose-run', { out: '', err: 'Killed\n', code: 137 })
    const killed = await box.run('check-image')
    expect(killed.stderr).toContain('✗ The modules could not be imported: the check ended with exit code 137.')
    expect(killed.code).toBe(1)
    box.answer('compose-build', { code: 1 })
    expect((await box.run('check-image')).code).toBe(5)
  })
})
