/** Rules about what the settings make of the stack: its files, its profiles, its ports, its folders. */
import { basename, dirname, join, normalize } from 'node:path/posix'
import type { Port } from '../../compose/model.ts'
import { nearest } from '../../words.ts'
import type { Found } from '../finding.ts'
import { given, isChanged, readers, shown } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

/** The files that COMPOSE_FILE names, and what separates them. */
function composeFiles({ values }: Subject): { separator: string; files: string[] } {
  const separator = values.COMPOSE_PATH_SEPARATOR || ':'
  return { separator, files: values.COMPOSE_FILE ? values.COMPOSE_FILE.split(separator) : [] }
}

const inComposeFile = (subject: Subject, message: string, files: readonly string[]): Found => ({
  line: subject.entryOf.get('COMPOSE_FILE')?.line, setting: 'COMPOSE_FILE', message, hint: `COMPOSE_FILE=${files.join(composeFiles(subject).separator)}`,
})

/** The sign between two files that were written with another one than the one that separates. */
const otherSign = /(?<=\.ya?ml)\s*[,;:|\s]\s*(?=\S)/g

function missingFile(subject: Subject): Found[] {
  const { around: { disk } } = subject
  const { separator, files } = composeFiles(subject)
  return files.filter((file) => disk && ['absent', 'folder'].includes(disk.kindOf(file || '.'))).slice(0, 1).map((file) => {
    const about = (message: string, ...mended: string[]): Found => inComposeFile(subject, `COMPOSE_FILE ${message}`, mended)
    if (file === '') return about(`has a "${separator}" too many.`, ...files.filter(Boolean))
    if (file !== file.trim()) return about(`has a blank beside a name, and takes it for a part of that: ${JSON.stringify(file)}.`, ...files.map((one) => one.trim()))
    if (otherSign.test(file)) return about(`separates its files by another sign than ${JSON.stringify(separator)} (COMPOSE_PATH_SEPARATOR).`, ...files.map((one) => one.replaceAll(otherSign, separator)))
    const moved = file.replace(/^docker\/offline\//, 'extras/offline/')
    if (moved !== file) return { ...about(`names ${file}, which is ${moved} now.`), hint: 'npm run env -- --sync renames it.' }
    if (/^extras\//.test(file)) return about(`names ${file}, which is not there: was that extra deleted? Then take it out.`, ...files.filter((one) => one !== file))
    const meant = nearest(file, disk!.namesIn('.').filter((name) => /^(docker-)?compose.*\.ya?ml$/.test(name)))
    return { ...about(`names ${file}, which is not there, so nothing can be started.`), hint: meant ? `Did you mean ${meant}?` : 'Correct the name: the files are seen from this folder.' }
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
  return [inComposeFile(subject, `COMPOSE_FILE names ${overlay} ${place}, which it changes.`, [base ?? 'compose.yaml', ...files.filter((file) => file !== base)])]
}

function bothOverlays(subject: Subject): Found[] {
  const { files } = composeFiles(subject)
  const [override, production] = ['override', 'production'].map((name) => files.find((file) => overlayOf(file) === name))
  if (override === undefined || production === undefined) return []
  const message = `COMPOSE_FILE names both ${override} and ${production}: production would run the mounted source, and restart on every change.`
  return [inComposeFile(subject, message, files.filter((file) => file !== override))]
}

function unknownProfile({ profiles, services, entryOf }: Subject): Found[] {
  const known = [...new Set(services.flatMap((service) => service.profiles ?? []))]
  return services.length === 0 ? [] : profiles.filter((name) => name !== '*' && !known.includes(name)).map((name) => {
    const answering = services.filter(({ hosts }) => hosts.includes(name))
    const meant = nearest(name, known)
    const hint = /[\s;:|]/.test(name) ? `Separate them by commas: ${name.split(/[\s;:|]+/).join(',')}`
      : answering.some((service) => !service.profiles) ? `${name} always runs: leave it out.`
        : answering.length > 0 ? `Write ${answering.flatMap((service) => service.profiles ?? []).join(' or ')}.`
          : meant ? `Did you mean ${meant}?` : `There are ${known.join(', ')}.`
    const message = `COMPOSE_PROFILES names ${JSON.stringify(name)}, and no service has that profile: nothing is started for it.`
    return { line: entryOf.get('COMPOSE_PROFILES')?.line, setting: 'COMPOSE_PROFILES', message, hint }
  })
}

const projectName = ({ values, entryOf }: Subject): Found[] => {
  const name = values.COMPOSE_PROJECT_NAME
  if (!name || /^[a-z0-9][a-z0-9_-]*$/.test(name)) return []
  const possible = name.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '-').replace(/^[_-]+|-+$/g, '')
  const message = `COMPOSE_PROJECT_NAME is ${JSON.stringify(name)}; Compose takes small letters, digits, - and _, with a letter or a digit first.`
  return [{ line: entryOf.get('COMPOSE_PROJECT_NAME')?.line, setting: 'COMPOSE_PROJECT_NAME', message, hint: `For example: COMPOSE_PROJECT_NAME=${possible || 'shop'}` }]
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

/** The settings that may have given a port, those that were changed first. */
const settingsWith = (port: string, subject: Subject): string[] =>
  subject.schema.settings.filter(({ name }) => /PORT$/.test(name) && subject.effective(name) === port).map(({ name }) => name)
    .toSorted((a, b) => Number(isChanged(b, subject)) - Number(isChanged(a, subject)))

const portTwice = (subject: Subject): Found[] => publishedBy(subject).flatMap((here, index, all) => {
  const there = all.slice(0, index).find((other) => isSamePort(other, here))
  if (!there) return []
  const [setting] = [here, there].flatMap(({ published = '' }) => settingsWith(published, subject)).toSorted((a, b) => Number(isChanged(b, subject)) - Number(isChanged(a, subject)))
  const ports = there.published === here.published ? `Port ${here.published}` : `A port of ${there.published} and ${here.published}`
  const names = [...new Set([there.service, here.service])].join(' and ')
  const message = `${ports} of this machine is wanted twice, by ${names}: only one of them gets it.`
  return [{ line: subject.entryOf.get(setting ?? '')?.line, setting, message, hint: `Give ${setting ?? 'one of them'} another port.` }]
})

/** Two programs in one container, such as the server and the debugger. */
const portTwiceInside = (subject: Subject): Found[] => {
  const inside = given(subject).filter(({ setting: { type }, value }) => type.form === 'port' && value !== '')
  return inside.flatMap(({ setting, name, value }, index) => {
    const other = inside.slice(0, index).find((one) => one.value === value && readers(one.setting).some((service) => readers(setting).includes(service)))
    if (!other) return []
    const culprit = isChanged(name, subject) ? name : other.name
    return [{ line: subject.entryOf.get(culprit)?.line, setting: culprit, message: `${name} and ${other.name} are both ${value}, in the same container.`, hint: `Give ${culprit} another port.` }]
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

const notThere = (subject: Subject): Found[] => given(subject).flatMap(({ name, line, value }) => {
  const [place, { disk }] = [places[name], subject.around]
  if (!place || !disk || value === '' || !(place.isRead?.(subject) ?? true)) return []
  // Where APP_DIR is wrong, nothing is said of what is seen from there.
  if (place.from && disk.kindOf(subject.effective(place.from) || '-') !== 'folder') return []
  const path = pathOf(value, place, subject)
  const isOutside = !place.isAnywhere && (value.startsWith('~') || join(path, '.').startsWith('..') || (place.from && normalize(value).startsWith('..')))
  const kind = disk.kindOf(path)
  if (!isOutside && [place.kind, 'unknown'].includes(kind)) return []
  const where = place.from ? `APP_DIR (${path})` : 'this folder'
  const wrong = isOutside ? `, outside of ${place.from ?? 'this folder'}, where no build sees it` : kind === 'absent' ? `, and there is no such ${place.kind} in ${where}` : `, which is a ${kind}`
  const seen = `It is seen from ${place.from ?? 'this folder'}.`
  const [likely] = [value.replace(/^\/?app\/+/, ''), value.replaceAll('\\', '/')].filter((other) => other !== value && disk.kindOf(pathOf(other, place, subject)) === place.kind)
  const meant = nearest(basename(path), disk.namesIn(dirname(path)))
  const hint = likely ? `${name}=${likely}` : meant ? `Did you mean ${join(dirname(value), meant)}? ${seen}` : seen
  return [{ line, setting: name, message: `${name} names ${shown(name, value, subject) === '' ? 'a path' : value}${wrong}.`, hint }]
})

/** Can the installer read the manifest? As docker/build/install-dependencies.sh has it. */
function otherManifest(subject: Subject): Found[] {
  const { effective, around: { disk }, entryOf } = subject
  const [manifest, installer, appDir] = [effective('PYTHON_MANIFEST'), effective('PYTHON_INSTALLER'), effective('APP_DIR')]
  if (!disk || !manifest || !installer || !appDir || disk.kindOf(join(appDir, manifest)) !== 'file') return []
  const [file, has] = [basename(manifest), (name: string) => disk.kindOf(join(appDir, dirname(manifest), name)) === 'file']
  const locked = ['uv', 'poetry'].find((tool) => has(`${tool}.lock`))
  const [why, hint] = file === 'pyproject.toml'
    ? installer !== 'pip' && has(`${installer}.lock`) ? [] : [`${installer} needs a lock beside pyproject.toml that it can read`, locked ? `PYTHON_INSTALLER=${locked}, whose lock is there.` : 'Make one with uv or poetry (uv lock), or name a requirements file.']
    : /\.lock$|^Pipfile/.test(file) ? [`${file} is not what ${installer} is told to read`, 'Name the pyproject.toml beside it, or a requirements file.']
      : installer === 'poetry' ? [`poetry reads pyproject.toml with poetry.lock, and no ${file}`, 'PYTHON_INSTALLER=uv'] : []
  const setting = isChanged('PYTHON_INSTALLER', subject) && !isChanged('PYTHON_MANIFEST', subject) ? 'PYTHON_INSTALLER' : 'PYTHON_MANIFEST'
  return why && hint ? [{ line: entryOf.get(setting)?.line, setting, message: `The dependencies cannot be installed: ${why}.`, hint }] : []
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
