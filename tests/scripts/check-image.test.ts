import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { explainMissing, hidingRule, lostFiles, parseIgnore } from '../../scripts/lib/explain/source-files.ts'
import type { Source } from '../../scripts/lib/explain/source-files.ts'
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
    expect(stderr).toContain('✗ A Python file of the source is not in the image.')
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

/** By Docker's documentation of .dockerignore: what a pattern hides, and what it does not. */
test.each<[string, string[], string[]]>([
  ['core', ['core', 'core/worker.py'], ['app/core/worker.py', 'core.py', 'score']],
  ['./app/../core/', ['core/worker.py'], ['app/core']],
  ['**/core', ['core/worker.py', 'app/core/worker.py'], ['app/score/worker.py']],
  ['app/**/worker.py', ['app/worker.py', 'app/a/b/worker.py'], ['app/other_worker.py']],
  ['*_worker.py', ['celery_worker.py'], ['core/celery_worker.py', 'celery_worker.pyc']],
  ['**/*.py[cod]', ['a/b.pyc', 'b.pyo'], ['a/b.py', 'b.pyx']],
  ['worker.p?', ['worker.py'], ['worker.p']],
  [String.raw`w\*rk+er.py`, ['w*rk+er.py'], ['worker.py']],
  ['# comment\n\n  **/core  \n!core/keep\r\n', ['core/a.py'], ['core/keep/a.py', '# comment']],
  ['!a.py\na.py', ['a.py'], []],
])('.dockerignore: %s', (text, hidden, kept) => {
  const rules = parseIgnore(text)
  expect(hidden.filter((path) => !hidingRule(rules, path))).toEqual([])
  expect(kept.filter((path) => hidingRule(rules, path))).toEqual([])
})

const source = (changes: Partial<Source> = {}): Source => ({
  folder: 'backend',
  files: ['core/__init__.py', 'core/celery_worker.py', 'run.py', 'src/graph/api.py', 'tests/test_core.py'],
  roots: ['.'],
  leftOut: ['tests'],
  isProduction: true,
  ignoreFile: '.dockerignore',
  rules: parseIgnore('.git\n**/celery*'),
  ...changes,
})

test('a file that PROD_EXCLUDE leaves out is not lost, and one that nothing hides has another reason', () => {
  expect(lostFiles(source({ leftOut: ['tests', 's*/graph'] }), ['core/__init__.py', 'core/celery_worker.py'])).toEqual([
    'run.py: no line of .dockerignore hides it. Does PREBUILD_COMMAND remove it?',
  ])
})

test.each<[string, Partial<Source>, string, string | undefined]>([
  ['is hidden', {}, 'core.celery_worker', 'core/celery_worker.py is in the source and not in the image, because line 2 of .dockerignore hides it: **/celery*\n'],
  ['is left out of production', { leftOut: ['core'], rules: [] }, 'core.celery_worker', 'because PROD_EXCLUDE leaves it out'],
  ['is not left out of development', { leftOut: ['core'], rules: [], isProduction: false }, 'core.celery_worker', undefined],
  ['lies where Python does not look', {}, 'graph.api', '"graph.api" is src/graph/api.py of the source, where Python does not look: APP_PYTHONPATH=/app/src in'],
  ['is no module of the source', {}, 'humanize', undefined],
])('a module that Python does not find %s', (_, changes, module, sentence) => {
  const said = explainMissing(source(changes), module)
  if (sentence === undefined) expect(said).toBeUndefined()
  else expect(said).toContain(sentence)
})
