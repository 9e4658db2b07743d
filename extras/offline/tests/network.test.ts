import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Sandbox, SECRET } from '../../../tests/helpers/sandbox.ts'
import { adviseOnApt, authConf, runMmdebstrap, sourceArgs } from '../debian.ts'
import { networkOf, proxyEnvironment, splitLogin } from '../network.ts'
import { daemonEnvironment, layoutOf } from '../private-engine/layout.ts'

describe('a mirror with a login', () => {
  test.each([
    ['https://me:pw@m.test/debian', 'https://m.test/debian', { user: 'me', password: 'pw' }],
    ['http://me:p%40%3A%2F%25@m.test:8080/d', 'http://m.test:8080/d', { user: 'me', password: 'p@:/%' }],
    ['https://token@m.test', 'https://m.test', { user: 'token', password: '' }],
    ['https://me:half%@m.test', 'https://m.test', { user: 'me', password: 'half%' }],
    ['https://m.test/a@b', 'https://m.test/a@b', undefined],
    ['mirror+file:/etc/apt/mirrors.list', 'mirror+file:/etc/apt/mirrors.list', undefined],
  ])('%s is %s and %j', (url, plain, login) => {
    expect(splitLogin(url)).toEqual(login ? { plain, login } : { plain })
  })

  test('is a source line without the login, and a separate file with it', () => {
    const mirror = 'https://me:p%40ss@m.test:8443/repository/debian/'
    expect(sourceArgs(mirror, 'bookworm').join('')).toContain('] https://m.test:8443/repository/debian/ bookworm main')
    expect(sourceArgs(mirror, 'forky').join(''), 'whose lists are valid for a week').toContain(' check-valid-until=no] ')
    expect(authConf(mirror)).toBe('machine https://m.test:8443/\nlogin me\npassword p@ss\n')
    expect(authConf('https://m.test/debian')).toBe('')
  })

  test('reaches mmdebstrap in files that are deleted afterwards, not in its arguments or the new root', async () => {
    const box = new Sandbox()
    box.enter()
    box.write('ca.pem', 'OUR CA\n')
    // An mmdebstrap that writes down its arguments, and what it finds in the files.
    const option = (name: string): string => `"$(printf '%s\\n' "$@" | sed -n 's/.*${name} "\\(.*\\)";/\\1/p')"`
    const script = [
      '#!/bin/sh', `printf '%s\\n' "$@" >args`, `cat ${option('Netrc')} >login`, `tail -n 1 ${option('CAInfo')} >ca`,
      `dirname ${option('Netrc')} >folder`, 'echo "$https_proxy" >proxy', '',
    ]
    mkdirSync('bin')
    writeFileSync('bin/mmdebstrap', script.join('\n'), { mode: 0o755 })
    process.env.PATH = `${resolve('bin')}:${process.env.PATH}`
    const network = { aptMirror: `https://me:${SECRET}@m.test/debian`, caFile: resolve('ca.pem'), proxies: { HTTPS_PROXY: 'http://p.test' } }
    await runMmdebstrap('Making nothing', { suite: 'trixie', target: '/nowhere', args: ['--variant=minbase'] }, network)
    const read = (name: string): string => readFileSync(name, 'utf8')
    expect(read('args')).not.toContain(SECRET)
    expect(read('args')).toMatch(/\n--variant=minbase\ntrixie\n\/nowhere\ndeb .* https:\/\/m\.test\/debian trixie main\n$/)
    expect(read('login')).toContain(SECRET)
    expect(read('ca')).toBe('OUR CA\n')
    expect(read('proxy')).toBe('http://p.test\n')
    expect(existsSync(read('folder').trim())).toBe(false)
  })
})

test.each([
  ['EXTRA_CA_FILE', 'E: Failed to fetch https://m.test/… Certificate verification failed: The certificate is NOT trusted.'],
  ['EXTRA_CA_FILE', 'SSL connection failed: error:0A000086:SSL routines::certificate verify failed / Success'],
  ['check APT_MIRROR, in which', '  401  Unauthorized [IP: 10.0.0.1 8443]'],
  ['the path in APT_MIRROR', "E: The repository 'https://m.test/x trixie Release' does not have a Release file."],
  ['as root', 'E: unable to pick chroot mode automatically (use --mode for manual selection)'],
  ['HTTP_PROXY', "E: Failed to fetch http://m.test/x  Could not resolve 'm.test'"],
])('the advice is %s if apt says %j', (expected, said) => {
  expect(adviseOnApt(said)).toContain(expected)
})

describe('the network', () => {
  const ca = '/etc/hostname'

  test('is what the settings say, and what this machine says if they do not', () => {
    expect(networkOf({ APT_MIRROR: '', HTTP_PROXY: 'http://a.test', NO_PROXY: '' }, {})).toEqual({ proxies: { HTTP_PROXY: 'http://a.test' } })
    expect(networkOf({ EXTRA_CA_FILE: 'mine.pem' }, {}).caFile).toBe(resolve('mine.pem'))
  })

  test('takes a proxy from the shell first, as Compose does, even if it is empty there', () => {
    expect(networkOf({ HTTP_PROXY: 'http://a.test' }, { HTTP_PROXY: 'http://b.test' }).proxies).toEqual({ HTTP_PROXY: 'http://b.test' })
    expect(networkOf({ HTTP_PROXY: 'http://a.test' }, { HTTP_PROXY: '' }).proxies).toEqual({})
    expect(proxyEnvironment({ proxies: { NO_PROXY: 'm.test' } })).toEqual({ NO_PROXY: 'm.test', no_proxy: 'm.test' })
  })

  test('is what a private engine pulls through', () => {
    const layout = layoutOf({ PRIVATE_ENGINE_DIR: '/engine' })
    const receipt = { dir: '/engine', suite: '', libraries: '', hostPackages: [] }
    const network = { caFile: ca, proxies: { HTTPS_PROXY: 'http://p.test' } }
    expect(daemonEnvironment(layout, receipt, { SSL_CERT_FILE: '/old' }, network)).toMatchObject({ SSL_CERT_FILE: ca, HTTPS_PROXY: 'http://p.test' })
    expect(daemonEnvironment(layout, receipt, { SSL_CERT_FILE: '/old' })).toMatchObject({ SSL_CERT_FILE: '/old' })
  })
})

test('certificates are those that the settings name, or else those that this machine trusts', () => {
  const caFileOf = (settings: Record<string, string>, env: Record<string, string>): string | undefined => networkOf(settings, env).caFile
  const ca = '/etc/hostname'
  expect(caFileOf({ EXTRA_CA_FILE: 'mine.pem' }, { SSL_CERT_FILE: ca })).toBe(resolve('mine.pem'))
  expect(caFileOf({ EXTRA_CA_FILE: 'mine.pem' }, { EXTRA_CA_FILE: 'shell.pem' })).toBe(resolve('shell.pem'))
  expect(caFileOf({ EXTRA_CA_FILE: '' }, { SSL_CERT_FILE: ca })).toBe(ca)
  expect(caFileOf({}, {})).toBeUndefined()
})
