import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stack } from '../../../tests/helpers/sandbox.ts'
import type { Sandbox } from '../../../tests/helpers/sandbox.ts'

/** A source of three files, of which the image has these. */
async function sandbox(files: readonly string[], more: object = {}): Promise<Sandbox> {
  const box = await stack()
  mkdirSync(join(box.folder, 'app/core'), { recursive: true })
  for (const file of ['run.py', 'core/__init__.py', 'core/celery_worker.py']) box.write(`app/${file}`, '')
  box.answer('compose-run', { out: { files, broken: [], notes: [], ...more } })
  return box
}

describe.concurrent('check-image', () => {
  test('builds, asks the image without its mounts, and ends with 0', async () => {
    const box = await sandbox(['run.py', 'core/__init__.py', 'core/celery_worker.py'], { notes: [{ what: 'env.py', error: 'KeyError: 1' }] })
    const { code, stderr, stdout } = await box.run('check-image', ['--json'])
    expect(stderr).toContain('✓ 3 Python files of app are in the image, and nothing that they import is missing')
    expect(stderr).toContain('Not imported, for a reason that is not the image\'s:\nenv.py: KeyError: 1')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, files: 3 })
    expect(box.order('compose build', 'compose run')).toEqual(['compose build', 'compose run'])
    expect(box.effects().at(-1)).toMatch(/^compose run --rm --no-deps --no-TTY web python -m docker_roles\.check_modules/)
  })

  test('names the file that is not there and the line that hides it, and ends with 1', async () => {
    const box = await sandbox(['run.py', 'core/__init__.py'], { broken: [{ what: 'CELERY_APP=core.celery_worker', error: 'ModuleNotFoundError' }] })
    box.write('.dockerignore', '.git\n**/celery_*\n')
    const { code, stderr } = await box.run('check-image')
    expect(stderr).toContain('✗ A Python file of the source is not in the image.')
    expect(stderr).toContain('core/celery_worker.py: line 2 of .dockerignore hides it: **/celery_*')
    expect(stderr).toContain('CELERY_APP=core.celery_worker: ModuleNotFoundError')
    expect(code).toBe(1)
  })

  test('names what cannot be imported, and ends with 1', async () => {
    const box = await sandbox(['run.py', 'core/__init__.py', 'core/celery_worker.py'], { broken: [{ what: 'run.py', error: "No module named 'humanize'" }] })
    const { code, stderr } = await box.run('check-image')
    expect(stderr).toContain('✗ Not every module can be imported in the image')
    expect(stderr).toContain("run.py: No module named 'humanize'")
    expect(code).toBe(1)
  })

  test('says so when the container ended without an answer', async () => {
    const box = await sandbox([])
    box.answer('compose-run', { out: '', err: 'Killed\n', code: 137 })
    const { code, stderr } = await box.run('check-image')
    expect(stderr).toContain('✗ The modules could not be imported: the check ended with exit code 137.')
    expect(stderr).toContain('Killed')
    expect(code).toBe(1)
  })

  test('ends with 5 when the image cannot be built', async () => {
    const box = await sandbox([])
    box.answer('compose-build', { code: 1 })
    const { code } = await box.run('check-image')
    expect(code).toBe(5)
    expect(box.order('compose run')).toEqual([])
  })
})
