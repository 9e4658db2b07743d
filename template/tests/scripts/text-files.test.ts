import { readFileSync } from 'node:fs'
import { parseSync, type Props } from 'editorconfig'
import { expect, test } from 'vitest'
import { git, root } from '../helpers/repository.ts'

/** What .editorconfig asks of a file and the text does not keep. */
function offences(text: string, wanted: Props): string[] {
  const lines = text.split('\n')
  const at = (pattern: RegExp): string => `line ${lines.findIndex((line) => pattern.test(line)) + 1}`
  const checks: [boolean, RegExp, string][] = [
    [wanted.end_of_line === 'lf', /\r$/, 'ends in CRLF'],
    [wanted.indent_style === 'space', /^ *\t/, 'is indented by a tab'],
    [wanted.trim_trailing_whitespace === true, /[ \t]\r?$/, 'ends in white space'],
  ]
  const found = checks.flatMap(([asked, pattern, sentence]) =>
    asked && lines.some((line) => pattern.test(line)) ? [`${at(pattern)} ${sentence}`] : [],
  )
  const open = wanted.insert_final_newline === true && text !== '' && !text.endsWith('\n')
  return open ? [...found, 'the last line has no end'] : found
}

test.each<[string, string, Props, string[]]>([
  ['a tidy file', 'a\n  b\n\tc\n', { end_of_line: 'lf', indent_style: 'tab', insert_final_newline: true, trim_trailing_whitespace: true }, []],
  ['an empty file', '', { insert_final_newline: true }, []],
  ['CRLF', 'a\nb\r\n', { end_of_line: 'lf' }, ['line 2 ends in CRLF']],
  ['CRLF that is wanted', 'a\r\n', { end_of_line: 'crlf' }, []],
  ['a tab', 'a\n  \tb\n', { indent_style: 'space' }, ['line 2 is indented by a tab']],
  ['a tab inside a line', 'a\tb\n', { indent_style: 'space' }, []],
  ['a blank at the end', 'a \nb', { trim_trailing_whitespace: true, insert_final_newline: true }, ['line 1 ends in white space', 'the last line has no end']],
  ['a blank at the end that is allowed', 'a \n', { trim_trailing_whitespace: false }, []],
])('%s is seen for what it is', (_, text, wanted, expected) => {
  expect(offences(text, wanted)).toEqual(expected)
})

test('every text file is as .editorconfig wants it', () => {
  // `i/lf w/lf attr/… <tab> path`; git calls what is binary -text.
  const files = git('ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '--eol')
    .filter((line) => /\sw\/(?!-text)\S/.test(line))
    .map((line) => line.split('\t')[1]!)
  expect(files.length).toBeGreaterThan(100)
  const found = files.flatMap((file) => offences(readFileSync(`${root}/${file}`, 'utf8'), parseSync(`${root}/${file}`)).map((one) => `${file}: ${one}`))
  expect(found).toEqual([])
})
