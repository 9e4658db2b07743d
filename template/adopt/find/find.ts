/** Finds out how an application starts, by reading its files. Nothing of it is run. Pure. */
import { posix } from 'node:path'
import { debianPackagesOf, migrationByCommand } from './commands.ts'
import { healthPath } from './health.ts'
import { findInstallation, findPython } from './packages.ts'
import { findServices } from './services.ts'
import { findLine, isSource, moduleFinder, shortest, type Files, type Module } from './source.ts'
import { findStarts, type Start } from './start.ts'
import { variablesOf, type Variable } from './variables.ts'

export interface Finding {
  name: string
  value: string
  /** The file, and perhaps the line, that says it. */
  where: string
}

export interface Found {
  findings: Finding[]
  /** What is missing or not certain, one sentence for each setting. */
  open: string[]
  /** Variables under names of the application's own, which belong in `.env.app`. */
  variables: Variable[]
}

export interface Place {
  /** Where the application will lie: `app`, or `.` for the whole repository. */
  appDir: string
  /** The name of the project. */
  project: string
  /** Versions of servers that are known to work, by package, and the `python` of the default image. */
  versions: { gunicorn: string; uvicorn: string; python: string }
}

/** An application whose manifest and start are known, and where what is found about it goes. */
export interface Application {
  /** All files, which may hold commands. */
  all: Files
  /** The files of its own folder. */
  inner: Files
  packages: ReadonlySet<string>
  project: string
  /** Django's manage.py. */
  manage: string | undefined
  web: Start | undefined
  celery: Start | undefined
  /** The path of a file of its own folder, as the owner knows it. */
  shown: (where: string) => string
  say: (name: string, value: string, where: string) => void
  open: string[]
}

// In single quotes, a value cannot refer to another setting.
const quoted = (value: string): string => (/^[\w@%+=:,./(){}?&$-]*$/.test(value) ? value : `'${value}'`)

/** The folder where commands run, which is returned, and those from which Python imports. */
function findFolders({ manage, web, celery, shown, say }: Application, alembic: string | undefined): { place: string; besideAlembic: string; isApart: boolean } {
  const roots = new Set([web, celery].flatMap((one) => one?.root ?? []))
  // Alembic finds its folder beside its file. It often lies where the application is imported from.
  const besideAlembic = alembic ? posix.dirname(alembic) : '.'
  const workdir = manage ? posix.dirname(manage) : '.'
  const place = !manage && roots.size === 1 && roots.has(besideAlembic) ? besideAlembic : workdir
  if (place !== '.') say('APP_WORKDIR', place, shown(manage ?? alembic!))
  const isApart = alembic !== undefined && !manage && besideAlembic !== place
  const more = [...roots].filter((root) => isApart || (root !== place && root !== '.')).map((root) => posix.join('/app', root))
  if (more.length > 0) say('APP_PYTHONPATH', more.join(':'), [...roots].map((root) => shown(root)).join(', '))
  return { place, besideAlembic, isApart }
}

/** How the database is migrated. */
function findMigration(app: Application): void {
  const { all, inner, packages, manage, web, shown, say } = app
  const alembic = shortest(inner.paths.filter((path) => posix.basename(path) === 'alembic.ini' && posix.basename(posix.dirname(path)) !== 'migrations'))
  const { place, besideAlembic, isApart } = findFolders(app, alembic)
  const flask = web?.target.replace(/:(app|application|create_app\(\)|make_app\(\))$/, '')
  const migrations = inner.paths.find((path) => /(^|\/)migrations\/env\.py$/.test(path))
  if (manage) return say('MIGRATE_COMMAND', 'python manage.py migrate --noinput', shown(manage))
  if (migrations && packages.has('flask-migrate') && flask) {
    const folder = posix.dirname(migrations)
    // An application that keeps them inside its package tells Flask-Migrate so itself.
    const isBeside = posix.join(place, 'migrations') === folder || inner.paths.includes(posix.join(folder, '../__init__.py'))
    const directory = isBeside ? '' : ` --directory ${posix.relative(place, folder)}`
    return say('MIGRATE_COMMAND', `flask --app ${/[()]/.test(flask) ? `"${flask}"` : flask} db upgrade${directory}`, shown(migrations))
  }
  if (alembic) return say('MIGRATE_COMMAND', `${isApart ? `cd ${posix.relative(place, besideAlembic)} && ` : ''}alembic upgrade head`, shown(alembic))
  const byPackage = migrationByCommand(all, packages)
  if (byPackage) say('MIGRATE_COMMAND', byPackage.command, byPackage.where)
}

/** What web needs beside its object: a server, and a path for the health check. */
function findServer({ inner, packages, manage, web, shown, say, open }: Application, versions: Place['versions']): void {
  const server = web?.kind === 'asgi' ? 'uvicorn' : 'gunicorn'
  if (web) {
    say('WEB_SERVER', server, web.where)
    // uvicorn alone speaks no websockets.
    const more = server === 'uvicorn' && packages.has('channels') && !packages.has('websockets') ? ' websockets' : ''
    if (!packages.has(server) && packages.size > 0) say('PYTHON_EXTRA_PACKAGES', `${server}==${versions[server]}${more}`, `${server} is not among its packages`)
  }
  const health = healthPath(inner, { isDjango: manage !== undefined, kind: web?.kind })
  if (health) say('HEALTH_PATH', health.value, shown(health.where))
  else open.push('HEALTH_PATH: a path that answers 2xx or 3xx without asking the database')
}

/** manage.py often names settings for development, and wsgi.py those for production. A package that starts names its own. */
function doubtfulSettings({ inner, manage, web, celery, shown }: Application, moduleOf: (path: string) => Module): Variable[] {
  const settingsIn = (path: string | undefined): string | undefined => (path ? /DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']/.exec(inner.read(path))?.[1] : undefined)
  const [own, served] = [settingsIn(manage), settingsIn(inner.paths.find((path) => moduleOf(path).module === web?.target.split(':')[0]))]
  if (!own) return []
  const installed = [web, celery].find((one) => one?.isInstalled)
  if (installed) return [{ name: 'DJANGO_SETTINGS_MODULE', value: own, where: `${shown(manage!)}, and ${installed.target} is an installed package` }]
  return served && own !== served ? [{ name: 'DJANGO_SETTINGS_MODULE', where: `${shown(manage!)} has ${own}, and what web starts has ${served}` }] : []
}

/**
 * Finds the settings of an application.
 *
 * @param files its files, below its own folder
 */
export function find(files: Files, { appDir, project, versions }: Place): Found {
  const findings: Finding[] = []
  const open: string[] = []
  const say = (name: string, value: string, where: string): void => void findings.push({ name, value: quoted(value), where })

  const installation = findInstallation(files)
  const { folder, packages } = installation
  open.push(...installation.open)
  // An application in one folder of several is taken from there, if it needs nothing beside that folder.
  const base = folder === '.' ? appDir : posix.join(appDir, folder)
  const inner: Files = folder === '.' ? files : {
    paths: files.paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1)), read: (path) => files.read(posix.join(folder, path)),
  }
  const shown = (where: string): string => posix.join(folder, where)
  if (folder !== '.') say('APP_DIR', base, `${folder}/`)
  for (const [name, value] of Object.entries(installation.settings)) if (value !== '' || name === 'PYTHON_DEV_MANIFEST') say(name, value, shown(installation.settings.PYTHON_MANIFEST!))
  const python = findPython(installation, files, versions.python)
  if (python) say('PYTHON_IMAGE', `library/python:${python.version}-slim-trixie`, python.where)

  const manage = shortest(inner.paths.filter((path) => posix.basename(path) === 'manage.py' && /DJANGO_SETTINGS_MODULE/.test(inner.read(path))))
  const moduleOf = moduleFinder(inner, manage && posix.dirname(manage))
  const startOf = findStarts({ all: files, inner, folder, moduleOf, packages, wantsAsgi: manage === undefined ? undefined : packages.has('channels') || packages.has('daphne') })
  const [web, celery] = (['WEB_APP', 'CELERY_APP'] as const).map((setting) => {
    const start = startOf(setting)
    if (typeof start !== 'string') {
      say(setting, start.target, start.where)
      if (start.others?.length) open.push(`${setting}: ${start.target} was taken, and not ${start.others.join(' or ')}`)
      return start
    }
    open.push(`${setting}: ${start}`)
    return undefined
  })

  const app: Application = { all: files, inner, packages, project, manage, web, celery, shown, say, open }
  findServer(app, versions)
  findMigration(app)
  if (installation.hasTests) say('TEST_COMMAND', 'python -m pytest', 'pytest is among its packages')
  else if (manage) say('TEST_COMMAND', 'python manage.py test --noinput', shown(manage))
  else open.push('TEST_COMMAND: pytest is not among the packages that are installed (PYTHON_DEV_PACKAGES adds it)')
  const statics = manage && findLine(inner, /^\s*STATIC_ROOT\s*=/m)
  if (statics) open.push("PREBUILD_COMMAND: python manage.py collectstatic --noinput, with what the settings need (docs/use-your-own-app.md)")
  const page = files.paths.find((path) => /(^|\/)package\.json$/.test(path) && !path.includes('node_modules/') && /"build"\s*:/.test(files.read(path)))
  if (page) open.push(`FRONTEND: ${page} has a build (docs/use-your-own-app.md says how it gets into the image)`)
  const services = findServices(app)
  if (services.database && !findings.some(({ name }) => name === 'MIGRATE_COMMAND')) open.push('MIGRATE_COMMAND: nothing in the source tells it. If it is empty, nothing is migrated')
  const { run, build, where } = debianPackagesOf(files, folder, packages)
  if (run.length > 0) say('APT_PACKAGES', run.join(' '), where)
  if (build.length > 0) say('APT_BUILD_PACKAGES', build.join(' '), where)
  const folders = new Set(inner.paths.filter((path) => isSource(path)).flatMap((path) => path.split('/').slice(0, -1)))
  const variables = variablesOf(inner, { folders, ...services }).map((one) => ({ ...one, where: shown(one.where) }))
  return { findings, open, variables: [...doubtfulSettings(app, moduleOf), ...variables] }
}
