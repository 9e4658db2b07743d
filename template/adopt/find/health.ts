/** Which path an application answers for a health check. */
import { posix } from 'node:path'
import { byFile, findLine, isSource, lineAt, type Files } from './source.ts'

const NAMES = String.raw`(?:api/)?(?:healthz?|health[-_]?check|livez|alive|ping|up)/?`

/** Adds a path to the routes of another object. Static files are no routes. */
const PREFIX = /\bmount\((?![^)]*StaticFiles)|\b(?:register_blueprint|include_router)\([^)]*\b(?:url_)?prefix\s*=|\bBlueprint\([^)]*url_prefix|\bAPIRouter\([^)]*\bprefix\s*=/

/** Whether the application itself includes the router (or blueprint) of a file, and adds no prefix. */
function isIncludedPlainly({ paths, read }: Files, path: string, router: string): boolean {
  if (/\b(?:Blueprint|APIRouter)\([^)]*prefix\s*=/.test(read(path))) return false
  const module = posix.basename(path.replace(/\/__init__\.py$/, '.py'), '.py')
  return paths.filter((one) => isSource(one)).some((other) => {
    const text = read(other)
    const imported = new RegExp(String.raw`\b${module}\s+import\b[^\n(]*(?:\([^)]*)?\b${router}\b(?:\s+as\s+(\w+))?`).exec(text)
    const own = other === path ? router : imported && (imported[1] ?? router)
    return [...text.matchAll(/\bapp(?:lication)?\.(?:include_router|register_blueprint)\(\s*([\w.]+)([^)]*)\)/g)]
      .some(([, name, rest]) => !/prefix/.test(rest!) && (name === own || name!.endsWith(`${module}.${router}`)))
  })
}

/** A path that the application answers itself, without a prefix that another file may add. */
export function healthPath(files: Files, { isDjango, kind }: { isDjango: boolean; kind: string | undefined }): { value: string; where: string } | undefined {
  const found = isDjango ? inUrls(files) : inRoutes(files)
  if (found) return found
  const docs = kind === 'asgi' && !isDjango ? findLine(files, /\bFastAPI\(/) : undefined
  return docs && !findLine(files, /\b(?:docs_url|openapi_url|root_path)\s*=/) ? { value: '/docs', where: `${byFile(docs)}, FastAPI's own page` } : undefined
}

function inUrls(files: Files): { value: string; where: string } | undefined {
  const found = findLine(files, new RegExp(String.raw`\bpath\(\s*["']/?(${NAMES})["']`))
  // The urls of an app are usually included below a path.
  const isRoot = found && ['wsgi.py', 'settings.py'].some((name) => files.paths.includes(posix.join(posix.dirname(found.path), name)))
  return isRoot ? { value: `/${found.match[1]}`, where: byFile(found) } : undefined
}

function inRoutes(files: Files): { value: string; where: string } | undefined {
  const hasPrefixes = findLine(files, PREFIX) !== undefined
  // A decorator, since any dictionary has a get.
  const route = new RegExp(String.raw`(?:@(\w+)\.(?:route|get|api_route)|\b(\w+)\.(?:add_url_rule|add_api_route))\(\s*["'](/${NAMES})["']`, 'g')
  for (const path of files.paths.filter((one) => isSource(one))) {
    const text = files.read(path)
    for (const { 1: decorator, 2: caller, 3: value, index } of text.matchAll(route)) {
      const object = decorator ?? caller!
      if (!hasPrefixes || /^app(lication)?$/.test(object) || isIncludedPlainly(files, path, object)) return { value: value!, where: byFile({ path, line: lineAt(text, index) }) }
    }
  }
  return undefined
}
