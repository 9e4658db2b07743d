import { expect, test } from 'vitest'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { sync } from '../../../scripts/lib/env/sync.ts'
import { readText } from '../helpers/repository.ts'

const schema = parseSchema(`
# --- Shop ---
# Name.
# @was(TITLE, SHOP_TITLE)
SHOP_NAME=shop
# Key.
# @required @sensitive @generate=hex(2)
KEY=
# URL.
# @optional
URL=\${SHOP_NAME}
`, 'example')
const source = { randomHex: (bytes: number) => 'ab'.repeat(bytes), machine: {} }

test.each<[title: string, text: string, result: string]>([
  ['an old name', 'TITLE=a\nKEY=k\nURL=u\n', 'SHOP_NAME=a\nKEY=k\nURL=u\n'],
  ['an older one', 'KEY=k\nexport SHOP_TITLE = "a b" # c\nURL=u\n', 'KEY=k\nexport SHOP_NAME = "a b" # c\nURL=u\n'],
  ['references to it', 'TITLE=a\nKEY=k\nURL=x-${TITLE}-$TITLE-${TITLE:-${TITLE}}-$TITLES\n', 'SHOP_NAME=a\nKEY=k\nURL=x-${SHOP_NAME}-$SHOP_NAME-${SHOP_NAME:-${SHOP_NAME}}-$TITLES\n'],
  ['what only looks like one', "TITLE=a\nKEY=k\nURL='${TITLE}'\n", "SHOP_NAME=a\nKEY=k\nURL='${TITLE}'\n"],
  ['an escaped one', 'TITLE=a\nKEY=k\nURL=$${TITLE}\n', 'SHOP_NAME=a\nKEY=k\nURL=$${TITLE}\n'],
  ['an old name beside the new one', 'TITLE=a\nSHOP_NAME=b\nKEY=k\nURL=u\n', 'TITLE=a\nSHOP_NAME=b\nKEY=k\nURL=u\n'],
  ['a value over two lines', 'TITLE=a\nKEY=k\nURL="u\n$TITLE"\n', 'SHOP_NAME=a\nKEY=k\nURL="u\n$SHOP_NAME"\n'],
  ['line endings of Windows', 'TITLE=a\r\nKEY=k\r\nURL=u\r\n', 'SHOP_NAME=a\r\nKEY=k\r\nURL=u\r\n'],
  ['a missing secret', 'SHOP_NAME=a\nURL=u\n', 'SHOP_NAME=a\n\n# Key.\n# @required @sensitive @generate=hex(2)\nKEY=abab\nURL=u\n'],
])('%s', (_, text, result) => {
  const { text: once } = sync(schema, text, source)
  expect(once).toBe(result)
  expect(sync(schema, once, source).text).toBe(once)
})

test('an old name beside the new one is reported', () => {
  expect(sync(schema, 'TITLE=a\nSHOP_NAME=b\nKEY=k\nURL=u\n', source)).toMatchObject({ renamed: [], superseded: [{ name: 'TITLE', line: 1, by: 'SHOP_NAME' }] })
})

test('the example itself is up to date', () => {
  const text = readText('.env.docker.example')
  expect(sync(parseSchema(text, 'example'), text, source)).toEqual({
    text, added: [], generated: [], renamed: [], superseded: [], deprecated: [], undeclared: [],
  })
})

test('a name is either old or there', () => {
  expect(() => parseSchema('# A.\n# @was(B)\nA=1\n# B.\nB=1\n', 'example')).toThrow('breaks its own rules')
})
