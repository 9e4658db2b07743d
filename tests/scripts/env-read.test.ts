/** How env files and the example are read: lines, rules, the forms of values, and what Compose refuses. */
import { expect, test } from 'vitest'
import { quoteValue, readLines } from '../../scripts/lib/env/file.ts'
import { parseSchema } from '../../scripts/lib/env/schema.ts'
import type { Setting } from '../../scripts/lib/env/schema.ts'
import { describe as words, fits, parseType } from '../../scripts/lib/env/types.ts'
import { explainRefusal, reasonOf } from '../../scripts/lib/env/values.ts'

const noSign = 'This line has no "=" and is no comment.'
const badName = 'The name before "=" is not made of letters, digits and underscores alone.'

test.each<[title: string, text: string, found: string[], problems?: string[]]>([
  ['comments, blank lines and no final newline', '# A=0\n\n  # x\nA=1\nB=', ['A:4', 'B:5']],
  ['Windows: CRLF and a byte order mark', '\uFEFFA=1\r\n\r\nB="x"\r\n', ['A:1', 'B:3']],
  ['export, a colon, and blanks around the sign', 'export A=1\nB: 2\n  C = 3', ['A:1', 'B:2', 'C:3']],
  ['# and = and $ and a backtick in a value', 'A=a#c=$B\nB=`x', ['A:1', 'B:2']],
  ['quotes in quotes, escaped ones, and a comment behind', `A="it's" # c\nB="say \\"hi\\""\nC="C:\\\\"\nD='it\\'s'`, ['A:1', 'B:2', 'C:3', 'D:4']],
  ['a value over three lines', 'A="one\n# two\nB=three"\nC=3', ['A:1', 'C:4']],
  ['no sign', '!!!\nA B\nB=2', ['B:3'], [`1: ${noSign}`, `2: ${noSign}`]],
  ['a name that is none', 'A B=1\nA$=1\n=1\nB=2', ['B:4'], [`1: ${badName}`, `2: ${badName}`, `3: ${badName}`]],
  ['a quote that only another setting closes', 'A="1\nB="2"\nC=2', ['B:2', 'C:3'], ['1: A has a quote that is never closed.']],
  ['text behind the closing quote', `A='1' B=2\nB=2`, ['B:2'], ['1: A has text after its closing quote.']],
  ['UTF-16', Buffer.from('\uFEFFA=1\n', 'utf16le').toString('utf8'), [], ['1: The file is not UTF-8 text.']],
])('lines: %s', (_, text, found, problems = []) => {
  const { entries, malformed } = readLines(text)
  expect(entries.map(({ name, line }) => `${name}:${line}`)).toEqual(found)
  expect(malformed.map(({ line, problem }) => `${line}: ${problem}`)).toEqual(problems)
})

test.each([['redis://r:6379/0', 'redis://r:6379/0'], ['two words', "'two words'"], ['pa$word#1', "'pa$word#1'"], ["it's", "'it\\'s'"]])('%s is written as %s', (value, written) => {
  expect(quoteValue(value)).toBe(written)
})

test.each<[title: string, text: string, setting: Partial<Setting>]>([
  ['all that its comment says', `# --- Web ---
# Signs sessions.
# For everybody.
# @required @sensitive @type=string(minLength=3) @generate=hex(32) @service(web, worker) @was(OLD, OLDER) @deprecated="Use B."
A='two words'`, {
    name: 'A', line: 5, value: 'two words', isActive: true, default: '', heading: '# --- Web ---', required: true,
    sensitive: true, generate: 32, services: ['web', 'worker'], was: ['OLD', 'OLDER'], deprecated: 'Use B.', assignment: "A='two words'",
  }],
  ['one that is commented out', '# Port.\n# @type=port\n# A=1', { value: '1', isActive: false, default: '1', required: true, assignment: 'A=1' }],
  ['the sentences of the one above, without a blank line between', '# Both.\n# @optional\n# B=\n# @optional @default="y"\nA=x', { default: 'y', required: false }],
  ['the rule of the one above, when it has none', '# Both.\n# @optional @type=port\n# B=1\n# A=2', { value: '2', isActive: false, required: false }],
  ['a comment that looks like one', '# Text, such as\n# B=1\n# or\n# @optional\nA=', { line: 5 }],
  ['a reference, which only Compose can judge', '# Text.\n# @type=port\nA=${B}', { value: '${B}' }],
])('a setting of the example: %s', (_, text, setting) => {
  expect(parseSchema(text, 'example').byName.get('A')).toMatchObject(setting)
})

test.each<[text: string, problem: RegExp]>([
  ['# T.\n# @typo\nA=', /^example:3 {2}A: @typo is none of @type/],
  ['# T.\n# @type=strnig\nA=', /@type is none of string, number/],
  ['# T.\n# @type=string(max=3)\nA=', /@type=string has no option max/],
  ['# T.\n# @type=number(min=x)\nA=', /the option min of @type=number has no usable value/],
  ['# T.\n# @type=enum\nA=', /@type=enum names no choices/],
  ['# T.\n# @type=port @type=url\nA=', /@type is there twice/],
  ['# T.\n# @generate=hex(8)\nA=', /@generate needs @sensitive/],
  ['# T.\n# @sensitive=yes\nA=', /@sensitive cannot be written @sensitive=yes/],
  ['# T.\n# @required @optional\nA=', /both @required and @optional/],
  ['# T.\n# @default="x"\n# A=', /it is commented out/],
  ['# T.\n# @type=port some words\nA=1', /"some words" is no decorator/],
  ['# T.\n# @type=port\n# A=80a', /its own value is wrong: it has to be a port number/],
  ['# T.\nA="a\nb"', /its value goes over several lines/],
  ['# T.\n# @was(B)\nA=1\n# T.\nB=1', /@was\(B\) names a setting that is still there/],
  ['# @type=port\nA=1', /^example:2 {2}A: no sentence above it/],
  ['# T.\n# @type=port\n\n# x\nA=1', /^example:2 {2}a rule without a setting right below it$/],
  ['# T.\nA=1\n# T.\nA=2\nB', /^example:4 {2}A: it is there twice\nexample:5/],
])('a mistake in the example, %j', (text, problem) => {
  expect(() => parseSchema(text, 'example')).toThrow(expect.objectContaining({ details: expect.stringMatching(problem) as string }))
})

test.each<[type: string, good: string[], bad: string[], rule: string]>([
  ['string(minLength=3)', ['abc'], ['ab'], 'at least 3 characters long'],
  ['string(startsWith=/)', ['/', '/healthz'], ['healthz'], 'text that begins with /'],
  ['number(max=2)', ['2', '-9', '0.5'], ['2.1', '1e3', '1.', ' '], 'a number of at most 2'],
  ['number(isInt=true, min=1, max=64)', ['1', '64'], ['0', '65', '1.5'], 'a whole number from 1 to 64'],
  ['boolean', ['true', 'false'], ['True', '1'], 'true or false'],
  ['enum(uv, pip)', ['uv'], ['UV', 'poetry'], 'one of uv, pip'],
  ['port(min=1024)', ['1024', '65535'], ['1023', '65536', '80a', '8000-8009'], 'a port number from 1024 to 65535'],
  ['url', ['http://db:5432/a', 'sqlite:////data/db', 'redis://:p@r:6379/0'], ['db:5432', 'http://', 'http://a b'], 'a URL with its scheme, such as https://example.com or redis://redis:6379/0'],
  ['ip', ['127.0.0.1', '[::1]'], ['localhost', '10.0.0.0/8'], 'an IP address, such as 127.0.0.1'],
  ['duration', ['30s', '1h30m', '1.5s'], ['30', '1d'], 'a duration such as 30s, 5m or 1h30m'],
  ['size', ['512m', '1.5gb', '64K'], ['512', '2t', '1 g'], 'a size such as 512m or 2g'],
])('a value of the form %s', (text, good, bad, rule) => {
  const type = parseType(text)
  if ('problem' in type) throw new Error(type.problem)
  expect([...good, ...bad].filter((value) => fits(value, type))).toEqual(good)
  expect(words(type)).toBe(rule)
})

test.each<[stderr: string, line: number | null, message: string]>([
  ['failed to read /a b/.env: Invalid template: "x${hunter2"\n', 2, 'B has a $ that Compose cannot interpret.'],
  ['failed to read /x: Invalid template: "\\u00zz"', null, 'A value has a $ that Compose cannot interpret.'],
  ['required variable HOST is missing a value: say hunter2', 3, 'C refers to HOST, which has no value on the lines above it.'],
  ['time="x"\nfailed to read /a b/.env: line 7: unexpected character "!" in "hunter2!"', 7, 'Compose cannot read this line.'],
])('what Compose refuses quotes no value: %s', (stderr, line, message) => {
  const finding = explainRefusal(stderr, readLines('A=1\nB="x${hunter2"\nC=${HOST:?say hunter2}\n').entries)
  expect(finding).toMatchObject({ code: 'E01', line, message })
  expect(JSON.stringify(finding)).not.toContain('hunter2')
})

test.each<[code: number | null, stderr: string, reason: string]>([
  [127, 'bash: line 1: docker: command not found\n', 'docker is not installed'],
  [125, "unknown flag: --file\nSee 'docker --help'.\n", 'the Compose plugin is not installed'],
  [1, "docker: 'compose' is not a docker command.\n", 'the Compose plugin is not installed'],
  [1, 'time="x" msg="The \\"hunter2\\" variable"\nno such file "hunter2"', 'no such file'],
  [null, '', 'it gave no answer'],
])('the reason in %j, %j is %j', (exitCode, stderr, reason) => {
  expect(explainRefusal(stderr, [])).toBeUndefined()
  expect(reasonOf({ exitCode, stderr })).toBe(reason)
})
