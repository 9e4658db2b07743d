/** Which Python packages an application needs, and how they are installed. */
import { posix } from 'node:path'
import { parse } from 'smol-toml'
import { fitsPython, sayings } from './python.ts'
import { startablesOf, type Files } from './source.ts'

export interface Installation {
  /** The folder of the manifest: the application's own, or one below it. */
  folder: string
  settings: Record<string, string>
  /** Names of packages in lower case with "-", those of development too, and with a lock also those of no use here. */
  packages: ReadonlySet<string>
  /** Whether the development image gets pytest. */
  hasTests: boolean
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
  const namesOf = (value: unknown): string[] => (Array.isArray(value) ? value.map((one) => nameOf(one)) : Object.keys((value as { dependencies?: object } | null)?.dependencies ?? {}).map((one) => nameOf(one)))
  return inner && typeof inner === 'object' ? Object.fromEntries(Object.entries(inner).map(([name, value]) => [name, namesOf(value)])) : {}
}

/** Groups that production cannot do without: they have what a role starts with. */
const needed = (groups: Record<string, string[]>): string[] => Object.entries(groups)
  .filter(([name, names]) => !DEVELOPMENT_GROUPS.includes(name) && names.some((one) => /^(gunicorn|uvicorn|celery|flower|redis|psycopg2?(-binary)?|mysqlclient)$/.test(one))).map(([name]) => name)

/** What a folder's pyproject.toml and its lock say. */
function lockedIn(folder: string, lock: string, tables: Record<string, unknown>, files: Files): Installation {
  const old = { ...groupsAt(tables, 'tool', 'uv'), ...groupsAt(tables, 'tool', 'poetry') }['dev-dependencies']
  const groups: Record<string, string[]> = { ...groupsAt(tables, 'dependency-groups'), ...groupsAt(tables, 'tool', 'poetry', 'group'), ...(old ? { dev: [...old, ...Object.keys(groupsAt(tables, 'tool', 'poetry', 'dev-dependencies'))] } : {}) }
  const all = needed({ ...groupsAt(tables, 'project', 'optional-dependencies'), ...groupsAt(tables, 'tool', 'poetry', 'extras') })
  // Of extras such as mysql, postgres and all, only the owner knows which.
  const isChoice = all.includes('all') || all.filter((name) => /postgres|mysql|maria/i.test(name)).length > 1
  const development = DEVELOPMENT_GROUPS.filter((name) => name in groups)
  const packages = new Set([...files.read(posix.join(folder, lock)).matchAll(/^name = "([^"]+)"/gm)].map(([, name]) => normal(name!)))
  return {
    folder, packages, hasTests: packages.has('pytest') && [...namesAt(tables), ...development.flatMap((name) => groups[name] ?? [])].some((name) => /^pytest(-|$)/.test(name)),
    open: isChoice ? [`PYTHON_EXTRAS: perhaps ${all.join(' or ')}`] : [],
    settings: {
      PYTHON_INSTALLER: lock === 'uv.lock' ? 'uv' : 'poetry', PYTHON_MANIFEST: 'pyproject.toml', PYTHON_DEV_MANIFEST: '',
      PYTHON_EXTRAS: isChoice ? '' : all.join(' '), PYTHON_GROUPS: needed(groups).join(' '), PYTHON_DEV_GROUPS: development.join(' '),
    },
  }
}

/** The packages that a project itself needs. */
function namesAt(tables: Record<string, unknown>): string[] {
  const { dependencies = [] } = groupsAt(tables, 'project')
  return [...dependencies, ...Object.keys(groupsAt(tables, 'tool', 'poetry', 'dependencies')).map((name) => normal(name))]
}

/** What a folder says of its installation, if it does. */
function installationIn(folder: string, files: Files): Installation | undefined {
  const at = (name: string): string => posix.join(folder, name)
  const has = (name: string): boolean => files.paths.includes(at(name))
  const tables = tablesOf(files.read(at('pyproject.toml')))
  // Many a pyproject.toml only configures tools.
  const isProject = Object.keys(groupsAt(tables, 'project')).length > 0 || Object.keys(groupsAt(tables, 'tool', 'poetry')).length > 0
  const locks = ['uv.lock', 'poetry.lock'].filter((name) => has(name))
  if (has('pyproject.toml') && locks.length === 1) return lockedIn(folder, locks[0]!, tables, files)
  const manifest = PRODUCTION.find((name) => has(name))
  if (manifest) {
    const development = DEVELOPMENT.find((name) => has(name)) ?? ''
    const packages = new Set([manifest, development].filter(Boolean).flatMap((name) => requiredBy(at(name), files)))
    // It may be in another encoding, such as PowerShell's.
    const open = packages.size === 0 && files.read(at(manifest)).trim() !== '' ? [`PYTHON_MANIFEST: no package could be read in ${at(manifest)}`] : []
    const above = folder !== '.' && /^\s*(-r|-c|--requirement|--constraint)[\s=]*\.\.\//m.test(files.read(at(manifest)))
    if (above) open.push(`APP_DIR: ${at(manifest)} includes a file above ${folder}. Take the folder above as APP_DIR, and ${folder} as APP_WORKDIR`)
    return { folder, packages, hasTests: [...packages].some((name) => /^pytest(-|$)/.test(name)), open, settings: { PYTHON_MANIFEST: manifest, PYTHON_DEV_MANIFEST: development } }
  }
  if (!isProject && locks.length === 0) return undefined
  const which = locks.length === 2 ? 'both a uv.lock and a poetry.lock: delete the one that is not used' : 'no lock: make uv.lock with "uv lock", or poetry.lock with "poetry lock"'
  return { folder, packages: new Set(namesAt(tables)), hasTests: false, settings: {}, open: [`PYTHON_MANIFEST: beside ${at('pyproject.toml')} there is ${which}`] }
}

/** How the packages of an application are installed: as its root says, or the only folder below it that says it. */
export function findInstallation(files: Files): Installation {
  const lists = files.paths.filter((path) => /^[^/]+\/(pyproject\.toml|requirements\.txt|requirements\/[^/]+\.txt)$/.test(path)).map((path) => path.split('/')[0]!)
  const folders = [...new Set(lists)].filter((folder) => !/^(docs?|tests?|examples?|requirements|\..*)$/.test(folder))
  const below = folders.flatMap((folder) => installationIn(folder, files) ?? [])
  const [only] = below
  // Nothing that starts may lie beside that folder.
  const beside = { read: files.read, paths: files.paths.filter((path) => !path.startsWith(`${only?.folder}/`)) }
  const isWhole = only !== undefined && below.length === 1 && startablesOf(beside).length === 0
  const found = installationIn('.', files) ?? (isWhole ? only : undefined)
  const which = below.length > 1 ? `more than one folder has a list of packages (${folders.join(', ')}): APP_DIR says which`
    : only ? `the list of packages is in ${only.folder}, and the application is beside that folder` : 'there is no requirements.txt and no pyproject.toml, here or one folder below'
  return found ?? { folder: '.', settings: {}, packages: new Set(), hasTests: false, open: [`PYTHON_MANIFEST: ${which}`] }
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
