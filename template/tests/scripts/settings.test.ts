/** .env.docker.example documents what the Compose files and the Dockerfile do: the same settings, the same defaults. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { fits, parseSchema } from '../../../scripts/lib/env/schema.ts'
import { examples, files, readText, root } from '../helpers/repository.ts'

// A room has its own settings, which follow the same rules.
const { settings, byName } = parseSchema(examples.map(readText).join('\n'), 'the examples')
const composeFiles = files.filter((file) => /^(extras\/\w+\/)?compose[\w.]*\.yaml$/.test(file))
/** `${NAME}`, `${NAME:-default}` … as Compose understands them. */
interface Reference {
  name: string
  /** `:-`, `-`, `:+`, `+`, `:?`, `?`, or empty. */
  operator: string
  /** What stands behind the operator, references in it included. */
  word: string
}

/** The text up to the brace that closes the one before it; references may lie in each other. */
function upToBrace(text: string): string {
  let depth = 1
  for (let index = 0; index < text.length; index += 1) {
    if (text.startsWith('${', index)) depth += 1
    else if (text[index] === '}') depth -= 1
    if (depth === 0) return text.slice(0, index)
  }
  return text
}

/** Every reference in the text, those in the words of others included. `$$` is a $ that is meant. */
function references(text: string): Reference[] {
  const found = text.matchAll(/\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(:?[-+?]|(?=\})))/g)
  return [...found].flatMap(({ 0: whole, 1: bare, 2: braced, 3: operator = '', index }) => {
    if (bare !== undefined) return { name: bare, operator, word: '' }
    return braced === undefined ? [] : { name: braced, operator, word: upToBrace(text.slice(index + whole.length)) }
  })
}

const withoutComments = (text: string): string => text.replaceAll(/^\s*#.*$/gm, '')

/** What a Compose file needs in place of nothing. */
const meansEmpty = new Set(['docker/no-extra-ca.pem', 'nobody', 'NO_HTTP_PROXY=', 'NO_HTTPS_PROXY=', 'NO_NO_PROXY='])

const used = composeFiles.flatMap((file) => references(withoutComments(readText(file))).map((one) => ({ file, ...one })))
/** One that is made of other settings is no default of its own. */
const inCompose = used.filter(({ operator }) => operator.endsWith('-')).map(({ file, name, word }) => ({ file, name, value: word.includes('${') || meansEmpty.has(word) ? '' : word }))
const inDockerfile = [...readText('Dockerfile').matchAll(/^ARG (\w+)=(.*)$/gm)]
  .filter(([, name]) => byName.has(name!)).map(([, name = '', value = '']) => ({ file: 'Dockerfile', name, value }))

test('each default is the same in the example, the Compose files and the Dockerfile', () => {
  expect(inCompose.length).toBeGreaterThan(100)
  expect(inDockerfile.length).toBeGreaterThan(20)
  const other = [...inCompose, ...inDockerfile].filter(({ name, value }) => byName.get(name)?.default !== value)
  expect(other.map(({ file, name, value }) => `${file} has ${name}=${value}, the example ${byName.get(name)?.default}`)).toEqual([])
})

test('every setting that something reads is documented, and something reads every one that is', () => {
  const secrets = Object.values((parse(readText('compose.yaml')) as { secrets: Record<string, { environment?: string }> }).secrets)
  const handedOver = readText('docker/app.env').split('\n').filter((line) => /^\w+$/.test(line))
  const read = new Set([...used.map(({ name }) => name), ...secrets.flatMap(({ environment }) => environment ?? []), ...handedOver])
  // Compose reads these two by itself.
  expect(settings.map(({ name }) => name).filter((name) => !read.has(name))).toEqual(['COMPOSE_FILE', 'COMPOSE_PATH_SEPARATOR'])
  expect([...read].filter((name) => !byName.has(name))).toEqual([])
})

test('a service that reads a setting is named, and no other', () => {
  const roles = ['web', 'worker', 'beat', 'flower', 'migrate']
  const handedOver = new Set(readText('docker/app.env').split('\n'))
  const texts = composeFiles.flatMap((file) => Object.entries((parse(readText(file), { merge: false, logLevel: 'silent' }) as { services: Record<string, { environment?: object }> }).services))
  const readers = (name: string): string[] =>
    [...new Set([...texts.filter(([, { environment = {} }]) => references(JSON.stringify(environment)).some((one) => one.name === name)).map(([service]) => service),
      ...(handedOver.has(name) ? roles : [])])].filter((service) => service !== 'secrets-check')
  const wrong = settings.filter(({ name, services }) => services.some((service) => roles.includes(service)) &&
    roles.some((role) => readers(name).includes(role) && !services.includes(role)))
  expect(wrong.map(({ name }) => name)).toEqual([])
})

test('a project sets about 25 settings, and the file is short enough to read', () => {
  const active = settings.filter(({ isActive }) => isActive)
  expect(active.length).toBeLessThan(30)
  expect(readText('.env.docker.example').split('\n').length).toBeLessThan(400)
})

test.each<[text: string, problem: RegExp]>([
  ['# @typo\nA=', /^example:1 {2}"typo" is not a rule\. Rules: @type/],
  ['# @type=strnig\nA=', /^example:2 {2}@type=strnig of A is not known\./],
  ['# @type=string(max=3)\nA=', /@type=string\(max=3\) of A is not known/],
  ['# @type=port some words\nA=1', /"some words" is not a rule/],
  ['# @optional\nA=1\n\n# @optional\nB=\n\nA=2\nB=\n', /^example:7 {2}Line 2 declares A already: write the value there\./],
  ['# @optional\n# A=1\n# B=1\n\nA=2\n', /^example:5 {2}Line 2 declares A already/],
  ['# @optional\nA=2\n# A=1\n', /^example:3 {2}Line 2 declares A already/],
  ['# @sensitive\n\nA=1', /^example:2 {2}The line above is a rule, and this is not a setting\./],
])('a mistake in the example, %j', (text, problem) => {
  expect(() => parseSchema(text, 'example')).toThrow(problem)
})

test("a project's own line may stand right below the default that it replaces", () => {
  const { settings: [setting], byName: { size } } = parseSchema('# @type=enum(a, b)\n# A=a\nA=b\n', 'example')
  expect([size, setting]).toMatchObject([1, { value: 'b', isActive: true, type: { choices: ['a', 'b'] } }])
})

test('no setting is there twice, and each value is as its rule says', () => {
  const names = examples.map(readText).join('\n').split('\n').flatMap((line) => /^(?:# )?([A-Z]\w*)=/.exec(line)?.[1] ?? [])
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  // A reference to another setting is only known once Compose has read it.
  const judged = settings.filter(({ value }) => value !== '' && !value.includes('$'))
  expect(judged.filter(({ value, type }) => !fits(value, type)).map(({ name }) => name)).toEqual([])
})

test('sentences say what each setting is for', () => {
  const blocks = readText('.env.docker.example').split(/\n(?:\n|# --- )/).filter((block) => /^#\s*@/m.test(block))
  expect(blocks.length).toBeGreaterThan(40)
  expect(blocks.filter((block) => !/^# (?!@|[A-Z]\w*=)/m.test(block))).toEqual([])
})

describe.skipIf(spawnSync('docker', ['compose', 'version']).status !== 0)('an empty value is empty to Compose', () => {
  interface Model {
    name: string
    services: Record<string, { environment: Record<string, string>; build?: { args: Record<string, string> } }>
  }
  /** Where Compose shows what it made of an optional setting that has a default, and what that shall be. */
  const rows: Record<string, [shown: (model: Model) => unknown, wanted: unknown]> = {
    APP_ENV_FILE: [({ services }) => services.web!.environment.OF_THE_APPLICATION, undefined],
    FRONTEND_ENV_FILE: [({ services }) => services.frontend!.environment.OF_THE_FRONTEND, undefined],
    PROD_EXCLUDE: [({ services }) => services.migrate!.build!.args.PROD_EXCLUDE, ''],
    WORKER_ARGS: [({ services }) => services.worker!.environment.WORKER_ARGS, ''],
    BEAT_ARGS: [({ services }) => services.beat!.environment.BEAT_ARGS, ''],
    // The example says so: Caddy has to be told something.
    STORAGE_SITE_ADDRESS: [({ services }) => services.proxy!.environment.STORAGE_SITE_ADDRESS, ':8333'],
    TRUSTED_PROXIES: [({ services }) => services.proxy!.environment.TRUSTED_PROXIES, '127.0.0.1/32'],
  }
  const optional = settings.filter(({ required }) => !required).map(({ name }) => name)

  /** What Compose makes of an env file, in a folder with the env files of an application and a frontend. */
  function ask(text: string): Model {
    const folder = mkdtempSync(join(tmpdir(), 'settings '))
    try {
      for (const file of ['compose.yaml', 'compose.override.yaml', 'docker/app.env']) {
        mkdirSync(join(folder, file, '..'), { recursive: true })
        cpSync(join(root, file), join(folder, file))
      }
      writeFileSync(join(folder, '.env.app'), 'OF_THE_APPLICATION=1\nSECRET_KEY=of-the-application\n')
      writeFileSync(join(folder, '.env.frontend'), 'OF_THE_FRONTEND=1\n')
      writeFileSync(join(folder, 'env'), text)
      const env = { PATH: process.env.PATH, HOME: process.env.HOME, DOCKER_CONFIG: process.env.DOCKER_CONFIG }
      const args = ['compose', '--env-file', 'env', '--profile', '*', 'config', '--format', 'json']
      const { stdout, stderr, status } = spawnSync('docker', args, { cwd: folder, env, encoding: 'utf8' })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      return JSON.parse(stdout) as Model
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  test('and every optional setting that has a default is in the table', () => {
    expect(Object.keys(rows).toSorted()).toEqual(settings.filter(({ required, ...setting }) => !required && setting.default !== '').map(({ name }) => name).toSorted())
  })

  test('where all optional settings are, without a warning', () => {
    const given = ask(settings.map((setting) => `${setting.assignment}\n`).join(''))
    const empty = ask(optional.map((name) => `${name}=\n`).join(''))
    for (const [name, [shown, wanted]] of Object.entries(rows)) {
      expect(shown(empty), name).toBe(wanted)
      expect(shown(given), name).toBe(name.endsWith('_ENV_FILE') ? '1' : byName.get(name)?.default)
    }
  })

  test('and the application gets no variable that the file does not have', () => {
    const { environment } = ask('REDIS_URL=redis://x\nS3_BUCKET=\nAPP_ENV_FILE=\n').services.web!
    const told = Object.keys(environment).filter((name) => /^(DATABASE_URL|REDIS_URL|SECRET_KEY|S3_.*|SSL_.*|APP_CA.*)$/.test(name))
    expect(told).toEqual(['REDIS_URL', 'S3_BUCKET'])
  })

  test("and a client that knows only Amazon is told of the store, unless the application says otherwise", () => {
    const told = (text: string) => ask(text).services.web!.environment.AWS_ENDPOINT_URL_S3
    expect(told('S3_ENDPOINT_URL=http://storage:8333\n')).toBe('http://storage:8333')
    expect(told('')).toBe('')
  })

  test.each(['', 'SECRET_KEY=of-the-stack\n'])("and the application's own env file wins over what the stack tells it: %j", (text) => {
    expect(ask(text).services.web!.environment.SECRET_KEY).toBe('of-the-application')
  })
})
