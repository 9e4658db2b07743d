import { describe, expect, test } from 'vitest'
import { quoteValue, readLines } from '../../../scripts/lib/env/file.ts'

const names = (text: string): string[] => readLines(text).entries.map(({ name, line }) => `${name}:${line}`)
const problems = (text: string): string[] =>
  readLines(text).malformed.map(({ line, problem }) => `${line}: ${problem}`)

const neverClosed = 'A has a quote that is never closed.'
const afterQuote = 'A has text after its closing quote.'
const noSign = 'This line has no "=" and is no comment.'
const badName = 'The name before "=" is not made of letters, digits and underscores alone.'

describe('a setting is found where Compose finds it', () => {
  test.each<[title: string, text: string, found: string[]]>([
    ['the plain form', 'A=1\nB=2\n', ['A:1', 'B:2']],
    ['no final newline', 'A=1\nB=2', ['A:1', 'B:2']],
    ['comments and empty lines', '# A=0\n\n  # x\nA=1', ['A:4']],
    ['CRLF', 'A=1\r\n\r\nB="x"\r\n', ['A:1', 'B:3']],
    ['a byte order mark', '\uFEFFA=1', ['A:1']],
    ['export', 'export A=1\nexport\tB=2', ['A:1', 'B:2']],
    ['a colon instead of the sign', 'A: 1\nB:2', ['A:1', 'B:2']],
    ['blanks around the sign', '  A = 1', ['A:1']],
    ['nothing after the sign', 'A=\nB=2', ['A:1', 'B:2']],
    ['# and = and $ in a value', 'A=a#c=$B\nB=2', ['A:1', 'B:2']],
    ['a comment behind a quoted value', 'A="a # b" # c\nB=2', ['A:1', 'B:2']],
    ['the other quote in a quoted value', `A="it's"\nB='say "hi"'`, ['A:1', 'B:2']],
    ['escaped quotes', `A="say \\"hi\\""\nB='it\\'s'\nC=3`, ['A:1', 'B:2', 'C:3']],
    ['an escaped backslash before the closing quote', 'A="C:\\\\"\nB=2', ['A:1', 'B:2']],
    ['a value over three lines', 'A="one\n# two\nB=three"\nC=3', ['A:1', 'C:4']],
    ['a backtick, which is no quote', 'A=`one\nB=2', ['A:1', 'B:2']],
    ['the same name twice', 'A=1\nA=2', ['A:1', 'A:2']],
    ['an empty file', '', []],
  ])('%s', (_, text, found) => {
    expect(names(text)).toEqual(found)
    expect(problems(text)).toEqual([])
  })

  test('the last line of a value over several lines is known', () => {
    const { entries } = readLines('A="one\ntwo\nthree"\nB=2')
    expect(entries.map(({ lastLine }) => lastLine)).toEqual([3, 4])
  })
})

describe('a line that cannot be read is reported, and the next one is read', () => {
  test.each<[title: string, text: string, reported: string[]]>([
    ['no sign', 'A\nB=2', [`1: ${noSign}`]],
    ['a blank in the name', 'A B=1\nB=2', [`1: ${badName}`]],
    ['a $ in the name', 'A$=1\nB=2', [`1: ${badName}`]],
    ['no name', '=1\nB=2', [`1: ${badName}`]],
    ['a quote that is never closed', 'A="1\nB=2', [`1: ${neverClosed}`]],
    ['a quote that is closed by the opening quote of another setting', 'A="1\nB="2"\nB=2', [`1: ${neverClosed}`]],
    ['text behind the closing quote', 'A="1"x\nB=2', [`1: ${afterQuote}`]],
    ['two settings on one line', `A='1' B=2\nB=2`, [`1: ${afterQuote}`]],
    ['several of them', '!!!\nA B\nB=2', [`1: ${noSign}`, `2: ${noSign}`]],
  ])('%s', (_, text, reported) => {
    expect(problems(text)).toEqual(reported)
    expect(names(text).at(-1)).toMatch(/^B:/)
  })

  test('a file in UTF-16 is one problem', () => {
    const utf16 = Buffer.from('\uFEFFA=1\nB=2\n', 'utf16le').toString('utf8')
    expect(problems(utf16)).toEqual(['1: The file is not UTF-8 text.'])
  })
})

test.each([
  ['redis://redis:6379/0', 'redis://redis:6379/0'],
  ['', ''],
  ['two words', "'two words'"],
  ['pa$word#1', "'pa$word#1'"],
  ["it's", "'it\\'s'"],
])('%s is written as %s', (value, written) => {
  expect(quoteValue(value)).toBe(written)
})
