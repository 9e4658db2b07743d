/** `npm run adopt`: turns the template into the owner's repository, with their application in place of the sample. */
import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { basename, join, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { common, defineCommand, main, yesOption } from '../scripts/lib/command.ts'
import { CliError, ExitCode, stopIfInterrupted } from '../scripts/lib/errors.ts'
import { amount, info, ok, print, warn } from '../scripts/lib/terminal.ts'
import { applicationFrom, changeOf, copyOf, findIn, roomsOf } from './adopt/copy.ts'
import type { Found } from './adopt/find/find.ts'
import { isAdopted, mergeInto } from './adopt/into.ts'
import { putBack, requireClean, requireRepository, switchFiles, wasCutOff, type Change } from './adopt/tree.ts'

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** A name that Compose and npm accept. */
const NAME = /^[a-z0-9][a-z0-9_-]*$/

const asName = (folder: string): string => basename(folder).toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '-').replace(/^[^a-z0-9]+/, '')

const usage = (message: string, hint: string): CliError => new CliError(message, { hint, exitCode: ExitCode.usage })

/** Asks on a terminal; without one, the flag must give the answer. */
async function answer(flag: string, given: string | undefined, { canAsk, message, initialValue = '' }: { canAsk: boolean; message: string; initialValue?: string }): Promise<string> {
  if (given !== undefined) return given
  if (!canAsk) throw usage(`--${flag} is missing, and there is no terminal to ask.`, `npm run adopt -- --from ../my-project --name shop --yes`)
  const { isCancel, text } = await import('@clack/prompts')
  const typed = await text({ message, initialValue, output: process.stderr })
  if (isCancel(typed)) throw new CliError('Nothing was changed.')
  return typed.trim()
}

async function chooseRooms(given: string | undefined, canAsk: boolean): Promise<string[]> {
  const rooms = roomsOf(root)
  if (given === undefined && canAsk) {
    const { isCancel, multiselect } = await import('@clack/prompts')
    const chosen = await multiselect({ message: 'Which rooms of extras/ do you keep?', options: rooms.map((value) => ({ value })), required: false, output: process.stderr })
    if (isCancel(chosen)) throw new CliError('Nothing was changed.')
    return chosen
  }
  const words = (given ?? '').split(',').map((word) => word.trim()).filter(Boolean)
  const strangers = words.filter((word) => !rooms.includes(word))
  if (strangers.length > 0) throw usage(`There is no room ${strangers.join(', ')} in extras/.`, `These can be kept: ${rooms.join(', ') || 'none'}.`)
  return words
}

/** The number of files in each top folder and room, or in the folder below it that has all of them; a file at the root stands by itself. */
function count(paths: Iterable<string>): string[] {
  const places = new Map<string, string[]>()
  for (const path of paths) {
    const [place] = /^(extras\/[^/]+\/|[^/]+\/)/.exec(path) ?? [path]
    const all = places.get(place) ?? []
    all.push(path)
    places.set(place, all)
  }
  return [...places].map(([place, all]) => {
    if (!place.endsWith('/')) return place
    let folder = posix.dirname(all[0]!)
    while (!all.every((path) => path.startsWith(`${folder}/`))) folder = posix.dirname(folder)
    return `${folder}/ (${amount(all.length, 'file')})`
  }).toSorted((a, b) => (a < b ? -1 : 1))
}

function show(target: string, { remove, write }: Change, leftOut: readonly string[]): void {
  const isThere = (path: string): boolean => existsSync(join(target, path))
  const [comes, changes] = [[...write.keys()].filter((path) => !isThere(path)), [...write.keys()].filter((path) => isThere(path))]
  const part = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)])
  print([...part('Goes', count(remove)), ...part('Comes', count(comes)), ...part('Changes', count(changes)), ...part('Left out of the application', count(leftOut))].join('\n'))
}

/** What was found of the application, and what its owner has to say. */
function explain({ findings, open, variables }: Found): string {
  const lines = findings.map(({ name, value, where }) => [`  ${name}=${value}`, where] as const)
  const width = Math.min(60, Math.max(...lines.map(([line]) => line.length)))
  const own = variables.map(({ name, value }) => `  ${name}${value === undefined ? '' : `=${value}`}`)
  return [
    '', 'How it starts, for .env.docker.example, and where that was found:', ...lines.map(([line, where]) => `${line.padEnd(width)}  ${where}`),
    ...(own.length > 0 ? ['Variables of its own, for .env.app (.env.app.example):', ...own] : []),
    ...(open.length > 0 ? ['Missing or not certain. Say it yourself in .env.docker.example:', ...open.map((line) => `  ${line}`)] : []),
  ].join('\n')
}

const lies = (inner: string, outer: string): boolean => !relative(outer, inner).startsWith(`..${sep}`) && relative(outer, inner) !== '..'

/** The real path of a folder; one that does not exist stays as it was written. */
const real = (folder: string): string => (existsSync(folder) ? realpathSync(folder) : resolve(folder))

const wasAdopted = (): boolean => !('adopt' in (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts)

/**
 * Asks before git restores every file after a run that was cut off, because later changes would be lost.
 *
 * @throws CliError (exit code 3) in a dry run and if the answer is no, (exit code 2) without a terminal
 */
async function requireConsent(target: string, { dryRun, yes, canAsk }: { dryRun: boolean; yes: boolean; canAsk: boolean }): Promise<void> {
  if (yes && !dryRun) return
  const what = `An earlier run was cut off in ${target}. Putting its files back discards every change that is not committed. git stash keeps the changes of tracked files.`
  if (dryRun) throw new CliError(what, { hint: 'Save what you want to keep, then run it without --dry-run.', exitCode: ExitCode.config })
  if (!canAsk) throw usage(what, 'Save what you want to keep, then add --yes.')
  const { confirm } = await import('@clack/prompts')
  if ((await confirm({ message: `${what} Put them back?`, initialValue: false, output: process.stderr })) !== true) {
    throw new CliError('Nothing was changed.', { exitCode: ExitCode.config })
  }
}

export const adopt = defineCommand({
  name: 'adopt',
  summary: 'Make this repository yours: your application in place of the sample, and without what only the template needs.',
  options: {
    from: { type: 'string', value: 'folder', help: 'Your application, which is copied to app/; the folder stays as it is' },
    into: { type: 'string', value: 'repository', help: 'Instead: bring the files into a repository that has its application at the root' },
    name: { type: 'string', value: 'name', help: 'Name of your project: lowercase letters, digits, "-" and "_"' },
    keep: { type: 'string', value: 'rooms', help: `Folders of extras/ to keep, separated by commas; by default none` },
    'dry-run': { ...common['dry-run'], help: 'Show which files go and which come, and change nothing' },
    yes: yesOption,
  },
  notes: 'The repository must have no uncommitted changes. Afterwards git diff shows what adopt changed.',
  examples: ['npm run adopt -- --from ../my-project --name shop --keep offline --yes', 'npm run adopt -- --into ../my-repository'],
  whenStopped: 'Every file is as it was.',
  async run({ from, into, name, keep, 'dry-run': dryRun = false, yes = false }) {
    const canAsk = process.stdin.isTTY && process.stderr.isTTY && !yes
    if (from !== undefined && into !== undefined) throw usage('--from and --into exclude each other.', 'npm run adopt -- --help says what each does.')
    const target = into === undefined ? root : real(into)
    if (into !== undefined && !existsSync(target)) throw usage(`There is no folder ${into}.`, 'Name the folder of your repository with --into.')
    if (into !== undefined && lies(target, root)) throw usage(`${into} lies in this repository.`, 'Name another repository with --into, or bring your application with --from.')

    requireRepository(target)
    if (wasCutOff(target)) await requireConsent(target, { dryRun, yes, canAsk })
    if (!dryRun && putBack(target)) warn('An earlier run was cut off. Every file is as it was before that run. Your changes of tracked files are in git stash.')
    if (into === undefined ? wasAdopted() : isAdopted(target)) {
      ok(`${into ?? 'This repository'} was adopted before. There is nothing to do.`)
      return
    }
    requireClean(target)

    const source = into === undefined ? real(await answer('from', from, { canAsk, message: 'Where does your application lie?', initialValue: '../' })) : target
    if (into === undefined && (lies(source, root) || lies(root, source))) throw usage(`${source} and this repository lie in each other.`, 'Copy your application to a folder next to this repository, and name it with --from.')
    const { application, leftOut } = applicationFrom(source)
    const project = into !== undefined && !canAsk ? (name ?? asName(target)) : await answer('name', name, { canAsk, message: 'What is the name of your project?', initialValue: asName(source) })
    if (!NAME.test(project)) throw usage(`"${project}" is no name that Compose takes.`, 'Use lowercase letters, digits, "-" and "_", with a letter or a digit first.')
    const rooms = await chooseRooms(keep, canAsk)

    const gone = ['template', ...roomsOf(root).filter((room) => !rooms.includes(room)).map((room) => `extras/${room}`)]
    const appDir = into === undefined ? 'app' : '.'
    const found = findIn(root, application, appDir, project)
    const copy = await copyOf(root, { name: project, rooms, appDir, application, found })
    const { write, notes } = into === undefined ? { write: copy, notes: [] } : await mergeInto(target, copy)
    const change = into === undefined ? changeOf(root, copy) : { remove: [], write }
    show(target, change, into === undefined ? leftOut : [])
    for (const note of notes) info(note)
    print(explain(found))
    if (dryRun) return
    if (!yes) {
      if (!canAsk) throw usage('There is no terminal to ask, so nothing was changed.', 'If this is what you want, add --yes.')
      const { confirm } = await import('@clack/prompts')
      if ((await confirm({ message: 'Change these files? git can undo it.', output: process.stderr })) !== true) throw new CliError('Nothing was changed.')
    }
    stopIfInterrupted()

    switchFiles(target, change)
    // The only files left in these folders are those that git ignored.
    for (const folder of into === undefined ? gone : []) rmSync(join(root, folder), { recursive: true, force: true })
    ok(`${project} is adopted. Nothing is committed: git status and git diff show every change.`)
    if (existsSync(join(target, '.env.docker'))) warn('.env.docker is from before: rename it, so that npm run up makes a new one from your settings.')
    const fill = found.variables.length > 0 ? 'copy .env.app.example to .env.app, fill it in, ' : ''
    info(`→ Check in .env.docker.example how your application starts, ${fill}then: npm ci && npm run up`)
  },
})

await main(adopt, import.meta.url)
