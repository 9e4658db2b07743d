/** Files by their path, and the switch of a git repository from its present files to others. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'

/** The content of a file: a text, or a copy of another file with its mode. */
export type Content = { text: string } | { file: string }
export type Tree = Map<string, Content>

export interface Change {
  remove: string[]
  write: Tree
}

/** Caches, which other tools make again. They are never copied, and are deleted with their folder. */
export const CACHES = new Set(['.venv', 'venv', 'node_modules', '__pycache__', '.pytest_cache', '.ruff_cache', '.mypy_cache', '.tox', '.nox', '.DS_Store'])

export const textOf = (content: Content): string => ('text' in content ? content.text : readFileSync(content.file, 'utf8'))

/** @throws CliError when git cannot be started, or ends with a code that is not among `codes` */
export function git(folder: string, args: readonly string[], { input, codes = [0] }: { input?: string; codes?: number[] } = {}): string {
  const { error, status, stdout, stderr } = spawnSync('git', args, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 28, ...(input === undefined ? {} : { input }) })
  if (error) throw new CliError('git cannot be started.', { details: error.message, hint: 'Install git: adopt leaves its changes for git diff.' })
  if (!codes.includes(status ?? -1)) throw new CliError(`git ${args[0]} failed in ${folder}.`, { details: stderr.trim() })
  return stdout
}

/** Every file that git tracks and that is there. */
export const trackedFiles = (folder: string): string[] =>
  git(folder, ['ls-files', '-z']).split('\0').filter((path) => path && lstatSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory() === false)

/** Which of the paths git ignores there, whether they exist or not. For a submodule only its own git could tell. */
export function ignoredOf(folder: string, paths: readonly string[]): Set<string> {
  const submodules = git(folder, ['ls-files', '-z', '--stage']).split('\0').flatMap((line) => (line.startsWith('160000 ') ? [`${line.split('\t')[1]!}/`] : []))
  const input = paths.filter((path) => !submodules.some((submodule) => path.startsWith(submodule))).join('\0')
  return new Set(git(folder, ['check-ignore', '-z', '--stdin'], { input, codes: [0, 1] }).split('\0').filter(Boolean))
}

/** @throws CliError (exit code 3) where git could not bring the files back */
export function requireRepository(folder: string): void {
  const top = spawnSync('git', ['rev-parse', '--show-toplevel'], { cwd: folder, encoding: 'utf8' }).stdout?.trim()
  if (top && realpathSync(top) === realpathSync(folder)) return
  throw new CliError(`${folder} is not the root of a git repository.`, {
    hint: 'adopt leaves its changes for git diff. Make a repository first: git init && git add . && git commit -m "Begin"',
    exitCode: ExitCode.config,
  })
}

/** @throws CliError (exit code 3) when the user's uncommitted changes would mix with ours */
export function requireClean(folder: string): void {
  const lines = git(folder, ['status', '--porcelain']).trimEnd().split('\n').filter(Boolean)
  if (lines.length === 0) return
  throw new CliError(`${folder} has changes that are not committed.`, {
    details: [...lines.slice(0, 10), ...(lines.length > 10 ? [`… and ${lines.length - 10} more`] : [])].join('\n'),
    hint: 'Commit them (git add . && git commit), or put them aside (git stash --include-untracked). Then git diff shows only what adopt did.',
    exitCode: ExitCode.config,
  })
}

/** Lies next to the repository's own data: on the same file system, and never tracked by git. */
const workFolder = (folder: string): string => join(resolve(folder, git(folder, ['rev-parse', '--git-dir']).trim()), 'adopt')
const journalOf = (folder: string): string => join(workFolder(folder), 'journal.json')

/** Removes a file, and the folders above it in which nothing is left but caches of the kinds given. */
function removeWithFolders(folder: string, path: string, caches: ReadonlySet<string>): void {
  // A folder at that path is the owner's, not one that this run made.
  if (lstatSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory()) return
  rmSync(join(folder, path), { force: true })
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
    const full = join(folder, parent)
    if (!existsSync(full)) continue
    if (readdirSync(full).some((entry) => !caches.has(entry))) return
    rmSync(full, { recursive: true })
  }
}

/** Whether a run was cut off in the middle of the switch. */
export const wasCutOff = (folder: string): boolean => existsSync(journalOf(folder))

/**
 * Puts everything back after a run that was cut off: deletes what that run made, and restores the rest with git. Later
 * changes are kept as a stash.
 *
 * @returns true when there was something to put back
 */
export function putBack(folder: string): boolean {
  const journal = journalOf(folder)
  const wasCut = existsSync(journal)
  if (wasCut) {
    const changes = git(folder, ['stash', 'create']).trim()
    if (changes) git(folder, ['stash', 'store', '--message', 'Before adopt put its files back', changes])
    for (const path of JSON.parse(readFileSync(journal, 'utf8')) as string[]) removeWithFolders(folder, path, new Set())
    git(folder, ['checkout', 'HEAD', '--', '.'])
  }
  rmSync(workFolder(folder), { recursive: true, force: true })
  return wasCut
}

/**
 * Switches the clean repository to other files. The new files are prepared elsewhere first; the switch itself only
 * renames and deletes, and no signal interrupts it. The files of adopt itself go last, so that adopt can put everything
 * back even after a kill.
 *
 * @throws CliError (exit code 3) when a file that git does not know would be overwritten
 */
export function switchFiles(folder: string, { remove, write }: Change): void {
  const known = new Set(trackedFiles(folder))
  const made = [...write.keys()].filter((path) => !known.has(path))
  const inTheWay = made.filter((path) => existsSync(join(folder, path)) && !lstatSync(join(folder, path)).isDirectory())
  if (inTheWay.length > 0) {
    throw new CliError('Files that git does not know would be overwritten.', { details: inTheWay.join('\n'), hint: 'Move them away first.', exitCode: ExitCode.config })
  }
  const work = workFolder(folder)
  rmSync(work, { recursive: true, force: true })
  for (const [path, content] of write) {
    const staged = join(work, 'new', path)
    mkdirSync(dirname(staged), { recursive: true })
    if ('file' in content) cpSync(content.file, staged, { verbatimSymlinks: true })
    else {
      // This keeps the mode of the old file.
      if (existsSync(join(folder, path))) cpSync(join(folder, path), staged)
      writeFileSync(staged, content.text)
    }
  }
  writeFileSync(`${journalOf(folder)}.tmp`, JSON.stringify(made))
  renameSync(`${journalOf(folder)}.tmp`, journalOf(folder))
  const last = (path: string): number => Number(path.startsWith('template/')) + Number(path.startsWith('template/adopt'))
  try {
    for (const path of remove.filter((one) => last(one) === 0)) removeWithFolders(folder, path, CACHES)
    for (const path of [...write.keys()].toSorted((a, b) => Number(a === 'package.json') - Number(b === 'package.json'))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      renameSync(join(work, 'new', path), join(folder, path))
    }
    for (const path of remove.filter((one) => last(one) > 0).toSorted((a, b) => last(a) - last(b))) removeWithFolders(folder, path, CACHES)
  } catch (error) {
    putBack(folder)
    throw new CliError('The files could not be switched. All are as they were.', { details: (error as Error).message, cause: error })
  }
  rmSync(work, { recursive: true, force: true })
}
