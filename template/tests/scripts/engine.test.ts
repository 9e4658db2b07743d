import { describe, expect, it, test, vi } from 'vitest'
import { planPrivate, renderStatus } from '../../../extras/offline/engine.ts'
import {
  adviseWithoutEngine, findPlatform, type HostFacts, installInstructions, isAtLeast, mayAdminister, type Platform,
} from '../../../scripts/lib/engine/advice.ts'
import {
  activateScript, clientConfig, clientEnvironment, daemonConfig, daemonEnvironment, layoutOf, mountsBelow,
} from '../../../extras/offline/private-engine/layout.ts'
import { findDebianMirror, sourceArgs } from '../../../extras/offline/debian.ts'
import { findLoader, patchelfArgs } from '../../../extras/offline/private-engine/setup.ts'

const bare: HostFacts = {
  platform: 'debian',
  isRoot: true,
  hasApt: true,
  mayAdminister: true,
  isForbidden: false,
  chosen: undefined,
  hasDockerd: false,
  hasSocket: false,
  hasClient: true,
  complaint: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
}

describe('a host without an answering engine', () => {
  it('gets a private one when it is Debian, root and privileged', () => {
    expect(adviseWithoutEngine(bare)).toBeUndefined()
  })

  test.each<[string, Partial<HostFacts>, string, string]>([
    ['an engine whose command is missing', { hasClient: false, hasSocket: true, complaint: 'docker: not found' }, 'not on PATH', 'apt-get install'],
    [
      'a command that is too old for the engine',
      { hasDockerd: true, complaint: 'Error response from daemon: client version 1.43 is too old. Minimum supported API version is 1.44' },
      'client version 1.43 is too old', 'Update the older of the two',
    ],
    ['an engine that this user may not use', { complaint: 'permission denied while trying' }, 'may not use', 'usermod'],
    ['an engine chosen by DOCKER_HOST', { chosen: 'tcp://build:2375' }, 'tcp://build:2375', 'unset DOCKER_HOST'],
    ['an installed engine that is stopped', { hasDockerd: true }, 'is installed', 'systemctl start docker'],
    ['EMBEDDED_ENGINE=never', { isForbidden: true }, 'EMBEDDED_ENGINE=never', 'apt-get install'],
    ['a distribution without apt', { hasApt: false, platform: 'fedora' }, 'Debian', 'dnf install'],
    ['an ordinary user', { isRoot: false }, 'only root', 'run this as root'],
    ['a container without privileges', { mayAdminister: false }, 'not privileged', 'apt-get install'],
  ])('is told about %s', (_, facts, message, hint) => {
    const advice = adviseWithoutEngine({ ...bare, ...facts })
    expect(advice?.message).toContain(message)
    expect(advice?.hint).toContain(hint)
  })

  it('gets a private one also when not even the command is there', () => {
    expect(adviseWithoutEngine({ ...bare, hasClient: false, complaint: 'docker: command not found' })).toBeUndefined()
  })

  it('offers to run as root only to those for whom that is the obstacle', () => {
    expect(adviseWithoutEngine({ ...bare, isForbidden: true, isRoot: false })?.hint).not.toContain('as root')
  })
})

test.each<[Platform, string]>([
  ['debian', 'docker-compose-v2'],
  ['fedora', 'moby-engine'],
  ['linux', 'docs.docker.com/engine/install'],
  ['wsl', 'WSL integration'],
  ['darwin', 'Docker Desktop'],
  ['win32', 'inside WSL'],
])('the instructions for %s name %s', (platform, words) => {
  expect(installInstructions(platform)).toContain(words)
})

test.each<[Platform, NodeJS.Platform, string, string]>([
  ['darwin', 'darwin', '', ''],
  ['win32', 'win32', '', ''],
  ['debian', 'linux', 'NAME="Debian GNU/Linux"\nID=debian\n', 'Linux version 6.1.0'],
  ['debian', 'linux', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', 'Linux version 6.8.0'],
  ['fedora', 'linux', 'ID=fedora\n', 'Linux version 6.18.1'],
  ['fedora', 'linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'Linux version 5.14.0'],
  ['wsl', 'linux', 'ID=ubuntu\nID_LIKE=debian\n', 'Linux version 6.6.87.2-microsoft-standard-WSL2'],
  ['linux', 'linux', 'ID=arch\nHOME_URL="https://example.org/not-debian"\n', 'Linux version 6.17.1'],
])('the platform is %s', (expected, platform, osRelease, kernel) => {
  expect(findPlatform(platform, osRelease, kernel)).toBe(expected)
})

test.each([
  ['root of a machine', '000001ffffffffff', true],
  ['root of a plain container', '00000000a80425fb', false],
  ['root of a container with NET_ADMIN alone', '0000000000001000', false],
  ['an ordinary user', '0000000000000000', false],
])('%s (%s) may build networks and mount: %s', (_, effective, expected) => {
  expect(mayAdminister(`Name:\tnode\nCapEff:\t${effective}\nCapBnd:\t000001ffffffffff\n`)).toBe(expected)
})

test.each([
  ['2.24.4', true],
  ['2.24.3', false],
  ['2.23.9', false],
  ['1.29.2', false],
  ['2.100.0', true],
  ['2.26.1-4', true],
  ['v5.6.1-desktop.1', true],
  ['', false],
  ['dev', false],
])('Compose %j is at least 2.24.4: %s', (version, expected) => {
  expect(isAtLeast(version, [2, 24, 4])).toBe(expected)
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

  it('keeps the socket path short and of its own, however deep the folder', () => {
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
      hosts: [`unix://${layout.socket}`],
      'data-root': `${layout.dir}/data`,
      'exec-root': `${layout.run}/exec`,
      pidfile: `${layout.run}/docker.pid`,
    })
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

  it('finds none on another distribution, and leaves the choice to mmdebstrap', () => {
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
