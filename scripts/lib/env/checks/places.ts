/** The folders and files that settings lead to: where each is looked for, and what is there. Pure. */
import { join, normalize } from 'node:path/posix'
import type { Schema } from '../schema.ts'
import type { Values } from '../finding.ts'

/** What lies in the project, as far as settings lead there. */
export interface ProjectView {
  /** The names in each folder, which is seen from this one ("."); those of folders end with a slash. */
  folders: Readonly<Record<string, readonly string[]>>
  /** The text of the files of certificates, those that could be read. */
  certificates: Readonly<Record<string, string>>
}

type Base = 'here' | 'APP_DIR'

export interface Place {
  name: string
  kind: 'folder' | 'file'
  base: Base
  /** What the setting says. Of a list, one of its parts. */
  value: string
  /** The same, seen from this folder; undefined when it leads out of its base. */
  path: string | undefined
}

const settings: readonly Pick<Place, 'name' | 'kind' | 'base'>[] = [
  { name: 'APP_DIR', kind: 'folder', base: 'here' },
  { name: 'APP_WORKDIR', kind: 'folder', base: 'APP_DIR' },
  { name: 'PYTHON_MANIFEST', kind: 'file', base: 'APP_DIR' },
  { name: 'PYTHON_DEV_MANIFEST', kind: 'file', base: 'APP_DIR' },
  { name: 'FRONTEND_DIR', kind: 'folder', base: 'here' },
  { name: 'APP_ENV_FILE', kind: 'file', base: 'here' },
  { name: 'FRONTEND_ENV_FILE', kind: 'file', base: 'here' },
  { name: 'APP_CA_FILE', kind: 'file', base: 'here' },
  { name: 'EXTRA_CA_FILE', kind: 'file', base: 'here' },
]

/** Those that hold certificates. */
export const isOfCertificates = ({ name }: Pick<Place, 'name'>): boolean => name.endsWith('_CA_FILE')

/** Docker takes a slash in front of a folder of its build for the build's own root; a file may lie anywhere. */
function pathOf({ kind, base }: Pick<Place, 'kind' | 'base'>, value: string, appDir: string): string | undefined {
  if (value.startsWith('~')) return undefined
  const isAnywhere = kind === 'file' && base === 'here'
  const clean = normalize(isAnywhere ? value : value.replace(/^\/+/, '') || '.').replace(/(?<=.)\/$/, '')
  if (clean.startsWith('..')) return undefined
  return base === 'here' ? clean : join(appDir, clean)
}

/** The folders of APP_PYTHONPATH that lie in the application; it is /app in the container. */
function pythonPath(value: string, workdir: string): string[] {
  const parts = value.split(':').filter(Boolean)
  return parts.filter((part) => !part.startsWith('/') || /^\/app(\/|$)/.test(part)).map((part) => (part.startsWith('/') ? `.${part.slice(4)}` : join(workdir, part)))
}

/** Every place that the settings name, the defaults of the example included. */
export function placesOf({ byName }: Schema, values: Values): Place[] {
  const valueOf = (name: string): string => values[name] ?? byName.get(name)?.value ?? ''
  const appDir = pathOf({ kind: 'folder', base: 'here' }, valueOf('APP_DIR'), '')
  const placeOf = (setting: Pick<Place, 'name' | 'kind' | 'base'>, value: string): Place[] =>
    value === '' || (setting.base === 'APP_DIR' && appDir === undefined) ? [] : [{ ...setting, value, path: pathOf(setting, value, appDir ?? '.') }]
  return [
    ...settings.flatMap((setting) => placeOf(setting, valueOf(setting.name))),
    ...pythonPath(valueOf('APP_PYTHONPATH'), valueOf('APP_WORKDIR')).flatMap((value) => placeOf({ name: 'APP_PYTHONPATH', kind: 'folder', base: 'APP_DIR' }, value)),
  ]
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.')
const rootOf = (path: string): string => (path.startsWith('/') ? '/' : '.')

/** All folders on the way to it, itself included. */
export const foldersTo = (path: string): string[] => {
  const parts = partsOf(path)
  return [rootOf(path), ...parts.map((_, index) => join(rootOf(path), ...parts.slice(0, index + 1)))]
}

export interface Gap {
  /** The last folder of the path that is there, the name that is missed in it, and what would come behind. */
  folder: string
  name: string
  rest: readonly string[]
}

/** Where the path leads to nothing; undefined when all of it is there, or when nobody could look. */
export function gapIn({ folders }: ProjectView, path: string): Gap | undefined {
  const parts = partsOf(path)
  const way = foldersTo(path)
  const index = parts.findIndex((part, at) => {
    const names = folders[way[at]!]
    return names && !names.includes(`${part}/`) && (at < parts.length - 1 || !names.includes(part))
  })
  return index === -1 ? undefined : { folder: way[index]!, name: parts[index]!, rest: parts.slice(index + 1) }
}

/** What is at the end of the path; undefined for nothing, or where nobody could look. */
export function kindOf({ folders }: ProjectView, path: string): 'folder' | 'file' | undefined {
  const [parent, name] = [foldersTo(path).at(-2), partsOf(path).at(-1)]
  if (parent === undefined || name === undefined) return 'folder'
  const names = folders[parent] ?? []
  return names.includes(`${name}/`) ? 'folder' : names.includes(name) ? 'file' : undefined
}
