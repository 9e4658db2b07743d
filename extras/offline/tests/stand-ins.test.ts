import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isStandIn, standInOverlay } from '../../../scripts/lib/rooms.ts'
import { selectStandIns } from '../select.ts'
import { ensureStandIns, fingerprint, recipeFor, standsFor } from '../stand-ins.ts'
import { Sandbox, SECRET } from '../../../tests/helpers/sandbox.ts'

// These functions would change this machine, so they do nothing here.
vi.mock(import('../debian.ts'), async (original) => ({
  ...(await original()),
  installHostPackages: () => Promise.resolve([]),
  runMmdebstrap: (_: string, { suite }: { suite: string }) => {
    suites.push(suite)
    return Promise.resolve()
  },
}))
const suites: string[] = []

const O = standInOverlay
const D = 'compose.yaml:compose.override.yaml'

test.each([
  ['at the end of what is there', 'A=1\nCOMPOSE_FILE=compose.yaml\nB=2\n', `A=1\nCOMPOSE_FILE=compose.yaml:${O}\nB=2\n`],
  ['inside single quotes', `COMPOSE_FILE='my files/a.yaml:b.yaml'\n`, `COMPOSE_FILE='my files/a.yaml:b.yaml:${O}'\n`],
  ['inside double quotes', 'COMPOSE_FILE="a.yaml"\n', `COMPOSE_FILE="a.yaml:${O}"\n`],
  ['before a comment', 'COMPOSE_FILE=a.yaml  # mine\n', `COMPOSE_FILE=a.yaml:${O}  # mine\n`],
  ['before a comment after quotes', "COMPOSE_FILE='a.yaml' # mine\n", `COMPOSE_FILE='a.yaml:${O}' # mine\n`],
  ['before blanks at the end', 'COMPOSE_FILE=a.yaml \t\nB=2\n', `COMPOSE_FILE=a.yaml:${O} \t\nB=2\n`],
  ['to a name that has a # in it', 'COMPOSE_FILE=a#1.yaml\n', `COMPOSE_FILE=a#1.yaml:${O}\n`],
  ['to a name that has a $ in it', 'COMPOSE_FILE=$$&.yaml\n', `COMPOSE_FILE=$$&.yaml:${O}\n`],
  ['after an export and blanks', '  export COMPOSE_FILE = a.yaml\n', `  export COMPOSE_FILE = a.yaml:${O}\n`],
  ['on the last line without its end', 'A=1\nCOMPOSE_FILE=a.yaml', `A=1\nCOMPOSE_FILE=a.yaml:${O}`],
  ['in a file from Windows', 'A=1\r\nCOMPOSE_FILE=a.yaml\r\nB=2\r\n', `A=1\r\nCOMPOSE_FILE=a.yaml:${O}\r\nB=2\r\n`],
  ['to the setting, not to the same words in a comment', '# COMPOSE_FILE=a.yaml\nCOMPOSE_FILE=a.yaml\n', `# COMPOSE_FILE=a.yaml\nCOMPOSE_FILE=a.yaml:${O}\n`],
  ['to the defaults where it is empty', 'COMPOSE_FILE=\nB=2\n', `COMPOSE_FILE=${D}:${O}\nB=2\n`],
  ['to the defaults between empty quotes', "COMPOSE_FILE=''\n", `COMPOSE_FILE='${D}:${O}'\n`],
  ['as a new line where there is none', 'A=1\n\n', `A=1\n\nCOMPOSE_FILE=${D}:${O}\n`],
  ['as a new line where the last has no end', 'A=1', `A=1\nCOMPOSE_FILE=${D}:${O}\n`],
  ['as a new line where it is commented out', '#COMPOSE_FILE=a.yaml\n', `#COMPOSE_FILE=a.yaml\nCOMPOSE_FILE=${D}:${O}\n`],
  ['as a new line beside longer names', 'MY_COMPOSE_FILE=a\nCOMPOSE_FILES=b\n', `MY_COMPOSE_FILE=a\nCOMPOSE_FILES=b\nCOMPOSE_FILE=${D}:${O}\n`],
  ['as the only line', '', `COMPOSE_FILE=${D}:${O}\n`],
])('the overlay is added %s, and every other byte stays', (_, text, expected) => {
  expect(selectStandIns(text)).toBe(expected)
  expect(selectStandIns(expected), 'a second time').toBe(expected)
})

test('the overlay is added after the separator that COMPOSE_PATH_SEPARATOR names', () => {
  const [values, expected] = [{ COMPOSE_PATH_SEPARATOR: ';' }, `COMPOSE_FILE=a.yaml;${O}\n`]
  expect(selectStandIns('COMPOSE_FILE=a.yaml\n', values)).toBe(expected)
  expect(selectStandIns(expected, values), 'a second time').toBe(expected)
})

test.each([
  `COMPOSE_FILE=compose.yaml:${O}\n`,
  `COMPOSE_FILE=${O}:mine.yaml\n`,
  `COMPOSE_FILE='compose.yaml:${O}' # offline\n`,
])('%j has the overlay already, and stays as it is', (text) => {
  expect(selectStandIns(text)).toBe(text)
})

test.each([
  ['stand-in/library/postgres:17-trixie', true],
  ['library/postgres:17-trixie', false],
  ['registry.test/stand-in/postgres:17', false],
])('%s is a stand-in: %s', (image, expected) => {
  expect(isStandIn(image)).toBe(expected)
})

test.each([
  ['python:3.13-slim-trixie', 'python'],
  ['library/python:3.13-slim-trixie', 'python'],
  ['docker.io/library/python:3.13-slim-trixie', 'python'],
  ['python:3.11-slim-bookworm', 'python-bookworm'],
  ['python:3.14-slim-trixie', 'python-forky'],
  ['valkey/valkey:9.1-trixie', 'valkey'],
  ['python:3.12-slim-trixie', undefined],
  ['m.test:5000/library/python:3.13-slim-trixie', undefined],
  ['postgres:17-trixie@sha256:0123', undefined],
])('%s is made by %s', (image, target) => {
  expect(recipeFor(image)?.target).toBe(target)
})

test('every recipe is a target of bake.hcl with its files, and every default of .env.docker.example has one', () => {
  const readText = (path: string): string => readFileSync(path, 'utf8')
  const bake = readText('extras/offline/images/bake.hcl')
  for (const { target } of standsFor.values()) expect(bake).toContain(`target "${target}" {`)
  const used = [...bake.matchAll(/dockerfile = "(.*)"/g)].map(([, file]) => `extras/offline/images/${file}`)
  expect(used.filter((file) => !existsSync(file))).toEqual([])
  const defaults = [...readText('.env.docker.example').matchAll(/^# \w+_IMAGE=(.+)$/gm)].map(([, image]) => image!)
  expect(defaults.length).toBeGreaterThan(5)
  expect(defaults.filter((image) => !recipeFor(image))).toEqual([])
  const page = readText('extras/offline/README.md')
  expect([...standsFor.keys()].filter((image) => !page.includes(`\`${image}\``)), 'not in extras/offline/README.md').toEqual([])
})

describe('the stand-ins', () => {
  const wanted = ['stand-in/library/postgres:17-trixie', 'stand-in/valkey/valkey:9.1-trixie']
  const settings = { APT_MIRROR: 'http://debian.test/debian' }
  let box: Sandbox

  /** The label of stand-ins that are up to date in this sandbox. */
  const mark = (): Promise<string> => fingerprint(settings.APT_MIRROR)
  const builds = (): number => box.calls().filter((call) => call.startsWith('buildx bake')).length

  beforeEach(async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    suites.length = 0
    box = new Sandbox()
    box.enter()
    mkdirSync(join(box.folder, 'extras/offline/images'), { recursive: true })
    mkdirSync(join(box.folder, 'docker/build'), { recursive: true })
    for (const name of ['bake.hcl', 'compose.yaml', 'postgres.Dockerfile']) box.write(`extras/offline/images/${name}`, name)
    for (const name of ['apt-install.sh', 'install-tool.sh', 'with-network.sh']) box.write(`docker/build/${name}`, name)
    box.answer('image-inspect', { err: 'Error response from daemon: No such image\n', code: 1 })
    await ensureStandIns(wanted, settings)
    box.answer('image-inspect', { out: `${await mark()}\n${await mark()}\n`, code: 0 })
  })
  afterEach(() => vi.restoreAllMocks())

  test('are built on a base that was made before', () => {
    expect(box.order('import', 'buildx bake')).toEqual(['import', 'buildx bake'])
    expect(box.effects()).toHaveLength(2)
    expect(suites).toEqual(['trixie'])
    expect(box.calls().at(-1), 'and nothing that the stack does not want').toMatch(/bake .* postgres valkey$/)
  })

  test('have the names that the stack uses, whatever those are, and each has the Debian that it needs', async () => {
    const several = ['stand-in/python:3.11-slim-bookworm', 'stand-in/docker.io/library/python:3.11-slim-bookworm', 'stand-in/postgres:17-trixie']
    box.answer('image-inspect', { code: 1 })
    suites.length = 0
    await ensureStandIns(several, settings)
    expect(suites).toEqual(['bookworm', 'trixie'])
    const args = box.argv().at(-1)!
    expect(args).toEqual(expect.arrayContaining([
      'python-bookworm.tags=stand-in/python:3.11-slim-bookworm',
      'python-bookworm.tags=stand-in/docker.io/library/python:3.11-slim-bookworm',
      'postgres.tags=stand-in/postgres:17-trixie',
    ]))
    expect(args.slice(-2)).toEqual(['python-bookworm', 'postgres'])
  })

  test('that do not exist are one error, which lists those that do, and nothing is built', async () => {
    const before = box.calls().length
    await expect(ensureStandIns(['stand-in/python:3.12-slim-trixie', ...wanted, 'stand-in/pgvector/pgvector:pg17'], settings)).rejects.toMatchObject({
      message: 'There is no stand-in for python:3.12-slim-trixie, pgvector/pgvector:pg17.',
      hint: expect.stringMatching(/exist for .*python:3\.11-slim-bookworm, python:3\.11-slim-trixie.*docker load/) as string,
      exitCode: 4,
    })
    expect(box.calls()).toHaveLength(before)
  })

  test('that are up to date need only one call of Docker', async () => {
    const before = box.calls().length
    await ensureStandIns(wanted, settings)
    expect(box.calls().slice(before)).toHaveLength(1)
    expect(box.calls().at(-1)).toMatch(/^image inspect .* stand-in\/library\/postgres:17-trixie stand-in\/valkey\/valkey:9.1-trixie$/)
  })

  test.each<[string, boolean, () => void | Promise<void>, Record<string, string>]>([
    ['one of their files changed', true, () => box.write('extras/offline/images/postgres.Dockerfile', 'other'), settings],
    ['what they share with the application changed', true, () => box.write('docker/build/with-network.sh', 'other'), settings],
    ['one of their files is new', true, () => box.write('extras/offline/images/new', ''), settings],
    ['another mirror is set', true, () => {}, { APT_MIRROR: 'http://other.test/debian' }],
    ['one of them is older', true, async () => box.answer('image-inspect', { out: `${await mark()}\nolder\n` }), settings],
    ['only the password of the mirror changed', false, () => {}, { APT_MIRROR: `http://me:${SECRET}@debian.test/debian` }],
    ['only the overlay changed', false, () => box.write('extras/offline/compose.yaml', 'other'), settings],
  ])('when %s, are built again: %s', async (_, expected, change: () => unknown, values) => {
    await change()
    await ensureStandIns(wanted, values)
    expect(builds()).toBe(expected ? 2 : 1)
  })

  test('get the mirrors as secrets that no process list shows', async () => {
    box.write('extras/offline/images/new', '')
    const url = `https://me:${SECRET}@mirror.test/simple`
    await ensureStandIns(wanted, { APT_MIRROR: url, PIP_INDEX_URL: url, NPM_REGISTRY: url, HTTPS_PROXY: url })
    expect(box.argv().at(-1)).toContain('*.secrets=id=pip-index-url,env=PIP_INDEX_URL')
    expect(box.argv().at(-1)).toContain('*.secrets=id=npm-registry,env=NPM_REGISTRY')
    expect(box.argv().at(-1)).toContain('*.secrets=id=apt-mirror,env=APT_MIRROR')
    expect(box.calls().join('\n')).not.toContain(SECRET)
  })

  test('are not built on Podman, which has no builder without a registry', async () => {
    box.write('extras/offline/images/new', '')
    box.answer('version', { out: { Server: { Version: '5.8.6', ApiVersion: '1.44', Components: [{ Name: 'Podman Engine' }] } } })
    await expect(ensureStandIns(wanted, settings)).rejects.toMatchObject({ message: expect.stringMatching(/^Podman cannot build/), exitCode: 4 })
    expect(builds()).toBe(1)
  })

  test('that cannot be built end with 4', async () => {
    box.write('extras/offline/images/new', '')
    box.answer('buildx-bake', { code: 1 })
    await expect(ensureStandIns(wanted, settings)).rejects.toMatchObject({ message: 'The stand-in images could not be built.', exitCode: 4 })
  })
})
