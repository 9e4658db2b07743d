import { describe, expect, it, test, vi } from 'vitest'
import { findDebianMirror, sourceArgs } from '../debian.ts'
import { planPrivate } from '../engine.ts'
import {
  activateScript, clientConfig, clientEnvironment, daemonConfig, daemonEnvironment, layoutOf, mountsBelow,
} from '../private-engine/layout.ts'
import { findLoader, patchelfArgs, saysFull } from '../private-engine/setup.ts'
import { findObstacle, mayAdminister, type HostFacts } from '../room.ts'
import { renderStatus } from '../status.ts'

test('a full disk is recognised from what programs say', () => {
  expect(saysFull('PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device')).toBe(true)
  expect(saysFull('OSError: [Errno 122] Disk quota exceeded')).toBe(true)
  expect(saysFull('fatal: remaining connection slots are reserved')).toBe(false)
})

const able: HostFacts = { isForbidden: false, hasApt: true, isRoot: true, mayAdminister: true }

test.each<[string, Partial<HostFacts>, string | undefined]>([
  ['on Debian, as root and with privileges', {}, undefined],
  ['with EMBEDDED_ENGINE=never', { isForbidden: true, isRoot: false }, 'EMBEDDED_ENGINE=never'],
  ['on a distribution without apt', { hasApt: false }, 'Debian'],
  ['for an ordinary user', { isRoot: false }, 'only root'],
  ['in a container without privileges', { mayAdminister: false }, 'not privileged'],
])('%s the obstacle to a private engine is %j: %s', (_, facts, expected) => {
  const { obstacle, wayOut } = findObstacle({ ...able, ...facts }) ?? {}
  if (expected === undefined) expect(obstacle).toBeUndefined()
  else expect(obstacle).toContain(expected)
  // The advice to run it as root is given only if nothing else is missing.
  expect(wayOut?.includes('as root') ?? false).toBe(expected === 'only root')
})

test.each([
  ['root of a machine', '000001ffffffffff', true],
  ['root of a plain container', '00000000a80425fb', false],
  ['root of a container with NET_ADMIN alone', '0000000000001000', false],
  ['an ordinary user', '0000000000000000', false],
])('%s (%s) may build networks and mount: %s', (_, effective, expected) => {
  expect(mayAdminister(`Name:\tnode\nCapEff:\t${effective}\nCapBnd:\t000001ffffffffff\n`)).toBe(expected)
})

describe('the layout', () => {
  const layout = layoutOf({ PRIVATE_ENGINE_DIR: "/home/o'neil/my cache/engine" })

  it('lies in the cache folder, unless told otherwise', () => {
    expect(layoutOf({ XDG_CACHE_HOME: '/var/cache/me' }).dir).toBe('/var/cache/me/python-docker-starter/engine')
    vi.stubEnv('HOME', '')
    expect(layoutOf({}).dir).toMatch(/^\/.+\/\.cache\/python-docker-starter\/engine$/)
    expect(layoutOf({}).dir).not.toContain(process.cwd())
    vi.unstubAllEnvs()
    expect(layoutOf({ XDG_CACHE_HOME: '' }).dir).toMatch(/\/\.cache\/python-docker-starter\/engine$/)
    expect(layout.dir).toBe("/home/o'neil/my cache/engine")
  })

  it('keeps the socket path short and unique, however deep the folder', () => {
    const deep = layoutOf({ PRIVATE_ENGINE_DIR: `/${'deep/'.repeat(40)}engine` })
    expect(deep.socket.length).toBeLessThan(60)
    expect(deep.socket).not.toBe(layout.socket)
  })

  it('puts docker first on PATH, once, and loses nothing that was there', () => {
    const { PATH } = clientEnvironment(layout, '/usr/local/bin:/usr/bin')
    expect(PATH).toBe(`${layout.bin}:/usr/local/bin:/usr/bin`)
    expect(clientEnvironment(layout, PATH).PATH).toBe(PATH)
  })

  it('lets the daemon find its own iptables and runc before those of the host', () => {
    const libraries = `${layout.root}/usr/lib/aarch64-linux-gnu`
    const env = daemonEnvironment(layout, { dir: layout.dir, suite: '', libraries, hostPackages: [] }, { PATH: '/bin' })
    expect(env.PATH).toBe(`${layout.root}/usr/sbin:${layout.root}/usr/bin:/bin`)
    expect(env.XTABLES_LIBDIR).toBe(`${libraries}/xtables`)
  })

  it('quotes the folder in activate for any POSIX shell', () => {
    expect(activateScript(layout)).toContain(String.raw`export PATH='/home/o'\''neil/my cache/engine/bin':"$PATH"`)
  })

  it('tells daemon and client where everything is', () => {
    expect(JSON.parse(daemonConfig(layout))).toEqual({
      builder: { gc: { enabled: true, defaultKeepStorage: '10GB' } },
      hosts: [`unix://${layout.socket}`],
      'data-root': `${layout.dir}/data`,
      'exec-root': `${layout.run}/exec`,
      pidfile: `${layout.run}/docker.pid`,
    })
    const own = { builder: { gc: { enabled: false } }, 'registry-mirrors': ['https://m.test'], 'data-root': '/elsewhere' }
    expect(JSON.parse(daemonConfig(layout, own)), 'what its owner has added stays').toMatchObject({ ...own, 'data-root': `${layout.dir}/data` })
    expect(JSON.parse(clientConfig(layout))).toEqual({
      cliPluginsExtraDirs: [`${layout.root}/usr/libexec/docker/cli-plugins`],
    })
  })
})

test('mounts are found below the folders only, the deepest first', () => {
  const mountinfo = [
    '30 1 254:0 / / rw - ext4 /dev/vda rw',
    String.raw`31 30 254:0 /x /my\040cache/engine/data rw - ext4 /dev/vda rw`,
    String.raw`32 31 0:40 / /my\040cache/engine/data/overlay2/1/merged rw - overlay overlay rw`,
    String.raw`33 30 0:41 / /my\040cache/engine-of-another rw - tmpfs tmpfs rw`,
    '34 30 0:4 net:[4026532000] /run/a/exec/netns/1 rw - nsfs nsfs rw',
    '',
  ].join('\n')
  expect(mountsBelow(mountinfo, ['/my cache/engine', '/run/a'])).toEqual([
    '/run/a/exec/netns/1',
    '/my cache/engine/data/overlay2/1/merged',
    '/my cache/engine/data',
  ])
})

describe('the set-up', () => {
  const sources = [
    'Docker|Docker CE|stable|https://mirror.test/docker/',
    'Debian|Debian-Security|main|http://mirror.test/debian-security/',
    'Debian|Debian|contrib|http://other.test/debian/',
    'Debian|Debian|main|http://mirror.test/debian/',
    'Debian|Debian|main|http://second.test/debian/',
  ]

  it("uses the first main Debian mirror of the host's own sources", () => {
    expect(findDebianMirror(sources.join('\n'))).toBe('http://mirror.test/debian/')
  })

  it('finds no mirror on another distribution, and leaves the choice to mmdebstrap', () => {
    expect(findDebianMirror('Ubuntu|Ubuntu|main|http://mirror.test/ubuntu/\n')).toBeUndefined()
    expect(sourceArgs(undefined, 'trixie')).toEqual([])
  })

  it('takes a mirror list as well as a URL', () => {
    const [source] = sourceArgs('mirror+file:/etc/apt/mirrors/debian.list', 'trixie')
    expect(source).toMatch(/^deb \[signed-by=[^ ]+\] mirror\+file:\/etc\/apt\/mirrors\/debian.list trixie main$/)
  })

  test.each([
    ['x86_64-linux-gnu/ld-linux-x86-64.so.2'],
    ['aarch64-linux-gnu/ld-linux-aarch64.so.1'],
    ['arm-linux-gnueabihf/ld-linux-armhf.so.3'],
  ])('finds the loader %s', (loader) => {
    const files = ['init', 'x86_64-linux-gnu/libc.so.6', 'ld-linux.so.2', loader]
    expect(findLoader(files)).toBe(`usr/lib/${loader}`)
  })

  it('says so when there is no loader', () => {
    expect(() => findLoader(['init'])).toThrow('no dynamic loader')
  })

  it("ties every program to the loader's folder", () => {
    const args = patchelfArgs('/engine/root', '/engine/root/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1')
    expect(args.slice(0, 5)).toEqual([
      '--set-interpreter',
      '/engine/root/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
      '--force-rpath',
      '--set-rpath',
      '/engine/root/usr/lib/aarch64-linux-gnu',
    ])
    expect(args).toContain('/engine/root/usr/libexec/docker/cli-plugins/docker-compose')
  })
})

describe('what people read', () => {
  const engine = { installed: true, running: true, dir: '/cache/engine', volumes: ['db', 'media'], diskMegabytes: 612 }

  test.each([
    ['start', false, false, 'Set up a private engine in /cache/engine and start it.'],
    ['start', true, false, 'Start the private engine in /cache/engine.'],
    ['start', true, true, 'Nothing: the private engine runs.'],
    ['stop', true, true, 'Stop the private engine in /cache/engine.'],
    ['stop', true, false, 'Nothing: no private engine runs.'],
    ['remove', true, true, 'Stop the private engine and delete /cache/engine, with these volumes: db, media.'],
  ] as const)('%s, installed %s, running %s', (word, installed, running, expected) => {
    expect(planPrivate(word, { ...engine, installed, running })).toBe(expected)
  })

  it('is the engine in use, and the private one when there is one', () => {
    const versions = { engineVersion: '26.1.5', composeVersion: '2.26.1' }
    expect(renderStatus({ kind: 'private', running: true, ...versions, private: engine })).toMatchInlineSnapshot(`
      "Engine   private, Engine 26.1.5, Compose 2.26.1
      Folder   /cache/engine (612 MB)
      Volumes  db, media
      Use      . /cache/engine/activate"
    `)
    const none = { ...engine, installed: false, running: false, volumes: [] }
    expect(renderStatus({ kind: 'none', running: false, private: none })).toMatchInlineSnapshot(
      `"Engine   none answers: npm run engine -- start sets up a private one"`,
    )
    expect(renderStatus({ kind: 'private', running: false, private: engine })).toContain('npm run engine -- start')
  })
})
