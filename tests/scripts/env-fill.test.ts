/** How an env file is made, gets the secrets that it lacks and the names of today, and is shown. */
import { expect, test } from 'vitest'
import { mask, parseSchema } from '../../scripts/lib/env/schema.ts'
import { newFile, withNewNames, withSecrets } from '../../scripts/lib/env/write.ts'

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

const random = (bytes: number): string => 'ab'.repeat(bytes)

test('a new file has what the project says of itself, secrets of its own, and what fits this machine', () => {
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
  ['nothing that has a default, nor a value of the example', [], 'URL=u\n', 'URL=u\n'],
  ['a secret that nobody waits for', [], 'KEY=\n', 'KEY=\n'],
  ['an empty secret', ['KEY', 'SPARE'], 'SPARE=""\nKEY=mine', 'SPARE=abab\nKEY=mine\n'],
  ['the last of two', ['KEY'], 'KEY=\nKEY=\n', 'KEY=\nKEY=abab\n'],
  ['missing ones at the end', ['KEY', 'SPARE'], 'MINE=1', 'MINE=1\nKEY=abab\nSPARE=abab\n'],
  ['one above what refers to it', ['KEY'], '# why\nURL=${KEY:-x}\nA=1\n', '# why\nKEY=abab\nURL=${KEY:-x}\nA=1\n'],
  ['one that is only named', ['KEY'], "A='${KEY}'\nB=$$KEY\n", "A='${KEY}'\nB=$$KEY\nKEY=abab\n"],
  ['line endings of Windows', ['KEY'], 'A=1\r\nKEY=\r\n', 'A=1\r\nKEY=abab\r\n'],
])('completing a file: %s', (_, awaited, text, result) => {
  expect(withSecrets(schema, text, awaited, random).text).toBe(result)
  expect(withSecrets(schema, result, awaited, random)).toEqual({ text: result, generated: [] })
})

test.each<[title: string, text: string, result: string]>([
  ['an old name, however it was written', 'export TITLE = "a b" # c\r\n', 'export SHOP_NAME = "a b" # c\r\n'],
  ['references to it', 'TITLE=a\nURL="x-${TITLE}\n$TITLE-${TITLE:-${TITLE}}-$TITLES"\n', 'SHOP_NAME=a\nURL="x-${SHOP_NAME}\n$SHOP_NAME-${SHOP_NAME:-${SHOP_NAME}}-$TITLES"\n'],
  ['what only looks like one', "TITLE=a\nURL='${TITLE}'\nB=$${TITLE}\n", "SHOP_NAME=a\nURL='${TITLE}'\nB=$${TITLE}\n"],
  ['an old name beside the new one', 'TITLE=a\nSHOP_NAME=b\n', 'TITLE=a\nSHOP_NAME=b\n'],
])('names of today: %s', (_, text, result) => {
  expect(withNewNames(schema, text).text).toBe(result)
  expect(withNewNames(schema, result)).toEqual({ text: result, renamed: [] })
})

test('a text that is shown has no secret in it', () => {
  expect(mask(schema, 'SHOP_NAME=a\nKEY="x\ny"\nURL=http://u:x@h\nMINE=x\n# KEY=x\n# words\nOWNER=me\n')).toBe(
    'SHOP_NAME=a\nKEY=********\nURL=********\nMINE=********\n# KEY=********\n# words\nOWNER=me\n')
})
