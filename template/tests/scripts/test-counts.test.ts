import { expect, test } from 'vitest'
import type { JsonTestResults } from 'vitest/reporters'
import { add, inWords, readTap } from '../../../tests/helpers/bats.ts'
import { named, none, readVitest } from '../../run-tests.ts'

test.each([
  ['an empty report', '', [0, 0, 0]],
  ['a plan alone', '1..0\n', [0, 0, 0]],
  ['passed, failed and skipped', '1..4\nok 1 a\nnot ok 2 b\n# (in test file x)\nok 3 c # skip no daemon\nok 4 d\n', [2, 1, 1]],
  ['a skip in capitals, and one without a reason', 'ok 1 a # SKIP\nok 2 b # skip\n', [0, 0, 2]],
  ['times behind the title', 'ok 1 a in 12ms\nnot ok 2 b in 3ms\n', [1, 1, 0]],
  ['words that look like results', '# ok 1\n  ok 2 nested\nokay 3\nok then\n', [0, 0, 0]],
  ['ten and more', 'ok 10 a\nok 11 b\n', [2, 0, 0]],
])('%s', (_, report, [passed, failed, skipped]) => {
  const counts = readTap(report)
  expect([counts.passed, counts.failures.length, counts.skipped]).toEqual([passed, failed, skipped])
})

const failure = { title: 'b', details: 'why' }

test('a failure of TAP keeps its title and the lines below it, and no others', () => {
  const report = '1..3\nok 1 a\nnot ok 2 b in 3ms\n# (in test file x, line 2)\n#   `false\' failed\n#\n# Name   Value\nok 3 c\n# not this\n'
  expect(readTap(report).failures).toEqual([{ title: 'b in 3ms', details: "(in test file x, line 2)\n  `false' failed\n\nName   Value" }])
})

const file = { name: '/x.test.ts', status: 'passed', message: '', assertionResults: [{ fullName: 'a', status: 'passed', failureMessages: [] }] }

test.each([
  ['all well', [], []],
  ['a test that failed', [{ ...file, status: 'failed', assertionResults: [{ fullName: 'b', status: 'failed', failureMessages: ['why'] }] }], [failure]],
  ['a file that does not load', [{ name: 'b', status: 'failed', message: 'why', assertionResults: [] }], [failure]],
])('a report of vitest: %s', (_, more, failures) => {
  const report = { numPassedTests: 1, numPendingTests: 2, testResults: [file, ...more] } as unknown as JsonTestResults
  expect(readVitest(report)).toEqual({ passed: 1, skipped: 2, failures })
})

test('counts add up, beginning with none', () => {
  const counts = { passed: 1, skipped: 3, failures: [failure] }
  expect(add(add(none, counts), counts)).toEqual({ passed: 2, skipped: 6, failures: [failure, failure] })
})

test('a failure is told with the name of its file, and a count in words', () => {
  expect(named('up', { ...none, failures: [failure] }).failures).toEqual([{ title: 'up: b', details: 'why' }])
  expect(inWords({ passed: 2, skipped: 0, failures: [failure] })).toBe('2 passed, 1 failed, 0 skipped')
  expect(inWords({ passed: 2, skipped: 3, failures: [] })).toBe('2 passed, 0 failed, 3 skipped')
})
