import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm')).href
const script = fileURLToPath(new URL('../../scripts/env.ts', import.meta.url))

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
# @was(OWNER)
# APP_UID=1001

# Certificates.
# @optional
# EXTRA_CA_FILE=
`
const good = 'COMPOSE_PROFILES=\nSECRET_KEY=0123456789abcdef\n'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'env command '))
  write('.env.docker.example', example)
  // Compose is not there, whatever the machine has: what these tests ask about does not depend on it.
  mkdirSync(join(folder, 'bin'))
  write('bin/docker', '#!/bin/sh\necho "bash: line 1: docker: command not found" >&2\nexit 127\n')
  chmodSync(join(folder, 'bin/docker'), 0o755)
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
const read = (name = '.env.docker'): string => readFileSync(join(folder, name), 'utf8')

interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

/** ENV in the line is the command, under an open umask. */
function shell(line: string, more: NodeJS.ProcessEnv = {}): Outcome {
  // Behind `--`, because Node 20 takes every --env-file of the command line for its own.
  const command = `umask 000; ${line.replaceAll('ENV', `"${process.execPath}" --import "${tsx}" -- "${script}"`)}`
  const env = { PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter), HOME: folder, ...more }
  const { status: code, stdout, stderr } = spawnSync('bash', ['-c', command], { cwd: folder, env, encoding: 'utf8' })
  return { code, stdout, stderr }
}
const run = (args = '', more: NodeJS.ProcessEnv = {}): Outcome => shell(`ENV ${args}`, more)

test.each<[title: string, text: string | null, args: string, code: number, sentences: string[]]>([
  ['no file', null, '', 3, ['✗ .env.docker  The file does not exist. (E08)', '→ Make it from the example: npm run env -- --init\n']],
  ['another file', null, '--env-file none.env', 3, ['npm run env -- --env-file none.env --init']],
  ['a good file', good, '', 0, ['✓ .env.docker: 2 settings, 0 errors, 0 warnings\n']],
  ['what only Compose can read', `${good}WEB_PORT=80$0\n`, '', 0, ['Compose could not be asked (docker is not installed): values with $, # or \\ in them']],
  ['a warning', `${good}MINE=1\n`, '', 0, ['! .env.docker:3  MINE is not declared', '1 warning\n']],
  ['a warning under --strict', `${good}MINE=1\n`, '--strict', 3, ['1 warning\n']],
  ['nothing under --strict', good, '--strict', 0, []],
  ['an error', `${good}WEB_PORT=80a\n`, '', 3, ['✗ .env.docker:3  WEB_PORT has to be a port number from 1 to 65535; it is "80a". (E11)', '1 error, 0 warnings\n']],
  ['an old name', `${good}OWNER=1\n`, '', 0, ['OWNER is called APP_UID now', '→ npm run env -- --sync renames it.']],
  ['an unknown flag', good, '--jsno', 2, []],
  ['two modes', good, '--init --print WEB_PORT', 2, ['--init and --print are two things']],
  ['--show-secret alone', good, '--show-secret', 2, ['--show-secret needs --print']],
  ['--dry-run alone', good, '--dry-run', 2, ['--dry-run needs --init or --sync']],
  ['a misspelt name to print', good, '--print WEB_PROT', 2, ['Did you mean WEB_PORT?']],
  ['a secret to print', good, '--print SECRET_KEY', 2, ['SECRET_KEY is a secret, or may be one']],
  ['an undeclared name to print', `${good}MINE=http://u:hunter2@x/\n`, '--print MINE', 2, ['MINE is a secret, or may be one']],
  ['a value to print that only Compose can read', 'WEB_PORT=80$0\n', '--print WEB_PORT', 3, ['WEB_PORT cannot be read: docker is not installed.']],
  ['no file to print from', null, '--print WEB_PORT', 3, ['✗ .env.docker does not exist.']],
  ['no file to bring up to date', null, '--sync', 3, ['.env.docker does not exist, so there is nothing to bring up to date.']],
  ['an unreadable line', 'A=1\nSECRET_KEY="hunter2\n', '--init', 3, ['.env.docker:2 cannot be read, so nothing is added to the file.']],
  ['a folder that is not there', null, '--init --env-file no/such', 3, ['✗ no/such cannot be written: its folder does not exist.\n']],
])('%s', (_, text, args, code, sentences) => {
  if (text !== null) write('.env.docker', text)
  const outcome = run(args)
  for (const sentence of sentences) expect(outcome.stderr).toContain(sentence)
  expect(outcome).toMatchObject({ code, stdout: '' })
  expect(outcome.stderr).not.toContain('hunter2')
  if (text !== null) expect(read()).toBe(text)
})

test('--json prints one object, also when something is wrong', () => {
  write('.env.docker', `${good}WEB_PORT=80a\n`)
  const { code, stdout } = run('--json')
  expect(code).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false, file: '.env.docker', leftOut: 'docker is not installed', findings: [{ code: 'E11', severity: 'error', line: 3, setting: 'WEB_PORT' }],
  })
})

test('--print prints one value, as Compose takes it, and nothing else', () => {
  write('.env.docker', `${good}WEB_PORT=8001\n`)
  expect(run('--print WEB_PORT')).toEqual({ code: 0, stdout: '8001\n', stderr: '' })
  expect(run('--print WEB_PORT', { WEB_PORT: '9' }).stdout).toBe('9\n')
  expect(run('--print APP_UID').stdout).toBe('1001\n')
  expect(run('--print SECRET_KEY --show-secret').stdout).toBe('0123456789abcdef\n')
  write('.env.docker', 'WEB_PORT=1\n')
  // What the example says of its own project is nobody else's default.
  expect(run('--print COMPOSE_PROFILES').stdout).toBe('\n')
})

test('--init makes a short file that is in order and only its owner can read, with other secrets each time', () => {
  write('ca.pem', '')
  const { stdout, stderr } = run('--init', { SSL_CERT_FILE: '/no/such.pem', PIP_CERT: join(folder, 'ca.pem') })
  expect(stdout).toBe('')
  expect(stderr).toContain('✓ .env.docker written: 1 generated (SECRET_KEY), 0 kept, ')
  expect(read()).toMatch(/^SECRET_KEY=[0-9a-f]{32}$/m)
  expect(read()).toContain(`EXTRA_CA_FILE='${join(folder, 'ca.pem')}'\n`)
  expect(read()).not.toMatch(/WEB_PORT|SHOP_PASSWORD|COMPOSE_PROJECT_NAME/)
  expect(statSync(join(folder, '.env.docker')).mode & 0o777).toBe(0o600)
  expect(JSON.parse(run('--init --json --env-file b.env').stdout)).toMatchObject({ ok: true, file: 'b.env', generated: ['SECRET_KEY'], kept: [], written: true })
  expect(read('b.env').match(/SECRET_KEY=.*/)).not.toEqual(read().match(/SECRET_KEY=.*/))
})

test('--init adds what a service that is switched on waits for, through a link, and changes nothing the second time', () => {
  mkdirSync(join(folder, 'elsewhere'))
  write('elsewhere/env', 'COMPOSE_PROFILES=shop')
  symlinkSync('elsewhere/env', join(folder, '.env.docker'))
  expect(run().stderr).toContain('SHOP_PASSWORD is missing, and shop is switched on')
  expect(run('--init').stderr).toContain('1 generated (SHOP_PASSWORD), 1 kept, 1 added (SHOP_PASSWORD)')
  const once = read('elsewhere/env')
  expect(once).toMatch(/^COMPOSE_PROFILES=shop\nSHOP_PASSWORD=[\da-f]{16}\n$/)
  expect(run('--init').stderr).toContain('✓ .env.docker is complete: 0 generated, 2 kept, 0 added')
  expect(read('elsewhere/env')).toBe(once)
})

test('--dry-run shows the content without secrets, and writes nothing', () => {
  expect(run('--init --dry-run').stdout).toContain('COMPOSE_PROFILES=shop\nSECRET_KEY=********\n')
  write('.env.docker', 'OWNER=7\nSECRET_KEY=hunter2\n')
  expect(run('--sync --dry-run').stdout).toBe('APP_UID=7\nSECRET_KEY=********\n')
  expect(read()).toBe('OWNER=7\nSECRET_KEY=hunter2\n')
  expect(readdirSync(folder).toSorted()).toEqual(['.env.docker', '.env.docker.example', 'bin'])
})

test('--sync keeps the file as it was, for its owner alone, and does nothing the second time', () => {
  write('.env.docker', `${good}OWNER=7\nMINE=1`)
  expect(run('--sync').stderr).toMatch(/OWNER is called APP_UID now: renamed[^]*:4 {2}MINE is not in \.env\.docker\.example[^]*0 added, 0 generated, 1 renamed\. As it was: \.env\.docker\.bak\n/)
  expect(read()).toBe(`${good}APP_UID=7\nMINE=1\n`.trimEnd())
  expect(read('.env.docker.bak')).toBe(`${good}OWNER=7\nMINE=1`)
  for (const file of ['.env.docker', '.env.docker.bak']) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600)
  expect(JSON.parse(run('--sync --json').stdout)).toMatchObject({ ok: true, written: false, added: [], renamed: [], moved: [], undeclared: [{ name: 'MINE', line: 4 }] })
})

test('a project is named only where the folder does not name it, and always the same', () => {
  const names = ['日本', '...', 'Projekt é'].map((name) => {
    const [first, again] = [1, 2].map(() => {
      shell(`mkdir -p '${name}' && cd '${name}' && cp ../.env.docker.example . && rm -f .env.docker && ENV --init`)
      return /COMPOSE_PROJECT_NAME=.*/.exec(read(`${name}/.env.docker`))?.[0]
    })
    expect(again).toBe(first)
    return first
  })
  expect(names).toEqual([expect.stringMatching(/=project-[0-9a-f]{8}$/), expect.stringMatching(/=project-/), undefined])
  expect(names[0]).not.toBe(names[1])
})

test.runIf(process.getuid?.() === 0)('as root in the folder of another user, --init makes that user the owner', () => {
  spawnSync('chown', ['1234:2345', folder])
  run('--init')
  expect(statSync(join(folder, '.env.docker'))).toMatchObject({ uid: 1234, gid: 2345 })
  expect(read()).toContain('APP_UID=1234\n')
})

test('a missing or broken example, and a folder in place of the file, are told without a stack', () => {
  mkdirSync(join(folder, '.env.docker'))
  expect(run()).toEqual({ code: 3, stdout: '', stderr: '✗ .env.docker cannot be read: it is a folder.\n' })
  write('.env.docker.example', '# Port.\n# @typo\nWEB_PORT=8000\n')
  const { code, stderr } = run('--env-file x')
  expect(code).toBe(1)
  expect(stderr).toMatch(/^✗ .*breaks its own rules[^]*\.env\.docker\.example:3 {2}WEB_PORT: @typo is none of/)
  expect(stderr).not.toContain('    at ')
  rmSync(join(folder, '.env.docker.example'))
  expect(run().stderr).toMatch(/^✗ \.env\.docker\.example is not in .*\n {2}→ .*git restore .*\n$/)
})

test('a reader that closes the pipe early is no error', () => {
  // More than a pipe holds.
  write('.env.docker', Array.from({ length: 1000 }, (_, index) => `MINE_${index}=1\n`).join(''))
  const { stdout, stderr } = shell('ENV --json | head -1')
  expect(stdout).toBe('{\n')
  expect(stderr).not.toMatch(/EPIPE|Error/)
})
