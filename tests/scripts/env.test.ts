/**
 * Env files: how they and the example are read, how one is made and completed, and what the check finds in it. The rows
 * use the settings of tests/fixtures/env.example: add rows for rules of your own.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { quoteValue, readLines } from '../../scripts/lib/env/file.ts'
import { describe as words, fits, parseSchema, type Setting } from '../../scripts/lib/env/schema.ts'
import type { Around } from '../../scripts/lib/env/subject.ts'
import { newFile, withSecrets } from '../../scripts/lib/env/write.ts'
import { codesOf, fileWith, findings, type Edits } from '../helpers/env-check.ts'

test.each<[title: string, text: string, found: string[], problems?: string[]]>([
  ['Windows: CRLF and a byte order mark', '\uFEFFA=1\r\n\r\nB="x"\r\n', ['A:1', 'B:3']],
  ['export, a colon, and blanks around the sign', 'export A=1\nB: 2\n  C = 3', ['A:1', 'B:2', 'C:3']],
  ['quotes in quotes, escaped ones, and a comment after them', `A="it's" # c\nB="say \\"hi\\""\nC="C:\\\\"\nD='it\\'s'`, ['A:1', 'B:2', 'C:3', 'D:4']],
  ['a value over three lines', 'A="one\n# two\nB=three"\nC=3', ['A:1', 'C:4']],
  ['no sign, and an invalid name', '!!!\nA$=1\nB=2', ['B:3'], ['1: This line is neither a setting nor a comment.', '2: This line is neither a setting nor a comment.']],
  ['a quote that only another setting closes', 'A="1\nB="2"\nC=2', ['B:2', 'C:3'], ['1: A has a quote that is never closed.']],
  ['text after the closing quote', `A='1' B=2\nB=2`, ['B:2'], ['1: A has text after its closing quote.']],
  ['UTF-16', Buffer.from('\uFEFFA=1\n', 'utf16le').toString('utf8'), [], ['1: The file is not UTF-8 text.']],
])('lines: %s', (_, text, found, problems = []) => {
  const { entries, malformed } = readLines(text)
  expect(entries.map(({ name, line }) => `${name}:${line}`)).toEqual(found)
  expect(malformed.map(({ line, message }) => `${line}: ${message}`)).toEqual(problems)
})

test.each([['redis://r:6379/0', 'redis://r:6379/0'], ['pa$word#1', "'pa$word#1'"], ["it's", "'it\\'s'"]])('%s is written as %s', (value, written) => {
  expect(quoteValue(value)).toBe(written)
})

test.each<[title: string, text: string, setting: Partial<Setting>]>([
  ['everything in its comment', `# --- Web ---
# Signs sessions.
# @sensitive @type=string(minLength=3) @generate=hex(32)
# @service(web, worker)
A='two words'`, {
    name: 'A', line: 5, value: 'two words', isActive: true, default: '', heading: '# --- Web ---', required: true,
    sensitive: true, generate: 32, services: ['web', 'worker'], assignment: "A='two words'",
  }],
  ['one that is commented out', '# Port.\n# @type=port\n# A=1', { value: '1', isActive: false, default: '1', required: true, assignment: 'A=1' }],
  ['a rule of its own right below another setting', '# Both.\n# @optional\n# B=\n# @optional @default="y"\nA=x', { default: 'y', required: false }],
  ['the rule of the setting above, if it has none', '# Both.\n# @optional @type=port\n# B=1\n# A=2', { value: '2', isActive: false, required: false }],
  ['a comment that looks like a setting', '# Text, such as\n# B=1\n# or\n# @optional\nA=', { line: 5 }],
  ['a reference, which only Compose can resolve', '# Text.\n# @type=port\nA=${B}', { value: '${B}' }],
  ['a generated value, which is always a secret', '# @generate=hex(8)\nA=', { sensitive: true, generate: 8 }],
])('a setting of the example: %s', (_, text, setting) => {
  expect(parseSchema(text, 'example').byName.get('A')).toMatchObject(setting)
})

test.each<[type: string, good: string[], bad: string[], rule: string]>([
  ['string(minLength=3)', ['abc'], ['ab'], 'text of at least 3 characters'],
  ['string(startsWith=/)', ['/', '/healthz'], ['healthz'], 'text that begins with /'],
  ['number(min=0.5)', ['2', '0.5'], ['-9', '0', '1e3', '1.', ' '], 'a number of at least 0.5'],
  ['number(isInt=true, min=1)', ['1', '64'], ['0', '1.5'], 'a whole number of at least 1'],
  ['boolean', ['true', 'false'], ['True', '1'], 'true or false'],
  ['enum(uv, pip)', ['uv'], ['UV', 'poetry'], 'one of uv, pip'],
  ['port', ['1', '65535'], ['0', '65536', '80a', '8000-8009'], 'a port number from 1 to 65535'],
  ['url(public=true)', ['http://db:5432/a', 'sqlite:////data/db', 'redis://:p@r:6379/0'], ['db:5432', 'http://', 'http://a b'], 'a URL with its scheme, such as https://example.com or redis://redis:6379/0'],
  ['duration', ['30s', '1h30m', '1.5s'], ['30', '1d'], 'a duration such as 30s, 5m or 1h30m'],
  ['size', ['512m', '1.5gb', '64K'], ['512', '2t', '1 g'], 'a size such as 512m or 2g'],
])('a value of the form %s', (text, good, bad, rule) => {
  const { type } = parseSchema(`# @optional @type=${text}\nA=`, 'example').byName.get('A')!
  expect([...good, ...bad].filter((value) => fits(value, type))).toEqual(good)
  expect(words(type)).toBe(rule)
})

const schema = parseSchema(`
# --- Shop ---

# Name.
SHOP_NAME=shop

# Colour.
# @type=string
# COLOUR=blue

# --- Data ---

# Key.
# @optional @sensitive @generate=hex(2)
KEY=local-only
# Its owner.
# @optional
# OWNER=
# Spare key.
# @optional @sensitive @generate=hex(2)
# SPARE=
# URL.
# @optional
URL=http://\${KEY}@\${SHOP_NAME}/
`, 'example')

const random = (bytes: number): string => 'ab'.repeat(bytes)

test('a new file has the settings of the project, secrets of its own, and values that fit this machine', () => {
  const { text, generated } = newFile(schema, { OWNER: 'a b' }, random)
  expect(text.split('\n').slice(1).join('\n')).toBe(`
# --- Shop ---
SHOP_NAME=shop

# --- Data ---
KEY=abab
OWNER='a b'
URL=http://\${KEY}@\${SHOP_NAME}/
`)
  expect(generated).toEqual(['KEY'])
})

test.each<[title: string, awaited: string[], text: string, result: string]>([
  ['no setting with a default or with a value in the example', [], 'URL=u\n', 'URL=u\n'],
  ['no secret that is not needed', [], 'KEY=\n', 'KEY=\n'],
  ['an empty secret', ['KEY', 'SPARE'], 'SPARE=""\nKEY=mine', 'SPARE=abab\nKEY=mine\n'],
  ['the last of two', ['KEY'], 'KEY=\nKEY=\n', 'KEY=\nKEY=abab\n'],
  ['missing ones at the end', ['KEY', 'SPARE'], 'MINE=1', 'MINE=1\nKEY=abab\nSPARE=abab\n'],
  ['a secret above the line that refers to it', ['KEY'], '# why\nURL=${KEY:-x}\nA=1\n', '# why\nKEY=abab\nURL=${KEY:-x}\nA=1\n'],
  ['a secret whose name is only quoted', ['KEY'], "A='${KEY}'\nB=$$KEY\n", "A='${KEY}'\nB=$$KEY\nKEY=abab\n"],
  ['line endings of Windows', ['KEY'], 'A=1\r\nKEY=\r\n', 'A=1\r\nKEY=abab\r\n'],
])('completing a file: %s', (_, awaited, text, result) => {
  expect(withSecrets(schema, text, awaited, random).text).toBe(result)
  expect(withSecrets(schema, result, awaited, random)).toEqual({ text: result, generated: [] })
})

const sample = parseSchema(readFileSync('tests/fixtures/env.example', 'utf8'), 'example')

const production = {
  COMPOSE_FILE: 'compose.yaml:compose.production.yaml', POSTGRES_PASSWORD: '8d2e6a0b4c1f', REDIS_PASSWORD: '93b5d7f1a2c8', FLOWER_PASSWORD: '4f1c9b7e2a',
  S3_SECRET_ACCESS_KEY: 'c7a1e5b9d3f0', SECRET_KEY: 'e4a8c2f6b0d19573',
}

test('nothing is found in a file that is in order', () => {
  expect([{}, production].flatMap((edits) => findings(sample, fileWith(sample, edits)))).toEqual([])
})

test.each<[found: string, edits: Edits, around?: Around]>([
  ['E01 WEB_APP', { WEB_APP: "'" }],
  ['E02 WEB_PORT', { WEB_PORT: '1\nWEB_PORT=8000' }],
  ['E10 APP_DIR', { APP_DIR: '' }],
  ['E11 WEB_PORT', { WEB_PORT: '80a' }],
  ['E11 CELERY_APP', { CELERY_APP: 'shop/tasks.py' }],
  ['W13 WEB_PROT', { WEB_PROT: '1' }],
  ['E20 SECRET_KEY', { SECRET_KEY: 'changeme-changeme' }],
  ['E20 POSTGRES_PASSWORD', { ...production, POSTGRES_PASSWORD: 'postgres-local-only' }],
  ['E25 FLOWER_PASSWORD', { FLOWER_PASSWORD: '' }],
  ['E38 COMPOSE_PROFILES', { COMPOSE_PROFILES: 'postgres,redis,flowr' }],
  ['E40 REDIS_URL', { REDIS_URL: 'redis://:${REDIS_PASSWORD}@localhost:6379/0' }],
  ['E42 DATABASE_URL', { DATABASE_URL: 'postgresql://postgres:${POSTGRES_PASSWORD}@db:5433/app' }],
  ['E43 DATABASE_URL', { POSTGRES_PASSWORD: "'8d2e@a0b4c1f'" }],
  ['E44 REDIS_URL', { REDIS_URL: 'redis://redis:6379/0' }],
  ['E67 WEB_APP', { WEB_APP: '' }],
  ['W68 REDIS_URL', { COMPOSE_PROFILES: 'postgres' }],
  ['E75 COMPOSE_FILE', { ...production, COMPOSE_FILE: 'compose.yaml:compose.override.yaml:compose.production.yaml' }],
  ['E80 DATABASE_URL', { DATABASE_URL: 'postgresql://postgres:${POSTGRES_PASSWROD}@db:5432/app' }],
  ['W81 REDIS_PASSWORD', { REDIS_PASSWORD: '8d2e$wa0b4c1f9' }],
  ['E82 DATABASE_URL', { DATABASE_URL: 'mysql://postgres:${POSTGRES_PASSWORD}@db:5432/app' }],
  ['E85 APP_DIR', { APP_DIR: 'apps' }],
  ['E06', production, { git: 'tracked', mode: 0o644 }],
  ['W07', production, { git: 'ignored', mode: 0o640 }],
  ['W70 WEB_PORT', {}, { shell: { WEB_PORT: '9000', HTTP_PROXY: 'http://proxy:3128' } }],
])('%s %o', (code, edits, around) => {
  const text = fileWith(sample, edits)
  expect(codesOf(text, findings(sample, text, around))).toEqual([code])
})

describe('no finding holds a secret:', () => {
  const secret = 'hunter2hunter2'
  test.each<[title: string, edits: Edits]>([
    ['a secret of the wrong form', { SECRET_KEY: 'hunter2', REDIS_URL: `redis:${secret}` }],
    ['another setting that has it', { SECRET_KEY: secret, WEB_APP: `${secret}/a`, FLOWER_PORT: secret, APP_DIR: secret }],
    ['a password that is not encoded', { POSTGRES_PASSWORD: `'${secret}@'` }],
    ['an undeclared name', { TOKEN: secret }],
    ['a line that is half of it', { PORT: `1\n${secret}\nA="${secret}` }],
    ['a $ in it', { REDIS_PASSWORD: `x$${secret}` }],
  ])('%s', (_, edits) => {
    const found = findings(sample, fileWith(sample, edits))
    expect(found.length).toBeGreaterThan(0)
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })
})
