import { describe, expect, test } from 'vitest'
import { complete, initialise, mask } from '../../../scripts/lib/env/init.ts'
import type { Source } from '../../../scripts/lib/env/init.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { example as ours, findingsOf } from '../helpers/env-check.ts'

const example = `# Head of the file.

# --- Web ---
# A note on the section.

# Port.
# @type=port
WEB_PORT=8000

# Arguments.
# @optional
WEB_ARGS='--a "b" $c'

# Secret.
# @required @sensitive @generate=hex(4)
SECRET_KEY=

# --- Data ---

# User.
APP_UID=1001

# Password.
# @optional @sensitive @generate=hex(2)
PASSWORD=local
`
const schema = parseSchema(example, 'example')

/** Every value is another one: twice the same text cannot be luck. */
function source(machine: Record<string, string> = {}): Source {
  let count = 0
  return { randomHex: (bytes) => `${(count += 1)}`.padStart(2 * bytes, 'f'), machine }
}

describe('a new file', () => {
  test('is the example with secrets and values of its own, and nothing else changed', () => {
    const { text, ...report } = initialise(schema, example, source({ APP_UID: '501', OTHER: 'x' }))
    expect(text).toBe(
      example
        .replace('SECRET_KEY=', 'SECRET_KEY=fffffff1')
        .replace('APP_UID=1001', 'APP_UID=501')
        .replace('PASSWORD=local', 'PASSWORD=fff2'),
    )
    expect(report).toEqual({
      generated: ['SECRET_KEY', 'PASSWORD'],
      kept: [],
      added: ['WEB_PORT', 'WEB_ARGS', 'SECRET_KEY', 'APP_UID', 'PASSWORD'],
      fitted: ['APP_UID'],
    })
  })

  test('quotes a path with a blank', () => {
    expect(initialise(schema, example, source({ APP_UID: '/my ca.pem' })).text).toContain("APP_UID='/my ca.pem'\n")
  })
})

/** Files that somebody may have. */
const existing: [title: string, text: string][] = [
  ['a complete file', initialise(schema, example, source()).text],
  ['a bare list', 'WEB_PORT=1\nSECRET_KEY=mine\n'],
  ['no final newline', 'PASSWORD=mine'],
  ['CRLF', '# mine\r\nWEB_PORT=1\r\n\r\nSECRET_KEY=mine\r\n'],
  ['a byte order mark', '\uFEFFWEB_PORT=1\n'],
  ['export, a colon and blanks', 'export WEB_PORT=1\nSECRET_KEY: mine\n  PASSWORD = mine # why\n'],
  ['hostile values', `WEB_ARGS='a # b $c'\nSECRET_KEY="a\\"b#$$"\nPASSWORD=a=b#c\n`],
  ['a value over several lines', 'SECRET_KEY="a\nWEB_PORT=2\nb" # c\nWEB_PORT=1\n'],
  ['duplicates', 'WEB_PORT=1\nWEB_PORT=2\nSECRET_KEY=\nSECRET_KEY=mine\n'],
  ['names of their own', 'MINE=1\n\n# --- Data ---\n\nAPP_UID=7\nOTHER=2\n'],
  ['an empty secret', '# --- Web ---\nSECRET_KEY=\nWEB_PORT=1\nPASSWORD=\n'],
  ['only comments', '# nothing yet\n'],
]

describe.each(existing)('an existing file: %s', (_, text) => {
  const first = complete(schema, text, source({ APP_UID: '501' }))

  test('keeps every line that says something', () => {
    const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^SECRET_KEY=$/.test(line))
    const rest = first.text.split('\n')
    // In order: each line is found behind the one before it.
    for (const line of lines) {
      const index = rest.indexOf(line)
      expect(index, line).toBeGreaterThanOrEqual(0)
      rest.splice(0, index + 1)
    }
  })

  test('has every setting afterwards', () => {
    for (const { name } of schema.settings) expect(first.text).toMatch(new RegExp(`(^|\\s|\uFEFF)${name} ?[=:]`))
  })

  test('is not changed by a second time', () => {
    const second = complete(schema, first.text, source({ APP_UID: '502' }))
    expect(second.text).toBe(first.text)
    expect(second).toMatchObject({ generated: [], added: [], fitted: [] })
    expect(second.kept).toHaveLength(schema.settings.length)
  })
})

describe('a missing setting is added', () => {
  const added = (text: string): string => complete(schema, text, source()).text

  test('behind its neighbour in the section, with its comment', () => {
    const [behind] = added('WEB_PORT=1\n# mine\nMINE=2\n').split('# mine')
    expect(behind).toBe(`WEB_PORT=1

# Arguments.
# @optional
WEB_ARGS='--a "b" $c'

# Secret.
# @required @sensitive @generate=hex(4)
SECRET_KEY=fffffff1
`)
  })

  test('behind the heading when the section has no neighbour before it', () => {
    const text = added('# --- Web ---\nWEB_ARGS=1\n')
    expect(text).toMatch(/^# --- Web ---\n\n# Port\.\n# @type=port\nWEB_PORT=8000\nWEB_ARGS=1\n/)
  })

  test('at the end, under one heading, when the section is not there', () => {
    const text = added('WEB_PORT=1\n')
    expect(text.match(/# --- Data ---/g)).toHaveLength(1)
    expect(text).toMatch(/\n\n# --- Data ---\n\n# User\.\nAPP_UID=1001\n\n# Password\.\n.*\nPASSWORD=f+2\n$/)
  })

  test('with the line ends of the file', () => {
    expect(added('WEB_PORT=1\r\n').match(/[^\r]\n/g)).toBeNull()
  })
})

describe('what is added stands above what refers to it', () => {
  const stack = parseSchema(ours, '.env.docker.example')
  let count = 0
  const strong: Source = { randomHex: (bytes) => `${(count += 1)}-8d2e6a0b4c1f`.padEnd(2 * bytes, '93b5d7'), machine: {} }
  const completed = (text: string): string => complete(stack, text, strong).text
  const lineOf = (name: string): string => new RegExp(`^${name}=.*$`, 'm').exec(ours)![0]
  const headings = [...new Set(stack.settings.map(({ heading }) => heading!))]
  const without = (heading: string, text = ours): string => text.replace(new RegExp(`^${heading}$[^]*?(?=^# --- |$(?![^]))`, 'm'), '')

  test.each(headings)('in a file without %s, which comes to where it was', (heading) => {
    const text = completed(without(heading))
    expect(text.match(/^# --- .*/gm)).toEqual(headings)
    expect(findingsOf(text)).toEqual([])
  })

  test.each<[title: string, text: string]>([
    ['a URL alone', lineOf('DATABASE_URL')],
    ['a bare list', ['POSTGRES_PASSWORD', 'DATABASE_URL', 'REDIS_URL'].map(lineOf).join('\n')],
    ['a bare list the other way round', ['REDIS_URL', 'DATABASE_URL'].map(lineOf).join('\n')],
    ['a section that was moved to the top', `# --- Data ---\n${lineOf('REDIS_URL')}\n\n${without('# --- Data ---', without('# --- Redis ---'))}`],
    ['the heading of a section at the top', `# --- Data ---\n\n${without('# --- Data ---')}`],
    ['another URL with a comment', `# The application's.\nAPP_URL=\${DATABASE_URL}\n`],
    ['a value over several lines before it', `APP_NOTE='one\n# two\n\nthree'\n${lineOf('REDIS_URL')}\n`],
    ['a byte order mark', `\uFEFF${lineOf('REDIS_URL')}\n`],
  ])('%s', (_, text) => {
    const result = completed(text)
    const own = ['W05', 'W13']
    expect(findingsOf(result).filter(({ code }) => !own.includes(code))).toEqual([])
    expect(result.replaceAll(/^\uFEFF?\s*$/gm, '')).toContain(text.trim().split('\n').at(-1))
    expect(completed(result)).toBe(result)
  })

  test('with its comment, and the comment of the other one stays with it', () => {
    const text = completed(`WEB_PORT=8000\n\n# Mine.\n${lineOf('REDIS_URL')}\n`)
    expect(text).toMatch(/\nDEBUG_PORT=\n\n# --- Redis ---\n\n# Valkey[^]*\nREDIS_PASSWORD=.+\n[^]*\nREDIS_MAXMEMORY=256mb\n\n# Mine\.\nREDIS_URL=/m)
  })
})

test('an empty secret that may be empty is filled when a service waits for it', () => {
  const { text, generated } = complete(schema, 'SECRET_KEY=a\nPASSWORD=""\nWEB_PORT=1\nWEB_ARGS=\nAPP_UID=1\n', { ...source(), awaited: new Set(['PASSWORD', 'WEB_ARGS']) })
  expect(text).toBe('SECRET_KEY=a\nPASSWORD=fff1\nWEB_PORT=1\nWEB_ARGS=\nAPP_UID=1\n')
  expect(generated).toEqual(['PASSWORD'])
})

test('an empty secret is filled when it is required, and left when it may be empty', () => {
  const { text, generated } = complete(schema, "SECRET_KEY=''\nPASSWORD=\nWEB_PORT=1\nWEB_ARGS=\nAPP_UID=1\n", source())
  expect(text).toBe('SECRET_KEY=fffffff1\nPASSWORD=\nWEB_PORT=1\nWEB_ARGS=\nAPP_UID=1\n')
  expect(generated).toEqual(['SECRET_KEY'])
})

test('a complete file stays as it is, byte for byte', () => {
  const text = 'SECRET_KEY=a\r\nPASSWORD=\nWEB_PORT=1\n\n\nWEB_ARGS=\nAPP_UID=1'
  expect(complete(schema, text, source()).text).toBe(text)
})

test('of two lines with the same secret, the one that counts decides', () => {
  expect(complete(schema, 'SECRET_KEY=\nSECRET_KEY=mine\n', source()).generated).toEqual(['PASSWORD'])
})

describe('the text as it may be shown', () => {
  test('has no secret in it', () => {
    const shown = mask(schema, [
      'SECRET_KEY=hunter2', 'PASSWORD="hunter2', 'hunter2"', 'TOKEN=hunter2', '# PASSWORD=hunter2', '#TOKEN=hunter2',
      'WEB_ARGS=http://u:hunter2@host', 'export SECRET_KEY=hunter2',
    ].join('\n'))
    expect(shown).not.toContain('hunter2')
    expect(shown.match(/\*{8}/g)).toHaveLength(7)
  })

  test('has everything else', () => {
    expect(mask(schema, example)).toBe(example.replace('PASSWORD=local', 'PASSWORD=********'))
  })
})
