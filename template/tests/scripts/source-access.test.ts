/** Who may read and write what the application's containers mount. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkSourceAccess, findUnreadable, may } from '../../../scripts/lib/compose/source-access.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

test.each([
  [{ uid: 1001, gid: 1001 }, 0o700, true],
  [{ uid: 1002, gid: 1001 }, 0o750, true],
  [{ uid: 1002, gid: 1001 }, 0o705, false],
  [{ uid: 1002, gid: 1002 }, 0o744, false],
  [{ uid: 0, gid: 0 }, 0o000, true],
])('%j may read a folder of 1001 with the mode %o: %s', (user, mode, expected) => {
  expect(may(user, 0o5, { uid: 1001, gid: 1001, mode })).toBe(expected)
})

test('the first path that the containers may not read is found, except env files and folders that are never imported', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'source-'))
  chmodSync(folder, 0o755)
  for (const name of ['node_modules', 'shut']) mkdirSync(join(folder, name), { mode: 0o700 })
  writeFileSync(join(folder, '.env.docker'), 'SECRET_KEY=x', { mode: 0o600 })
  const owner = statSync(folder)
  const stranger = { uid: owner.uid + 1, gid: owner.gid + 1 }
  expect(findUnreadable(folder, stranger)).toBe(join(folder, 'shut'))
  expect(findUnreadable(folder, owner)).toBeUndefined()
  const args = { APP_UID: String(owner.uid), APP_GID: String(owner.gid) }
  const model = { name: 'shop', services: { migrate: { build: { args }, volumes: [{ type: 'bind', source: folder, target: '/app' }] } } }
  const stack = { envFile: '.env.docker', env: {} }
  const box = new Sandbox()
  box.enter()
  expect(await checkSourceAccess(stack, model, false)).toBeUndefined()
  // An access control list may allow it.
  expect(await checkSourceAccess(stack, model, true)).toBeUndefined()
  box.answer('compose-run', { code: 1 })
  await expect(checkSourceAccess(stack, model, true), 'in a rootless engine no user but root owns anything here').rejects.toMatchObject({
    exitCode: 3, hint: expect.stringMatching(/^Let everybody read the source: chmod -R a\+rX \S+\nThe engine is rootless/) as string,
  })
  expect(box.calls().at(-1)).toMatch(/ test migrate -r \/app\/shut$/)
  rmSync(folder, { recursive: true })
})
