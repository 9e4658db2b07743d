import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isFull, roomOf, saysFull } from '../../../scripts/lib/engine/disk.ts'

const folder = mkdtempSync(join(tmpdir(), 'disk-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device', true],
  ["E: You don't have enough free space in /var/cache/apt/archives/.", true],
  ['OSError: [Errno 122] Disk quota exceeded', true],
  ['fatal: remaining connection slots are reserved', false],
])('%j is about a full disk: %s', (text, expected) => {
  expect(saysFull(text)).toBe(expected)
})

test('the room of a folder is known, and of one that is not there it is not', async () => {
  const room = await roomOf(folder)
  expect(room?.folder).toBe(folder)
  expect(room?.megabytes).toBeGreaterThan(0)
  expect(await roomOf(join(folder, 'none'))).toBeUndefined()
})

test('a disk is full when next to nothing is left', () => {
  expect(isFull({ folder, megabytes: 0 })).toBe(true)
  expect(isFull({ folder, megabytes: 500 })).toBe(false)
})
