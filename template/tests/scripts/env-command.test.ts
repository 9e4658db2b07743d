import { spawnSync } from 'node:child_process'
import {
  chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { env } from '../../../scripts/env.ts'
import type { Command } from '../../../scripts/lib/command.ts'
import { renderHelp } from '../../../scripts/lib/command.ts'
import { hostCaBundle } from '../../../scripts/lib/engine/machine.ts'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm')).href
const script = fileURLToPath(new URL('../../../scripts/env.ts', import.meta.url))

const example = `# Port.
# @type=port
WEB_PORT=8000

# Secret.
# @required @sensitive @type=string(minLength=16) @generate=hex(16)
SECRET_KEY=

# Owner.
APP_UID=1001

# Certificates.
# @optional
EXTRA_CA_FILE=
`

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

/** What the machine would add to the result stays out of it. */
const environment = (): NodeJS.ProcessEnv => ({
  PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter),
  HOME: folder,
})

interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

function run(args: string[] = [], more: NodeJS.ProcessEnv = {}): Outcome {
  // Behind `--`, because Node 20 takes every --env-file of the command line for its own.
  const argv = ['--import', tsx, '--', script, ...args]
  const options = { cwd: folder, env: { ...environment(), ...more }, encoding: 'utf8' } as const
  const { status: code, stdout, stderr } = spawnSync(process.execPath, argv, options)
  return { code, stdout, stderr }
}

const shell = (line: string): Outcome => {
  const command = line.replaceAll('ENV', `"${process.execPath}" --import "${tsx}" -- "${script}"`)
  const options = { cwd: folder, env: environment(), encoding: 'utf8' } as const
  const { status: code, stdout, stderr } = spawnSync('bash', ['-c', command], options)
  return { code, stdout, stderr }
}

test('the help', () => {
  expect(renderHelp(env as unknown as Command)).toMatchSnapshot()
})

describe('npm run env', () => {
  test('without a file ends with 3 and the command that makes one', () => {
    const { code, stdout, stderr } = run()
    expect(code).toBe(3)
    expect(stdout).toBe('')
    expect(stderr).toContain('✗ .env.docker  The file does not exist. (E08)')
    expect(stderr).toContain('→ Make it from the example: npm run env -- --init\n')
  })

  test('of a good file ends with 0', () => {
    write('.env.docker', 'WEB_PORT=8000\nSECRET_KEY=0123456789abcdef\n')
    const { code, stderr } = run()
    expect(code).toBe(0)
    expect(stderr).toContain('✓ .env.docker: 2 settings, 0 errors, 0 warnings\n')
  })

  test('says that Compose could not be asked, and does not judge what only Compose can read', () => {
    write('.env.docker', 'WEB_PORT=80$0\nSECRET_KEY=0123456789abcdef\n')
    const { code, stderr } = run()
    expect(code).toBe(0)
    expect(stderr).toContain('Compose could not be asked (docker is not installed): values with $, # or \\ in them')
  })

  test('shows errors before warnings, with file and line, and the count last', () => {
    write('.env.docker', 'MINE=1\nWEB_PROT=1\nWEB_PORT=80a\nSECRET_KEY=\n')
    const { code, stderr } = run()
    expect(code).toBe(3)
    expect(stderr.split('\n').slice(1).join('\n')).toMatchSnapshot()
  })

  test('with only warnings ends with 0', () => {
    write('.env.docker', 'MINE=1\nSECRET_KEY=0123456789abcdef\n')
    expect(run().code).toBe(0)
  })

  test('--strict fails on a warning, and on nothing else', () => {
    write('.env.docker', 'MINE=1\nSECRET_KEY=0123456789abcdef\n')
    expect(run(['--strict']).code).toBe(3)
    expect(JSON.parse(run(['--strict', '--json']).stdout)).toMatchObject({ ok: false })
    write('.env.docker', 'SECRET_KEY=0123456789abcdef\n')
    expect(run(['--strict']).code).toBe(0)
  })

  test('--json prints one object, also when something is wrong', () => {
    write('.env.docker', 'WEB_PORT=80a\nSECRET_KEY=0123456789abcdef\n')
    const { code, stdout } = run(['--json'])
    expect(code).toBe(3)
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      file: '.env.docker',
      findings: [{
        code: 'E11',
        severity: 'error',
        line: 1,
        setting: 'WEB_PORT',
        message: 'WEB_PORT has to be a port number from 1 to 65535; it is "80a".',
        hint: 'For example: WEB_PORT=8000',
      }],
      leftOut: 'docker is not installed',
    })
  })

  test('--env-file checks another file', () => {
    write('other.env', 'SECRET_KEY=\n')
    expect(run(['--env-file', 'other.env']).stderr).toContain('other.env:1  SECRET_KEY is empty')
    expect(run(['--env-file', 'none.env']).stderr).toContain('npm run env -- --env-file none.env --init')
  })

  test.each(['--jsno', 'word', '--env-file', '--dry-run'])('%s is a mistake in the command: it ends with 2', (word) => {
    expect(run([word]).code).toBe(2)
  })

  test('a mistake in the example is told as one of the example', () => {
    write('.env.docker.example', '# Port.\n# @typo\nWEB_PORT=8000\n')
    write('.env.docker', 'WEB_PORT=1\n')
    const { code, stderr } = run()
    expect(code).toBe(1)
    expect(stderr).toContain('.env.docker.example breaks its own rules. The mistake is in that file')
    expect(stderr).toContain('.env.docker.example:3  WEB_PORT: @typo is none of')
    expect(stderr).not.toContain('    at ')
  })

  test('a missing example, and a folder in place of the file, are told without a stack', () => {
    mkdirSync(join(folder, '.env.docker'))
    expect(run()).toEqual({ code: 3, stdout: '', stderr: '✗ .env.docker cannot be read: it is a folder.\n' })
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
})

describe('npm run env -- --print', () => {
  beforeEach(() => write('.env.docker', 'WEB_PORT=8001\nSECRET_KEY=hunter2hunter2hunter2\nMINE=http://u:hunter2@x/\nAPP_UID=\n'))

  test.each<[name: string, value: string]>([
    ['WEB_PORT', '8001'],
    ['APP_UID', ''],
    ['EXTRA_CA_FILE', ''],
  ])('%s prints the value and nothing else', (name, value) => {
    expect(run(['--print', name])).toEqual({ code: 0, stdout: `${value}\n`, stderr: '' })
  })

  test('what only Compose can read is not guessed at', () => {
    write('.env.docker', 'WEB_PORT=80$0\n')
    const { code, stdout, stderr } = run(['--print', 'WEB_PORT'])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toContain('WEB_PORT cannot be read: docker is not installed.')
  })

  test('without the file ends with 3, and prints no default', () => {
    expect(run(['--print', 'WEB_PORT', '--env-file', '.env.none'])).toEqual({
      code: 3, stdout: '', stderr: '✗ .env.none does not exist.\n  → Make it from the example: npm run env -- --env-file .env.none --init\n',
    })
  })

  test('a variable of the shell is what Compose takes', () => {
    expect(run(['--print', 'WEB_PORT'], { WEB_PORT: '9' }).stdout).toBe('9\n')
  })

  test.each(['SECRET_KEY', 'MINE'])('%s is a secret, or may be one: only on request', (name) => {
    const { code, stdout, stderr } = run(['--print', name])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`${name} is a secret, or may be one`)
    expect(stderr).not.toContain('hunter2')
    expect(run(['--print', name, '--show-secret']).stdout).toMatch(/hunter2.*\n$/)
  })

  test.each<[args: string[], sentence: string]>([
    [['--print', 'WEB_PROT'], 'Did you mean WEB_PORT?'],
    [['--print', 'WEB_PORT', '--init'], '--init and --print are two things'],
    [['--show-secret'], '--show-secret needs --print'],
  ])('%j is a mistake in the command', (args, sentence) => {
    const { code, stderr } = run(args)
    expect(code).toBe(2)
    expect(stderr).toContain(sentence)
  })
})

test('npm run env -- --docs writes the pages, and says when there was nothing to write', () => {
  expect(run(['--docs']).stderr).toContain('✓ docs/settings.md written\n')
  expect(read('docs/settings.md')).toContain('### WEB_PORT\n')
  expect(run(['--docs']).stderr).toContain('✓ docs/settings.md is up to date\n')
})

describe('npm run env -- --sync', () => {
  const newer = `${example}
# Colour of the shop.
# @was(COLOR)
COLOUR=blue

# Old.
# @optional @deprecated="Use COLOUR."
TINT=
`
  const old = '# mine\nSECRET_KEY=0123456789abcdef\nCOLOR="red" # why\nMINE=${COLOR}\nTINT=1\nWEB_PORT=1'
  beforeEach(() => {
    write('.env.docker.example', newer)
    write('.env.docker', old)
  })

  test('adds, renames and reports; values, comments and order stay', () => {
    const { code, stderr } = run(['--sync'])
    expect(code).toBe(0)
    expect(read()).toContain('# mine\nSECRET_KEY=0123456789abcdef\n')
    expect(read()).toContain('\nCOLOUR="red" # why\nMINE=${COLOUR}\nTINT=1\nWEB_PORT=1\n')
    expect(read()).toContain('\n# Certificates.\n# @optional\nEXTRA_CA_FILE=\n')
    expect(stderr).toMatchSnapshot()
  })

  test('keeps the file as it was, for its owner alone, and does nothing the second time', () => {
    shell('umask 000; ENV --sync')
    expect(read('.env.docker.bak')).toBe(old)
    expect(statSync(join(folder, '.env.docker.bak')).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, '.env.docker')).mode & 0o777).toBe(0o600)
    const once = read()
    expect(run(['--sync']).stderr).toContain('✓ .env.docker is up to date\n')
    expect(read()).toBe(once)
    expect(read('.env.docker.bak')).toBe(old)
  })

  test('--dry-run shows it without secrets, and writes nothing', () => {
    const { stdout } = run(['--sync', '--dry-run'])
    expect(stdout).toContain('COLOUR="red"')
    expect(stdout).toContain('SECRET_KEY=********')
    expect(read()).toBe(old)
    expect(readdirSync(folder)).not.toContain('.env.docker.bak')
  })

  test('--json says what was done', () => {
    expect(JSON.parse(run(['--sync', '--json']).stdout)).toMatchObject({
      ok: true, file: '.env.docker', written: true, backup: '.env.docker.bak', added: ['APP_UID', 'EXTRA_CA_FILE'],
      renamed: [{ from: 'COLOR', to: 'COLOUR' }], superseded: [], undeclared: [{ name: 'MINE', line: expect.any(Number) as number }],
    })
  })

  test('the check says it before', () => {
    expect(run().stderr).toContain('COLOR is called COLOUR now, and nothing reads the old name. (W15)\n  → npm run env -- --sync renames it.')
  })

  test.each<[text: string | null, sentence: string]>([
    [null, '.env.docker does not exist, so there is nothing to bring up to date.'],
    ['A="x\n', '.env.docker:1 cannot be read, so nothing is added to the file.'],
  ])('%j is left alone', (text, sentence) => {
    if (text === null) rmSync(join(folder, '.env.docker'))
    else write('.env.docker', text)
    const { code, stderr } = run(['--sync'])
    expect(code).toBe(3)
    expect(stderr).toContain(sentence)
    expect(readdirSync(folder)).not.toContain('.env.docker.bak')
  })
})

describe('npm run env -- --init', () => {
  test('makes a file that is in order, and that only its owner can read', () => {
    const { code, stdout, stderr } = shell('umask 000; ENV --init')
    expect(code).toBe(0)
    expect(stdout).toBe('')
    expect(stderr).toContain('✓ .env.docker written: 1 generated (SECRET_KEY), 0 kept, 4 added')
    expect(read()).toMatch(/^SECRET_KEY=[0-9a-f]{32}$/m)
    expect(statSync(join(folder, '.env.docker')).mode & 0o777).toBe(0o600)
    expect(run().code).toBe(0)
  })

  test('makes another secret each time', () => {
    run(['--init', '--env-file', 'a.env'])
    run(['--init', '--env-file', 'b.env'])
    expect(read('a.env')).not.toBe(read('b.env'))
  })

  test('keeps what is there, adds what is not, and changes nothing the second time', () => {
    write('.env.docker', "# mine\nMINE='a # b $c'\nWEB_PORT=1\nSECRET_KEY=0123456789abcdef")
    expect(run(['--init']).stderr).toContain('0 generated, 2 kept, 2 added (APP_UID, EXTRA_CA_FILE)')
    const once = read()
    expect(once).toContain("# mine\nMINE='a # b $c'\nWEB_PORT=1\nSECRET_KEY=0123456789abcdef\n")
    expect(run(['--init']).stderr).toContain('✓ .env.docker is complete: 0 generated, 4 kept, 0 added')
    expect(read()).toBe(once)
  })

  test('fills an empty password of a service that is switched on, and no other', () => {
    const password = (service: string): string => `# Its password.\n# @optional @sensitive @generate=hex(8) @service(${service})\n${service.toUpperCase()}_PASSWORD=\n`
    write('.env.docker.example', `# Services.\n# @optional\nCOMPOSE_PROFILES=shop\n\n${password('shop')}\n${password('till')}`)
    write('.env.docker', 'COMPOSE_PROFILES=shop\nSHOP_PASSWORD=\nTILL_PASSWORD=\n')
    expect(run().stderr).toContain('SHOP_PASSWORD is empty, and shop is switched on: it does not start without a password. (E25)\n  → npm run env -- --init makes one;')
    expect(run(['--init']).stderr).toContain('1 generated (SHOP_PASSWORD), 2 kept, 0 added')
    expect(read()).toMatch(/^COMPOSE_PROFILES=shop\nSHOP_PASSWORD=[\da-f]{16}\nTILL_PASSWORD=\n$/)
  })

  test('leaves a file with an unreadable line alone', () => {
    write('.env.docker', 'WEB_PORT=1\nSECRET_KEY="hunter2\n')
    const { code, stderr } = run(['--init'])
    expect(code).toBe(3)
    expect(stderr).toContain('.env.docker:2 cannot be read, so nothing is added to the file.')
    expect(stderr).not.toContain('hunter2')
    expect(read()).toBe('WEB_PORT=1\nSECRET_KEY="hunter2\n')
  })

  test('--dry-run prints the content without secrets and writes nothing', () => {
    const { code, stdout } = run(['--init', '--dry-run'])
    expect(code).toBe(0)
    expect(stdout).toContain('SECRET_KEY=********\n')
    expect(stdout).toContain('WEB_PORT=8000\n')
    expect(readdirSync(folder).toSorted()).toEqual(['.env.docker.example', 'bin'])
  })

  test('--json says what was done', () => {
    expect(JSON.parse(run(['--init', '--json']).stdout)).toEqual({
      ok: true,
      file: '.env.docker',
      generated: ['SECRET_KEY'],
      kept: [],
      added: ['WEB_PORT', 'SECRET_KEY', 'APP_UID', 'EXTRA_CA_FILE'],
      fitted: statSync(folder).uid === 0 ? [] : ['APP_UID'],
      written: true,
    })
  })

  test('takes the CA bundle of this machine', () => {
    write('ca.pem', '')
    run(['--init'], { PIP_CERT: join(folder, 'ca.pem') })
    expect(read()).toContain(`EXTRA_CA_FILE='${join(folder, 'ca.pem')}'\n`)
  })

  test('names the project only where the folder does not, and always the same', () => {
    const names = ['日本', '...', 'Mein Projekt é 日本', 'named'].map((name) => {
      mkdirSync(join(folder, name))
      write(`${name}/.env.docker.example`, `# Name.\n# @optional\nCOMPOSE_PROJECT_NAME=${name === 'named' ? 'shop' : ''}\n`)
      const init = (): string => {
        shell(`cd '${name}' && ENV --init`)
        return read(`${name}/.env.docker`).split('\n').find((line) => line.startsWith('COMPOSE'))!
      }
      const first = init()
      rmSync(join(folder, name, '.env.docker'))
      expect(init()).toBe(first)
      return first.split('=')[1]
    })
    expect(names).toEqual([expect.stringMatching(/^project-[0-9a-f]{8}$/), expect.stringMatching(/^project-/), '', 'shop'])
    expect(names[0]).not.toBe(names[1])
  })

  test('writes through a link', () => {
    mkdirSync(join(folder, 'elsewhere'))
    write('elsewhere/env', 'WEB_PORT=1\n')
    symlinkSync('elsewhere/env', join(folder, '.env.docker'))
    run(['--init'])
    expect(read('elsewhere/env')).toMatch(/^SECRET_KEY=/m)
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual(['env'])
  })

  test('says why a file cannot be written', () => {
    expect(run(['--init', '--env-file', 'no/such/file'])).toMatchObject({
      code: 3,
      stderr: '✗ no/such/file cannot be written: its folder does not exist.\n',
    })
  })

  test.runIf(process.getuid?.() === 0)('as root in the folder of another user, makes that user the owner', () => {
    spawnSync('chown', ['1234:2345', folder])
    run(['--init'])
    expect(statSync(join(folder, '.env.docker'))).toMatchObject({ uid: 1234, gid: 2345 })
    expect(read()).toContain('APP_UID=1234\n')
  })
})

test('no output of any kind has a secret in it', () => {
  const secret = 'hunter2'
  write('.env.docker', [
    `SECRET_KEY=${secret}`, 'WEB_PORT=x', `MY_TOKEN=${secret}`, `# SECRET_KEY=${secret}`,
    `SECRET_KEY=${secret}`, '',
  ].join('\n'))
  const outputs = [[], ['--json'], ['--init', '--dry-run'], ['--init', '--json'], ['--init']].map((args) => run(args))
  for (const { stdout, stderr } of outputs) expect(stdout + stderr).not.toContain(secret)
  expect(read()).toContain(secret)
})

test('the CA bundle is the first variable that names a file', () => {
  write('ca.pem', '')
  const file = join(folder, 'ca.pem')
  expect(hostCaBundle({})).toBeUndefined()
  expect(hostCaBundle({ SSL_CERT_FILE: '' })).toBeUndefined()
  const variables = { SSL_CERT_FILE: '/no/such.pem', CURL_CA_BUNDLE: file, NODE_EXTRA_CA_CERTS: '/etc/passwd' }
  expect(hostCaBundle(variables)).toBe(file)
})
