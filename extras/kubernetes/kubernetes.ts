/** `npm run kubernetes`: writes what `kubectl apply --kustomize` takes, from an env file. extras/kubernetes/README.md */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { common, defineCommand, main } from '../../scripts/lib/command.ts'
import type { Model, Service } from '../../scripts/lib/compose/model.ts'
import { openStack } from '../../scripts/lib/compose/stack.ts'
import { isSecret } from '../../scripts/lib/env/schema.ts'
import { envFile, type Settings } from '../../scripts/lib/env/settings.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { info, ok, printJson, warn } from '../../scripts/lib/terminal.ts'

type Values = Record<string, string>
/** What the room reads of a service in addition to what the core reads. */
type Role = Service & { stop_grace_period?: string; tmpfs?: string[]; deploy?: { resources?: { limits?: { memory?: string } } } }
type Operation = [op: 'add' | 'remove' | 'replace', path: string, value?: unknown]
interface Patch {
  target: { kind: string; name: string }
  options?: object
  patch: string
}

const room = fileURLToPath(new URL('.', import.meta.url))
/** The name has the form of an env file, so that git and builds leave it out. */
const OUTPUT = '.env.kubernetes'
const MARK = '# Written by npm run kubernetes. Secrets lie beside it: no git, no image.\n'
/** The port in the files of this room. */
const PORT = '8000'

/** Variables that Compose sets and the schema does not declare. Other names are the application's own, and secret. */
export const ownNames = ['API_URL', 'APP_CA', 'AWS_ENDPOINT_URL_S3', 'FORWARDED_ALLOW_IPS', 'HOSTNAME', 'PORT', 'PYTHONPATH', 'TMPDIR']

const refuse = (message: string, hint: string, exitCode: ExitCode = ExitCode.config): CliError => new CliError(message, { hint, exitCode })

/** The variables of a service. Compose gives null for a variable that is not set. */
const environmentOf = ({ environment = {} }: Service): Values =>
  Object.fromEntries(Object.entries(environment).flatMap(([name, value]) => (value === null || name === 'MIGRATE_WAITS_FOR' ? [] : [[name, value]])))

const patchOf = (kind: string, name: string, operations: readonly Operation[], options?: object): Patch =>
  ({ target: { kind, name }, ...(options && { options }), patch: stringify(operations.map(([op, path, value]) => ({ op, path, ...(value !== undefined && { value }) }))) })

/** `1m30s` in seconds. */
const seconds = (duration: string): number =>
  [...duration.matchAll(/([\d.]+)(h|ms|m|s)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * { h: 3600, m: 60, s: 1, ms: 0.001 }[unit as 'h'], 0)

/**
 * Refuses what would run in Compose but not in a cluster.
 *
 * @returns names of services that can be left out without harm
 * @throws CliError with the first reason, and what to write
 */
function check({ name: project, services }: Model, all: Values, file: string): string[] {
  const { web, migrate, beat, worker, frontend: _frontend, proxy: _proxy, 'secrets-check': _check, ...others } = services
  if (!web || migrate?.build?.target !== 'prod' || !services.proxy) {
    throw refuse(`${file} is for a development stack.`, `Make one for the cluster, with COMPOSE_FILE=compose.yaml:compose.production.yaml`)
  }
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(project)) {
    throw refuse(`${project} cannot be a namespace: lowercase letters, digits and hyphens between them, 63 at most.`, 'For example: COMPOSE_PROJECT_NAME=shop')
  }
  const reasons: [names: string[], what: string, hint: string][] = [
    [Object.keys(others).filter((name) => others[name]!.image !== migrate.image), ' would run in Compose, but nothing in the cluster could reach it.',
      'Take it out of COMPOSE_PROFILES (or COMPOSE_FILE), and set the URL to a managed service.'],
    [Object.keys(others).filter((name) => others[name]!.command?.[0] === 'worker'), ' takes tasks in Compose, but this room has no file for a worker of your own.',
      'Copy the Deployment worker in base/application.yaml, and leave the service out of COMPOSE_FILE: extras/kubernetes/README.md'],
    // All Pods share one ConfigMap and one Secret.
    [Object.keys(all).filter((name) => [web, migrate, worker, beat].some((role) => (role?.environment?.[name] ?? all[name]) !== all[name])),
      ' has another value in one role than in the others. In the cluster all roles share one value.', 'Give it to that role alone, as env of its container in base/application.yaml, and leave it out of the env file.'],
    [Object.keys(all).filter((name) => all[name]!.includes('local-only')), ': everybody knows the value of .env.docker.example.', 'Give it one of your own: openssl rand -hex 24'],
    [all.DATABASE_URL?.startsWith('sqlite') ? ['DATABASE_URL'] : [], ' names SQLite, but Pods share no disk.', 'Move it to PostgreSQL or MariaDB first, with the room copy-database.'],
  ]
  const [names, what, hint] = reasons.find(([found]) => found.length > 0) ?? []
  if (names) throw refuse(`${names.join(', ')}${what}`, hint!)
  return Object.keys(others)
}

/** @throws CliError (exit code 2) for an image without a registry, or without a tag that can be part of a name */
function splitImage(option: string, image: string | undefined): { newName: string; newTag: string } {
  const [, newName, newTag] = /^([a-z0-9][\w.:-]*\/[\w./-]+):([\w.-]+)$/.exec(image ?? '') ?? []
  const example = `npm run kubernetes -- --${option} registry.example.org/team/shop:1.4.0`
  if (newName === undefined || newTag === undefined || newTag === 'latest') {
    throw refuse(`--${option} has to name an image in a registry, and a version of it.`, `For example: ${example}`, ExitCode.usage)
  }
  if (!/^[a-z0-9]([a-z0-9.-]{0,48}[a-z0-9])?$/.test(newTag)) {
    throw refuse(`The tag ${newTag} cannot be part of the Job's name: lowercase letters, digits, dots and hyphens, 50 at most.`, `For example: ${example}`, ExitCode.usage)
  }
  return { newName, newTag }
}

/** Sets memory, user, the folder that the application may write to, and the time to stop, as Compose has them. */
function fit(name: string, service: Role, port: string | undefined): Patch[] {
  const container = '/spec/template/spec/containers/0'
  const { APP_UID: uid, APP_GID: gid } = service.build?.args ?? {}
  const { memory } = service.deploy?.resources?.limits ?? {}
  const operations: Operation[] = [['replace', '/spec/template/spec/terminationGracePeriodSeconds', Math.ceil(seconds(service.stop_grace_period ?? '30s'))]]
  if (memory && memory !== '0') for (const one of ['requests', 'limits']) operations.push(['replace', `${container}/resources/${one}/memory`, memory])
  if (uid) operations.push(['replace', '/spec/template/spec/securityContext/runAsUser', Number(uid)])
  if (gid) operations.push(['replace', '/spec/template/spec/securityContext/runAsGroup', Number(gid)])
  // APP_WRITABLE_DIR, which comes after /tmp.
  const [writable] = service.tmpfs?.[1]?.split(':') ?? []
  if (writable) operations.push(['replace', `${container}/volumeMounts/1/mountPath`, writable])
  if (port !== undefined && port !== PORT) operations.push(['replace', `${container}/ports/0/containerPort`, Number(port)])
  return [patchOf(name === 'migrate' ? 'Job' : 'Deployment', name, operations)]
}

/** The service that visitors reach, and its public name. */
function entry(cluster: string, { services }: Model, port: string): Patch[] {
  const { SITE_ADDRESS = '', SITE_SERVICE: service = 'web' } = environmentOf(services.proxy!)
  const host = SITE_ADDRESS.replace(/^https:\/\//, '')
  if (!/^([a-z0-9-]+\.)+[a-z][a-z0-9-]*$/i.test(host)) {
    throw refuse(`SITE_ADDRESS is ${SITE_ADDRESS || 'empty'}: the cluster needs the name that visitors type.`, 'For example: SITE_ADDRESS=shop.example.org')
  }
  if (cluster === 'own') {
    const backend = '/spec/rules/0/http/paths/0/backend/service/name'
    return [patchOf('Ingress', 'site', [['replace', '/spec/tls/0/hosts/0', host], ['replace', '/spec/rules/0/host', host], ['replace', backend, service]])]
  }
  const backend = '/spec/rules/0/backendRefs/0'
  const { HEALTH_PATH: path = '/', HEALTH_HOST: asked = 'localhost' } = environmentOf(services[service] ?? {})
  const request = '/spec/default/config/httpHealthCheck'
  return [
    patchOf('HealthCheckPolicy', 'site', [['replace', '/spec/targetRef/name', service], ['replace', `${request}/requestPath`, path], ['replace', `${request}/host`, asked]]),
    patchOf('Gateway', 'site', [['replace', '/spec/listeners/0/hostname', host]]),
    patchOf('HTTPRoute', 'site', [['replace', '/spec/hostnames/0', host], ['replace', `${backend}/name`, service], ['replace', `${backend}/port`, Number(port)]]),
  ]
}

/** KEDA's part: one trigger for each queue, and where the broker is, as variables that KEDA reads in the worker's environment. */
export function scale(worker: Values): { variables: Values; patches: Patch[] } {
  const url = worker.CELERY_BROKER_URL ?? worker.BROKER_URL ?? worker.REDIS_URL ?? ''
  const { protocol = '', hostname, port, username, password, pathname } = URL.canParse(url) ? new URL(url) : ({} as Partial<URL>)
  const isRabbit = /^(amqps?|pyamqp):$/.test(protocol)
  if (!isRabbit && !/^rediss?:$/.test(protocol)) {
    throw refuse('KEDA has to ask the broker, and neither CELERY_BROKER_URL nor REDIS_URL names Redis or RabbitMQ.', 'Set one of them; or leave out --keda.')
  }
  const { triggers: samples } = parse(readFileSync(join(room, 'keda/scaledobject.yaml'), 'utf8')).spec
  const sample = samples.find(({ type }: { type: string }) => type === (isRabbit ? 'rabbitmq' : 'redis'))
  const own = isRabbit ? {} : { databaseIndex: /^\/(\d+)/.exec(pathname ?? '')?.[1] ?? '0', enableTLS: String(protocol === 'rediss:') }
  const queues = (worker.WORKER_QUEUES || 'celery').split(',').map((name) => name.trim()).filter(Boolean)
  const triggers = queues.map((name) => ({ ...sample, metadata: { ...sample.metadata, ...own, [isRabbit ? 'queueName' : 'listName']: name } }))
  const variables = isRabbit
    ? { KEDA_RABBITMQ_URL: url.replace(/^pyamqp:/, 'amqp:') }
    : { KEDA_REDIS_ADDRESS: `${hostname}:${port || 6379}`, KEDA_REDIS_USERNAME: decodeURIComponent(username ?? ''), KEDA_REDIS_PASSWORD: decodeURIComponent(password ?? '') }
  return { variables, patches: [patchOf('ScaledObject', 'worker', [['replace', '/spec/triggers', triggers]])] }
}

/** Writes the variables as files for the two generators, and returns what those have to read. */
function generators(name: string, values: Values, { schema, values: settings }: Settings, write: (file: string, text: string) => void) {
  const isPlain = (key: string, value: string): boolean =>
    !/^KEDA_\w+_(URL|PASSWORD)$/.test(key) && (key.startsWith('KEDA_') || !isSecret(key, value, schema, settings) || (ownNames.includes(key) && !/:\/\/[^/]*@/.test(value)))
  const part = (kind: string, chosen: [string, string][]) => {
    const [long, short] = [true, false].map((isLong) => chosen.filter(([, value]) => /[\r\n]/.test(value) === isLong))
    write(`${kind}.env`, short!.map(([key, value]) => `${key}=${value}\n`).join(''))
    // In an env file a value ends with its line, so a longer one gets a file of its own.
    for (const [key, value] of long!) write(`${kind}/${key}`, value)
    return [{ name: kind, envs: [`${kind}.env`], files: long!.map(([key]) => `${key}=${kind}/${key}`) }]
  }
  const all = Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return {
    configMapGenerator: part(`${name}settings`, all.filter((one) => isPlain(...one))),
    secretGenerator: part(`${name}secrets`, all.filter((one) => !isPlain(...one))),
  }
}

/** Writes the files into the folder, replacing only what the command wrote before. Only their owner can read them. */
function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  const isOurs = existsSync(join(folder, 'kustomization.yaml')) && readFileSync(join(folder, 'kustomization.yaml'), 'utf8').startsWith(MARK)
  if (existsSync(folder) && !isOurs && readdirSync(folder).length > 0) {
    throw refuse(`${folder} has files that this command did not write.`, 'Name another folder: --output path', ExitCode.usage)
  }
  const old = ['settings', 'secrets', 'frontend-settings', 'frontend-secrets'].flatMap((name) => [name, `${name}.env`])
  for (const name of old) rmSync(join(folder, name), { recursive: true, force: true })
  for (const [file, text] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, file), text, { mode: 0o600 })
  }
  chmodSync(folder, 0o700)
}

export const kubernetes = defineCommand({
  name: 'kubernetes',
  summary: 'Write what "kubectl apply --kustomize" takes, with the settings of an env file.',
  options: {
    image: { type: 'string', value: 'name:tag', help: 'The production image, in a registry' },
    'frontend-image': { type: 'string', value: 'name:tag', help: "The frontend's image, if the frontend is a server" },
    cluster: { type: 'string', value: 'own|managed', help: 'How visitors come in: own (Ingress) or managed (Gateway API)' },
    keda: { type: 'boolean', help: 'Run as many workers as the queues need, down to none, with the KEDA of the cluster' },
    output: { type: 'string', value: 'folder', help: `Where to write (${OUTPUT})` },
    'env-file': common['env-file'],
    json: common.json,
  },
  notes: 'It asks no cluster, and changes none. Step by step: extras/kubernetes/README.md\nExit codes: 0 written, 1 failed, 2 usage, 3 settings, 4 engine.',
  examples: ['npm run kubernetes -- --env-file .env.cluster --image registry.example.org/team/shop:1.4.0'],
  async run({ image, cluster = 'own', keda: isScaled = false, output = OUTPUT, 'env-file': file = envFile, json, ...rest }) {
    if (!['own', 'managed'].includes(cluster)) throw refuse(`--cluster ${cluster} is neither own nor managed.`, 'npm run kubernetes -- --help', ExitCode.usage)
    const { newName, newTag } = splitImage('image', image)
    const { model, settings } = await openStack(file)
    const roles = ['migrate', 'web', 'worker', ...(model.services.beat ? ['beat'] : [])]
    const values: Values = Object.assign({}, ...roles.map((name) => environmentOf(model.services[name] ?? {})))
    const left = check(model, values, file)
    // Compose mounts the file; here it is a variable, which the entrypoint accepts as well.
    const { APP_CA_FILE: mounted, ...told } = values
    if (mounted) told.APP_CA = readFileSync(settings.values.APP_CA_FILE!, 'utf8')
    const port = told.PORT || PORT
    const keda = isScaled ? scale(told) : undefined
    const front = model.services.frontend
    // The build settings are those of migrate, whose image every role uses.
    const build = model.services.migrate!.build!
    const images = [{ name: 'app', newName, newTag }, ...(front ? [{ name: 'frontend', ...splitImage('frontend-image', rest['frontend-image']) }] : [])]
    const files = new Map<string, string>()
    const write = (name: string, text: string): void => void files.set(name, text)
    const parts = [generators('', { ...told, ...keda?.variables }, settings, write), ...(front ? [generators('frontend-', environmentOf(front), settings, write)] : [])]
    const patches = [
      ...[...roles, ...(front ? ['frontend'] : [])].flatMap((name) => fit(name, { ...model.services[name], build }, name === 'web' || name === 'frontend' ? port : undefined)),
      // After the patches above, which find the Job by its old name.
      patchOf('Job', 'migrate', [['replace', '/metadata/name', `migrate-${newTag}`]], { allowNameChange: true }),
      ...(model.services.beat ? [] : [{ target: { kind: 'Deployment', name: 'beat' }, patch: stringify({ $patch: 'delete', apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'beat' } }) }]),
      ...(port === PORT ? [] : ['web', ...(front ? ['frontend'] : [])].map((name) => patchOf('Service', name, [['replace', '/spec/ports/0/port', Number(port)]]))),
      ...entry(cluster, model, port),
      ...(keda?.patches ?? []),
    ]
    const path = (name: string): string => relative(output, join(room, name)).replaceAll('\\', '/')
    write('.gitignore', '*\n')
    write('kustomization.yaml', MARK + stringify({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace: model.name,
      resources: [path(`${cluster}-cluster`)],
      components: [...(front ? ['frontend'] : []), ...(keda ? ['keda'] : [])].map(path),
      images,
      generatorOptions: { labels: { rollout: 'first' } },
      configMapGenerator: parts.flatMap(({ configMapGenerator }) => configMapGenerator),
      secretGenerator: parts.flatMap(({ secretGenerator }) => secretGenerator),
      patches,
    }))
    writeFolder(output, files)
    for (const name of left) warn(`${name} is not part of this: the room has no file for it`)
    if (json) return printJson({ ok: true, output, namespace: model.name, job: `migrate-${newTag}` })
    ok(`${output} is what ${newName}:${newTag} needs in the namespace ${model.name}`)
    const kubectl = `kubectl --namespace ${model.name}`
    info(`Next, each only if the one before has succeeded:
  ${kubectl} delete job migrate-${newTag} --ignore-not-found
  ${kubectl} apply --kustomize ${output} --selector rollout=first
  ${kubectl} wait --for=condition=complete --timeout=10m job/migrate-${newTag}
  ${kubectl} logs job/migrate-${newTag}
  ${kubectl} apply --kustomize ${output}`)
  },
})

await main(kubernetes, import.meta.url)
