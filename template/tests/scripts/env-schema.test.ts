import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import type { Setting } from '../../../scripts/lib/env/schema.ts'
import { describe as words, fits, parseType } from '../../../scripts/lib/env/types.ts'
import { CliError } from '../../../scripts/lib/errors.ts'

const settingOf = (text: string): Setting => parseSchema(text, 'example').settings[0]!

function problemsOf(text: string): string | undefined {
  try {
    parseSchema(text, 'example')
  } catch (error) {
    expect(error).toBeInstanceOf(CliError)
    return (error as CliError).details
  }
  return undefined
}

test('a setting has all that its comment says', () => {
  const setting = settingOf(`# Rules of the house.

# --- Web ---

# Signs sessions.
# Changing it signs everybody out.
# @required @sensitive @type=string(minLength=16, maxLength=64) @generate=hex(32)
# @service(web, worker) @docs(https://example.com/a?b=c) @example="a b" @deprecated="Use KEY."
SECRET_KEY='two words, or three'
`)
  expect(setting).toMatchObject({
    name: 'SECRET_KEY',
    line: 9,
    value: 'two words, or three',
    documentation: 'Signs sessions. Changing it signs everybody out.',
    heading: '# --- Web ---',
    type: { form: 'string', options: { minLength: '16', maxLength: '64' } },
    required: true,
    sensitive: true,
    generate: 32,
    services: ['web', 'worker'],
    example: 'a b',
    docs: 'https://example.com/a?b=c',
    deprecated: 'Use KEY.',
  })
  expect(setting.comment).toHaveLength(4)
})

test('a heading right above a comment is no part of it', () => {
  expect(settingOf('# --- Web ---\n# Port.\nA=1')).toMatchObject({ comment: ['# Port.'], heading: '# --- Web ---' })
})

test.each<[rule: string, value: string, required: Setting['required']]>([
  ['@type=string', 'x', true],
  ['@type=string', '', false],
  ['@type=string', "''", false],
  ['@optional', 'x', false],
  ['@required', '', true],
  ['@required=forEnv(production, staging)', 'x', ['production', 'staging']],
])('with %s and the default "%s", required is %s', (rule, value, required) => {
  expect(settingOf(`# Text.\n# ${rule}\nA=${value}`).required).toEqual(required)
})

describe('a mistake in the example is reported with its line', () => {
  test.each<[rule: string, value: string, problem: RegExp]>([
    ['@typo', '', /^example:3 {2}A: @typo is none of @type, @required/],
    ['@constructor', '', /@constructor is none of/],
    ['@type=strnig', '', /@type is none of string, number/],
    ['@type=string(max=3)', '', /@type=string has no option max/],
    ['@type=number(min=x)', '', /the option min of @type=number has no usable value/],
    ['@type=string(startsWith=)', '', /the option startsWith of @type=string has no usable value/],
    ['@type=enum', '', /@type=enum names no choices/],
    ['@type=port @type=url', '', /@type is there twice/],
    ['@generate=base64(3)', '', /@generate cannot be written @generate=base64\(3\)/],
    ['@generate=hex(8)', '', /@generate needs @sensitive/],
    ['@sensitive=yes', '', /@sensitive cannot be written @sensitive=yes/],
    ['@required @optional', '', /both @required and @optional/],
    ['@type=port some words', '', /"some words" is no decorator/],
    ['@type=port', '80a', /its own value is wrong: it has to be a port number/],
    ['@type=string', '"a\nb"', /its value goes over several lines/],
    ['@type=string', '"a', /A has a quote that is never closed/],
  ])('%s with "%s"', (rule, value, problem) => {
    expect(problemsOf(`# Text.\n# ${rule}\nA=${value}`)).toMatch(problem)
  })

  test.each<[title: string, text: string, problem: string]>([
    ['a setting without a sentence', '# @type=port\nA=1', 'example:2  A: no sentence above it says what it is for'],
    ['a rule above nothing', '# Text.\n# @type=port\n\n# x\nA=1', 'example:2  a rule without a setting right below it'],
    ['the same name twice', '# Text.\nA=1\n# Text.\nA=2', 'example:4  A: it is there twice'],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(text)).toBe(problem)
  })

  test('all of them at once', () => {
    expect(problemsOf('# @typo\nA=1\nB\n')?.split('\n')).toHaveLength(3)
  })
})

test('a default that refers to another setting is not judged before Compose has read it', () => {
  expect(problemsOf('# Text.\n# @type=port\nA=${B}')).toBeUndefined()
})

test('the example of this project keeps its own rules', () => {
  const text = readFileSync(new URL('../../../.env.docker.example', import.meta.url), 'utf8')
  expect(problemsOf(text)).toBeUndefined()
})

describe('the forms of a value', () => {
  test.each<[type: string, good: string[], bad: string[], rule: string]>([
    ['string', ['a b', '$#"'], [], ''],
    ['string(minLength=3)', ['abc'], ['ab'], 'at least 3 characters long'],
    ['string(minLength=2, maxLength=3)', ['ab', 'abc'], ['a', 'abcd'], 'at least 2 and at most 3 characters long'],
    ['string(startsWith=/)', ['/', '/healthz'], ['healthz', 'http://x/'], 'text that begins with /'],
    ['string(startsWith=/, maxLength=3)', ['/ab'], ['/abc', 'abc'], 'text that begins with /, at most 3 characters long'],
    ['number', ['1', '-1', '0.5'], ['x', '1e3', '1.', ' ', '0x1'], 'a number'],
    ['number(isInt=true, min=1, max=64)', ['1', '64'], ['0', '65', '1.5', '1.0'], 'a whole number from 1 to 64'],
    ['number(max=2)', ['2', '-9'], ['2.1'], 'a number of at most 2'],
    ['boolean', ['true', 'false'], ['True', '1', 'yes'], 'true or false'],
    ['enum(uv, pip)', ['uv', 'pip'], ['UV', 'u', 'poetry'], 'one of uv, pip'],
    ['port', ['1', '65535'], ['0', '65536', '-1', '80a', '8000-8009'], 'a port number from 1 to 65535'],
    ['port(min=1024)', ['1024'], ['1023'], 'a port number from 1024 to 65535'],
    [
      'url',
      ['http://db:5432/a', 'postgresql+psycopg://u:p%40@db/x', 'sqlite:////data/db.sqlite3', 'redis://:p@redis:6379/0'],
      ['db:5432', 'redis', 'http://', 'http://a b', '//x'],
      'a URL with its scheme, such as https://example.com or redis://redis:6379/0',
    ],
    ['ip', ['127.0.0.1', '::1', '[::1]'], ['localhost', '127.0.0', '10.0.0.0/8'], 'an IP address, such as 127.0.0.1'],
    ['email', ['a@b', 'a.b+c@d.example'], ['a', '@b', 'a@', 'a b@c'], 'an e-mail address'],
    ['duration', ['30s', '1h30m', '500ms', '1.5s'], ['30', 's', '1d', '-1s'], 'a duration such as 30s, 5m or 1h30m'],
    ['size', ['512m', '2g', '1.5gb', '64K'], ['512', '2t', 'm', '-1g', '1 g'], 'a size such as 512m or 2g'],
  ])('%s', (text, good, bad, rule) => {
    const type = parseType(text)
    if ('problem' in type) throw new Error(type.problem)
    for (const value of good) expect(fits(value, type), value).toBe(true)
    for (const value of bad) expect(fits(value, type), value).toBe(false)
    if (rule) expect(words(type)).toBe(rule)
  })
})
