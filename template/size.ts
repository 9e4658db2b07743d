/**
 * Compares files and lines of each part of a copy with what a person reads in an afternoon. Prints one line a part.
 *
 *   node --import tsx/esm -- template/size.ts
 *
 * A copy is what git lists without the template's own folder, its workflows, rooms, the application and lock files.
 */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { $ } from 'zx/core'
import { failure, ok, print } from '../scripts/lib/terminal.ts'
import { fitPackage, type Package } from './adopt/package.ts'

export interface Part {
  name: string
  /** The most that it may have. */
  files: number
  lines: number
  holds(file: string): boolean
}

/** What `adopt` removes or replaces, and generated files. */
const isAside = (file: string): boolean => /^(template|extras|app|\.ci|\.github)\/|(^|\/)(package-lock\.json|LICENSE|[^/]+\.png)$/.test(file)

const below = (folder: string) => (file: string): boolean => file.startsWith(`${folder}/`)

const room = (name: string, files = 15, lines = 1500): Part => ({ name: `extras/${name}`, files, lines, holds: below(`extras/${name}`) })

/** The budgets. Rooms have no applications with lock files, so all of their files count. */
export const parts = (rooms: readonly string[]): Part[] => [
  { name: 'all of the copy', files: 110, lines: 9000, holds: (file) => !isAside(file) },
  { name: 'root assets', files: 15, lines: 1300, holds: (file) => !isAside(file) && !file.includes('/') && file !== 'README.md' },
  { name: 'docker', files: 30, lines: 1300, holds: below('docker') },
  { name: 'scripts', files: 45, lines: 4000, holds: below('scripts') },
  { name: 'tests', files: 25, lines: 2500, holds: below('tests') },
  { name: 'docs', files: 10, lines: 1500, holds: (file) => !isAside(file) && file.startsWith('docs/') },
  ...rooms.map((name) => (name === 'offline' ? room(name, 40, 3500) : room(name, 15))),
]

/** A person cannot read a file with more lines than this in one go. */
const LONGEST = 250

export interface Size {
  part: Part
  files: number
  lines: number
}

/** Adds up the lines of the files of each part. Pure. */
export const sizes = (all: readonly Part[], lines: ReadonlyMap<string, number>): Size[] =>
  all.map((part) => {
    const own = [...lines].filter(([file]) => part.holds(file))
    return { part, files: own.length, lines: own.reduce((sum, [, count]) => sum + count, 0) }
  })

/** Files of code that are too long, the longest first. Lists of settings, services or stages are no code. Pure. */
export const longFiles = (lines: ReadonlyMap<string, number>): [string, number][] =>
  [...lines]
    .filter(([file, count]) => count > LONGEST && /^(docker|scripts|tests|extras)\//.test(file))
    .toSorted((a, b) => b[1] - a[1])

/** The lines of every file that git lists. */
async function linesOfFiles(): Promise<Map<string, number>> {
  const { stdout } = await $({ quiet: true })`git ls-files -z`
  const files = stdout.split('\0').filter(Boolean)
  const lines = new Map(files.map((file) => [file, readFileSync(file, 'utf8').split('\n').length - 1]))
  // adopt drops the scripts and packages that only the template needs.
  const manifest = fitPackage(JSON.parse(readFileSync('package.json', 'utf8')) as Package, 'shop', new Map(files.filter((file) => !isAside(file)).map((file) => [file, { file }])))
  return lines.set('package.json', JSON.stringify(manifest, null, 2).split('\n').length)
}

async function report(): Promise<void> {
  const lines = await linesOfFiles()
  const rooms = new Set([...lines.keys()].flatMap((file) => /^extras\/([^/]+)\//.exec(file)?.[1] ?? []))
  for (const { part, files, lines: count } of sizes(parts([...rooms]), lines)) {
    const text = `${part.name.padEnd(24)} ${String(files).padStart(4)} files of ${String(part.files).padStart(3)}  ${String(count).padStart(6)} lines of ${part.lines}`
    print(`figure  ${text}`)
    if (files > part.files || count > part.lines) failure(`${part.name} is over its budget`)
    else ok(part.name)
  }
  for (const [file, count] of longFiles(lines)) failure(`${file} has ${count} lines: no more than ${LONGEST} are read in one go`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await report()
