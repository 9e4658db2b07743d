/** Which Python packages an application needs, and how they are installed. */
import { posix } from 'node:path'
import { parse } from 'smol-toml'
import { fitsPython, sayings } from '../../../scripts/lib/env/rules/python.ts'
import type { Files } from './source.ts'

export interface Installation {
  /** The folder of the manifest: the application's own, or one below it. */
  folder: string
  settings: Record<string, string>
  /** Names of packages in lower case with "-", those of development too. */
  packages: ReadonlySet<string>
  /** What the owner has to do first. */
  open: string[]
}

/** Requirements files by what they are for, best first. */
const PRODUCTION = ['requirements.txt', 'requirements/production.txt', 'requirements/prod.txt', 'requirements/base.txt', 'requirements/requirements.txt']
const DEVELOPMENT = [
  'requirements-dev.txt', 'requirements_dev.txt', 'dev-requirements.txt', 'requirements-test.txt', 'requirements/local.txt', 'requirements/dev.txt',
  'requirements/development.txt', 'requirements/test.txt', 'requirements/tests.txt', 'requirements/testing.txt',
]
const DEVELOPMENT_GROUPS = ['dev', 'test', 'tests', 'testing']

const normal = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/g, '-')

/** The packages that a requirements file names, with the files that it includes. */
function requiredBy(path: string, { read }: Files, seen = new Set<string>()): string[] {
  if (seen.has(path)) return []
  seen.add(path)
  return read(path).split('\n').flatMap((line) => {
    const [, included] = /^\s*(?:-r|--requirement)[\s=]*([^\s#]+)/.exec(line) ?? []
    if (included) return requiredBy(posix.join(posix.dirname(path), included), { read, paths: [] }, seen)
    const [name] = /^[A-Za-z0-9][\w.-]*/.exec(line.trim()) ?? []
    return name ? [normal(name)] : []
  })
}

function tablesOf(toml: string): Record<string, unknown> {
  try {
    return parse(toml)
  } catch {
    return {}
  }
}

/** The table or list at a path of keys, with each list of requirements as names; empty if there is none. */
function groupsAt(tables: Record<string, unknown>, ...path: string[]): Record<string, string[]> {
  const inner = path.reduce<unknown>((one, key) => (one as Record<string, unknown> | undefined)?.[key], tables)
  // An item may be a table too, such as { include-group = "x" }.
  const nameOf = (line: unknown): string => (typeof line === 'string' ? normal(/^[\w.-]+/.exec(line)?.[0] ?? '') : '')
  const namesOf = (value: unknown): string[] => (Array.isArray(value) ? value.map((one) => nameOf(one)) : Object.keys((value as { dependencies?: object }).dependencies ?? {}).map((one) => nameOf(one)))
  return inner && typeof inner === 'object' ? Object.fromEntries(Object.entries(inner).map(([name, value]) => [name, namesOf(value)])) : {}
}

/** Groups that production cannot do without: they have what a role starts with. */
const needed = (groups: Record<string, string[]>): string => Object.entries(groups)
  .filter(([name, names]) => !DEVELOPMENT_GROUPS.includes(name) && names.some((one) => /^(gunicorn|uvicorn|celery|flower|redis|psycopg2?(-binary)?|mysqlclient)$/.test(one))).map(([name]) => name).join(' ')

/** What a folder says of its installation, if it does. */
function installationIn(folder: string, files: Files): Installation | undefined {
  const at = (name: string): string => posix.join(folder, name)
  const has = (name: string): boolean => files.paths.includes(at(name))
  const lock = ['uv.lock', 'poetry.lock'].filter((name) => has(name))
  if (has('pyproject.toml') && lock.length === 1) {
    const tables = tablesOf(files.read(at('pyproject.toml')))
    const groups = { ...groupsAt(tables, 'dependency-groups'), ...groupsAt(tables, 'tool', 'poetry', 'group'), ...(Object.keys(groupsAt(tables, 'tool', 'poetry', 'dev-dependencies')).length > 0 ? { dev: [] } : {}) }
    const extras = { ...groupsAt(tables, 'project', 'optional-dependencies'), ...groupsAt(tables, 'tool', 'poetry', 'extras') }
    const packages = [...files.read(at(lock[0]!)).matchAll(/^name = "([^"]+)"/gm)].map(([, name]) => normal(name!))
    return {
      folder, packages: new Set(packages), open: [],
      settings: {
        PYTHON_INSTALLER: lock[0] === 'uv.lock' ? 'uv' : 'poetry', PYTHON_MANIFEST: 'pyproject.toml', PYTHON_DEV_MANIFEST: '',
        PYTHON_EXTRAS: needed(extras), PYTHON_GROUPS: needed(groups), PYTHON_DEV_GROUPS: DEVELOPMENT_GROUPS.filter((name) => name in groups).join(' '),
      },
    }
  }
  const manifest = PRODUCTION.find((name) => has(name))
  if (manifest) {
    const development = DEVELOPMENT.find((name) => has(name)) ?? ''
    const packages = [manifest, development].filter(Boolean).flatMap((name) => requiredBy(at(name), files))
    return { folder, packages: new Set(packages), open: [], settings: { PYTHON_MANIFEST: manifest, PYTHON_DEV_MANIFEST: development } }
  }
  if (!has('pyproject.toml')) return undefined
  const names = [...files.read(at('pyproject.toml')).matchAll(/^\s*["']?([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:[=<>~!^;,"'])/gm)].map(([, name]) => normal(name!))
  const which = lock.length === 2 ? 'both a uv.lock and a poetry.lock: delete the one that is not used' : 'no lock: make uv.lock with "uv lock", or poetry.lock with "poetry lock"'
  return { folder, packages: new Set(names), settings: {}, open: [`PYTHON_MANIFEST: beside ${at('pyproject.toml')} there is ${which}`] }
}

/** How the packages of an application are installed: as its root says, or the only folder below it that says it. */
export function findInstallation(files: Files): Installation {
  const folders = [...new Set(files.paths.filter((path) => /^[^/]+\/(pyproject\.toml|requirements\.txt|requirements\/[^/]+\.txt)$/.test(path)).map((path) => path.split('/')[0]!))]
    .filter((folder) => !/^(docs?|tests?|examples?|requirements|\..*)$/.test(folder))
  const below = folders.flatMap((folder) => installationIn(folder, files) ?? [])
  const found = installationIn('.', files) ?? (below.length === 1 ? below[0] : undefined)
  const which = below.length > 1 ? `more than one folder has a list of packages (${folders.join(', ')}): APP_DIR says which` : 'there is no requirements.txt and no pyproject.toml'
  return found ?? { folder: '.', settings: {}, packages: new Set(), open: [`PYTHON_MANIFEST: ${which}`] }
}

/** The Python that an application asks for, if the default does not fit: the newest that does. */
export function findPython({ folder }: Installation, { read }: Files, version: string): { version: string; where: string } | undefined {
  for (const [name, wantedBy] of Object.entries(sayings)) {
    const where = posix.join(folder, name)
    const wanted = wantedBy(read(where))
    const right = wanted === undefined || fitsPython(wanted, version) ? undefined : [14, 13, 12, 11, 10].map((minor) => `3.${minor}`).find((one) => fitsPython(wanted, one))
    if (right) return { version: right, where }
  }
  return undefined
}
