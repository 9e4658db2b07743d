/** Rules about the folders and files that settings name. */
import { join, relative } from 'node:path/posix'
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { nearest } from '../../words.ts'
import { shown } from './file.ts'
import { gapIn, isOfCertificates, kindOf, placesOf } from './places.ts'
import type { Gap, Place, ProjectView } from './places.ts'
import { profilesOn } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

/** A place that the file names. */
export interface GivenPlace extends Place {
  line: number
  project: ProjectView
  /** The folder that it is seen from. */
  from: string
}

/** Those of the settings that stand in the file. Where APP_DIR is wrong, nothing is said of what is seen from there. */
export function givenPlaces(subject: Subject, names: readonly string[]): GivenPlace[] {
  const { schema, values, lineOf, project, effective } = subject
  const all = placesOf(schema, values)
  const appDir = effective('APP_DIR') ? all.find(({ name }) => name === 'APP_DIR')?.path : undefined
  return all.filter(({ name }) => names.includes(name)).flatMap((place) => {
    const [line, from] = [lineOf.get(place.name), place.base === 'here' ? '.' : appDir]
    if (!project || line === undefined || values[place.name] === undefined || from === undefined) return []
    return gapIn(project, from) || kindOf(project, from) !== 'folder' ? [] : [{ ...place, line, project, from }]
  })
}

/** The path for a message, unless a secret may be in it. */
export const said = ({ name, value }: Place, subject: Subject): string => (shown(name, value, subject) === undefined ? 'a path' : value)

/** What to write, where nothing near is there. */
const advice: Readonly<Record<string, string>> = {
  APP_DIR: 'Write the folder as it is seen from this one; APP_DIR=. is this one itself.',
  APP_WORKDIR: 'Write the folder as it is seen from APP_DIR; APP_WORKDIR=. is APP_DIR itself.',
  PYTHON_MANIFEST: 'Write the file that lists the dependencies, as it is seen from APP_DIR.',
  PYTHON_DEV_MANIFEST: 'Correct it, or leave PYTHON_DEV_MANIFEST empty.',
  FRONTEND_DIR: 'Write the folder as it is seen from this one.',
  APP_CA_FILE: 'Correct it, or leave APP_CA_FILE empty.',
  EXTRA_CA_FILE: 'Correct it, or leave EXTRA_CA_FILE empty.',
}

/** Is it read at all? What a test or another program makes first has a folder that may not be there yet. */
function isNeeded({ name, path, project }: GivenPlace, subject: Subject): boolean {
  if (name === 'FRONTEND_DIR') return subject.effective('FRONTEND') === 'build' || profilesOn(subject).includes('frontend')
  if (name === 'PYTHON_DEV_MANIFEST') return subject.compose?.services.some(({ text }) => text.includes('"target":"dev"')) ?? false
  return name !== 'APP_CA_FILE' || path === undefined || (gapIn(project, path)?.rest ?? []).length === 0
}

const says = (text: string): boolean => text.split('\n').some((line) => !/^\s*(#|$)/.test(line))

/** What is wrong with the place, behind "NAME names VALUE"; nothing for what may lie outside of the project. */
function fault(place: GivenPlace): string | undefined {
  const { path, base, kind, project } = place
  const isInProject = kind === 'folder' || base === 'APP_DIR'
  if (path === undefined) return isInProject ? `, outside of ${base === 'here' ? 'this folder' : 'APP_DIR'}, where no build sees it` : undefined
  if (gapIn(project, path)) return `, and there is no such ${kind}${base === 'APP_DIR' ? ` in APP_DIR (${path})` : isInProject ? ' here' : ''}`
  const found = kindOf(project, path)
  if (found !== undefined && found !== kind) return `, which is a ${found} and no ${kind}`
  const text = isOfCertificates(place) ? (project.certificates[path] ?? '') : ''
  return says(text) && !text.includes('BEGIN CERTIFICATE') ? ', which is no file of certificates (-----BEGIN CERTIFICATE-----)' : undefined
}

/** The same place as others see it: from the container, from this folder, on Windows, from the root of the machine. */
function otherwise({ value, from, project, kind }: GivenPlace): string | undefined {
  const ofApplication = [value.replace(/^\/app(\/|$)/, '') || '.', relative(from, value.replace(/^\/+/, '')) || '.']
  const ofProject = value.startsWith('/') && kind === 'folder' ? [value.split('/').findLast(Boolean) ?? '.'] : []
  return [...(from === '.' ? ofProject : ofApplication), value.replaceAll('\\', '/')].find((reading) => {
    const path = join(from, reading)
    return reading !== value && !/^\/|^\.\./.test(reading) && !gapIn(project, path) && kindOf(project, path) === kind
  })
}

/** The path with the nearest name in place of the one that is missed. */
function nearestPath({ project, from, kind }: GivenPlace, { folder, name, rest }: Gap): string | undefined {
  const isFolder = kind === 'folder' || rest.length > 0
  const names = project.folders[folder]!.filter((one) => one.endsWith('/') === isFolder).map((one) => one.replace(/\/$/, ''))
  const meant = nearest(name, names)
  return meant === undefined ? undefined : relative(from, join(folder, meant, ...rest))
}

/** The file in its folder with a name that is nearly the same, for a file that is not there. */
export function nearestTo(place: GivenPlace): string | undefined {
  const gap = place.path === undefined ? undefined : gapIn(place.project, place.path)
  return gap && nearestPath(place, gap)
}

function remedy(place: GivenPlace): string {
  const { name, project, from } = place
  const [other, meant] = [otherwise(place), nearestTo(place)]
  if (other !== undefined) return `${name}=${other}`
  if (meant !== undefined) return `Did you mean ${meant}?`
  const manifests = project.folders[from]!.filter((one) => /^(requirements.*\.(txt|in)|pyproject\.toml)$/.test(one))
  return `${advice[name]}${name === 'PYTHON_MANIFEST' && manifests.length > 0 ? ` APP_DIR has ${manifests.join(', ')}.` : ''}`
}

const notThere: Rule = (subject) =>
  givenPlaces(subject, Object.keys(advice)).filter((place) => isNeeded(place, subject)).flatMap((place): Finding[] => {
    const { name, line } = place
    const wrong = fault(place)
    return wrong === undefined ? [] : [finding('E85', { line, setting: name, message: `${name} names ${said(place, subject)}${wrong}.`, hint: remedy(place) })]
  })

/** Python passes over such a folder without a word. */
const pythonPath: Rule = (subject) =>
  givenPlaces(subject, ['APP_PYTHONPATH']).flatMap((place): Finding[] => {
    const { name, line, path, project } = place
    if (subject.values[name]!.includes(';') || (path !== undefined && !gapIn(project, path))) return []
    const meant = nearestTo(place)
    const hint = meant ? `Did you mean /app/${meant}?` : 'Write the folder as the container sees it, where APP_DIR is /app; or leave APP_PYTHONPATH empty.'
    const folder = path === undefined ? 'a folder outside of APP_DIR' : said({ ...place, value: path }, subject)
    return [finding('W87', { line, setting: name, message: `${name} leads to ${folder}, which is not there.`, hint })]
  })

export const pathRules: readonly Rule[] = [notThere, pythonPath]
