import { parse } from 'dotenv'
import { describe, expect, test } from 'vitest'
import { check } from '../../../scripts/lib/env/check.ts'
import { readLines } from '../../../scripts/lib/env/file.ts'
import { isUsable } from '../../../scripts/lib/env/finding.ts'
import type { Finding } from '../../../scripts/lib/env/finding.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { nearest } from '../../../scripts/lib/words.ts'

const schema = parseSchema(`
# Files that Compose merges.
COMPOSE_FILE=compose.yaml
# Port.
# @type=port
WEB_PORT=8000
# Server.
# @type=enum(gunicorn, uvicorn)
WEB_SERVER=gunicorn
# Database.
# @optional @sensitive @type=url
DATABASE_URL=sqlite:////data/db
# Store.
# @optional @type=url
S3_URL=
# Debugger.
# @optional @type=port @docs(https://example.com/debug)
DEBUG_PORT=
# Secret.
# @required @sensitive @type=string(minLength=16) @generate=hex(16)
SECRET_KEY=
# Hosts.
# @required=forEnv(production) @example="example.com"
ALLOWED_HOSTS=
# Old.
# @optional @deprecated="Use WEB_PORT."
PORT=
`, 'example')

const complete = { SECRET_KEY: 'Tr0ub4dor&3-Tr0ub4dor&3' }

/** Findings for a file whose values are literal: one setting a line, no quotes. */
function findings(settings: Record<string, string>, more = ''): Finding[] {
  const text = Object.entries({ ...complete, ...settings }).map(([name, value]) => `${name}=${value}\n`)
  return checkText(text.join('') + more)
}

function checkText(text: string, refusals: Finding[] = []): Finding[] {
  const lines = readLines(text)
  return check({ schema, text, lines, values: Object.fromEntries(lines.entries.map(({ name, raw }) => [name, raw])), refusals })
}

const codes = (found: readonly Finding[]): string[] =>
  found.map(({ code, line, setting }) => `${code} ${line} ${setting}`)

test.each<[title: string, settings: Record<string, string>, more: string, found: string[]]>([
  ['a good file', { WEB_PORT: '8000' }, '', []],
  ['a missing setting that has a default', {}, '', []],
  ['an empty one that is required', { WEB_PORT: '' }, '', ['E10 2 WEB_PORT']],
  ['an empty one that is optional', { DATABASE_URL: '', DEBUG_PORT: '' }, '', []],
  ['an empty secret', { SECRET_KEY: '' }, '', ['E10 1 SECRET_KEY']],
  ['one that is required elsewhere', { COMPOSE_FILE: 'compose.yaml:compose.override.yaml' }, '', []],
  ['one that is required here', { COMPOSE_FILE: 'compose.yaml:a/compose.production.yaml' }, '', ['E10 null ALLOWED_HOSTS']],
  ['a malformed value', { WEB_PORT: '80a' }, '', ['E11 2 WEB_PORT']],
  ['a value that is not among the allowed ones', { WEB_SERVER: 'gunicron' }, '', ['E12 2 WEB_SERVER']],
  ['an unknown name', { WEB_PROT: '1' }, '', ['W13 2 WEB_PROT']],
  ["Docker's own names", { COMPOSE_PROFILES: 'a', DOCKER_HOST: 'x', BUILDKIT_PROGRESS: 'plain' }, '', []],
  ['a deprecated name', { PORT: '1' }, '', ['W15 2 PORT']],
  ['a duplicate', { WEB_PORT: '1' }, 'WEB_PORT=2\nWEB_PORT=3', ['E02 3 WEB_PORT', 'E02 4 WEB_PORT']],
  ['an unreadable line', {}, 'nonsense', ['E01 2 null']],
  ['an open quote, which does not make the setting missing as well', { SECRET_KEY: '"x' }, '', ['E01 1 SECRET_KEY']],
  ['a secret of the example in development', { DATABASE_URL: 'redis://:a-local-only@b/0' }, '', []],
  [
    'a secret of the example in production',
    { DATABASE_URL: 'redis://:a-local-only@b/0', ALLOWED_HOSTS: 'local-only', COMPOSE_FILE: 'compose.yaml:compose.production.yaml' },
    '',
    ['E20 2 DATABASE_URL'],
  ],
  ['all of it at once', { WEB_PORT: 'x', A: '1' }, 'x', ['E11 2 WEB_PORT', 'W13 3 A', 'E01 4 null']],
])('%s', (_, settings, more, found) => {
  expect(codes(findings(settings, more))).toEqual(found)
})

test('a required setting without a default must be there', () => {
  expect(checkText('WEB_PORT=8000\n')).toEqual([{
    code: 'E10',
    severity: 'error',
    line: null,
    setting: 'SECRET_KEY',
    message: 'SECRET_KEY is missing, and it is required.',
    hint: 'npm run env -- --init adds it and makes a value.',
  }])
})

test('a value that could not be read is not judged', () => {
  expect(check({ schema, text: 'SECRET_KEY=x', lines: readLines('SECRET_KEY=x'), values: {} })).toEqual([])
})

describe('a finding says what is wrong and what to do', () => {
  test.each<[settings: Record<string, string>, message: string, hint: string]>([
    [
      { WEB_PORT: '80a' },
      'WEB_PORT has to be a port number from 1 to 65535; it is "80a".',
      'For example: WEB_PORT=8000',
    ],
    [
      { WEB_SERVER: 'gunicron' },
      'WEB_SERVER has to be one of gunicorn, uvicorn; it is "gunicron".',
      'Did you mean gunicorn?',
    ],
    [
      { WEB_SERVER: 'x' },
      'WEB_SERVER has to be one of gunicorn, uvicorn; it is "x".',
      'For example: WEB_SERVER=gunicorn',
    ],
    [
      { DEBUG_PORT: 'x' },
      'DEBUG_PORT has to be a port number from 1 to 65535; it is "x".',
      'What it is for stands in .env.docker.example:18. See https://example.com/debug',
    ],
    [{ WEB_PROT: '1' }, 'WEB_PROT is not declared in .env.docker.example.', 'Did you mean WEB_PORT?'],
    [
      { MY_OWN: '1' },
      'MY_OWN is not declared in .env.docker.example.',
      'The application does not get it: what only the application reads belongs into APP_ENV_FILE. Otherwise delete the line.',
    ],
    [{ PORT: '1' }, 'PORT is deprecated.', 'Use WEB_PORT.'],
  ])('%o', (settings, message, hint) => {
    expect(findings(settings)).toMatchObject([{ message, hint }])
  })
})

describe('a secret is never in a finding', () => {
  const secret = 'hunter2'
  test.each<[title: string, settings: Record<string, string>, more: string]>([
    ['a sensitive value of the wrong form', { SECRET_KEY: secret }, ''],
    ['a sensitive URL of the wrong form', { DATABASE_URL: `postgres:${secret}` }, ''],
    ['a URL with a password that nobody marked', { S3_URL: `http://u:${secret}@a b` }, ''],
    ['another setting that refers to the secret', { SECRET_KEY: secret, WEB_PORT: `x-${secret}` }, ''],
    ['a choice that refers to the secret', { SECRET_KEY: secret, WEB_SERVER: secret }, ''],
    ['an unknown setting', { TOKEN: secret }, ''],
    ['a duplicate', { SECRET_KEY: secret }, `SECRET_KEY=${secret}`],
    ['a line that is half a secret', {}, secret],
    ['a name that is half a secret', {}, `${secret} =1`.replace('2', ' 2')],
    ['an open quote', {}, `DATABASE_URL="${secret}`],
    ['text behind a quote', {}, `DATABASE_URL=""${secret}`],
  ])('%s', (_, settings, more) => {
    const found = findings(settings, more)
    expect(found.length).toBeGreaterThan(0)
    expect(JSON.stringify(found)).not.toContain(secret)
  })
})

test('warnings stop nothing, errors do', () => {
  expect(isUsable(findings({ A: '1', PORT: '1' }))).toBe(true)
  expect(isUsable(findings({ A: '1', WEB_PORT: '' }))).toBe(false)
})

test('what Compose refuses is an error, and is not told twice', () => {
  const [refusal] = checkText('x')
  const good = `SECRET_KEY=${complete.SECRET_KEY}`
  const about = { ...refusal!, setting: 'WEB_PORT', line: 9 }
  expect(codes(checkText(good, [about]))).toEqual(['E01 9 WEB_PORT'])
  expect(codes(checkText(`${good}\ny`, [about]))).toEqual(['E01 2 null', 'E01 9 WEB_PORT'])
  expect(codes(checkText(`${good}\ny`, [refusal!]))).toEqual(['E01 2 null'])
})

test.each<[word: string, meant: string | undefined]>([
  ['WEB_PROT', 'WEB_PORT'],
  ['web_port', 'WEB_PORT'],
  ['WEBPORT', 'WEB_PORT'],
  ['WEB_PORTS', 'WEB_PORT'],
  ['POSTGRES_PASSWROD', 'POSTGRES_PASSWORD'],
  ['POSTGRES_PASWORT', 'POSTGRES_PASSWORD'],
  ['PROT', 'PORT'],
  ['WEB_PORTA', 'WEB_PORT'],
  ['POSTGRES_PASS', 'POSTGRES_PASSWORD'],
  ['POSTGRES', undefined],
  ['POR', 'PORT'],
  ['DB', undefined],
  ['MAIL_HOST', undefined],
])('the name nearest to %s is %s', (word, meant) => {
  expect(nearest(word, ['WEB_PARTY', 'WEB_PORT', 'PORT', 'POSTGRES_PASSWORD'])).toBe(meant)
})

describe('a value that dotenv reads otherwise', () => {
  const found = (line: string, ours: string): Finding[] => {
    const text = `X=x\n${line}\n`
    return check({ schema, text, lines: readLines(text), values: { [/\w+/.exec(line)![0]]: ours, X: 'x' }, second: parse(text) }).filter(({ code }) => code === 'W03')
  }

  test.each<[line: string, ours: string, readings: string]>([
    ['ALLOWED_HOSTS=a#c', 'a#c', 'Compose reads "a#c", dotenv "a"'],
    ['ALLOWED_HOSTS=a\t# c', 'a\t# c', 'Compose reads "a\\t# c", dotenv "a"'],
    ['ALLOWED_HOSTS=pa$$word', 'pa$word', 'Compose reads "pa$word", dotenv "pa$$word"'],
    ['ALLOWED_HOSTS="a\\tb"', 'a\tb', 'Compose reads "a\\tb", dotenv "a\\\\tb"'],
    ["ALLOWED_HOSTS='it\\'s'", "it's", 'Compose reads "it\'s", dotenv "it\\\\\'s"'],
    ['ALLOWED_HOSTS=`a b`', '`a b`', 'Compose reads "`a b`", dotenv "a b"'],
    ['ALLOWED_HOSTS:a', 'a', 'Compose reads "a", dotenv nothing at all'],
    ['ALLOWED_HOSTS=#c', '#c', 'Compose reads "#c", dotenv ""'],
  ])('%s', (line, ours, readings) => {
    expect(found(line, ours)).toMatchObject([{ line: 2, setting: 'ALLOWED_HOSTS', message: `ALLOWED_HOSTS is read otherwise: ${readings}.` }])
  })

  test.each<[line: string, ours: string]>([
    ['ALLOWED_HOSTS=example.org', 'example.org'],
    ["ALLOWED_HOSTS='a # $b'", 'a # $b'],
    ['ALLOWED_HOSTS=a # c', 'a'],
    ['ALLOWED_HOSTS=${X}-${NONE:-d}', 'x-d'],
    ['ALLOWED_HOSTS="${X}"', 'x'],
    ['WEB_PORT=8000#x', '8000#x'],
  ])('%s is no finding', (line, ours) => {
    expect(found(line, ours)).toEqual([])
  })

  test('of a secret neither reading is shown', () => {
    expect(found('SECRET_KEY=hunter2-hunter2#2', 'hunter2-hunter2#2')).toMatchObject([{ message: 'SECRET_KEY is read otherwise by Compose than by dotenv.' }])
    expect(found('MY_TOKEN=hunter2#2', 'hunter2#2')).toMatchObject([{ message: 'MY_TOKEN is read otherwise by Compose than by dotenv.' }])
  })
})
