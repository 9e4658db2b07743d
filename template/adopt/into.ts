/** Puts the files of a copy into a repository whose application lies at its root. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { fitLock, mergeLocks, mergePackages, type Package } from './package.ts'
import { ignoredOf, textOf, type Tree } from './tree.ts'

/** Our whole file would affect theirs. They need only this: a script with CRLF does not start in a container. */
const ATTRIBUTES = '*.sh text eol=lf\n*.bash text eol=lf\n*.bats text eol=lf\n'

/** Files of which theirs stays, because ours is not needed or can have another name. */
const THEIRS_STAYS = /^(README\.md|LICENSE|tsconfig\.json|vitest\.config\.mts|\.editorconfig|\.npmrc|(docs|\.github)\/.*)$/

/** Our folders hold only our files: in a mixed folder, it would be unclear what to update. */
const unitOf = (path: string): string => /^(docker|scripts|extras|tests\/[^/]+)(?=\/)/.exec(path)?.[0] ?? path

/** Their lines, followed by our lines that they do not have. */
function mergeLines(theirs: string, ours: string, first: readonly string[] = []): string {
  const known = new Set(theirs.split('\n'))
  const lines = [...first, ...ours.trimEnd().split('\n')].filter((line) => !known.has(line))
  return lines.length === 0 ? theirs : `${theirs}${theirs === '' || theirs.endsWith('\n') ? '' : '\n'}\n${lines.join('\n')}\n`
}

/** True for a repository that has the files of a copy already. */
export const isAdopted = (target: string): boolean =>
  existsSync(join(target, 'docker/entrypoint.sh')) && existsSync(join(target, 'scripts/up.ts')) && !existsSync(join(target, 'template/adopt.ts'))

/**
 * What is written into their repository. Their files are not replaced, except those that are merged.
 *
 * @param copy the files of a copy
 * @returns the files, and a sentence for each thing that stayed theirs
 * @throws CliError (exit code 3) when one of their files is where ours has to be
 */
export async function mergeInto(target: string, copy: Tree): Promise<{ write: Tree; notes: string[] }> {
  const read = (path: string): string | undefined => (existsSync(join(target, path)) ? readFileSync(join(target, path), 'utf8') : undefined)
  const ours = (path: string): string => textOf(copy.get(path)!)
  const merged = new Set(['.gitignore', '.gitattributes', '.dockerignore', 'package.json', 'package-lock.json'])
  const isKept = (path: string): boolean => THEIRS_STAYS.test(path) && existsSync(join(target, path))

  const taken = new Set([...copy.keys()].filter((path) => !merged.has(path) && !THEIRS_STAYS.test(path)).map((path) => unitOf(path)).filter((unit) => existsSync(join(target, unit))))
  if (taken.size > 0) {
    throw new CliError(`${target} has files where these have to be. Nothing was written.`, {
      details: [...taken].join('\n'),
      hint: 'Move or rename them, commit, and run it again.',
      exitCode: ExitCode.config,
    })
  }

  const write: Tree = new Map([...copy].filter(([path]) => !merged.has(path) && !isKept(path)))
  const workflow = '.github/workflows/ci.yml'
  const free = ['docker', 'docker-stack', 'docker-template'].map((name) => `.github/workflows/${name}.yml`).find((path) => !existsSync(join(target, path)))
  if (isKept(workflow) && free) write.set(free, copy.get(workflow)!)
  const notes = [...copy.keys()].filter((path) => isKept(path)).map((path) => `${path} stayed yours.${path === workflow && free ? ` Ours is ${free}.` : ''}`)

  // Many Python projects ignore lib/, build/ and env/ in every folder.
  const ignored = [...ignoredOf(target, [...write.keys()])]
  const shown = [...new Set(ignored.flatMap((path) => (unitOf(path) === path ? [`!/${path}`] : [`!/${unitOf(path)}/`, `!/${unitOf(path)}/**`])))]
  write.set('.gitignore', { text: mergeLines(read('.gitignore') ?? '', ours('.gitignore'), shown) })
  write.set('.gitattributes', { text: mergeLines(read('.gitattributes') ?? '', ATTRIBUTES) })
  // A virtual environment of this machine, whatever its name.
  const environments = readdirSync(target).filter((name) => !['.venv', 'venv'].includes(name) && existsSync(join(target, name, 'pyvenv.cfg')))
  write.set('.dockerignore', { text: mergeLines(read('.dockerignore') ?? '', ours('.dockerignore'), [...(read('.dockerignore') ? ['!docker'] : []), ...environments]) })

  const theirPackage = read('package.json')
  if (theirPackage === undefined) {
    for (const path of ['package.json', 'package-lock.json']) write.set(path, copy.get(path)!)
    return { write, notes }
  }
  const { merged: manifest, kept } = mergePackages(JSON.parse(theirPackage) as Package, JSON.parse(ours('package.json')) as Package)
  write.set('package.json', { text: `${JSON.stringify(manifest, null, 2)}\n` })
  notes.push(...kept.map((key) => `package.json: ${key} stayed yours.`))
  // Their scripts may be CommonJS; ours say of their own folders that they are not.
  if (manifest.type !== 'module') {
    for (const folder of ['tests', 'extras']) {
      if ([...write.keys()].some((path) => path.startsWith(`${folder}/`)) && !existsSync(join(target, folder, 'package.json'))) {
        write.set(`${folder}/package.json`, { text: '{\n  "private": true,\n  "type": "module"\n}\n' })
      }
    }
  }
  const otherLock = ['yarn.lock', 'pnpm-lock.yaml', 'bun.lock', 'bun.lockb'].find((path) => existsSync(join(target, path)))
  const theirLock = read('package-lock.json')
  const lock = otherLock ? undefined : await fitLock(manifest, theirLock ? mergeLocks(theirLock, ours('package-lock.json')) : ours('package-lock.json'))
  if (lock) write.set('package-lock.json', { text: lock })
  else notes.push(`${otherLock ?? 'package-lock.json'} does not know the new packages yet: install them with your package manager.`)
  return { write, notes }
}
