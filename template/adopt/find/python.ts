/** Which Python an application is for. Only major and minor version count. */
import intersects from 'semver/ranges/intersects.js'
import validRange from 'semver/ranges/valid.js'

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
