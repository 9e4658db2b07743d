/** Rules about what the settings make of the stack: its files, its profiles, its ports, its folders. */
import { basename, dirname, join, normalize } from 'node:path/posix'
import { separatorOf } from '../../compose/files.ts'
import type { Port } from '../../compose/model.ts'
import { nearest } from '../../words.ts'
import type { Found } from '../finding.ts'
import { about, given, isChanged, ofEach, readers, shown } from './subject.ts'
import type { Advice, NamedService, Rule, Subject } from './subject.ts'

/** The files that COMPOSE_FILE names, and what separates them. */
function composeFiles({ values }: Subject): { separator: string; files: string[] } {
  const separator = separatorOf(values)
  return { separator, files: values.COMPOSE_FILE ? values.COMPOSE_FILE.split(separator) : [] }
}

/** A finding about COMPOSE_FILE, with what to write. */
const inComposeFile = (subject: Subject, message: string, files: readonly string[]): Found =>
  about(subject, 'COMPOSE_FILE', [`COMPOSE_FILE ${message}`, `COMPOSE_FILE=${files.join(composeFiles(subject).separator)}`])

/** The sign between two files that were written with another one than the one that separates. */
const otherSign = /(?<=\.ya?ml)\s*[,;:|\s]\s*(?=\S)/g

function missingFile(subject: Subject): Found[] {
  const { around: { disk } } = subject
  const { separator, files } = composeFiles(subject)
  return files.filter((file) => disk && ['absent', 'folder'].includes(disk.kindOf(file || '.'))).slice(0, 1).map((file) => {
    const mended = files.flatMap((one) => one.replaceAll(otherSign, separator).split(separator)).map((one) => one.trim()).filter(Boolean)
    if (mended.join(separator) !== files.join(separator)) {
      return inComposeFile(subject, `has a sign too many, or another than ${JSON.stringify(separator)} between its files (COMPOSE_PATH_SEPARATOR).`, mended)
    }
    if (file.startsWith('extras/')) return inComposeFile(subject, `names ${file}, which is not there: was that extra deleted?`, files.filter((one) => one !== file))
    const meant = nearest(file, disk!.namesIn('.').filter((name) => /\.ya?ml$/.test(name)))
    const hint = meant ? `Did you mean ${meant}?` : 'Correct the name: the files are seen from this folder.'
    return about(subject, 'COMPOSE_FILE', [`COMPOSE_FILE names ${file}, which is not there, so nothing can be started.`, hint])
  })
}

const overlayOf = (file: string): string | undefined => /^compose\.(override|production)\.ya?ml$/.exec(basename(file))?.[1]

/** Behind a file of another name an overlay may be right. */
function withoutBase(subject: Subject): Found[] {
  const { files } = composeFiles(subject)
  const base = files.find((file) => /^compose\.ya?ml$/.test(basename(file)))
  const overlay = files.slice(0, base === undefined ? 1 : files.indexOf(base)).find((file) => overlayOf(file))
  if (overlay === undefined) return []
  const place = base === undefined ? 'without compose.yaml' : `before ${base}`
  return [inComposeFile(subject, `names ${overlay} ${place}, which it changes.`, [base ?? 'compose.yaml', ...files.filter((file) => file !== base)])]
}

function bothOverlays(subject: Subject): Found[] {
  const { files } = composeFiles(subject)
  const [override, production] = ['override', 'production'].map((name) => files.find((file) => overlayOf(file) === name))
  if (override === undefined || production === undefined) return []
  const message = `names both ${override} and ${production}: production would run the mounted source, and restart on every change.`
  return [inComposeFile(subject, message, files.filter((file) => file !== override))]
}

/** What to write for a name that is no profile. */
function profileAdvice(name: string, services: readonly NamedService[], known: readonly string[]): string {
  if (/[\s;:|]/.test(name)) return `Separate them by commas: ${name.split(/[\s;:|]+/).join(',')}`
  const answering = services.filter(({ hosts }) => hosts.includes(name))
  if (answering.some((service) => !service.profiles)) return `${name} always runs: leave it out.`
  if (answering.length > 0) return `Write ${answering.flatMap((service) => service.profiles ?? []).join(' or ')}.`
  const meant = nearest(name, known)
  return meant ? `Did you mean ${meant}?` : `There are ${known.join(', ')}.`
}

function unknownProfile(subject: Subject): Found[] {
  const { profiles, services } = subject
  const known = [...new Set(services.flatMap((service) => service.profiles ?? []))]
  return profiles.filter((name) => services.length > 0 && name !== '*' && !known.includes(name)).map((name) => about(subject, 'COMPOSE_PROFILES', [
    `COMPOSE_PROFILES names ${JSON.stringify(name)}, and no service has that profile: nothing is started for it.`, profileAdvice(name, services, known),
  ]))
}

function projectName(subject: Subject): Found[] {
  const name = subject.values.COMPOSE_PROJECT_NAME
  if (!name || /^[a-z0-9][a-z0-9_-]*$/.test(name)) return []
  const possible = name.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '-').replace(/^[_-]+|-+$/g, '')
  return [about(subject, 'COMPOSE_PROJECT_NAME', [
    `COMPOSE_PROJECT_NAME is ${JSON.stringify(name)}; Compose takes small letters, digits, - and _, with a letter or a digit first.`,
    `For example: COMPOSE_PROJECT_NAME=${possible || 'shop'}`,
  ])]
}

interface Published extends Port {
  service: string
  image: string
}

const publishedBy = ({ services }: Subject): Published[] =>
  services.filter(({ isOn }) => isOn).flatMap(({ name, image = '', ports = [] }) => ports.map((port) => ({ ...port, service: name, image })))

const isEverywhere = ({ host_ip: address = '0.0.0.0' }: Port): boolean => ['0.0.0.0', '::', '[::]'].includes(address)
const rangeOf = (published: string): [number, number] => [Number.parseInt(published, 10), Number(published.split('-').at(-1))]

function isSamePort(one: Published, other: Published): boolean {
  if (!one.published || !other.published || (one.protocol ?? 'tcp') !== (other.protocol ?? 'tcp')) return false
  const [[first, last], [from, to]] = [rangeOf(one.published), rangeOf(other.published)]
  return first <= to && from <= last && (one.host_ip === other.host_ip || isEverywhere(one) || isEverywhere(other))
}

/** Of the settings that may be to blame the one that differs from the example, else the last. */
const culprit = (names: readonly string[], subject: Subject): string | undefined => names.find((name) => isChanged(name, subject)) ?? names.at(-1)

const portTwice = (subject: Subject): Found[] => publishedBy(subject).flatMap((here, index, all) => {
  const there = all.slice(0, index).find((other) => isSamePort(other, here))
  if (!there) return []
  const wanted = [there.published, here.published]
  const settings = subject.schema.settings.map(({ name }) => name).filter((name) => name.endsWith('PORT') && wanted.includes(subject.effective(name)))
  const setting = culprit(settings, subject)
  const [ports, names] = [wanted, [there.service, here.service]].map((list) => [...new Set(list)].join(' and '))
  return [about(subject, setting ?? [], [
    `Port ${ports} of this machine is wanted twice, by ${names}: only one of them gets it.`, `Give ${setting ?? 'one of them'} another port.`,
  ])]
})

/** Two programs in one container, such as the server and the debugger. */
const portTwiceInside = (subject: Subject): Found[] => {
  const inside = given(subject).filter(({ setting: { type }, value }) => type.form === 'port' && value !== '')
  return inside.flatMap(({ setting, name, value }, index) => {
    const other = inside.slice(0, index).find((one) => one.value === value && readers(one.setting).some((service) => readers(setting).includes(service)))
    const blamed = other && culprit([name, other.name], subject)!
    return blamed ? [about(subject, blamed, [`${name} and ${other.name} are both ${value}, in the same container.`, `Give ${blamed} another port.`])] : []
  })
}

const dataService = /(^|[/_-])(postgres|postgresql|postgis|timescaledb|mariadb|mysql|redis|valkey|keydb|rabbitmq|mongo|memcached|elasticsearch|opensearch)[:@_-]/

const openToAll = (subject: Subject): Found[] =>
  publishedBy(subject).filter((port) => isEverywhere(port) && dataService.test(`${port.image}:`)).map(({ service, published, target }) => ({
    message: `${service} is published on every address of this machine (port ${published ?? target}): everybody in its network reaches it, past the firewall.`,
    hint: 'Write 127.0.0.1: in front of the port in the Compose file, or take it out.',
  }))

/** Where a setting leads to: a kind of thing, seen from the folder of the project or from APP_DIR. */
interface Place {
  kind: 'folder' | 'file'
  from?: 'APP_DIR'
  /** May lie outside of the project. */
  isAnywhere?: boolean
  isRead?(subject: Subject): boolean
}

const places: Readonly<Record<string, Place>> = {
  APP_DIR: { kind: 'folder' },
  APP_WORKDIR: { kind: 'folder', from: 'APP_DIR' },
  PYTHON_MANIFEST: { kind: 'file', from: 'APP_DIR' },
  PYTHON_DEV_MANIFEST: { kind: 'file', from: 'APP_DIR', isRead: ({ services }) => services.some(({ build }) => build?.target === 'dev') },
  FRONTEND_DIR: { kind: 'folder', isRead: ({ effective, profiles }) => effective('FRONTEND') === 'build' || profiles.includes('frontend') },
  EXTRA_CA_FILE: { kind: 'file', isAnywhere: true },
  // Where its folder is not there yet, somebody makes it before the stack starts.
  APP_CA_FILE: { kind: 'file', isAnywhere: true, isRead: ({ effective, around }) => around.disk?.kindOf(dirname(effective('APP_CA_FILE') || '.')) === 'folder' },
}

/** The path seen from the folder of the project. Docker takes a slash in front of a folder of its build for the build's own root. */
const pathOf = (value: string, { from, isAnywhere }: Place, { effective }: Subject): string =>
  isAnywhere ? value : join(from ? (effective(from)?.replace(/^\/+/, '') || '.') : '.', value.replace(/^\/+/, '') || '.')

/** What is wrong with the place, behind its name. */
function fault(value: string, place: Place, subject: Subject): string | undefined {
  const { kind, from = 'this folder', isAnywhere } = place
  const path = pathOf(value, place, subject)
  const isOutside = !isAnywhere && (value.startsWith('~') || path.startsWith('..') || (place.from && normalize(value).startsWith('..')))
  if (isOutside) return `, outside of ${from}, where no build sees it`
  const found = subject.around.disk!.kindOf(path)
  if (found === 'absent') return `, and there is no such ${kind} in ${place.from ? `${from} (${path})` : from}`
  return found === kind || found === 'unknown' ? undefined : `, which is a ${found}`
}

const notThere = ofEach(({ name, value }, subject) => {
  const [place, { disk }] = [places[name], subject.around]
  if (!place || !disk || value === '' || !(place.isRead?.(subject) ?? true)) return undefined
  // Where APP_DIR is wrong, nothing is said of what is seen from there.
  const wrong = place.from && disk.kindOf(subject.effective(place.from) || '-') !== 'folder' ? undefined : fault(value, place, subject)
  if (wrong === undefined) return undefined
  const path = pathOf(value, place, subject)
  const likely = [value.replace(/^\/?app\/+/, ''), value.replaceAll('\\', '/')].find((other) => other !== value && fault(other, place, subject) === undefined)
  const meant = nearest(basename(path), disk.namesIn(dirname(path)))
  const seen = `It is seen from ${place.from ?? 'this folder'}.`
  return [`${name} names ${shown(name, value, subject) === '' ? 'a path' : value}${wrong}.`,
    likely ? `${name}=${likely}` : meant ? `Did you mean ${join(dirname(value), meant)}? ${seen}` : seen]
})

/** Why the installer cannot read the manifest, as docker/build/install-dependencies.sh has it, and what to write. */
function mismatch(file: string, installer: string, has: (name: string) => boolean): Advice {
  const locked = ['uv', 'poetry'].find((tool) => has(`${tool}.lock`))
  if (file === 'pyproject.toml') {
    if (installer !== 'pip' && has(`${installer}.lock`)) return undefined
    const hint = locked ? `PYTHON_INSTALLER=${locked}, whose lock is there.` : 'Make one with uv or poetry (uv lock), or name a requirements file.'
    return [`${installer} needs a lock beside pyproject.toml that it can read`, hint]
  }
  if (/\.lock$|^Pipfile/.test(file)) return [`${file} is not what ${installer} is told to read`, 'Name the pyproject.toml beside it, or a requirements file.']
  return installer === 'poetry' ? [`poetry reads pyproject.toml with poetry.lock, and no ${file}`, 'PYTHON_INSTALLER=uv'] : undefined
}

function otherManifest(subject: Subject): Found[] {
  const { effective, around: { disk } } = subject
  const [manifest, installer, appDir] = [effective('PYTHON_MANIFEST'), effective('PYTHON_INSTALLER'), effective('APP_DIR')]
  if (!disk || !manifest || !installer || !appDir || disk.kindOf(join(appDir, manifest)) !== 'file') return []
  const found = mismatch(basename(manifest), installer, (name) => disk.kindOf(join(appDir, dirname(manifest), name)) === 'file')
  const setting = culprit(['PYTHON_MANIFEST', 'PYTHON_INSTALLER'], subject)!
  return found ? [about(subject, setting, [`The dependencies cannot be installed: ${found[0]}.`, found[1]])] : []
}

export const stackRules: readonly Rule[] = [
  ['E37', 'error', missingFile],
  ['E38', 'error', unknownProfile],
  ['E72', 'error', projectName],
  ['E74', 'error', withoutBase],
  ['E75', 'error', bothOverlays],
  ['E50', 'error', portTwice],
  ['E50', 'error', portTwiceInside],
  ['E53', 'production', openToAll],
  ['E85', 'error', notThere],
  ['E86', 'error', otherManifest],
]
