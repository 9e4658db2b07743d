/** Does the application want the Python that PYTHON_IMAGE has? Only major and minor version count. */
import { dirname, join } from 'node:path/posix'
import intersects from 'semver/ranges/intersects.js'
import validRange from 'semver/ranges/valid.js'
import { found, type Rule } from '../subject.ts'

/**
 * Is some release of a version such as 3.13 within a specifier of Python's (`>=3.11,<3.14`) or of Poetry's (`^3.11 || 3.9.*`)?
 * Poetry's are npm's, and Python's are put into npm's words. What cannot be read fits.
 */
export function fitsPython(specifier: string, version: string): boolean {
  const joined = specifier.replaceAll(/([<>=~^!])\s+/g, '$1')
  // npm has no "not". It counts only where all releases are excluded.
  if (joined.split(/[\s,|]+/).includes(`!=${version}.*`)) return false
  const range = joined.replaceAll(/!=[^\s,|]+/g, '').replaceAll(',', ' ').replaceAll(/\|+/g, ' || ').replaceAll(/={2,3}/g, '=')
    .replaceAll(/(\d+\.\d+\.\d+)\.\w+/g, '$1').replaceAll(/>(?!=)/g, '>=').replaceAll(/~=(\d+\.\d+)(?![.\d])/g, '^$1').replaceAll('~=', '~')
  return validRange(range, true) === null || intersects(range, `${version}.x`, true)
}

/** The value of a key in one table of a TOML file, when it is one string. */
const valueIn = (toml: string, table: string, key: string): string | undefined => {
  const [, body = ''] = new RegExp(`^\\[${table.replaceAll('.', '\\.')}\\][^\\n]*\\n((?:(?!\\[).*\\n?)*)`, 'm').exec(toml) ?? []
  return new RegExp(`^\\s*${key}\\s*=\\s*["']([^"']*)["']`, 'm').exec(body)?.[1]
}

/** Where a project says which Python it is for, by file. */
export const sayings: Readonly<Record<string, (text: string) => string | undefined>> = {
  'pyproject.toml': (text) => valueIn(text, 'project', 'requires-python') ?? valueIn(text, 'tool.poetry.dependencies', 'python'),
  '.python-version': (text) => /^(?:c?python-)?(3\.\d+)/m.exec(text)?.[1],
  'runtime.txt': (text) => /^python-(3\.\d+)/m.exec(text)?.[1],
}

export const pythonVersion: Rule = ({ effective, around: { disk } }) => {
  const [image, folder, manifest] = ['PYTHON_IMAGE', 'APP_DIR', 'PYTHON_MANIFEST'].map(effective)
  // There is none in a name without a version, such as python:slim, or in one of another kind.
  const [, version] = /python[^/]*?(?<![\d.])(3\.\d+)[^/]*$/.exec(image ?? '') ?? []
  if (!disk || !version || !image || !folder) return []
  const folders = [...new Set([join(folder, dirname(manifest ?? '')), folder, '.'])]
  const files = Object.entries(sayings).flatMap(([name, read]) => folders.map((one) => [join(one, name), read] as const))
  for (const [path, read] of files) {
    const wanted = read(disk.textOf(path))
    if (wanted === undefined || fitsPython(wanted, version)) continue
    // The oldest that docker/python runs on is 3.10.
    const right = [14, 13, 12, 11, 10].map((minor) => `3.${minor}`).find((one) => fitsPython(wanted, one))
    const other = right && image.replace(/(?<![\d.])3\.\d+(\.\d+)?(?=[^/]*$)/, right)
    return [found('W98', 'PYTHON_IMAGE', `PYTHON_IMAGE has Python ${version}, and ${path} asks for ${wanted}.`,
      other ? `Write PYTHON_IMAGE=${other}, or correct ${path}.` : `Correct ${path}.`)]
  }
  return []
}
