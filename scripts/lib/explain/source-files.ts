/** The Python files of the source: why one is not in the image, and which variables they cannot do without. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import type { Model } from '../compose/model.ts'
import { notSource } from '../compose/source-access.ts'

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

/** A pattern, as an expression that matches the whole of a path or of a folder above it. */
function expressionOf(pattern: string): RegExp {
  const tokens = clean(pattern).matchAll(/(\*\*\/)|(\*\*)|(\*)|(\?)|(\[[^\]]+\])|\\(.)|([^*?[\\]+|.)/gs)
  const source = [...tokens].map(([, folders, all, some, one, set, escaped, text]) => {
    if (folders) return '(?:.*/)?'
    if (all) return '.*'
    if (some) return '[^/]*'
    if (one) return '[^/]'
    return set ?? (escaped ?? text ?? '').replaceAll(/[.*+?^$(){}|[\]\\]/g, String.raw`\$&`)
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

/** The Python files below a folder, in order, without those that we may not read. */
function pythonFiles(folder: string, below = ''): string[] {
  let entries
  try {
    entries = readdirSync(join(folder, below), { withFileTypes: true })
  } catch {
    return []
  }
  const own = entries.filter(({ name }) => !notSource.has(name))
  return own.flatMap((entry) => {
    const path = posix.join(below, entry.name)
    if (entry.isDirectory()) return pythonFiles(folder, path)
    return path.endsWith('.py') ? [path] : []
  }).toSorted()
}

/** Folders of the image as folders of the source: `/app/src` is `src`. Folders outside /app are no source. */
function rootsOf(workdir: string, pythonPath: string): string[] {
  const inside = pythonPath.split(':').filter((path) => path === '/app' || path.startsWith('/app/'))
  return [...new Set([posix.normalize(workdir), ...inside.map((path) => posix.relative('/app', path) || '.')])]
}

/** The source of a stack; undefined where nothing is built. */
export function readSource({ services: { migrate } }: Model): Source | undefined {
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

/** Does PROD_EXCLUDE leave this file out? */
const isLeftOut = ({ leftOut }: Source, file: string): boolean => leftOut.some((pattern) => expressionOf(pattern).test(file))

/** The line of .dockerignore that hides a file of the source, as a sentence; undefined when none does. */
function hiddenBy({ folder, ignoreFile, rules }: Source, file: string): string | undefined {
  const rule = hidingRule(rules, posix.join(folder, file))
  return rule && `line ${rule.line} of ${ignoreFile} hides it: ${rule.pattern}`
}

/** The files that are in the source and not in the image, each with the reason as far as it is known. */
export const lostFiles = (source: Source, inImage: readonly string[]): string[] =>
  source.files
    .filter((file) => !inImage.includes(file) && !isLeftOut(source, file))
    .map((file) => `${file}: ${hiddenBy(source, file) ?? 'no line of .dockerignore hides it. Does PREBUILD_COMMAND remove it?'}`)

/**
 * Why Python does not find a module that the source has.
 *
 * @returns a sentence; undefined for a module that is not of the source, or that should have been found
 */
export function explainMissing(source: Source, module: string): string | undefined {
  const { files, roots, isProduction } = source
  const path = module.replaceAll('.', '/')
  const endings = [`${path}.py`, `${path}/__init__.py`]
  const file = files.find((name) => roots.some((root) => endings.some((ending) => name === posix.join(root, ending))))
  if (file) {
    const why = hiddenBy(source, file)
    if (why) return `${file} is in the source and not in the image, because ${why}\nTake that line out, then run npm run up again.`
    if (!isProduction || !isLeftOut(source, file)) return undefined
    return `${file} is in the source and not in the image, because PROD_EXCLUDE leaves it out. Take it out of that setting.`
  }
  for (const ending of endings) {
    const elsewhere = files.find((name) => name.endsWith(`/${ending}`))
    if (elsewhere) {
      const root = elsewhere.slice(0, -ending.length - 1)
      return `"${module}" is ${elsewhere} of the source, where Python does not look: APP_PYTHONPATH=/app/${root} in .env.docker.`
    }
  }
  return undefined
}

/** `os.environ["NAME"]` raises an error where the name is not set; `environ.get` does not. An assignment is no reading. */
const reading = /(?<![.\w])(?:os\.)?environ\[\s*(["'])([A-Z][A-Z0-9_]*)\1\s*\](?!\s*=[^=])/g

/** What the source sets itself. */
const assignment = /environ(?:\.setdefault\(\s*|\[\s*)["']([A-Z][A-Z0-9_]*)["'](?:\s*,|\s*\]\s*=[^=])/g

/** What every container has from its image or its shell. */
const everywhere = ['HOME', 'HOSTNAME', 'LANG', 'PATH', 'PWD', 'PYTHONPATH', 'PYTHONUNBUFFERED', 'FRONTEND_ROOT']

/** Tests get what their runner gives them. */
const isTest = (file: string): boolean => /(?:^|\/)(?:tests?\/|conftest\.py$|test_[^/]*$)/.test(file)

export interface PythonFile {
  file: string
  text: string
}

/** Every variable that a Python file cannot do without, with its place; comments do not count. Pure. */
export const readingsIn = ({ file, text }: PythonFile): [name: string, place: string][] =>
  text.split('\n').flatMap((content, index) => {
    const code = content.replace(/(^|\s)#.*/, '')
    if (/^\s*del\b/.test(code)) return []
    return [...code.matchAll(reading)].map(([, , name]): [string, string] => [name!, `${file}:${index + 1}`])
  })

/** Those that nothing hands over, where they are first read; undefined where the application reads none. */
export function missingVariables(model: Model): Map<string, string> | undefined {
  const source = readSource(model)
  if (!source) return undefined
  const files = source.files
    .filter((file) => !isTest(file) && !isLeftOut(source, file))
    .map((file) => ({ file: posix.join(source.folder, file), text: readFileSync(join(source.folder, file), 'utf8') }))
  // Compose has read the env files, so the services of the application have what they get from there.
  const roles = Object.values(model.services).filter(({ image }) => image === model.services.migrate?.image)
  const given = new Set([
    ...everywhere,
    ...roles.flatMap(({ environment }) => Object.keys(environment ?? {})),
    ...files.flatMap(({ text }) => [...text.matchAll(assignment)].map(([, name]) => name!)),
  ])
  const readings = files.flatMap((file) => readingsIn(file))
  // Of equal names a map keeps the last.
  return readings.length === 0 ? undefined : new Map(readings.filter(([name]) => !given.has(name)).toReversed())
}
