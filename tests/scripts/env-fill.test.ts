import { expect, test } from 'vitest'
import { complete, initialise, sync } from '../../scripts/lib/env/fill.ts'
import type { Source } from '../../scripts/lib/env/fill.ts'
import { parseSchema } from '../../scripts/lib/env/schema.ts'
import { mask } from '../../scripts/lib/env/shown.ts'

const schema = parseSchema(`
# --- Shop ---

# Name.
# @was(TITLE)
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

const source = (awaited: string[] = [], machine: Record<string, string> = {}): Source =>
  ({ randomHex: (bytes) => 'ab'.repeat(bytes), machine, awaited: new Set(awaited) })

test('a new file has what the project says of itself, secrets of its own, and what fits this machine', () => {
  const { text, ...report } = initialise(schema, source([], { OWNER: 'a b' }))
  expect(text.split('\n').slice(2).join('\n')).toBe(`
# --- Shop ---
SHOP_NAME=shop

# --- Data ---
KEY=abab
OWNER='a b'
URL=http://\${KEY}@\${SHOP_NAME}/
`)
  expect(report).toEqual({ generated: ['KEY'], kept: [], added: ['SHOP_NAME', 'KEY', 'OWNER', 'URL'], fitted: ['OWNER'] })
})

test.each<[title: string, awaited: string[], text: string, result: string]>([
  ['nothing that has a default, nor a value of the example', [], 'URL=u\n', 'URL=u\n'],
  ['a secret that nobody waits for', [], 'KEY=\n', 'KEY=\n'],
  ['an empty secret', ['KEY', 'SPARE'], 'SPARE=""\nKEY=mine', 'SPARE=abab\nKEY=mine\n'],
  ['the last of two', ['KEY'], 'KEY=\nKEY=\n', 'KEY=\nKEY=abab\n'],
  ['a missing one at the end', ['KEY'], '# mine\nMINE=1 # x\n', '# mine\nMINE=1 # x\nKEY=abab\n'],
  ['one above what refers to it, and above its comment', ['KEY'], 'A="\n# no comment"\n# why\nURL=${KEY:-x}\n', 'A="\n# no comment"\nKEY=abab\n# why\nURL=${KEY:-x}\n'],
  ['one that is only named', ['KEY'], "A='${KEY}'\nB=$$KEY\n", "A='${KEY}'\nB=$$KEY\nKEY=abab\n"],
  ['line endings of Windows', ['KEY'], '\uFEFFA=1\r\nKEY=\r\n', '\uFEFFA=1\r\nKEY=abab\r\n'],
])('completing a file: %s', (_, awaited, text, result) => {
  expect(complete(schema, text, source(awaited)).text).toBe(result)
  expect(complete(schema, result, source(awaited)).text).toBe(result)
})

test.each<[title: string, text: string, result: string]>([
  ['an old name', 'TITLE=a\nURL=u\n', 'SHOP_NAME=a\nURL=u\n'],
  ['how it was written', 'export TITLE = "a b" # c\n', 'export SHOP_NAME = "a b" # c\n'],
  ['references to it', 'TITLE=a\nURL=x-${TITLE}-$TITLE-${TITLE:-${TITLE}}-$TITLES\n', 'SHOP_NAME=a\nURL=x-${SHOP_NAME}-$SHOP_NAME-${SHOP_NAME:-${SHOP_NAME}}-$TITLES\n'],
  ['what only looks like one', "TITLE=a\nURL='${TITLE}'\nB=$${TITLE}\n", "SHOP_NAME=a\nURL='${TITLE}'\nB=$${TITLE}\n"],
  ['an old name beside the new one', 'TITLE=a\nSHOP_NAME=b\n', 'TITLE=a\nSHOP_NAME=b\n'],
  ['a value over two lines', 'TITLE=a\nURL="u\n$TITLE"\n', 'SHOP_NAME=a\nURL="u\n$SHOP_NAME"\n'],
  ['line endings of Windows', 'TITLE=a\r\n', 'SHOP_NAME=a\r\n'],
  ['a file that has moved', 'COMPOSE_FILE=compose.yaml:docker/offline/compose.yaml\nMINE=docker/offline/compose.yaml\n', 'COMPOSE_FILE=compose.yaml:extras/offline/compose.yaml\nMINE=docker/offline/compose.yaml\n'],
])('bringing a file up to date: %s', (_, text, result) => {
  expect(sync(schema, text, source()).text).toBe(result)
  expect(sync(schema, result, source())).toMatchObject({ text: result, renamed: [], moved: [] })
})

test('what is left to the owner is reported with its line', () => {
  expect(sync(schema, 'MINE=1\nTITLE=a\nSHOP_NAME=b\nDOCKER_HOST=x\n', source())).toMatchObject({
    superseded: [{ name: 'TITLE', line: 2, by: 'SHOP_NAME' }], undeclared: [{ name: 'MINE', line: 1 }],
  })
})

test('a text that is shown has no secret in it', () => {
  expect(mask(schema, 'SHOP_NAME=a\nKEY="x\ny"\nURL=http://u:x@h\nMINE=x\n# KEY=x\n# words\nOWNER=me\n')).toBe(
    'SHOP_NAME=a\nKEY=********\nURL=********\nMINE=********\n# KEY=********\n# words\nOWNER=me\n')
})
