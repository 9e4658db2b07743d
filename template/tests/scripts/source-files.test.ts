/** Why a Python file is not in the image, or a module is not found. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { explainOutput } from '../../../scripts/lib/explain/explain.ts'
import { hiddenBy } from '../../../scripts/lib/explain/ignore.ts'
import { explainMissing, lostData, lostFiles, type Source } from '../../../scripts/lib/explain/source-files.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

/** By Docker's documentation of .dockerignore: what a pattern hides, and what it does not. */
test.each<[string, string[], string[]]>([
  ['core', ['core', 'core/worker.py'], ['app/core/worker.py', 'core.py', 'score']],
  ['./app/../core/', ['core/worker.py'], ['app/core']],
  ['**/core', ['core/worker.py', 'app/core/worker.py'], ['app/score/worker.py']],
  ['app/**/worker.py', ['app/worker.py', 'app/a/b/worker.py'], ['app/other_worker.py']],
  ['*_worker.py', ['celery_worker.py'], ['core/celery_worker.py', 'celery_worker.pyc']],
  ['**/*.py[cod]', ['a/b.pyc', 'b.pyo'], ['a/b.py', 'b.pyx']],
  ['worker.p?', ['worker.py'], ['worker.p']],
  ['w[x+er.py', ['w[x+er.py'], ['wx+er.py', 'w[xxer.py']],
  ['# comment\n\n  **/core  \n!core/keep\r\n', ['core/a.py'], ['core/keep/a.py', '# comment']],
  ['!a.py\na.py', ['a.py'], []],
])('.dockerignore: %s', (text, hidden, kept) => {
  expect(hidden.filter((path) => !hiddenBy(text, path))).toEqual([])
  expect(kept.filter((path) => hiddenBy(text, path))).toEqual([])
})

const source = (changes: Partial<Source> = {}): Source => ({
  folder: 'backend',
  files: ['core/__init__.py', 'core/celery_worker.py', 'run.py', 'src/graph/api.py', 'tests/test_core.py'],
  roots: ['.'],
  leftOut: ['tests'],
  ignore: '.git\n**/celery*',
  ...changes,
})

test('a file that PROD_EXCLUDE leaves out is not lost, and one that nothing hides has another reason', () => {
  expect(lostFiles(source({ leftOut: ['tests', 's*/graph'] }), ['core/__init__.py', 'core/celery_worker.py'])).toEqual([
    'run.py: no line of .dockerignore hides it. Does PREBUILD_COMMAND remove it?',
  ])
})

test('a data file that a module does not find is named if the source has it and it is known why the image has not', () => {
  const box = new Sandbox()
  box.enter()
  for (const path of ['src', 'tests']) mkdirSync(join(box.folder, 'backend', path), { recursive: true })
  for (const path of ['src/.env.defaults', 'tests/a.json', 'kept.json']) box.write(`backend/${path}`, '')
  const said = ['/app/src/.env.defaults', '.env.defaults', '../tests/a.json', '/app/kept.json', '/app/gone.json', '/etc/shop.conf']
    .map((path) => `FileNotFoundError: [Errno 2] No such file or directory: '${path}'`).join('\n')
  expect(lostData(source({ roots: ['src'], ignore: '**/.env.*' }), said)).toEqual([
    'src/.env.defaults: line 1 of .dockerignore hides it: **/.env.*', 'tests/a.json: PROD_EXCLUDE leaves it out',
  ])
  expect(lostData(undefined, said)).toEqual([])
  box.write('.dockerignore', '**/.env.*')
  const model = { name: 'shop', services: { migrate: { build: { args: { APP_DIR: 'backend' } } } } }
  expect(explainOutput(said, 'web', model).advice).toBe('The image does not have src/.env.defaults: line 1 of .dockerignore hides it: **/.env.*\nCorrect that, then run npm run up again.')
})

test.each<[string, Partial<Source>, string, string | undefined]>([
  ['is hidden', {}, 'core.celery_worker', 'The image does not have core/celery_worker.py: line 2 of .dockerignore hides it: **/celery*\n'],
  ['is left out of production', { leftOut: ['core'], ignore: '' }, 'core.celery_worker', 'core/celery_worker.py: PROD_EXCLUDE leaves it out\n'],
  ['lies where Python does not look', {}, 'graph.api', '"graph.api" is src/graph/api.py of the source, where Python does not look: set APP_PYTHONPATH=/app/src in'],
  ['has the name of a file in a package', {}, 'celery_worker', undefined],
  ['is no module of the source', {}, 'humanize', undefined],
])('a module that Python does not find %s', (_, changes, module, sentence) => {
  const said = explainMissing(source(changes), module)
  if (sentence === undefined) expect(said).toBeUndefined()
  else expect(said).toContain(sentence)
})
