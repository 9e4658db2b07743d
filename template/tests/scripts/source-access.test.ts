import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkAppCa, findUnreadable, mayRead } from '../../../scripts/lib/explain/source-access.ts'

test.each([
  ['the owner, with a mode for the owner alone', { uid: 1001, gid: 1001 }, 0o600, false, true],
  ['a stranger, with a mode for the owner alone', { uid: 1002, gid: 1002 }, 0o600, false, false],
  ['a member of the group', { uid: 1002, gid: 1001 }, 0o640, false, true],
  ['a stranger, with a mode for everybody', { uid: 1002, gid: 1002 }, 0o644, false, true],
  ['the owner who shut himself out', { uid: 1001, gid: 1002 }, 0o044, false, false],
  ['a stranger in a folder that can be read and not entered', { uid: 1002, gid: 1002 }, 0o744, true, false],
  ['a stranger in a folder of everybody', { uid: 1002, gid: 1002 }, 0o755, true, true],
  ['root', { uid: 0, gid: 0 }, 0o000, true, true],
])('%s may read: as the mode says', (_, user, mode, isFolder, expected) => {
  expect(mayRead(user, { uid: 1001, gid: 1001, mode }, isFolder)).toBe(expected)
})

test('a CA that is named and not there is a mistake in the settings, and no CA is none', () => {
  expect(() => checkAppCa({ APP_CA_FILE: 'no/such.pem' })).toThrow('APP_CA_FILE names no/such.pem, and there is no such file.')
  expect(() => checkAppCa({ APP_CA_FILE: 'docker/no-extra-ca.pem' })).not.toThrow()
  expect(() => checkAppCa({ APP_CA_FILE: '' })).not.toThrow()
})

describe('what a user may not read below a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'source-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const { uid, gid } = lstatSync(folder)
  const stranger = { uid: uid + 1, gid: gid + 1 }
  chmodSync(folder, 0o755)
  for (const [name, mode] of [['open', 0o755], ['node_modules', 0o700], ['shut', 0o700]] as const) {
    mkdirSync(join(folder, name))
    chmodSync(join(folder, name), mode)
  }
  writeFileSync(join(folder, 'shut', 'views.py'), '')
  symlinkSync('/nowhere', join(folder, 'open', 'link'))

  test('is the first of it, and not what nobody imports from', () => {
    expect(findUnreadable(folder, stranger)).toBe(join(folder, 'shut'))
  })

  test('is nothing for its owner, where everybody may read, and where nothing is', () => {
    expect(findUnreadable(folder, { uid, gid })).toBeUndefined()
    expect(findUnreadable(join(folder, 'open'), stranger)).toBeUndefined()
    expect(findUnreadable(join(folder, 'none'), stranger)).toBeUndefined()
  })
})
