import { describe, expect, test } from 'vitest'
import { parseIgnore } from '../../../scripts/lib/explain/docker-ignore.ts'
import { explainMissing, lostFiles, rootsOf } from '../../../scripts/lib/explain/source-files.ts'
import type { Source } from '../../../scripts/lib/explain/source-files.ts'

const source = (changes: Partial<Source> = {}): Source => ({
  folder: 'backend',
  files: ['core/__init__.py', 'core/celery_worker.py', 'run.py', 'tests/test_core.py', 'src/graph/__init__.py', 'src/graph/api.py'],
  roots: ['.'],
  leftOut: ['tests'],
  isProduction: true,
  ignoreFile: '.dockerignore',
  rules: parseIgnore('.git\n**/celery*'),
  ...changes,
})

describe('files that are lost', () => {
  test('are named with the line of .dockerignore that hides them', () => {
    const inImage = source().files.filter((file) => file !== 'core/celery_worker.py')
    expect(lostFiles(source(), inImage)).toEqual(['core/celery_worker.py: line 2 of .dockerignore hides it: **/celery*'])
  })

  test('are named without one that is hidden by none', () => {
    expect(lostFiles(source({ rules: [] }), source().files.filter((file) => file !== 'run.py'))).toEqual([
      'run.py: no line of .dockerignore hides it. Does PREBUILD_COMMAND remove it?',
    ])
  })

  test('are not those of PROD_EXCLUDE, a pattern of it included', () => {
    const inImage = source().files.filter((file) => !/^(?:tests|src)/.test(file))
    expect(lostFiles(source({ leftOut: ['tests', 's*/graph'] }), inImage)).toEqual([])
    expect(lostFiles(source({ leftOut: [] }), inImage)).toHaveLength(3)
  })

  test('are none when the image has more than the source', () => {
    expect(lostFiles(source(), [...source().files, 'generated.py'])).toEqual([])
  })
})

test.each([
  ['.', '', ['.']],
  ['src', '/app/src', ['src']],
  ['.', '/app/src:/opt/shared:/app:/application', ['.', 'src']],
  ['./src/', '/app/src/lib/', ['src/', 'src/lib']],
])('Python looks in %s and %s', (workdir, pythonPath, roots) => {
  expect(rootsOf(workdir, pythonPath)).toEqual(roots)
})

describe('a module that Python does not find', () => {
  test.each<[string, Partial<Source>, string, RegExp | undefined]>([
    ['is hidden', {}, 'core.celery_worker', /^core\/celery_worker\.py is in the source and not in the image, because line 2 of \.dockerignore hides it: \*\*\/celery\*\n/],
    ['is hidden with its package', { rules: parseIgnore('backend/core') }, 'core', /^core\/__init__\.py .* line 1 /],
    ['is left out of production', { leftOut: ['core'], rules: [] }, 'core.celery_worker', /because PROD_EXCLUDE leaves it out/],
    ['is not left out of development', { leftOut: ['core'], rules: [], isProduction: false }, 'core.celery_worker', undefined],
    ['lies where Python does not look', {}, 'graph.api', /^"graph\.api" is src\/graph\/api\.py of the source, where Python does not look: APP_PYTHONPATH=\/app\/src in/],
    ['lies where Python does not look, as a package', {}, 'graph', /is src\/graph\/__init__\.py of the source, .* APP_PYTHONPATH=\/app\/src in/],
    ['is no module of the source', {}, 'humanize', undefined],
    ['should have been found', { rules: [] }, 'run', undefined],
    ['only ends like one of the source', {}, 'raph.api', undefined],
  ])('%s', (_title, changes, module, sentence) => {
    const said = explainMissing(source(changes), module)
    if (sentence) expect(said).toMatch(sentence)
    else expect(said).toBeUndefined()
  })
})
