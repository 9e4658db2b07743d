/** The Python files of the source, and why one of them is not in the image. */
import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { glob } from 'zx'
import type { Model } from '../compose/model.ts'
import { hiddenBy, matches, notSource } from './ignore.ts'

export type Source = NonNullable<ReturnType<typeof readSource>>

/** The source of a stack, with paths that start in APP_DIR; undefined if nothing is built. */
export function readSource({ services: { migrate } }: Model) {
  const args = migrate?.build?.args
  if (!args) return undefined
  const folder = args.APP_DIR ?? '.'
  // Without links and without folders that we may not read.
  const ignore = [...notSource].map((name) => `**/${name}/**`)
  const files = glob.globbySync('**/*.py', { cwd: folder, dot: true, followSymbolicLinks: false, suppressErrors: true, ignore })
  const paths = [posix.join('/app', args.APP_WORKDIR ?? '.'), ...(migrate.environment?.PYTHONPATH ?? '').split(':')]
  return {
    folder,
    files: files.toSorted(),
    // Where Python looks for modules. Folders outside of /app are not source.
    roots: paths.map((path) => posix.relative('/app', path || '/') || '.').filter((path) => !path.startsWith('..')),
    leftOut: (args.PROD_EXCLUDE ?? '').split(/\s+/).filter(Boolean),
    ignore: existsSync('.dockerignore') ? readFileSync('.dockerignore', 'utf8') : '',
  }
}

const isLeftOut = ({ leftOut }: Source, file: string): boolean => leftOut.some((pattern) => matches(pattern, file))

/** A path of the source that is not in the image, with the reason; undefined if nothing that is known keeps it out. */
function lost(source: Source, path: string): string | undefined {
  const why = hiddenBy(source.ignore, posix.join(source.folder, path)) ?? (isLeftOut(source, path) ? 'PROD_EXCLUDE leaves it out' : undefined)
  return why && `${path}: ${why}`
}

/** The Python files that are in the source and not in the image, each with the reason as far as it is known. */
export const lostFiles = (source: Source, inImage: readonly string[]): string[] =>
  source.files.filter((file) => !inImage.includes(file) && !isLeftOut(source, file))
    .map((file) => lost(source, file) ?? `${file}: no line of .dockerignore hides it. Does PREBUILD_COMMAND remove it?`)

/** The same for what a FileNotFoundError names. A path may start at the working folder. */
export function lostData(source: Source | undefined, said: string): string[] {
  if (!source) return []
  const paths = [...said.matchAll(/FileNotFoundError: .*: '([^']+)'/g)].map(([, path = '']) =>
    posix.relative('/app', posix.resolve('/app', source.roots[0] ?? '.', path)))
  return [...new Set(paths)].filter((path) => !path.startsWith('..') && existsSync(posix.join(source.folder, path)))
    .flatMap((path) => lost(source, path) ?? [])
}

/** Advice about what is in the source and not in the image. */
export const explainLost = (what: string | undefined) => what && `The image does not have ${what}\nCorrect that, then run npm run up again.`

/** Why Python does not find a module that the source has; undefined for one that should have been found. */
export function explainMissing(source: Source | undefined, module: string): string | undefined {
  if (!source) return undefined
  const { files, roots } = source
  const path = module.replaceAll('.', '/')
  const places = files.flatMap((file) => {
    const ending = [`/${path}.py`, `/${path}/__init__.py`].find((end) => `/${file}`.endsWith(end))
    return ending ? [{ file, root: file.slice(0, -ending.length) || '.' }] : []
  })
  const place = places.find(({ root }) => roots.includes(root))
  if (place) return explainLost(lost(source, place.file))
  // A file of a package is imported by the package's name: shop/celery.py is no reason why "celery" is not found.
  const elsewhere = places.find(({ root }) => !files.includes(posix.join(root, '__init__.py')))
  return elsewhere && `"${module}" is ${elsewhere.file} of the source, where Python does not look: ` +
    `set APP_PYTHONPATH=${posix.join('/app', elsewhere.root)} in .env.docker.`
}
