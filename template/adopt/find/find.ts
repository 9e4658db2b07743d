/** Finds out how an application starts, by reading its files. Nothing of it is run. Pure. */
import { posix } from 'node:path'
import { debianPackagesOf } from './commands.ts'
import { databaseOf, storeOf } from './data.ts'
import { findInstallation, findPython } from './packages.ts'
import { byFile, findLine, isSource, moduleFinder, type Files } from './source.ts'
import { findStarts } from './start.ts'
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

// In single quotes, a value cannot refer to another setting.
const quoted = (value: string): string => (/^[\w@%+=:,./(){}?&$-]*$/.test(value) ? value : `'${value}'`)

/** A path that the application answers itself, without a prefix that another file may add. */
function healthPath(files: Files, { isDjango, kind }: { isDjango: boolean; kind: string | undefined }): Omit<Finding, 'name'> | undefined {
  const names = String.raw`(${isDjango ? '/?' : '/'}(?:api/)?(?:healthz?|health[-_]?check|livez|alive|ping|up)/?)`
  const prefixed = findLine(files, /\bmount\(|\b(?:register_blueprint|include_router)\([^)]*\b(?:url_)?prefix\s*=|\bBlueprint\([^)]*url_prefix|\bAPIRouter\([^)]*\bprefix\s*=/)
  const object = prefixed ? String.raw`app(?:lication)?` : String.raw`\w+`
  // A decorator, since any dictionary has a get.
  const route = isDjango ? String.raw`\bpath\(\s*["']` : String.raw`(?:@${object}\.(?:route|get|api_route)|\b${object}\.(?:add_url_rule|add_api_route))\(\s*["']`
  const found = findLine(files, new RegExp(`${route}${names}["']`))
  // In Django, urls of an app are usually included below a path.
  const isRoot = !isDjango || !found || files.paths.includes(posix.join(posix.dirname(found.path), 'wsgi.py')) || files.paths.includes(posix.join(posix.dirname(found.path), 'settings.py'))
  if (found && isRoot) return { value: `/${found.match[1]!.replace(/^\//, '')}`, where: byFile(found) }
  const docs = kind === 'asgi' && !isDjango ? findLine(files, /\bFastAPI\(/) : undefined
  if (docs && !findLine(files, /\b(?:docs_url|openapi_url|root_path)\s*=/)) return { value: '/docs', where: `${byFile(docs)}, FastAPI's own page` }
  return undefined
}

/** The default queue and those to which tasks are routed, if there are such, and the first file that does it. */
function routedQueues({ paths, read }: Files): { names: string[]; where: string } | undefined {
  const files = paths.filter((path) => isSource(path) && /celery|shared_task|task_routes/i.test(read(path)))
  const routed = files.flatMap((path) => [...read(path).matchAll(/["']queue["']\s*:\s*["']([\w.-]+)["']|\b(?:task|apply_async|signature|set)\([^)]*\bqueue\s*=\s*["']([\w.-]+)["']/g)]
    .map(({ 1: key, 2: argument }) => ({ name: key ?? argument!, path })))
  const standard = findLine({ paths, read }, /\b(?:task_default_queue|CELERY_(?:TASK_)?DEFAULT_QUEUE)\b["']?\s*[=:]\s*["']([\w.-]+)["']/)?.match[1] ?? 'celery'
  return routed[0] && { names: [...new Set([standard, ...routed.map(({ name }) => name)])], where: routed[0].path }
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

  // Where commands run, and where Python imports from.
  const manage = inner.paths.filter((path) => posix.basename(path) === 'manage.py' && /DJANGO_SETTINGS_MODULE/.test(inner.read(path))).toSorted((a, b) => a.length - b.length)[0]
  const workdir = manage ? posix.dirname(manage) : '.'
  const moduleOf = moduleFinder(inner, manage && workdir)
  const startOf = findStarts({ all: files, inner, folder, moduleOf, wantsAsgi: manage === undefined ? undefined : packages.has('channels') || packages.has('daphne') })
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
  const roots = new Set([web, celery].flatMap((one) => one?.root ?? []))
  const server = web?.kind === 'asgi' ? 'uvicorn' : 'gunicorn'
  if (web) {
    say('WEB_SERVER', server, web.where)
    // uvicorn alone speaks no websockets.
    const more = server === 'uvicorn' && packages.has('channels') && !packages.has('websockets') ? ' websockets' : ''
    if (!packages.has(server) && packages.size > 0) say('PYTHON_EXTRA_PACKAGES', `${server}==${versions[server]}${more}`, `${server} is not among its packages`)
  }

  // Alembic finds its folder beside its file. It often lies where the application is imported from.
  const alembic = inner.paths.filter((path) => posix.basename(path) === 'alembic.ini' && posix.basename(posix.dirname(path)) !== 'migrations').toSorted((a, b) => a.length - b.length)[0]
  const besideAlembic = alembic ? posix.dirname(alembic) : '.'
  const place = !manage && roots.size === 1 && roots.has(besideAlembic) ? besideAlembic : workdir
  if (place !== '.') say('APP_WORKDIR', place, shown(manage ?? alembic!))
  const isApart = alembic !== undefined && !manage && besideAlembic !== place
  const more = [...roots].filter((root) => isApart || (root !== place && root !== '.')).map((root) => posix.join('/app', root))
  if (more.length > 0) say('APP_PYTHONPATH', more.join(':'), [...roots].map((root) => shown(root)).join(', '))

  const health = healthPath(inner, { isDjango: manage !== undefined, kind: web?.kind })
  if (health) say('HEALTH_PATH', health.value, shown(health.where))
  else open.push('HEALTH_PATH: a path that answers 2xx or 3xx without asking the database')

  const flask = web?.target.replace(/:(app|application|create_app\(\)|make_app\(\))$/, '')
  const flaskMigrations = inner.paths.find((path) => /(^|\/)migrations\/env\.py$/.test(path))
  // An application that keeps them inside its package tells Flask-Migrate so itself.
  const isBeside = flaskMigrations === undefined || posix.join(place, 'migrations/env.py') === flaskMigrations || inner.paths.includes(posix.join(posix.dirname(flaskMigrations), '../__init__.py'))
  if (manage) say('MIGRATE_COMMAND', 'python manage.py migrate --noinput', shown(manage))
  else if (flaskMigrations && packages.has('flask-migrate') && flask) say('MIGRATE_COMMAND', `flask --app ${/[()]/.test(flask) ? `"${flask}"` : flask} db upgrade${isBeside ? '' : ` --directory ${posix.relative(place, posix.dirname(flaskMigrations))}`}`, shown(flaskMigrations))
  else if (alembic) say('MIGRATE_COMMAND', `${isApart ? `cd ${posix.relative(place, besideAlembic)} && ` : ''}alembic upgrade head`, shown(alembic))
  if (packages.has('pytest') && installation.hasTests) say('TEST_COMMAND', 'python -m pytest', 'pytest is among its packages')
  else if (manage) say('TEST_COMMAND', 'python manage.py test --noinput', shown(manage))
  else open.push('TEST_COMMAND: pytest is not among the packages that are installed (PYTHON_DEV_PACKAGES adds it)')
  const statics = manage && findLine(inner, /^\s*STATIC_ROOT\s*=/m)
  if (statics) open.push("PREBUILD_COMMAND: python manage.py collectstatic --noinput, with what the settings need (docs/use-your-own-app.md)")
  const page = files.paths.find((path) => /(^|\/)package\.json$/.test(path) && !path.includes('node_modules/') && /"build"\s*:/.test(files.read(path)))
  if (page) open.push(`FRONTEND: ${page} has a build (docs/use-your-own-app.md says how it gets into the image)`)

  // The services beside it.
  const profiles: string[] = []
  const database = databaseOf(inner, packages, project, manage !== undefined)
  if (database) {
    profiles.push(database.profile)
    for (const [name, value] of Object.entries(database.settings)) say(name, value, database.where)
  }
  profiles.push('redis')
  const store = storeOf(inner, packages, project)
  if (store) {
    profiles.push('storage')
    for (const [name, value] of Object.entries(store.settings)) say(name, value, shown(store.where))
  }
  const schedule = findLine(inner, /\bbeat_schedule\b|\bCELERY_?BEAT_SCHEDULE\b|\badd_periodic_task\(|\bdjango_celery_beat\b/)
  if (celery && schedule) {
    profiles.push('beat')
    if (packages.has('django-celery-beat') && !findLine(inner, /DatabaseScheduler/)) say('BEAT_SCHEDULER', 'django', 'django-celery-beat is among its packages')
  }
  if (celery && packages.has('flower')) profiles.push('flower')
  // A worker takes tasks from the default queue alone, unless the application declares its queues.
  const queues = celery && !findLine(inner, /\btask_queues\b|\bCELERY_(TASK_)?QUEUES\b/) ? routedQueues(inner) : undefined
  if (queues) say('WORKER_QUEUES', queues.names.join(','), shown(queues.where))
  const { run, build, where } = debianPackagesOf(files, folder, packages)
  if (run.length > 0) say('APT_PACKAGES', run.join(' '), where)
  if (build.length > 0) say('APT_BUILD_PACKAGES', build.join(' '), where)
  const reasons = [...(schedule && celery ? [`beat: ${shown(byFile(schedule))}`] : []), ...(store ? [`storage: ${shown(store.where)}`] : []), ...(database ? [`${database.profile}: ${database.where}`] : [])]
  say('COMPOSE_PROFILES', profiles.join(','), reasons.join(', ') || 'Celery needs a queue')
  // manage.py often names settings for development, and wsgi.py those for production.
  const settingsIn = (path: string | undefined): string | undefined => (path ? /DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']/.exec(inner.read(path))?.[1] : undefined)
  const [own, served] = [settingsIn(manage), settingsIn(inner.paths.find((path) => moduleOf(path).module === web?.target.split(':')[0]))]
  const settings = own && served && own !== served ? [{ name: 'DJANGO_SETTINGS_MODULE', where: `${shown(manage!)} has ${own}, and what web starts has ${served}` }] : []
  const folders = new Set(inner.paths.filter((path) => isSource(path)).flatMap((path) => path.split('/').slice(0, -1)))
  const variables = [...settings, ...variablesOf(inner, { folders, hasStore: store !== undefined, ...(database ? { database: database.profile } : {}) }).map((one) => ({ ...one, where: shown(one.where) }))]
  return { findings, open, variables }
}
