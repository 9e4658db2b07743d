/** What an application's Python files define: web applications, Celery applications, and the functions that make them. */
import { posix } from 'node:path'
import { parser } from '@lezer/python'

type Node = ReturnType<typeof parser.parse>['topNode']

/** The files of an application as they are needed here. */
export interface Files {
  paths: readonly string[]
  /** The text of a file, or '' if there is none. */
  read: (path: string) => string
}

export type Kind = 'wsgi' | 'asgi' | 'celery'

/** An object that a server or Celery can start. */
export interface Startable {
  kind: Kind
  path: string
  /** `app`, or `create_app()` for a function that can be called without arguments. */
  object: string
  line: number
}

/** The shortest path: of files with the same name, the one that is least deep. */
export const shortest = (paths: readonly string[]): string | undefined => paths.toSorted((a, b) => a.length - b.length)[0]

export const byFile = ({ path, line }: { path: string; line: number }): string => `${path}:${line}`

/** Folders whose files are not what starts. */
const ASIDE = /(^|\/)(tests?|cli|scripts|testing|docs?|examples?|migrations|alembic|versions|site-packages|\.[^/]+)\/|(^|\/)(test_[^/]*|[^/]*_tests?|tests|conftest|setup|noxfile)\.py$/

export const isSource = (path: string): boolean => path.endsWith('.py') && !ASIDE.test(path)

/** The number of the line at an index of a text, counted from 1. */
export const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

/** The first line of a source file that matches. */
export function findLine({ paths, read }: Files, pattern: RegExp): { path: string; line: number; match: RegExpExecArray } | undefined {
  for (const path of paths.filter((one) => isSource(one))) {
    const text = read(path)
    const match = pattern.exec(text)
    if (match) return { path, line: lineAt(text, match.index), match }
  }
  return undefined
}

const CONSTRUCTORS: Readonly<Record<string, Kind>> = {
  Flask: 'wsgi', APIFlask: 'wsgi', get_wsgi_application: 'wsgi',
  FastAPI: 'asgi', Starlette: 'asgi', Quart: 'asgi', Litestar: 'asgi', get_asgi_application: 'asgi', ProtocolTypeRouter: 'asgi',
  Celery: 'celery',
}

const childrenOf = (node: Node): Node[] => {
  const children: Node[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child)
  return children
}

/** The statements that run when a module is imported, those in its if, try and with blocks too. */
const statementsOf = (node: Node, text: string): Node[] => childrenOf(node).flatMap((child) => {
  if (child.name === 'IfStatement' && /^if\s+\(?__name__/.test(text.slice(child.from, child.from + 40))) return []
  if (/^(If|Try|With)Statement$/.test(child.name)) return childrenOf(child).filter(({ name }) => name === 'Body').flatMap((body) => statementsOf(body, text))
  return child.name === 'DecoratedStatement' ? childrenOf(child).filter(({ name }) => name.endsWith('Definition')) : [child]
})

/** The last name of what is called: `Flask` of `flask.Flask(__name__)`, or '' if it is no call. */
function calleeOf(expression: Node | null, text: string): string {
  const callee = expression?.name === 'CallExpression' ? expression.firstChild : null
  return callee ? text.slice(callee.from, callee.to).split('.').at(-1)! : ''
}

/** Whether a function can be called without arguments. */
function needsNothing(definition: Node): boolean {
  let [isOpen, isRest] = [false, false]
  const parameters = definition.getChild('ParamList')
  if (!parameters) return false
  for (const { name } of childrenOf(parameters)) {
    if (name === ',') {
      if (isOpen) return false
      isRest = false
    } else if (name === 'VariableName' && !isRest) isOpen = true
    else if (name === 'AssignOp') [isOpen, isRest] = [false, true]
    else if (name === '*' || name === '**') isRest = true
  }
  return !isOpen
}

interface Definitions {
  path: string
  lineOf: (node: Node) => number
  /** Names that get the result of a call, or an expression. */
  values: { names: string[]; callee: string; expression: string; node: Node }[]
  functions: { name: string; body: string; isFree: boolean; node: Node }[]
  classes: { name: string; bases: string }[]
}

function definitionsOf(path: string, text: string): Definitions {
  const part = (node: Node | null): string => (node ? text.slice(node.from, node.to) : '')
  const found: Definitions = { path, lineOf: ({ from }) => lineAt(text, from), values: [], functions: [], classes: [] }
  for (const node of statementsOf(parser.parse(text).topNode, text)) {
    const name = part(node.getChild('VariableName'))
    // A template of Python, or a mistake.
    if (name === '') continue
    if (node.name === 'ClassDefinition') found.classes.push({ name, bases: part(node.getChild('ArgList')) })
    else if (node.name === 'FunctionDefinition') found.functions.push({ name, body: part(node.getChild('Body')), isFree: needsNothing(node), node })
    else if (node.name === 'AssignStatement' && !node.getChild(',')) {
      const names = node.getChildren('VariableName').map((one) => part(one))
      // In `a = b`, the last name is the value.
      if (node.lastChild?.name === 'VariableName') names.pop()
      found.values.push({ names, callee: calleeOf(node.lastChild, text), expression: part(node.lastChild), node })
    }
  }
  return found
}

/** The kind of what a function makes: of the object that it returns, or of the only one that it makes. */
function madeBy(body: string, constructors: ReadonlyMap<string, Kind>): Kind | undefined {
  const calls = [...body.matchAll(/(?:\b(\w+)\s*(?::[^=\n]+)?=\s*|\breturn\s+)(?:\w+\.)*(\w+)\(/g)]
  const made = calls.flatMap(([call, variable, callee]) => {
    const kind = constructors.get(callee!)
    return kind ? [{ kind, isReturned: call.startsWith('return') || new RegExp(`\\breturn\\s+${variable}\\b`).test(body) }] : []
  })
  return made.find(({ isReturned }) => isReturned)?.kind
}

/** All objects of an application that can be started: those that modules hold, and functions without arguments that make one. */
export function startablesOf({ paths, read }: Files): Startable[] {
  const modules = new Map<string, Definitions>()
  const constructors = new Map(Object.entries(CONSTRUCTORS))
  // Classes and functions may build on others, in any order. Only files that name one of them are parsed.
  for (let known = 0; known < constructors.size;) {
    known = constructors.size
    const names = new RegExp(`\\b(?:${[...constructors.keys()].join('|')})\\b|\\bextensions\\[`)
    for (const path of paths.filter((one) => isSource(one) && !modules.has(one))) if (names.test(read(path))) modules.set(path, definitionsOf(path, read(path)))
    for (const { name, bases } of [...modules.values()].flatMap(({ classes }) => classes)) {
      const base = [...bases.matchAll(/\w+/g)].find(([word]) => constructors.has(word))
      if (base) constructors.set(name, constructors.get(base[0])!)
    }
    for (const { name, body } of [...modules.values()].flatMap(({ functions }) => functions)) {
      const kind = constructors.has(name) ? undefined : madeBy(body, constructors)
      if (kind) constructors.set(name, kind)
    }
  }
  return [...modules.values()].flatMap((one) => startablesIn(one, constructors))
}

function startablesIn({ path, lineOf, values, functions }: Definitions, constructors: ReadonlyMap<string, Kind>): Startable[] {
  const objects = values.flatMap(({ names, callee, expression, node }) => {
    const kind = /\.extensions\[["']celery["']\]$/.test(expression) ? 'celery' : constructors.get(callee)
    return kind && names.length > 0 ? [{ kind, path, object: names[0]!, line: lineOf(node) }] : []
  })
  const factories = functions.flatMap(({ name, isFree, node }) => {
    const kind = constructors.get(name)
    return kind && isFree ? [{ kind, path, object: `${name}()`, line: lineOf(node) }] : []
  })
  // A module made for a server has its application under this name, perhaps wrapped.
  const isWrapped = /(^|\/)[aw]sgi\.py$/.test(path) && (functions.some(({ name }) => name === 'application') || values.some(({ names }) => names.includes('application')))
  if (isWrapped && objects.length > 0) return [{ ...objects.at(-1)!, object: 'application' }]
  const last = new Map([...objects, ...factories].map((one) => [one.object, one]))
  return [...last.values()]
}

/** The module of a file, and the folder from which Python imports it. */
export interface Module { root: string; module: string }

/**
 * Finds out from which folder a file is imported. A folder is a package if it has an `__init__.py`, or if the application
 * imports it by its name.
 *
 * @param known a folder from which everything below it is imported, as Django does with the one of manage.py
 */
export function moduleFinder({ paths, read }: Files, known?: string): (path: string) => Module {
  const there = new Set(paths)
  const imported = new Set(paths.filter((path) => path.endsWith('.py'))
    .flatMap((path) => [...read(path).matchAll(/^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)/gm)].map(([, name]) => name!)))
  const isPackage = (folder: string): boolean => there.has(posix.join(folder, '__init__.py')) || imported.has(posix.basename(folder))
  return (path) => {
    let root = posix.dirname(path)
    if (known !== undefined && (known === '.' || path.startsWith(`${known}/`))) root = known
    else while (root !== '.' && isPackage(root)) root = posix.dirname(root)
    return { root, module: posix.relative(root, path).replace(/(\/__init__)?\.py$/, '').replaceAll('/', '.') }
  }
}
