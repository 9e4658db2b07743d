import { expect, test } from 'vitest'
import { add, countTap, none } from '../../scripts/lib/test-counts.ts'

test.each([
  ['an empty report', '', [0, 0, 0]],
  ['a plan alone', '1..0\n', [0, 0, 0]],
  ['passed, failed and skipped', '1..4\nok 1 a\nnot ok 2 b\n# (in test file x)\nok 3 c # skip no daemon\nok 4 d\n', [2, 1, 1]],
  ['a skip in capitals, and one without a reason', 'ok 1 a # SKIP\nok 2 b # skip\n', [0, 0, 2]],
  ['times behind the title', 'ok 1 a in 12ms\nnot ok 2 b in 3ms\n', [1, 1, 0]],
  ['words that look like results', '# ok 1\n  ok 2 nested\nokay 3\nok then\n', [0, 0, 0]],
  ['ten and more', 'ok 10 a\nok 11 b\n', [2, 0, 0]],
])('%s', (_, report, [passed, failed, skipped]) => {
  expect(countTap(report)).toEqual({ passed, failed, skipped })
})

test('counts add up, beginning with none', () => {
  const counts = { passed: 1, failed: 2, skipped: 3 }
  expect(add(add(none, counts), counts)).toEqual({ passed: 2, failed: 4, skipped: 6 })
})
