/** How an application is started so far: by the commands in its Procfile, Docker files, scripts and pages. */
import { posix } from 'node:path'
import type { Files } from './source.ts'

export interface Command {
  kind: 'wsgi' | 'asgi' | 'celery'
  /** `module:object`, `module:factory()`, or what follows `celery -A`. */
  target: string
  where: string
}

/** Files with commands, the most certain ones first. */
const SOURCES = [
  /^Procfile/, /^(.*\.)?[Dd]ockerfile/, /^(docker-)?compose.*\.ya?ml$/, /\.(sh|service)$|^supervisor.*\.conf$|^start|^entrypoint/, /^([Mm]akefile|justfile|package\.json)$/, /^README/,
]

// Not an address such as unix:shop.sock.
const OBJECT = String.raw`(?!unix:|python:|file:)[A-Za-z_][\w.]*:[A-Za-z_]\w*(?:\(\))?(?![\w.])`
const SERVERS: readonly [command: RegExp, read: (match: RegExpExecArray) => { kind: Command['kind']; target: string }][] = [
  [new RegExp(String.raw`\bgunicorn\b[^\n|;]*?\s(${OBJECT})([^\n|;]*)`), ([line, target]) => ({ kind: /uvicorn|asgi/i.test(line) ? 'asgi' : 'wsgi', target: target! })],
  [/\bgunicorn\b[^\n|;]*?\s([A-Za-z_][\w.]*\.([aw])sgi)(?![\w:.])/, ([, module, letter]) => ({ kind: letter === 'a' ? 'asgi' : 'wsgi', target: `${module}:application` })],
  [new RegExp(String.raw`\b(?:uvicorn|hypercorn|daphne|granian)\b[^\n|;]*?\s(${OBJECT})([^\n|;]*)`), ([line, target]) => ({
    kind: /--interface[ =]wsgi\b/.test(line) ? 'wsgi' : 'asgi', target: /--factory\b/.test(line) ? `${target}()` : target!,
  })],
  [/\bcelery\b[^\n|;]*?\s(?:-A|--app)[ =]?\s*([A-Za-z_]\w*(?:[.:]\w+)*)/, ([, target]) => ({ kind: 'celery', target: target! })],
]

/** The files with commands, in the order in which they are to be believed. */
function sourcesOf(paths: readonly string[]): string[] {
  const rankOf = (path: string): number => SOURCES.findIndex((pattern) => pattern.test(posix.basename(path)))
  return paths.filter((path) => rankOf(path) >= 0 && !/(^|\/)(node_modules|tests?|docs?|examples?|\.[^/]+)\//.test(path)).toSorted((a, b) => rankOf(a) - rankOf(b) || a.length - b.length)
}

/** All commands that start something, in the order in which they are to be believed. */
export function commandsOf({ paths, read }: Files): Command[] {
  return sourcesOf(paths).flatMap((path) => {
    // A command may go on in the next line, or be written as a list.
    const text = read(path).replaceAll(/\\\r?\n/g, ' ').replaceAll(/["'[\],]/g, ' ')
    return text.split('\n').filter((line) => !/^\s*#/.test(line)).flatMap((line) => SERVERS.flatMap(([pattern, toCommand]) => {
      const match = pattern.exec(line)
      return match ? [{ ...toCommand(match), where: path }] : []
    }))
  })
}

/** The commands of a kind in those files, without the folder of their program. */
const commandsLike = (pattern: RegExp, { paths, read }: Files): { command: string; where: string }[] => sourcesOf(paths).flatMap((path) =>
  [...read(path).replaceAll(/^\s*#.*$/gm, '').matchAll(pattern)].map(([command]) => ({ command: posix.basename(command), where: path })))

/** A line by which a package's own command starts Celery, such as `nautobot-server celery worker`. It has set up something before. */
export const celeryByCommand = (files: Files): { command: string; where: string } | undefined => commandsLike(/[\w./-]*[\w-] celery (?:worker|beat)\b/g, files)[0]

/** Whether a name, of a program or a module, is that of an installed package, such as superset of apache-superset. */
export const isOfPackage = (name: string, packages: ReadonlySet<string>): boolean => [...packages].some((one) => `-${one}`.endsWith(`-${name}`))

/** A line by which the command of an installed package migrates, such as `superset db upgrade`. */
export const migrationByCommand = (files: Files, packages: ReadonlySet<string>): { command: string; where: string } | undefined =>
  commandsLike(/[\w./-]*[\w-] (?:db upgrade|migrate)\b/g, files).find(({ command }) => !command.startsWith('flask ') && isOfPackage(/^\w+/.exec(command)?.[0] ?? '', packages))

/** Libraries that running needs too, if an image is built and run in one stage, by the package to build with. */
const LIBRARIES: Readonly<Record<string, string>> = { 'libpq-dev': 'libpq5', 'libmariadb-dev': 'libmariadb3', 'default-libmysqlclient-dev': 'libmariadb3' }

/** What Python packages without a wheel need of Debian: to run, and to be built. */
const NEEDS: readonly [name: string, run: string, build: string][] = [
  ['mysqlclient', 'libmariadb3', 'gcc libc6-dev pkg-config libmariadb-dev'], ['psycopg2', 'libpq5', 'gcc libc6-dev libpq-dev'], ['python-magic', 'libmagic1', ''],
  ['weasyprint', 'libpangoft2-1.0-0 libharfbuzz-subset0', ''], ['uwsgi', '', 'gcc libc6-dev'], ['gitpython', 'git', ''],
]

/**
 * Debian packages that an application's own Docker file for Python installs: those to run, and those to build with.
 *
 * If there is none, those that its Python packages are known to need.
 *
 * @param folder the application's own folder, whose Docker file comes first
 */
export function debianPackagesOf({ paths, read }: Files, folder: string, packages: ReadonlySet<string>): { run: string[]; build: string[]; where: string } {
  const isOwn = (path: string): boolean => folder !== '.' && path.startsWith(`${folder}/`)
  const path = paths.filter((one) => /^(.*\.)?[Dd]ockerfile/.test(posix.basename(one)) && !/(^|\/)(docs?|local)\//.test(one) && /^FROM\s.*python/im.test(read(one)))
    .toSorted((a, b) => Number(isOwn(b)) - Number(isOwn(a)) || a.length - b.length)[0]
  if (!path) {
    const known = NEEDS.filter(([name]) => packages.has(name))
    const all = (lists: readonly string[]): string[] => [...new Set(lists.flatMap((list) => list.split(' ')))].filter(Boolean)
    return { run: all(known.map(([, run]) => run)), build: all(known.map(([, , build]) => build)), where: `needed by ${known.map(([name]) => name).join(', ')}` }
  }
  const text = read(path).replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n/g, ' ').replaceAll(/\s(?:-t|--target-release)[\s=]+\S+/g, ' ')
  const lists = [...text.matchAll(/\bapt(?:-get)?\s+(?:-\S+\s+)*install\b([^\n&|;]*)/g)].flatMap(([, list]) => list!.trim().split(/\s+/))
  const names = [...new Set(lists.filter((name) => /^[a-z0-9][a-z0-9+.-]+$/.test(name)))]
  const isTool = (name: string): boolean => /^(build-essential|gcc|g\+\+|make|cmake|git|pkg-config|python3.*|.*-dev)$/.test(name)
  const isNeedless = (name: string): boolean => /^(curl|wget|gnupg|ca-certificates|netcat.*|procps|tini|dumb-init|gosu|sudo|vim|nano|less|apt-utils|software-properties-common|nginx|supervisor)$/.test(name)
  const run = [...new Set([...names.filter((name) => !isTool(name) && !isNeedless(name)), ...names.flatMap((name) => LIBRARIES[name] ?? [])])]
  const build = names.filter((name) => isTool(name)).map((name) => (name === 'build-essential' ? 'gcc g++ libc6-dev make' : name))
  return { run, build, where: path }
}
