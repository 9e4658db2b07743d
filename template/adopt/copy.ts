/** The files of a copy: what is left of this repository when the template's own part and the sample are gone. */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { fitLock, fitPackage, type Package } from './package.ts'
import { find, type Found } from './find/find.ts'
import { neutralExample } from './settings.ts'
import { CACHES, ignoredOf, textOf, trackedFiles, type Change, type Content, type Tree } from './tree.ts'

export interface Choices {
  name: string
  /** The rooms of extras/ that stay. */
  rooms: readonly string[]
  /** Where the application lies: `app`, or `.` for the repository itself. */
  appDir: string
  /** Its files, by their path below that folder. */
  application: Tree
  /** What its files say of how it starts. */
  found: Found
}

/** The template's zone, the sample, and what the owner's files replace. Other files of .github/ are the owner's. */
const GONE = /^((template|app)\/|(\.ci\/run|\.github\/(dependabot\.yml|workflows\/ci\.yml)|README\.md|LICENSE)$)/

/** Root files that list folders or patterns. */
const LISTS = ['.gitignore', '.dockerignore', '.editorconfig', 'tsconfig.json', 'vitest.config.mts']

/** Secrets are not copied. A sample of such a file may be. */
const SECRETS = /^\.env(\.(?!example$|sample$|template$|dist$).*)?$/

export const roomsOf = (root: string): string[] =>
  readdirSync(join(root, 'extras'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).toSorted()

function* walk(folder: string, below = ''): Generator<string> {
  for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
    const path = posix.join(below, entry.name)
    if (entry.name === '.git' || CACHES.has(entry.name)) continue
    if (entry.isDirectory()) yield* walk(folder, path)
    else if (entry.isFile() || entry.isSymbolicLink()) yield path
  }
}

/** Whether git can say what it ignores there: true for any folder inside a repository. */
const isInRepository = (folder: string): boolean =>
  spawnSync('git', ['rev-parse', '--is-inside-work-tree'], { cwd: folder, encoding: 'utf8' }).stdout?.trim() === 'true'

/**
 * The files of an application's folder, without version control, environments, caches and secrets, and without what
 * its own git ignores.
 *
 * @returns the files, and the paths that were left out although the owner may look for them
 * @throws CliError (exit code 2) when it is no folder, or holds no file
 */
export function applicationFrom(folder: string): { application: Tree; leftOut: string[] } {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CliError(`There is no folder ${folder}.`, { hint: 'Name the folder of your application with --from.', exitCode: ExitCode.usage })
  }
  const paths = [...walk(folder)]
  const ignored = isInRepository(folder) ? ignoredOf(folder, paths) : new Set<string>()
  const isLeftOut = (path: string): boolean => ignored.has(path) || SECRETS.test(posix.basename(path))
  const application: Tree = new Map(paths.filter((path) => !isLeftOut(path)).map((path) => [path, { file: join(folder, path) }]))
  if (application.size === 0) throw new CliError(`${folder} holds no file of an application.`, { exitCode: ExitCode.usage })
  return { application, leftOut: paths.filter((path) => isLeftOut(path) && !/\.py[co]$/.test(path)) }
}

/** Removes deleted paths from the lists of a root file: lines that name them, and items of an array. */
function trim(text: string, gone: readonly string[]): string {
  const names = gone.join('|')
  return text
    .replaceAll(new RegExp(`^/?(${names})(/.*)?\n`, 'gm'), '')
    .replaceAll(new RegExp(`(, ?)?'(${names})(/[^']*)?'`, 'g'), '')
    .replaceAll(new RegExp(`(, ?)?"(${names})(/[^"]*)?"`, 'g'), '')
    .replaceAll(/\{\.ci\/run,/g, '{')
}

/** Turns links to missing files into plain text, and removes table rows about them. */
function unlink(text: string, page: string, isThere: (path: string) => boolean): string {
  const leads = (target: string): boolean => isThere(posix.normalize(posix.join(posix.dirname(page), target)).replace(/\/$/, ''))
  return text
    .replaceAll(/^\| \[[^\]]*\]\(([^)#\s:]+)(#[^)\s]*)?\) \|.*\n/gm, (row, target: string) => (leads(target) ? row : ''))
    .replaceAll(/\[([^\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)/g, (link, words: string, target: string) => (leads(target) ? link : words))
}

/** Finds paths and the folders on the way to them. */
function finderOf(tree: Tree): (path: string) => boolean {
  const folders = new Set([...tree.keys()].flatMap((path) => path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))))
  return (path) => path === '.' || folders.has(path)
}

/** The static files that a copy gets in place of the template's own, each at its place below this folder. */
function ownersFiles(root: string, { name, appDir, rooms }: Choices): Tree {
  const folder = join(root, 'template/adopt/files')
  const pages = rooms.map((room) => `extras/${room}/README.md`).filter((page) => existsSync(join(root, page)))
  const rows = pages.map((page) => `| [${page}](${page}) | ${/^# (.*)/.exec(textOf({ file: join(root, page) }))?.[1]} |\n`).join('')
  const own = (text: string): string => text.replaceAll('my-project', name).replace(/^\| \[extras\].*\n/m, rows).replace('directory: /app\n', `directory: /${appDir === '.' ? '' : appDir}\n`)
  return new Map([...walk(folder)].map((path) => [path, { text: own(textOf({ file: join(folder, path) })) }]))
}

/**
 * Everything that a copy of this repository holds, the application included unless it lies at the root.
 *
 * @throws CliError when the lock cannot be made
 */
export async function copyOf(root: string, choices: Choices): Promise<Tree> {
  const { name, rooms, appDir, application, found } = choices
  const goneRooms = roomsOf(root).filter((room) => !rooms.includes(room)).map((room) => `extras/${room}`)
  const paths = trackedFiles(root).filter((path) => !GONE.test(path) && !goneRooms.some((room) => path.startsWith(`${room}/`)))
  const tree: Tree = new Map(paths.map((path) => [path, { file: join(root, path) }]))
  const read = (path: string): string => textOf({ file: join(root, path) })
  for (const [path, content] of ownersFiles(root, choices)) tree.set(path, content)
  tree.set('docker/LICENSE', { text: read('LICENSE') })
  for (const path of LISTS) if (tree.has(path)) tree.set(path, { text: trim(read(path), ['template', ...goneRooms]) })

  const said = Object.fromEntries(found.findings.map(({ name: setting, value }) => [setting, value]))
  const answers = { APP_DIR: appDir, ...(appDir === '.' && !said.APP_DIR ? { PROD_EXCLUDE: OURS_AT_THE_ROOT } : {}), ...said }
  tree.set('.env.docker.example', { text: neutralExample(read('.env.docker.example'), name, answers) })
  if (found.variables.length > 0 && !(appDir === '.' && application.has('.env.app.example'))) tree.set('.env.app.example', { text: variablesFile(found.variables) })
  if (appDir !== '.') for (const [path, content] of application) tree.set(`${appDir}/${path}`, content)

  const isThere = finderOf(tree)
  const pages = [...tree.keys()].filter((path) => /^(docs|extras|tests)\/.*\.md$|^README\.md$/.test(path))
  for (const page of pages) tree.set(page, { text: unlink(textOf(tree.get(page)!), page, isThere) })
  const words = pages.map((page) => textOf(tree.get(page)!)).join('\n')
  for (const path of tree.keys()) if (path.startsWith('docs/images/') && !words.includes(posix.basename(path))) tree.delete(path)

  const manifest = fitPackage(JSON.parse(read('package.json')) as Package, name, tree)
  const lock = await fitLock(manifest, read('package-lock.json'))
  if (!lock) throw new CliError('npm could not make package-lock.json without the packages of the template.', { hint: 'npm install --package-lock-only shows why.' })
  tree.set('package.json', { text: `${JSON.stringify(manifest, null, 2)}\n` })
  tree.set('package-lock.json', { text: lock })
  return tree
}

/** Reads what an application says of itself. */
export function findIn(root: string, application: Tree, appDir: string, name: string): Found {
  const texts = new Map<string, string>()
  const textAt = (path: string): string => {
    const known = texts.get(path)
    if (known !== undefined) return known
    const content = application.get(path)
    // A data file of many megabytes says nothing. A link may lead to a folder, or nowhere.
    const stat = content && 'file' in content ? statSync(content.file, { throwIfNoEntry: false }) : undefined
    const text = content && stat?.isFile() && (stat.size < LARGE || path.endsWith('.lock')) ? textOf(content).replaceAll('\r\n', '\n') : ''
    texts.set(path, text)
    return text
  }
  // The sample and an example list the servers that the tests have run.
  const lists = ['app', 'template/examples/agent/backend'].map((folder) => textOf({ file: join(root, folder, 'requirements.txt') })).join('\n')
  const versionOf = (pattern: RegExp, text: string): string => pattern.exec(text)![1]!
  const versions = {
    gunicorn: versionOf(/^gunicorn==(\S+)/m, lists), uvicorn: versionOf(/^uvicorn==(\S+)/m, lists),
    python: versionOf(/^# PYTHON_IMAGE=.*python:(3\.\d+)/m, textOf({ file: join(root, '.env.docker.example') })),
  }
  return find({ paths: [...application.keys()], read: textAt }, { appDir, project: name.replaceAll('-', '_'), versions })
}

const LARGE = 2_000_000

/** The application's own variables: a line for each of which the value is known, a comment for the others. */
const variablesFile = (variables: Found['variables']): string => [
  "# The application's own variables. Copy this file to .env.app, and fill it in there; git ignores that file.",
  '# A value may refer to a setting of .env.docker. Keep here only values that tests may have.',
  ...variables.map(({ name, value, where }) => `\n# ${where}\n${value === undefined ? `# ${name}=` : `${name}=${value}`}`), '',
].join('\n')

/** Files of a copy that do not belong in an image if the application is the whole repository. */
const OURS_AT_THE_ROOT = "'tests docs docker scripts extras package.json package-lock.json Dockerfile compose*.yaml'"

/** The change if the repository itself becomes the copy: every file that git tracks is in the copy, or is removed. */
export function changeOf(root: string, tree: Tree): Change {
  const tracked = trackedFiles(root)
  const isSame = (path: string, content: Content): boolean =>
    'file' in content ? content.file === join(root, path) : existsSync(join(root, path)) && textOf({ file: join(root, path) }) === content.text
  return { remove: tracked.filter((path) => !tree.has(path)), write: new Map([...tree].filter(([path, content]) => !isSame(path, content))) }
}
