/** What .dockerignore keeps out of every build. Pure. */
import { posix } from 'node:path'

/** Folders that it names. No application imports from these, and they can be large. */
export const notSource = new Set([
  '.git', 'node_modules', '.venv', 'venv', '__pycache__', '.pytest_cache', '.ruff_cache', '.mypy_cache', '.next',
])

const meanings: Record<string, string> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' }

/** Does a pattern, as Docker writes them, match a path or a folder above it? */
export function matches(pattern: string, path: string): boolean {
  const clean = posix.normalize(`/${pattern}`).replaceAll(/^\/+|\/+$/g, '')
  const expression = clean.replaceAll(/\*\*\/|\*\*|[*?]|\[[^\]]+\]|[.+^$(){}|[\]\\]/g, (part) =>
    meanings[part] ?? (part.length > 1 ? part : `\\${part}`))
  return new RegExp(`^${expression}(?:/.*)?$`).test(path)
}

/** The line of a .dockerignore that hides a path. The last one that matches counts; "!" brings a path back. */
export function hiddenBy(ignore: string, path: string): string | undefined {
  const lines = ignore.split('\n').map((line) => (line.startsWith('#') ? '' : line.trim()))
  const index = lines.findLastIndex((line) => line && matches(line.replace(/^!\s*/, ''), path))
  const pattern = lines[index] ?? ''
  return pattern === '' || pattern.startsWith('!') ? undefined : `line ${index + 1} of .dockerignore hides it: ${pattern}`
}
