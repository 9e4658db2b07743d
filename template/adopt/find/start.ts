/** Which object a server starts, and which one Celery starts. */
import { posix } from 'node:path'
import { celeryByCommand, commandsOf, isOfPackage, type Command } from './commands.ts'
import { byFile, isSource, startablesOf, type Files, type Module, type Startable } from './source.ts'

/** File names that usually hold what is started, best first. */
const USUAL = {
  WEB_APP: ['wsgi', 'asgi', 'main', 'app', 'application', 'server', 'api', 'run', '__init__'],
  CELERY_APP: ['celery', 'celery_app', 'celeryapp', 'worker', 'celery_worker', 'tasks', 'queue'],
}

export interface Start {
  kind: 'wsgi' | 'asgi' | 'celery'
  /** `module:object`, or what follows `celery -A`. */
  target: string
  where: string
  /** The folder from which its module is imported. */
  root: string
  /** Whether an installed package has it, and no file of the application. */
  isInstalled?: boolean
  /** What other files start instead, with the file. */
  others?: string[]
}

interface Project {
  /** All files of the project, which may hold commands. */
  all: Files
  /** Those of the application, in a folder of the project. */
  inner: Files
  folder: string
  moduleOf: (path: string) => Module
  /** Whether websockets need asgi.py, for a Django application that has both. */
  wantsAsgi: boolean | undefined
  packages: ReadonlySet<string>
}

/** The only one of the lowest rank, or undefined if several share it. */
function bestOf<T>(all: readonly T[], rankOf: (one: T) => number): T | undefined {
  const lowest = Math.min(...all.map((one) => rankOf(one)))
  const best = all.filter((one) => rankOf(one) === lowest)
  return best.length === 1 ? best[0] : undefined
}

/**
 * Finds what is started: what the project starts today, or else the only likely object of its source.
 *
 * @returns a function that gives it for a setting, or a sentence why it is not certain
 */
export function findStarts({ all, inner, folder, moduleOf, wantsAsgi, packages }: Project): (setting: keyof typeof USUAL) => Start | string {
  const paths = inner.paths.filter((path) => isSource(path)).toSorted((a, b) => a.length - b.length)
  const pathOf = (module: string): string | undefined => paths.find((path) => moduleOf(path).module === module)
  // After "celery -A", the last name may be the object.
  const fileOf = ({ target }: Command): string | undefined => pathOf(target.split(':')[0]!) ?? (target.includes(':') ? undefined : pathOf(target.split('.').slice(0, -1).join('.')))
  // What starts may be an installed package, such as superset.app:create_app().
  const isPackage = ({ target }: Command): boolean => isOfPackage(/^\w+/.exec(target)![0].replaceAll('_', '-'), packages)
  const commands = commandsOf(all).flatMap((command) => {
    const path = fileOf(command)
    if (path === undefined) return isPackage(command) ? [{ ...command, root: '.', isInstalled: true }] : []
    return [{ ...command, root: moduleOf(path).root }]
  })
  const startables = startablesOf(inner)
  const holdsCelery = (path: string): boolean => startables.some((one) => one.kind === 'celery' && one.path === path && !one.object.endsWith(')'))
  const toStart = (one: Startable): Start => ({ kind: one.kind, target: `${moduleOf(one.path).module}:${one.object}`, where: posix.join(folder, byFile(one)), root: moduleOf(one.path).root })

  return (setting) => {
    const isRight = ({ kind }: { kind: Start['kind'] }): boolean => (kind === 'celery') === (setting === 'CELERY_APP')
    const fitting = commands.filter((one) => isRight(one))
    const known = fitting.filter(({ where }) => where === fitting[0]!.where)
    if (new Set(known.map(({ target }) => target)).size === 1) {
      const [{ target }] = known as [typeof known[number]]
      const isSame = (other: string): boolean => other.startsWith(target) || target.startsWith(other)
      const others = fitting.filter((one) => !isSame(one.target) && one.where !== known[0]!.where)
      return { ...known[0]!, others: [...new Set(others.map((one) => `${one.target} (${one.where})`))] }
    }

    const rankOf = ({ path, object, kind }: Startable): number => {
      const place = USUAL[setting].indexOf(posix.basename(path, '.py'))
      const isOther = kind !== 'celery' && wantsAsgi !== undefined && wantsAsgi !== (kind === 'asgi')
      return (isOther ? 1000 : 0) + (place < 0 ? 200 : place) + (object.endsWith(')') ? 100 : 0) + path.split('/').length * 10 + (/^(app|application|celery)$/.test(object) ? 0 : 0.5)
    }
    const candidates = startables.filter((one) => isRight(one))
    // A web application in the module of Celery is made for its tasks.
    const likely = candidates.filter(({ path }) => setting === 'CELERY_APP' || !holdsCelery(path))
    const best = bestOf(likely.length > 0 ? likely : candidates, rankOf)
    if (best) return toStart(best)
    const other = setting === 'CELERY_APP' && candidates.length === 0 ? celeryByCommand(all) : undefined
    if (other) return `${other.where} starts it by "${other.command}". Write a module that sets up what this command does and has its Celery application`
    return candidates.length === 0 ? 'nothing in the source tells it' : `perhaps ${candidates.map((one) => `${toStart(one).target} (${toStart(one).where})`).join(' or ')}`
  }
}
