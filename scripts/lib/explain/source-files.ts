/** The Python files of the application's source, and why one of them is not in the image. Pure but for readSource. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import type { Model } from '../compose/model.ts'

/** One line of .dockerignore. No package for these rules tells which line it was. */
export interface Rule {
  /** Counted from one. */
  line: number
  pattern: string
  /** The line begins with "!" and brings back what an earlier one has hidden. */
  isException: boolean
  matches: RegExp
}

/** The path that a pattern means, without the parts that change nothing: `/a/./b/` is `a/b`. */
const clean = (pattern: string): string => posix.normalize(`/${pattern}`).replaceAll(/^\/+|\/+$/g, '')

const escape = (text: string): string => text.replaceAll(/[.*+?^$(){}|[\]\\]/g, String.raw`\$&`)

/** A pattern, as an expression that matches the whole of a path or of a folder above it. */
function expressionOf(pattern: string): RegExp {
  const tokens = clean(pattern).matchAll(/(\*\*\/)|(\*\*)|(\*)|(\?)|(\[[^\]]+\])|\\(.)|([^*?[\\]+|.)/gs)
  const source = [...tokens].map(([, folders, all, some, one, set, escaped, text]) => {
    if (folders) return '(?:.*/)?'
    if (all) return '.*'
    if (some) return '[^/]*'
    if (one) return '[^/]'
    return set ?? escape(escaped ?? text ?? '')
  })
  return new RegExp(`^${source.join('')}(?:/.*)?$`, 's')
}

/** Reads a .dockerignore. */
export function parseIgnore(text: string): Rule[] {
  return text.split('\n').flatMap((content, index) => {
    const pattern = content.startsWith('#') ? '' : content.trim()
    const isException = pattern.startsWith('!')
    const path = isException ? pattern.slice(1).trim() : pattern
    return clean(path) === '' ? [] : [{ line: index + 1, pattern, isException, matches: expressionOf(path) }]
  })
}

/** The rule that hides a path from the build; undefined for a path that is not hidden. The last rule that matches wins. */
export function hidingRule(rules: readonly Rule[], path: string): Rule | undefined {
  const last = rules.findLast(({ matches }) => matches.test(path))
  return last?.isException ? undefined : last
}

export interface Source {
  /** APP_DIR. */
  folder: string
  /** The Python files below it, seen from it. */
  files: readonly string[]
  /** Where Python looks for modules, seen from it: APP_WORKDIR and APP_PYTHONPATH. */
  roots: readonly string[]
  /** PROD_EXCLUDE, word by word. */
  leftOut: readonly string[]
  isProduction: boolean
  ignoreFile: string
  rules: readonly Rule[]
}

/** What .dockerignore keeps out of every build. */
export const notSource = new Set(['.git', 'node_modules', '.venv', '__pycache__', '.pytest_cache', '.ruff_cache', '.mypy_cache', '.next'])

/** The Python files below a folder, in order, without those that we may not read. */
function pythonFiles(folder: string, below = ''): string[] {
  let entries
  try {
    entries = readdirSync(join(folder, below), { withFileTypes: true })
  } catch {
    return []
  }
  return entries
    .filter(({ name }) => !notSource.has(name))
    .flatMap((entry) => {
      const path = posix.join(below, entry.name)
      if (entry.isDirectory()) return pythonFiles(folder, path)
      return entry.name.endsWith('.py') ? [path] : []
    })
    .toSorted()
}

/** The source of a stack; undefined where nothing is built. */
export function readSource({ services }: Model): Source | undefined {
  const { migrate } = services
  const args = migrate?.build?.args
  if (!args) return undefined
  const folder = args.APP_DIR ?? '.'
  // Docker prefers the one that is named after the Dockerfile.
  const ignoreFile = existsSync('Dockerfile.dockerignore') ? 'Dockerfile.dockerignore' : '.dockerignore'
  return {
    folder,
    files: pythonFiles(folder),
    roots: rootsOf(args.APP_WORKDIR ?? '.', migrate.environment?.PYTHONPATH ?? ''),
    leftOut: (args.PROD_EXCLUDE ?? '').split(/\s+/).filter(Boolean),
    isProduction: migrate.build?.target === 'prod',
    ignoreFile,
    rules: existsSync(ignoreFile) ? parseIgnore(readFileSync(ignoreFile, 'utf8')) : [],
  }
}

/** Folders of the image as folders of the source: `/app/src` is `src`. Folders outside /app are no source. */
export function rootsOf(workdir: string, pythonPath: string): string[] {
  const inside = pythonPath.split(':').filter((path) => path === '/app' || path.startsWith('/app/'))
  return [...new Set([posix.normalize(workdir), ...inside.map((path) => posix.relative('/app', path) || '.')])]
}

/** Does PROD_EXCLUDE leave this file out? */
export const isLeftOut = ({ leftOut }: Source, file: string): boolean => leftOut.some((pattern) => expressionOf(pattern).test(file))

/** The line of .dockerignore that hides a file of the source, as a sentence; undefined when none does. */
function hiddenBy({ folder, ignoreFile, rules }: Source, file: string): string | undefined {
  const rule = hidingRule(rules, posix.join(folder, file))
  return rule && `line ${rule.line} of ${ignoreFile} hides it: ${rule.pattern}`
}

/** The files that are in the source and not in the image, each with the reason as far as it is known. */
export function lostFiles(source: Source, inImage: readonly string[]): string[] {
  const there = new Set(inImage)
  return source.files
    .filter((file) => !there.has(file) && !isLeftOut(source, file))
    .map((file) => `${file}: ${hiddenBy(source, file) ?? 'no line of .dockerignore hides it. Does PREBUILD_COMMAND remove it?'}`)
}

/** `core.worker` as files below a folder. */
const filesOf = (root: string, module: string): string[] => {
  const path = posix.join(root, ...module.split('.'))
  return [`${path}.py`, `${path}/__init__.py`]
}

/**
 * Why Python does not find a module that the source has.
 *
 * @returns a sentence; undefined for a module that is not of the source, or that should have been found
 */
export function explainMissing(source: Source, module: string): string | undefined {
  const { files, roots, isProduction } = source
  const file = files.find((path) => roots.some((root) => filesOf(root, module).includes(path)))
  if (file) {
    const why = hiddenBy(source, file)
    if (why) return `${file} is in the source and not in the image, because ${why}\nTake that line out, then run npm run up again.`
    if (!isProduction || !isLeftOut(source, file)) return undefined
    return `${file} is in the source and not in the image, because PROD_EXCLUDE leaves it out. Take it out of that setting.`
  }
  for (const ending of filesOf('.', module)) {
    const elsewhere = files.find((path) => path.endsWith(`/${ending}`))
    if (elsewhere) {
      const root = elsewhere.slice(0, -ending.length - 1)
      return `"${module}" is ${elsewhere} of the source, where Python does not look: APP_PYTHONPATH=/app/${root} in .env.docker.`
    }
  }
  return undefined
}
