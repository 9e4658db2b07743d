import { describe, expect, test } from 'vitest'
import { hidingRule, parseIgnore } from '../../../scripts/lib/explain/docker-ignore.ts'

/** By Docker's documentation of .dockerignore: what a pattern hides and what it does not. */
describe('one pattern', () => {
  test.each<[string, string[], string[]]>([
    ['core', ['core', 'core/worker.py', 'core/deep/worker.py'], ['app/core/worker.py', 'core.py', 'score']],
    ['/core/', ['core/worker.py'], ['app/core/worker.py']],
    ['./app/../core', ['core/worker.py'], ['app/core']],
    ['**/core', ['core/worker.py', 'app/core/worker.py', 'a/b/core'], ['app/score/worker.py']],
    ['app/**', ['app/worker.py', 'app/core/worker.py'], ['apps/worker.py']],
    ['app/**/worker.py', ['app/worker.py', 'app/a/b/worker.py'], ['app/other_worker.py']],
    ['*', ['core/worker.py', 'worker.py'], []],
    ['*_worker.py', ['celery_worker.py'], ['core/celery_worker.py', 'celery_worker.pyc']],
    ['*/*_worker.py', ['core/celery_worker.py'], ['celery_worker.py', 'a/core/celery_worker.py']],
    ['**/celery*', ['app/core/celery_worker.py', 'celery.py', 'celery/app.py'], ['app/core/my_celery.py']],
    ['**/*.py[cod]', ['a/b.pyc', 'b.pyo'], ['a/b.py', 'b.pyx']],
    ['worker.p?', ['worker.py'], ['worker.p', 'worker.pyc']],
    [String.raw`w\*rker.py`, ['w*rker.py'], ['worker.py']],
    ['a+b(c).py', ['a+b(c).py'], ['aab(c)xpy']],
  ])('%s', (pattern, hidden, kept) => {
    const rules = parseIgnore(pattern)
    expect(hidden.filter((path) => !hidingRule(rules, path))).toEqual([])
    expect(kept.filter((path) => hidingRule(rules, path))).toEqual([])
  })
})

describe('a file', () => {
  const rules = parseIgnore('# comment\n\n  **/core  \n!app/core/worker.py\n! app/core/keep \nworker\r\n')

  test('has its rules by their lines, without comments and blanks', () => {
    expect(rules.map(({ line, pattern }) => [line, pattern])).toEqual([
      [3, '**/core'], [4, '!app/core/worker.py'], [5, '! app/core/keep'], [6, 'worker'],
    ])
  })

  test('lets the last rule that matches have the word', () => {
    expect(hidingRule(rules, 'app/core/tasks.py')?.line).toBe(3)
    expect(hidingRule(rules, 'app/core/worker.py')).toBeUndefined()
    expect(hidingRule(rules, 'app/core/keep/tasks.py')).toBeUndefined()
    expect(hidingRule(parseIgnore('!a.py\na.py'), 'a.py')?.line).toBe(2)
  })
})
