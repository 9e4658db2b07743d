/** Rules about the stack that the settings describe: its files, profiles, ports, folders, and values that must fit. */
import { basename, dirname, join, normalize } from 'node:path/posix'
import { filesIn, publishedPorts } from '../../compose/model.ts'
import { nearest } from '../../terminal.ts'
import { found, ofEach, shown, type Rule } from '../subject.ts'
import { holdsData } from './addresses.ts'

const bothOverlays: Rule = ({ values }) => {
  const files = filesIn(values).map((file) => basename(file))
  return ['override', 'production'].every((overlay) => files.includes(`compose.${overlay}.yaml`))
    ? [found('E75', 'COMPOSE_FILE', 'COMPOSE_FILE has the overlays of development and production: production would run the mounted source.',
      'Remove compose.override.yaml for production, or compose.production.yaml for development.')] : []
}

const unknownProfile: Rule = ({ profiles, services }) => {
  const known = [...new Set(services.flatMap((service) => service.profiles ?? []))]
  const unknown = services.length === 0 ? [] : profiles.filter((name) => name !== '*' && !known.includes(name))
  return unknown.map((name) => {
    const meant = nearest(name, known)
    return found('E38', 'COMPOSE_PROFILES', `COMPOSE_PROFILES names ${JSON.stringify(name)}, and no service has that profile.`,
      meant ? `Did you mean ${meant}?` : `There are ${known.join(', ')}, with commas between them.`)
  })
}

const openToAll: Rule = ({ services }) => {
  const data = services.filter((service) => service.isOn && holdsData(service))
  const ports = publishedPorts({ name: '', services: Object.fromEntries(data.map((service) => [service.name, service])) })
  return ports.filter(({ address }) => ['0.0.0.0', '::', '[::]'].includes(address)).map(({ service, port }) =>
    found('E53', undefined, `${service} is published on every address of this machine (port ${port}), past the firewall.`,
      'Write 127.0.0.1: in front of the port in the Compose file, or take it out.'))
}

/** What a setting names, and where its path starts: in this folder, or in another setting's. */
const places: Readonly<Record<string, readonly [kind: 'folder' | 'file', from?: string]>> = {
  APP_DIR: ['folder'], APP_WORKDIR: ['folder', 'APP_DIR'], FRONTEND_DIR: ['folder'], PYTHON_MANIFEST: ['file', 'APP_DIR'],
  APP_CA_FILE: ['file'], EXTRA_CA_FILE: ['file'], APP_ENV_FILE: ['file'], FRONTEND_ENV_FILE: ['file'],
}

const notThere = ofEach(({ setting, name, value }, subject) => {
  const [[kind, from = 'this folder'] = [], { around: { disk }, effective }] = [places[name], subject]
  const folder = from === 'this folder' ? '.' : effective(from)
  // If APP_DIR is wrong, paths that start there are not judged. The usual env file of an application may be absent.
  const isOptional = name.endsWith('ENV_FILE')
  if (!kind || value === '' || !folder || disk?.kindOf(folder) !== 'folder' || (isOptional && basename(value) === setting.value)) return undefined
  // What is built or mounted lies in this repository. Other files may lie anywhere on this machine.
  const isAnywhere = isOptional || name.endsWith('CA_FILE')
  const path = isAnywhere ? value : join(folder, value)
  if ((isAnywhere || !normalize(value).startsWith('..')) && [kind, 'unknown'].includes(disk.kindOf(path))) return undefined
  const meant = nearest(basename(path), disk.namesIn(dirname(path)))
  return found(isOptional ? 'W86' : 'E85', name, `${name} has to be a ${kind}${isAnywhere ? '' : ` in ${from}`}${shown(name, value, subject)}.`,
    meant ? `Did you mean ${join(dirname(value), meant)}?` : `The path starts in ${from}.`)
})

/**
 * If the value of `when` matches `is`, `needs` must not be empty. `or` is what to do if that is not meant. Add the
 * pairs of your own settings here.
 */
const pairs: readonly { when: string; is: RegExp; needs: string; or: string }[] = [
  { when: 'WEB_COMMAND', is: /^$/, needs: 'WEB_APP', or: 'set WEB_COMMAND' },
  { when: 'S3_ACCESS_KEY_ID', is: /./, needs: 'S3_SECRET_ACCESS_KEY', or: 'leave both empty' },
  { when: 'S3_SECRET_ACCESS_KEY', is: /./, needs: 'S3_ACCESS_KEY_ID', or: 'leave both empty' },
  { when: 'FRONTEND', is: /^build$/, needs: 'FRONTEND_DIR', or: 'write FRONTEND=none' },
  { when: 'FRONTEND', is: /^build$/, needs: 'FRONTEND_BUILD_COMMAND', or: 'write FRONTEND=none' },
  { when: 'COMPOSE_PROFILES', is: /\bfrontend\b/, needs: 'FRONTEND_DIR', or: 'take frontend out of COMPOSE_PROFILES' },
]

const halfFilled: Rule = ({ effective, schema }) => pairs.flatMap(({ when, is, needs, or }) => {
  const value = effective(when)
  if (value === undefined || !is.test(value) || !schema.byName.has(needs) || effective(needs) !== '') return []
  return found('E67', needs, `${needs} is empty, and ${when} is ${value === '' ? 'empty too' : 'set'}.`, `Set ${needs}, or ${or}.`)
})

/** The proxy hands visitors to a service that has to be there. */
const siteSwitchedOff: Rule = ({ services, production, effective }) => services
  .filter(({ name, isOn }) => production && !isOn && name === effective('SITE_SERVICE'))
  .map(({ name }) => found('E67', 'SITE_SERVICE', `SITE_SERVICE is ${name}, which is switched off.`, `Add ${name} to COMPOSE_PROFILES.`))

/** The user's own overlay may set CELERY_APP for the worker, start something else there, or switch the worker off. */
const withoutCelery: Rule = ({ services }) => services
  .filter(({ isOn, command, environment, deploy }) => isOn && command?.[0] === 'worker' && !environment?.CELERY_APP && deploy?.replicas !== 0)
  .map(({ name }) => found('E67', 'CELERY_APP', `CELERY_APP is empty, and ${name} does not start without it.`,
    'Set CELERY_APP: module or module:object, as in "celery -A".'))

/** Version 18 moved its data, and refuses the old mount. An older one would lose its data in an anonymous volume. */
const postgresMount: Rule = ({ services, effective }) => {
  const [, major] = /(?:^|\/)(?:postgres|postgis|pgvector):(?:pg)?(\d+)/.exec(effective('POSTGRES_IMAGE') ?? '') ?? []
  const folder = Number(major) >= 18 ? '/var/lib/postgresql' : '/var/lib/postgresql/data'
  const mount = effective('POSTGRES_MOUNT')
  if (!major || !mount || mount === folder || !services.some(({ name, isOn }) => name === 'postgres' && isOn)) return []
  return [found('E94', 'POSTGRES_MOUNT', `PostgreSQL ${major} keeps its data in ${folder}, and the volume is mounted at ${mount}.`,
    `Write POSTGRES_MOUNT=${folder}. The volume of another major version needs a dump and a restore (docs/backup.md).`)]
}

/** Seconds of `1h30m`, and of a number alone. */
const secondsOf = (text = ''): number => [...text.matchAll(/(\d+)([hms]?)/g)]
  .reduce((sum, [, count, unit]) => sum + Number(count) * (unit === 'h' ? 3600 : unit === 'm' ? 60 : 1), 0)

/** Docker kills a worker after its grace. After the visibility timeout, Redis gives unacknowledged tasks to another. */
const tooShort: Rule = ({ effective }) => {
  const secondsIn = (name: string): number => secondsOf(effective(name))
  const [stop, grace, visible] = [secondsIn('WORKER_STOP_TIMEOUT'), secondsIn('WORKER_STOP_GRACE'), secondsIn('WORKER_VISIBILITY_TIMEOUT')]
  const limits = [...(effective('WORKER_ARGS') ?? '').matchAll(/--(?:soft-)?time-limit[= ](\d+)/g)].map(([, limit]) => Number(limit))
  const longest = Math.max(stop, ...limits)
  return [
    ...(grace > 0 && grace <= stop ? [found('W65', 'WORKER_STOP_GRACE',
      `Docker kills the worker after ${grace} s, and its tasks have ${stop} s (WORKER_STOP_TIMEOUT).`, `WORKER_STOP_GRACE=${stop + 10}s`)] : []),
    ...(visible > 0 && visible <= longest ? [found('W66', 'WORKER_VISIBILITY_TIMEOUT',
      `A task may take ${longest} s, and after ${visible} s it is given to another worker too.`,
      'Make it longer than WORKER_STOP_TIMEOUT and any time limit in WORKER_ARGS, or leave it empty.')] : []),
  ]
}

export const stackRules: readonly Rule[] = [
  bothOverlays, unknownProfile, openToAll, notThere, halfFilled, siteSwitchedOff, withoutCelery, postgresMount, tooShort,
]
