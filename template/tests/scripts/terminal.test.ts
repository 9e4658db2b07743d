import { spawnSync } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { failure, indent, ok, step } from '../../../scripts/lib/terminal.ts'

let written: string
beforeEach(() => {
  written = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += stripVTControlCharacters(String(text))
    return true
  })
})
afterEach(() => vi.restoreAllMocks())

test.each([
  ['one', '', '  one'],
  ['one\ntwo', '', '  one\n  two'],
  ['one\n\ntwo', '', '  one\n\n  two'],
  ['one\ntwo', '→ ', '  → one\n    two'],
  ['\ntwo', '→ ', '\n    two'],
])('%j is indented after %j', (text, first, expected) => {
  expect(indent(text, first)).toBe(expected)
})

describe('what people read', () => {
  test('of something done: the time in a column, when there is one', () => {
    ok('Done')
    ok('Done', 61)
    expect(written).toBe(`✓ Done\n✓ Done${' '.repeat(62)} 61.0s\n`)
  })

  test('of a failure: what, the evidence, what to do', () => {
    failure('It is broken.', 'line 1\n\nline 2', 'Mend it:\nnpm run up')
    expect(written).toBe('✗ It is broken.\n\n  line 1\n\n  line 2\n\n  → Mend it:\n    npm run up\n')
  })

  test('of a failure without evidence and advice: one line', () => {
    failure('It is broken.', '', '')
    expect(written).toBe('✗ It is broken.\n')
  })
})

describe('a step where lines cannot be redrawn', () => {
  beforeEach(() => void vi.stubEnv('CI', 'true'))
  afterEach(() => void vi.unstubAllEnvs())

  test('says that it began and that it ended, gives its result, and never goes back on a line', async () => {
    const result = await step('Baking', async (report) => {
      report('detail')
      return 7
    })
    expect(result).toBe(7)
    expect(written).toMatch(/^… Baking\n✓ Baking +0\.\ds\n$/)
  })

  test('that fails is not called done', async () => {
    await expect(step('Baking', () => Promise.reject(new Error('burnt')))).rejects.toThrow('burnt')
    expect(written).toBe('… Baking\n')
  })
})

test('on GitHub Actions a failure is an error of the run too, in one line', () => {
  vi.stubEnv('GITHUB_ACTIONS', 'true')
  failure('100% broken.', 'evidence', 'Mend it:\nnpm run up')
  vi.unstubAllEnvs()
  expect(written).toMatch(/\n::error::100%25 broken\.%0AMend it:%0Anpm run up\n$/)
})

/** What a command that fails writes on a terminal, colours and all. */
function onTerminal(env: Record<string, string>): string {
  const command = 'node --import tsx/esm -- scripts/up.ts --timeout never'
  const { PATH, HOME } = process.env
  const { stdout } = spawnSync('script', ['--quiet', '--command', command, '/dev/null'], { env: { PATH, HOME, TERM: 'xterm', ...env }, encoding: 'utf8' })
  return stdout
}

test('a terminal gets colours, unless NO_COLOR is set', () => {
  expect(onTerminal({})).toContain('\u001B[31m✗\u001B[39m --timeout never is not a number of seconds.')
  const plain = onTerminal({ NO_COLOR: '1' })
  expect(plain).toContain('✗ --timeout never is not a number of seconds.')
  expect(plain).not.toContain('\u001B[')
})
