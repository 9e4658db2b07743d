import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { env as command } from '../../../scripts/env.ts'
import { loadOfflineRoom, type OfflineRoom } from '../../../scripts/lib/rooms.ts'
import { Sandbox, type Outcome } from '../../../tests/helpers/sandbox.ts'

// For what is asked in this process.
vi.mock(import('../../../scripts/lib/rooms.ts'), async (original) => ({ ...(await original()), loadOfflineRoom: vi.fn<typeof loadOfflineRoom>() }))
vi.mock(import('node:fs'), async (original) => {
  const fs = await original()
  return { ...fs, existsSync: (path) => !/^\/(var\/run|usr)\/.*docker/.test(String(path)) && fs.existsSync(path) }
})

const example = `# Services.
# @optional
COMPOSE_PROFILES=shop

# Port.
# @type=port
# WEB_PORT=8000

# Secret.
# @optional @sensitive @type=string(minLength=16) @generate=hex(16)
SECRET_KEY=local-only-local-only

# Password.
# @optional @sensitive @generate=hex(8) @service(shop)
# SHOP_PASSWORD=

# Name.
# @optional
# COMPOSE_PROJECT_NAME=

# Owner.
# @type=number
# APP_UID=1001

# Certificates.
# @optional
# EXTRA_CA_FILE=
`
const good = 'COMPOSE_PROFILES=\nSECRET_KEY=0123456789abcdef\n'

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
  box.write('.env.docker.example', example)
  // What these tests ask about does not depend on Compose.
  for (const name of ['compose-config', 'compose-config-reader', 'compose-config-files']) box.answer(name, { out: '', err: 'docker: command not found\n', code: 127 })
})

function write(name: string, text: string): void {
  box.write(name, text)
  chmodSync(join(box.folder, name), 0o600)
}
const read = (name = '.env.docker'): string => box.read(name)
const run = (args = '', env: Record<string, string> = {}): Promise<Outcome> => box.run('env', args.split(' ').filter(Boolean), { env })
const modeOf = (file: string): number => statSync(join(box.folder, file)).mode & 0o777

test('in a shell without Compose the one of a private engine that runs is asked', async () => {
  box.enter()
  vi.stubEnv('DOCKER_HOST', undefined)
  write('.env.docker', `${good}WEB_PORT='$1'\n`)
  box.answer('version', { out: { Client: { Context: 'default' }, Server: null }, err: 'Cannot connect', code: 1 })
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const offerEngine: OfflineRoom['offerEngine'] = () => {
    box.answer('version', { out: { Client: {}, Server: { Version: '28.5.1' } }, err: '', code: 0 })
    for (const name of ['reader', 'files']) {
      box.answer(`compose-config-${name}`, { out: { services: { reader: { environment: { WEB_PORT: '$$1' } } } }, err: '', code: 0 })
    }
    return Promise.resolve({ running: { dir: '/private', environment: {} } })
  }
  vi.mocked(loadOfflineRoom).mockResolvedValue({ isPrivate: () => false, offerEngine } as Partial<OfflineRoom> as OfflineRoom)
  await command.run({ 'env-file': '.env.docker' }, [])
  const words = said.mock.calls.join('')
  said.mockRestore()
  expect(words).not.toContain('did not answer')
  expect(words).toContain('WEB_PORT has to be a port number')
  process.exitCode = 0
})

test('the settings of a room are settings, and a file beside the rooms is no room', async () => {
  box.write('extras/package.json', '{}')
  box.write('extras/offline/env.docker.example', '# Room.\n# @type=port\n# ROOM_PORT=1\n')
  write('.env.docker', `${good}ROOM_PORT=x\n`)
  expect((await run()).stderr).toContain('ROOM_PORT has to be a port number')
})

test.each<[title: string, text: string | null, args: string, code: number, sentences: string[]]>([
  ['no file', null, '--env-file none.env', 3, ['✗ none.env  The file does not exist. (E08)', '→ Make it from the example: npm run env -- --env-file none.env --init\n']],
  ['a good file', good, '--strict', 0, ['Compose did not answer (docker is not installed)', '✓ .env.docker: 2 settings, 0 errors, 0 warnings\n']],
  ['a warning', `${good}WEB_PROT=1\n`, '', 0, ['! .env.docker:3  WEB_PROT is not declared', '→ Did you mean WEB_PORT?', '1 warning\n']],
  ['a warning under --strict', `${good}MINE=1\n`, '--strict', 3, ['MINE is not declared', '1 warning\n']],
  ['an error', `${good}WEB_PORT=80a\n`, '', 3, ['✗ .env.docker:3  WEB_PORT has to be a port number from 1 to 65535; it is "80a". (E11)', '1 error, 0 warnings\n']],
  ['an unknown flag', good, '--jsno', 2, []],
  ['two modes', good, '--init --print WEB_PORT', 2, ['--init and --print are two things']],
  ['--show-secret alone', good, '--show-secret', 2, ['--show-secret needs --print']],
  ['a misspelt name to print', good, '--print WEB_PROT', 2, ['Did you mean WEB_PORT?']],
  ['a secret to print', good, '--print SECRET_KEY', 2, ['SECRET_KEY is a secret, or may be one']],
  ['what may be a secret', `${good}MINE=http://u:hunter2@x/\n`, '--print MINE', 2, ['MINE is a secret, or may be one']],
  ['a value to print that only Compose can read', 'WEB_PORT=80$0\n', '--print WEB_PORT', 3, ['WEB_PORT cannot be read: docker is not installed.']],
  ['an unreadable line', 'A=1\nSECRET_KEY="hunter2\n', '--init', 3, ['.env.docker:2 cannot be read, so nothing is added to the file.']],
  ['a folder that is not there', null, '--init --env-file no/such', 3, ['✗ no/such cannot be written: no such file or directory.\n']],
])('%s', async (_, text, args, code, sentences) => {
  if (text !== null) write('.env.docker', text)
  const outcome = await run(args)
  for (const sentence of sentences) expect(outcome.stderr).toContain(sentence)
  expect(outcome).toMatchObject({ code, stdout: '' })
  if (text !== null) expect(read()).toBe(text)
})

test('--json prints one object, also when something is wrong', async () => {
  write('.env.docker', `${good}WEB_PORT=80a\n`)
  const { code, stdout } = await run('--json')
  expect(code).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false, file: '.env.docker', leftOut: 'docker is not installed', findings: [{ code: 'E11', severity: 'error', line: 3, setting: 'WEB_PORT' }],
  })
})

test('--print prints one value, as Compose takes it, and nothing else', async () => {
  write('.env.docker', 'WEB_PORT=8001\nSECRET_KEY=0123456789abcdef\n')
  expect(await run('--print WEB_PORT')).toEqual({ code: 0, stdout: '8001\n', stderr: '' })
  expect((await run('--print WEB_PORT', { WEB_PORT: '9' })).stdout).toBe('9\n')
  expect((await run('--print SECRET_KEY --show-secret')).stdout).toBe('0123456789abcdef\n')
  expect((await run('--print APP_UID')).stdout).toBe('1001\n')
  // The example's values for its own project are not defaults for others.
  expect((await run('--print COMPOSE_PROFILES')).stdout).toBe('\n')
})

test('--init makes a short file that only its owner can read, with new secrets each time', async () => {
  write('ca.pem', '')
  const { stdout, stderr } = await run('--init', { SSL_CERT_FILE: '/no/such.pem', PIP_CERT: join(box.folder, 'ca.pem') })
  expect(stdout).toBe('')
  expect(stderr).toContain('✓ .env.docker written: 2 generated (SECRET_KEY, SHOP_PASSWORD), ')
  expect(read()).toMatch(/^SECRET_KEY=[0-9a-f]{32}\nSHOP_PASSWORD=[0-9a-f]{16}$/m)
  expect(read()).toMatch(/^EXTRA_CA_FILE='.*\/ca\.pem'$/m)
  expect(read()).not.toMatch(/WEB_PORT|COMPOSE_PROJECT_NAME/)
  expect(modeOf('.env.docker')).toBe(0o600)
  expect(JSON.parse((await run('--init --json --env-file b.env')).stdout)).toMatchObject({ ok: true, file: 'b.env', generated: ['SECRET_KEY', 'SHOP_PASSWORD'], written: true })
  expect(read('b.env').match(/SECRET_KEY=.*/)).not.toEqual(read().match(/SECRET_KEY=.*/))
})

test.each<[title: string, changes: [old: string, changed: string][], room: string, lines: RegExp]>([
  ['of a service that is off', [['PROFILES=shop', 'PROFILES=']], '', /^COMPOSE_PROFILES=\nSECRET_KEY=.*\n$/],
  ['of a room', [['PROFILES=shop', 'PROFILES=mail']], 'MAIL', /^COMPOSE_PROFILES=mail\nSECRET_KEY=.*\nMAIL_PASSWORD=.{16}\n$/],
  ['of a room that the project names', [['PROFILES=shop', 'PROFILES=mail\nMAIL_PASSWORD=']], 'MAIL', /^COMPOSE_PROFILES=mail\nSECRET_KEY=.*\nMAIL_PASSWORD=.{16}\n$/],
  ['and the default that a URL of the project refers to', [['# Name.', '# URL.\nURL=http://${SHOP_PASSWORD}@x:${WEB_PORT}\n\n# Name.']], '',
    /^COMPOSE_PROFILES=shop\nWEB_PORT=8000\nSECRET_KEY=.*\nSHOP_PASSWORD=.{16}\nURL=.*\n$/],
])('the first --init makes each secret %s', async (_, changes, room, lines) => {
  box.write('.env.docker.example', changes.reduce((text, [old, changed]) => text.replace(old, () => changed), example))
  if (room) box.write('extras/offline/env.docker.example', `# Room.\n# @optional @generate=hex(8) @service(mail)\n# ${room}_PASSWORD=\n`)
  await run('--init')
  expect(read().split('\n').filter((line) => !/^(#|$|APP_[UG]ID|EXTRA_CA)/.test(line)).join('\n') + '\n').toMatch(lines)
  expect((await run('--init')).stderr).toContain('nothing to add')
})

test('--init leaves a secret empty that the example leaves empty, unless a service needs it', async () => {
  box.write('.env.docker.example', example.replace('local-only-local-only', '').replace('# SHOP_PASSWORD=', 'SHOP_PASSWORD='))
  const { stderr } = await run('--init')
  expect(read().split('\n').filter((line) => /^(SECRET_KEY|SHOP_PASSWORD)=/.test(line))).toEqual(['SECRET_KEY=', expect.stringMatching(/^SHOP_PASSWORD=[\da-f]{16}$/)])
  expect(stderr).toContain('1 generated (SHOP_PASSWORD)')
})

test('--init adds what an enabled service needs, through a link, and changes nothing the second time', async () => {
  mkdirSync(join(box.folder, 'elsewhere'))
  write('elsewhere/env', 'COMPOSE_PROFILES=shop')
  symlinkSync('elsewhere/env', join(box.folder, '.env.docker'))
  expect((await run('--init')).stderr).toContain('✓ .env.docker written: 1 generated (SHOP_PASSWORD)\n')
  const once = read('elsewhere/env')
  expect(once).toMatch(/^COMPOSE_PROFILES=shop\nSHOP_PASSWORD=[\da-f]{16}\n$/)
  expect((await run('--init')).stderr).toContain('✓ .env.docker is up to date: nothing to add\n')
  expect(read('elsewhere/env')).toBe(once)
})

test('--dry-run says what would change, and writes nothing', async () => {
  expect((await run('--init --dry-run')).stderr).toContain('.env.docker was not written. This would be done: 2 generated (SECRET_KEY, SHOP_PASSWORD)')
  write('.env.docker', 'COMPOSE_PROFILES=shop\n')
  expect(await run('--sync --dry-run')).toEqual({
    code: 0, stdout: '', stderr: '.env.docker was not written. This would be done: 1 generated (SHOP_PASSWORD)\n',
  })
  expect(read()).toBe('COMPOSE_PROFILES=shop\n')
  expect(readdirSync(box.folder).filter((name) => name.startsWith('.env')).toSorted()).toEqual(['.env.docker', '.env.docker.example'])
})

test('--sync adds the secrets of a newer template, keeps every value, and does nothing the second time', async () => {
  write('.env.docker', 'COMPOSE_PROFILES=shop\nMINE=1')
  expect((await run('--sync')).stderr).toContain('.env.docker written: 1 generated (SHOP_PASSWORD)')
  expect(read()).toMatch(/^COMPOSE_PROFILES=shop\nMINE=1\nSHOP_PASSWORD=[\da-f]{16}\n$/)
  expect(modeOf('.env.docker')).toBe(0o600)
  expect(JSON.parse((await run('--sync --json')).stdout)).toMatchObject({ ok: true, written: false, generated: [] })
})

test.runIf(process.getuid?.() === 0)('as root in the folder of another user, --init makes that user the owner', async () => {
  spawnSync('chown', ['1234:2345', box.folder])
  await run('--init')
  expect(statSync(join(box.folder, '.env.docker'))).toMatchObject({ uid: 1234, gid: 2345 })
  expect(read()).toContain('APP_UID=1234\n')
})

test('a broken or missing example, and a folder in place of the file, are told without a stack', async () => {
  mkdirSync(join(box.folder, '.env.docker'))
  expect(await run()).toEqual({ code: 3, stdout: '', stderr: '✗ .env.docker cannot be read: illegal operation on a directory.\n' })
  write('.env.docker.example', '# Port.\n# @typo\nWEB_PORT=8000\n')
  const { code, stderr } = await run('--env-file x')
  expect(code).toBe(1)
  expect(stderr).toMatch(/^✗ \.env\.docker\.example:2 {2}"typo" is not a rule/)
  expect(stderr).not.toContain('    at ')
  write('.env.docker.example', `${example}\nWEB_PORT=9000\nAPP_UID=1\n`)
  expect((await run('--env-file x')).stderr).toMatch(/^✗ \.env\.docker\.example:29 {2}Line 7 declares WEB_PORT already: write the value there\./)
  rmSync(join(box.folder, '.env.docker.example'))
  expect((await run()).stderr).toMatch(/^✗ \.env\.docker\.example is not in .*\n {2}→ .*git restore .*\n$/)
})

test('a reader that closes the pipe early is no error', async () => {
  write('.env.docker', good)
  expect(await box.run('env', ['--json'], { closed: true })).toMatchObject({ code: 0 })
})
