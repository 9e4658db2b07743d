/** `npm run adopt` in repositories that git can compare before and after. */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { neutralExample } from '../../adopt/settings.ts'
import { fitPackage, mergePackages } from '../../adopt/package.ts'

// In most of these tests npm makes a lock file, which takes time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const root = join(import.meta.dirname, '../../..')
const base = mkdtempSync(join(tmpdir(), 'adopt a copy-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

const identity = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@example.org', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@example.org' }
const git = (folder: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd: folder, encoding: 'utf8', env: { ...process.env, ...identity }, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 28 })
const commit = (folder: string): void => {
  git(folder, 'add', '--all')
  git(folder, 'commit', '--quiet', '--allow-empty', '--message', 'Begin')
}
const write = (folder: string, files: Record<string, string>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}
const read = (folder: string, path: string): string => readFileSync(join(folder, path), 'utf8')
const listed = (folder: string): string[] => git(folder, 'ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0').filter((path) => path && existsSync(join(folder, path)))
const hashes = (folder: string): string => execFileSync('sh', ['-c', 'find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum'], { cwd: folder, encoding: 'utf8' })
const manifestOf = (folder: string): { name: string; scripts: Record<string, string>; devDependencies: Record<string, string> } => JSON.parse(read(folder, 'package.json'))

const shop = join(base, 'my shop')
const original = join(base, 'template')

beforeAll(() => {
  mkdirSync(original)
  const files = git(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0').filter((path) => path && existsSync(join(root, path)))
  for (const path of files.filter((one) => one !== 'node_modules')) cpSync(join(root, path), join(original, path))
  git(original, 'init', '--quiet')
  commit(original)
  write(shop, {
    'README.md': '# The shop\n', 'requirements.txt': 'flask\n', 'requirements-dev.txt': 'pytest\n', 'shop/__init__.py': '', 'shop/it\'s $5.txt': 'a "price"\n',
    'tests/test_shop.py': 'def test_it(): pass\n', '.env': 'KEY=secret\n', '.env.example': 'KEY=\n', '.git/HEAD': 'nothing',
    '.venv/bin/python': '', 'node_modules/x/index.js': '', 'shop/__pycache__/a.pyc': '',
  })
  rmSync(join(shop, '.git'), { recursive: true })
})

let copies = 0
/** A checkout in which adopt has not run. */
function checkout(): string {
  const folder = join(base, `copy ${++copies}`)
  git(base, 'clone', '--quiet', original, folder)
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

function adopt(folder: string, args: string[], env: Record<string, string> = {}): { code: number | null; signal: string | null; stdout: string; stderr: string } {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx/esm', 'template/adopt.ts', ...args], {
    cwd: folder, encoding: 'utf8', env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
  })
  return { code: status, signal, stdout, stderr }
}

const FLAGS = ['--from', shop, '--name', 'shop', '--yes']

describe('a copy', () => {
  let copy: string
  let before: string
  beforeAll(() => {
    copy = checkout()
    before = hashes(shop)
    write(copy, { '.github/CODEOWNERS': '* @me\n' })
    commit(copy)
    write(copy, { '.env.docker': 'WEB_PORT=1\n', '.env.app': 'KEY=1\n', 'app/stories/__pycache__/old.pyc': '', 'template/tests/e2e/screenshots/one.png': '' })
    const { code, stderr } = adopt(copy, FLAGS)
    expect(stderr).toContain('✓ shop is adopted.')
    expect(code).toBe(0)
  })

  it('holds the application in place of the sample, and leaves its folder as it was', () => {
    expect(listed(copy).filter((path) => path.startsWith('app/')).toSorted()).toEqual(
      ['.env.example', 'README.md', 'requirements-dev.txt', 'requirements.txt', 'shop/__init__.py', 'shop/it\'s $5.txt', 'tests/test_shop.py'].map((path) => `app/${path}`),
    )
    expect(existsSync(join(copy, 'app/stories'))).toBe(false)
    expect(hashes(shop)).toBe(before)
  })

  it('has nothing of the template, and only the rooms that were asked for', () => {
    for (const path of ['template', 'extras', '.ci', 'LICENSE']) expect(existsSync(join(copy, path)), path).toBe(false)
    expect(read(copy, 'docker/LICENSE')).toContain('MIT')
  })

  it('keeps what git ignores, and what its owner has added to .github', () => {
    expect(read(copy, '.github/CODEOWNERS')).toBe('* @me\n')
    expect(read(copy, '.env.docker')).toBe('WEB_PORT=1\n')
    expect(read(copy, '.env.app')).toBe('KEY=1\n')
  })

  it('has npm scripts for files that are there, and packages that they use', () => {
    const { name, scripts, devDependencies } = manifestOf(copy)
    expect(name).toBe('shop')
    for (const file of Object.values(scripts).flatMap((line) => line.match(/\S+\.ts\b/g) ?? [])) expect(existsSync(join(copy, file)), file).toBe(true)
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['up', 'env', 'test:scripts', 'test:shell', 'test:docker']))
    expect(scripts.test).toBe('tsc && vitest run && npm run test:shell && npm run test:docker')
    expect(Object.keys(scripts).filter((one) => /^(adopt|lint|bench|engine|copy-database|test:e2e|test:template)$/.test(one))).toEqual([])
    expect(Object.keys(devDependencies).toSorted()).toEqual(['@types/node', 'bats', 'bats-assert', 'bats-support', 'typescript', 'vitest'])
  })

  it('has a lock that npm ci takes, without an address of a registry', () => {
    const folder = mkdtempSync(join(base, 'lock-'))
    for (const name of ['package.json', 'package-lock.json']) cpSync(join(copy, name), join(folder, name))
    execFileSync('npm', ['ci', '--dry-run', '--offline', '--ignore-scripts'], { cwd: folder, stdio: 'pipe' })
    expect(read(folder, 'package-lock.json')).not.toMatch(/"resolved"|node_modules\/playwright/)
  })

  it('says nothing of the sample in its active settings, and how the dependencies are installed', () => {
    const active = read(copy, '.env.docker.example').split('\n').filter((line) => /^[A-Z]/.test(line))
    expect(active.filter((line) => /stor(y|ies)|espeak|flask/i.test(line))).toEqual([])
    expect(active).toEqual(expect.arrayContaining(['WEB_APP=', 'CELERY_APP=', 'PYTHON_MANIFEST=requirements.txt', 'PYTHON_DEV_MANIFEST=requirements-dev.txt', 'MIGRATE_COMMAND=']))
  })

  it('has no page with a link to what is gone, and no list that names it', () => {
    for (const page of listed(copy).filter((path) => path.endsWith('.md') && !path.startsWith('app/'))) {
      for (const [, target = ''] of read(copy, page).matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)) expect(existsSync(join(copy, dirname(page), target)), `${page}: ${target}`).toBe(true)
    }
    for (const list of ['.gitignore', '.dockerignore', 'tsconfig.json', 'vitest.config.mts']) expect(read(copy, list), list).not.toMatch(/\btemplate\//)
  })

  it('has a page, a workflow and a story of its own', () => {
    expect(read(copy, 'README.md')).toMatch(/^# shop\n/)
    for (const command of ['npm run env', 'npm run check-image', 'npm run test:docker', 'web test']) expect(read(copy, '.github/workflows/ci.yml')).toContain(command)
    expect(read(copy, 'tests/docker/development/story.bats')).toContain('skip')
  })

  it("has a workflow that brings the application's own variables from the example that git has", () => {
    const folder = mkdtempSync(join(base, 'ci-'))
    const [, step = ''] = /- run: (for .*)/.exec(read(copy, '.github/workflows/ci.yml'))!
    const files = (): string[] => {
      execFileSync('bash', ['-e', '-c', step], { cwd: folder })
      return readdirSync(folder).toSorted()
    }
    expect(files()).toEqual([])
    write(folder, { '.env.app.example': 'SHOP_TOKEN=test\n' })
    expect(files()).toEqual(['.env.app', '.env.app.example'])
    expect(read(folder, '.env.app')).toBe('SHOP_TOKEN=test\n')
    write(copy, { '.env.app.example': '', '.env.frontend.example': '' })
    expect(git(copy, 'check-ignore', '.env.app', '.env.frontend')).toBe('.env.app\n.env.frontend\n')
    expect(listed(copy)).toEqual(expect.arrayContaining(['.env.app.example', '.env.frontend.example']))
    for (const name of ['.env.app.example', '.env.frontend.example']) rmSync(join(copy, name))
  })

  it('is clean after a commit, and adopting it again changes nothing', () => {
    expect(git(copy, 'diff', '--cached', '--name-only')).toBe('')
    commit(copy)
    expect(git(copy, 'status', '--porcelain')).toBe('')
    // The folder has come back, for example with an update of the template.
    cpSync(join(root, 'template'), join(copy, 'template'), { recursive: true, filter: (path) => !path.includes('node_modules') })
    const { code, stderr } = adopt(copy, FLAGS)
    expect(stderr).toContain('was adopted before')
    expect(code).toBe(0)
  })
})

describe('what is refused', () => {
  let copy: string
  beforeAll(() => {
    copy = checkout()
  })
  const expectRefused = (args: string[], code: number, message: string, folder = copy): void => {
    const status = git(folder, 'status', '--porcelain', '--ignored')
    const result = adopt(folder, args)
    expect(result.stderr).toContain(message)
    expect(result.stderr).not.toMatch(/\n\s+at /)
    expect(result.code).toBe(code)
    expect(git(folder, 'status', '--porcelain', '--ignored')).toBe(status)
  }

  it.each([
    ['a folder that is not there', ['--from', '../nowhere', '--name', 'shop', '--yes'], 'There is no folder'],
    ['a file in place of a folder', ['--from', join(shop, 'README.md'), '--name', 'shop', '--yes'], 'There is no folder'],
    ['the repository itself', ['--from', 'app', '--name', 'shop', '--yes'], 'lie in each other'],
    ['no folder, without a terminal to ask', ['--name', 'shop', '--yes'], '--from is missing'],
    ['no name, without a terminal to ask', ['--from', shop, '--yes'], '--name is missing'],
    ['no --yes, without a terminal to ask', ['--from', shop, '--name', 'shop'], 'add --yes'],
    ['a name that Compose does not take', ['--from', shop, '--name', 'My Shop', '--yes'], 'is no name that Compose takes'],
    ['a room that is not there', [...FLAGS, '--keep', 'offline,cellar'], 'There is no room cellar'],
    ['--from with --into', [...FLAGS, '--into', shop], 'exclude each other'],
    ['--into a folder that is not there', ['--into', '../nowhere', '--yes'], 'There is no folder'],
    ['--into this repository', ['--into', 'app', '--yes'], 'lies in this repository'],
  ])('%s', (_, args, message) => {
    expect.hasAssertions()
    expectRefused(args, 2, message)
  })

  it('changes that are not committed, tracked or not', () => {
    expect.hasAssertions()
    const dirty = checkout()
    write(dirty, { 'new file.txt': '' })
    expectRefused(FLAGS, 3, '?? "new file.txt"', dirty)
    commit(dirty)
    writeFileSync(join(dirty, 'Dockerfile'), '')
    expectRefused(FLAGS, 3, 'has changes that are not committed', dirty)
  })

  it('a folder that git does not know', () => {
    const plain = join(base, 'plain')
    cpSync(original, plain, { recursive: true, filter: (path) => !path.endsWith('/.git') })
    symlinkSync(join(root, 'node_modules'), join(plain, 'node_modules'))
    const { code, stderr } = adopt(plain, FLAGS)
    expect(stderr).toContain('is not the root of a git repository')
    expect(code).toBe(3)
  })

  it('to overwrite a file that git ignores', () => {
    const folder = checkout()
    write(folder, { 'app/.gitignore': 'local.txt\n' })
    commit(folder)
    write(folder, { 'app/local.txt': 'mine' })
    write(join(base, 'with local'), { 'local.txt': 'theirs', 'a.py': '' })
    expectRefused(['--from', '../with local', '--name', 'shop', '--yes'], 3, 'app/local.txt', folder)
    expect(read(folder, 'app/local.txt')).toBe('mine')
  })

  it('nothing, with --dry-run, which shows what goes and what comes', () => {
    const status = git(copy, 'status', '--porcelain', '--ignored')
    const { code, stdout } = adopt(copy, [...FLAGS, '--keep', 'offline', '--dry-run'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Goes:\n(.*\n)* {2}extras\/copy-database\/ \(\d+ files\)\n(.*\n)* {2}template\/ \(\d+ files\)\nComes:\n {2}app\/ /)
    expect(stdout).not.toContain('extras/offline/ (2')
    expect(stdout).toContain('Left out of the application:\n  .env')
    expect(git(copy, 'status', '--porcelain', '--ignored')).toBe(status)
  })
})

describe('a run that is cut off', () => {
  /** Ends the program, or makes it fail, where it renames or deletes a file. */
  const saboteur = (path: string, act: string): Record<string, string> => ({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`
      import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      for (const name of ['renameSync', 'rmSync']) {
        const real = fs[name]
        fs[name] = (...args) => {
          if (args.some((one) => String(one).endsWith(${JSON.stringify(path)}) && !String(one).includes('/.git/'))) ${act}
          return real(...args)
        }
      }
      syncBuiltinESMExports()`)}`,
  })

  it.each(['app/stories/tasks.py', '/package.json', 'template/README.md'])('is put back by the next one, killed at %s', (path) => {
    const copy = checkout()
    write(copy, { '.env.docker': 'mine', 'app/.venv/python': '' })
    expect(adopt(copy, FLAGS, saboteur(path, `process.kill(process.pid, 'SIGKILL')`)).signal).toBe('SIGKILL')
    writeFileSync(join(copy, 'Dockerfile'), 'FROM mine\n')
    const left = git(copy, 'status', '--porcelain')
    expect(left).not.toBe('')
    // The user's own work may be among the changes: a dry run touches nothing, and --yes is required.
    expect(adopt(copy, [...FLAGS, '--dry-run'])).toMatchObject({ code: 3, stderr: expect.stringContaining('discards every change') as string })
    expect(adopt(copy, FLAGS.filter((flag) => flag !== '--yes')).code).toBe(2)
    expect(git(copy, 'status', '--porcelain')).toBe(left)
    const { code, stderr } = adopt(copy, FLAGS)
    expect(stderr).toContain('An earlier run was cut off.')
    expect(read(copy, '.env.docker')).toBe('mine')
    expect(git(copy, 'show', 'stash@{0}:Dockerfile')).toBe('FROM mine\n')
    expect(code).toBe(0)
  })

  it('leaves every file as it was when a file cannot be written', () => {
    const copy = checkout()
    const { code, stderr } = adopt(copy, FLAGS, saboteur('/package.json', `throw new Error('no space left on device')`))
    expect(stderr).toContain('no space left on device')
    expect(code).toBe(1)
    expect(git(copy, 'status', '--porcelain')).toBe('')
    expect(existsSync(join(copy, '.git/adopt'))).toBe(false)
  })

  it('is complete when Ctrl-C comes in the middle of the switch', () => {
    const copy = checkout()
    const { stderr } = adopt(copy, FLAGS, saboteur('app/README.md', `process.kill(process.pid, 'SIGINT')`))
    expect(stderr).toContain('✓ shop is adopted.')
    expect(existsSync(join(copy, 'template'))).toBe(false)
    expect(manifestOf(copy).name).toBe('shop')
  })
})

describe('an application at the root of its repository', () => {
  let copy: string
  beforeAll(() => {
    copy = checkout()
  })
  let count = 0
  function theirs(files: Record<string, string>): string {
    const folder = join(base, `their shop ${++count}`)
    write(folder, { 'shop/__init__.py': '', 'requirements.txt': 'flask\n', ...files })
    git(folder, 'init', '--quiet')
    commit(folder)
    return folder
  }

  it('gets the files, and keeps each of its own', () => {
    const folder = theirs({
      // As for many Python projects, and without an end of its last line.
      '.gitignore': '*.log\nlib/\nbuild/\nenv/', '.dockerignore': 'docker\nnotes.txt', 'README.md': '# Theirs\n', 'tests/test_a.py': '', 'docs/index.md': 'x', 'env/pyvenv.cfg': '',
      '.github/workflows/ci.yml': 'on: push\n', 'tsconfig.json': '{}\n',
      'package.json': '{ "name": "theirs", "scripts": { "build": "echo built", "test": "echo ours" }, "dependencies": { "zx": "8.0.0" } }\n',
    })
    const kept = new Map(['README.md', 'tests/test_a.py', 'docs/index.md', '.github/workflows/ci.yml', 'tsconfig.json', 'shop/__init__.py'].map((path) => [path, read(folder, path)]))
    const { code, stderr } = adopt(copy, ['--into', folder, '--name', 'shop', '--keep', 'offline,mail', '--yes'])
    expect(stderr).toContain('README.md stayed yours.')
    expect(stderr).toContain('package.json: scripts.test stayed yours.')
    expect(code).toBe(0)
    for (const [path, text] of kept) expect(read(folder, path), path).toBe(text)
    expect(read(folder, '.gitignore')).toMatch(/^\*\.log\nlib\/\nbuild\/\nenv\/\n/)
    expect(read(folder, '.dockerignore')).toMatch(/^docker\nnotes\.txt\n\n!docker\nenv\n/)
    expect(manifestOf(folder)).toMatchObject({ name: 'theirs', scripts: { build: 'echo built', test: 'echo ours', up: expect.stringContaining('scripts/up.ts') }, dependencies: { zx: '8.0.0' } })
    const files = listed(folder)
    expect(files).toEqual(expect.arrayContaining(['Dockerfile', 'compose.yaml', 'docker/build/install-dependencies.sh', 'scripts/lib/command.ts', 'scripts/lib/env/check.ts', 'extras/offline/README.md', 'extras/mail/compose.yaml', 'extras/mail/env.docker.example', '.github/workflows/docker.yml']))
    expect(files.filter((path) => /^(template|app)\//.test(path))).toEqual([])
    expect(read(folder, '.env.docker.example')).toMatch(/^APP_DIR=\.$/m)
    expect(read(folder, '.github/dependabot.yml')).toMatch(/package-ecosystem: pip\n {4}directory: \/\n/)
    expect(read(folder, '.env.docker.example')).toMatch(/^PROD_EXCLUDE='tests docs docker scripts extras /m)
    // Twice is harmless, and so is a commit in between.
    const first = hashes(folder)
    expect(adopt(copy, ['--into', folder, '--yes'])).toMatchObject({ code: 0, stderr: expect.stringContaining('was adopted before') })
    commit(folder)
    expect(git(folder, 'status', '--porcelain')).toBe('')
    expect(hashes(folder)).toBe(first)
  })

  it('gets package.json and its lock when it has none, and may have a submodule', () => {
    const library = theirs({ 'money.py': '' })
    const folder = theirs({})
    git(folder, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'libs/money')
    commit(folder)
    expect(adopt(copy, ['--into', folder, '--yes']).code).toBe(0)
    expect(manifestOf(folder).name).toMatch(/^their-shop-\d+$/)
    execFileSync('npm', ['ci', '--dry-run', '--offline', '--ignore-scripts'], { cwd: folder, stdio: 'pipe' })
  })

  it.each([
    ['docker/', { 'docker/mine.txt': '' }, 'docker'],
    ['scripts/', { 'scripts/mine.sh': '' }, 'scripts'],
    ['compose.yaml and Dockerfile', { 'compose.yaml': '', Dockerfile: '' }, 'Dockerfile\n  compose.yaml'],
    ['tests/shell', { 'tests/shell/mine.bats': '' }, 'tests/shell'],
  ])('is refused with %s of its own, and nothing is written', (_, files, named) => {
    const folder = theirs(files)
    const before = hashes(folder)
    const { code, stderr } = adopt(copy, ['--into', folder, '--yes'])
    expect(stderr).toContain('has files where these have to be. Nothing was written.')
    expect(stderr).toContain(named)
    expect(code).toBe(3)
    expect(hashes(folder)).toBe(before)
  })

  it('is refused with changes that are not committed', () => {
    const folder = theirs({})
    write(folder, { 'new.txt': '' })
    expect(adopt(copy, ['--into', folder, '--yes'])).toMatchObject({ code: 3, stderr: expect.stringContaining('?? new.txt') })
  })
})

describe('settings', () => {
  it('keep their documentation, and a line that is commented out stays so unless it is answered', () => {
    const example = [
      '# Text with A=b.', 'WEB_APP=stories:app', '# @type=number @default="16"', '# WEB_THREADS=16', '# APP_DIR=app', '# PYTHON_MANIFEST=requirements.txt',
      '# @default="/healthz" @type=string', 'HEALTH_PATH=/stories', '# @sensitive @generate=hex(16)', 'SECRET_KEY=local-only', 'POSTGRES_DB=stories', 'COMPOSE_PROFILES=storage',
      '# @sensitive @generate=hex(20)', 'S3_SECRET_ACCESS_KEY=local-only', '',
    ]
    expect(neutralExample(example.join('\n'), 'my-shop', { APP_DIR: '.' }).split('\n')).toEqual([
      '# Text with A=b.', 'WEB_APP=', '# @type=number @default="16"', '# WEB_THREADS=16', 'APP_DIR=.', '# PYTHON_MANIFEST=requirements.txt',
      '# @default="/healthz" @type=string', 'HEALTH_PATH=/healthz', '# @sensitive @generate=hex(16)', 'SECRET_KEY=local-only', 'POSTGRES_DB=my_shop', 'COMPOSE_PROFILES=redis',
      '# @sensitive @generate=hex(20)', '# S3_SECRET_ACCESS_KEY=', '',
    ])
  })

  it('package.json keeps the types of each package that stays, and of no other', () => {
    const types = { '@types/semver': '1', '@types/left__pad': '1', '@types/vitest': '1', '@types/marked': '1', '@types/left-pad': '1' }
    const { devDependencies } = fitPackage({ dependencies: { semver: '1', '@left/pad': '1' }, devDependencies: { marked: '1', vitest: '1', ...types } }, 'shop', new Map())
    expect(Object.keys(devDependencies!)).toEqual(['vitest', '@types/semver', '@types/left__pad', '@types/vitest'])
  })

  it('package.json keeps a version of theirs', () => {
    const { merged, kept } = mergePackages({ devDependencies: { vitest: '3.0.0' } }, { dependencies: { zx: '8.8.5' }, devDependencies: { vitest: '4.1.12' } })
    expect(merged.devDependencies).toEqual({ zx: '8.8.5', vitest: '3.0.0' })
    expect(kept).toEqual(['dependencies.vitest'])
  })
})
