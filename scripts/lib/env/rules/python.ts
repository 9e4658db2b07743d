/** Does the application want the Python that PYTHON_IMAGE has? Only major and minor version count. */
import { dirname, join } from 'node:path/posix'
import { found } from '../subject.ts'
import type { Rule } from '../subject.ts'

type Version = readonly [major: number, minor: number]

/** One part of a specifier. Commas, blanks and Poetry's || separate the parts. */
const part = /^(~=|={2,3}|!=|[<>]=?|\^|~|)v?(\d+)(?:\.(\d+|\*))?((?:\.(?:\d+|\*))*)$/

/** Does some release of this minor version fit one part? A part that we cannot read fits. */
function fitsPart(text: string, [major, minor]: Version): boolean {
  const [, operator = '', first, second = '0', rest = ''] = part.exec(text) ?? []
  if (first === undefined) return true
  const isMajorAlone = second === '*' || !/\d\.\d/.test(text)
  const order = major - Number(first) || minor - (second === '*' ? 0 : Number(second))
  const isSame = isMajorAlone ? major === Number(first) : order === 0
  // 3.12.4 is among the releases of 3.12; 3.12 and 3.12.0 come before all others.
  const isWithin = /[1-9]/.test(rest)
  switch (operator) {
    case '>=': case '>': return order >= 0
    case '<': return isWithin ? order <= 0 : order < 0
    case '<=': return order <= 0
    case '!=': return !(isSame && text.includes('*'))
    case '^': return order >= 0 && major === Number(first)
    case '~=': return order >= 0 && (rest === '' ? major === Number(first) : isSame)
    case '~': return order >= 0 && isSame
    default: return isSame
  }
}

/** Is a version such as 3.13 within a specifier of Python's (`>=3.11,<3.14`) or of Poetry's (`^3.11 || 3.9.*`)? */
export const fitsPython = (specifier: string, version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return specifier.split(/\|\|?/).some((one) => one.replaceAll(/([<>=~^!])\s+/g, '$1').split(/[\s,]+/).every((text) => fitsPart(text, [major, minor])))
}

/** The value of a key in one table of a TOML file, when it is one string. */
const valueIn = (toml: string, table: string, key: string): string | undefined => {
  const [, body = ''] = new RegExp(`^\\[${table.replaceAll('.', '\\.')}\\][^\\n]*\\n((?:(?!\\[).*\\n?)*)`, 'm').exec(toml) ?? []
  return new RegExp(`^\\s*${key}\\s*=\\s*["']([^"']*)["']`, 'm').exec(body)?.[1]
}

/** Where a project says which Python it is for, by file. */
const sayings: Readonly<Record<string, (text: string) => string | undefined>> = {
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
    const right = [14, 13, 12, 11, 10, 9, 8].map((minor) => `3.${minor}`).find((one) => fitsPython(wanted, one))
    const other = right && image.replace(/(?<![\d.])3\.\d+(\.\d+)?(?=[^/]*$)/, right)
    return [found('W98', 'PYTHON_IMAGE', `PYTHON_IMAGE has Python ${version}, and ${path} asks for ${wanted}.`,
      other ? `Write PYTHON_IMAGE=${other}, or correct ${path}.` : `Correct ${path}.`)]
  }
  return []
}
