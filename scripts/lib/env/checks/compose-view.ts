/**
 * What the Compose files say, before and after the values of an env file are put in: services, addresses, and which
 * setting is referred to where. Made from `docker compose config --no-interpolate`, which a wrong value cannot break.
 * Pure.
 */
import { interpolate, references } from '../interpolate.ts'
import type { Values } from '../finding.ts'

type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

interface RawService {
  profiles?: string[]
  image?: string
  pull_policy?: string
  build?: Json
  environment?: string[] | Record<string, string | number | boolean | null>
  env_file?: (string | { path: string })[]
  ports?: (string | Record<string, string | number>)[]
  expose?: (string | number)[]
  networks?: string[] | Record<string, { aliases?: string[] } | null>
  network_mode?: string
  hostname?: string
  container_name?: string
  extra_hosts?: string[] | Record<string, string>
  restart?: string
  deploy?: { resources?: { limits?: { memory?: string | number } } }
}

/** The answer of `docker compose config --no-interpolate --format json`. */
export interface RawModel {
  services: Record<string, RawService>
  secrets?: Record<string, { environment?: string; file?: string }>
  networks?: Record<string, { external?: boolean } | null>
}

/** Stands for the value of a setting that is in the file and that nobody could read: a rule that meets it says nothing. */
export const unread = '\0'

/** A port as it is published: the numbers as text, because a value may be anything. */
export interface PublishedView {
  /** As it stands in the Compose file. */
  raw: string
  address: string
  published: string
  target: string
  protocol: string
}

export interface ServiceView {
  name: string
  /** Is it started with these profiles? */
  isOn: boolean
  profiles: readonly string[]
  /** Undefined for one whose image is made on this machine. */
  image: string | undefined
  environment: Readonly<Record<string, string>>
  /** The same before the values are put in. */
  rawEnvironment: Readonly<Record<string, string>>
  /** The names under which other containers reach it. */
  hosts: readonly string[]
  /** Names that its own list of hosts adds. */
  extraHosts: readonly string[]
  ports: readonly PublishedView[]
  hasNetwork: boolean
  isOneShot: boolean
  /** Its limit, or nothing. */
  memory: string
  /** The whole of it as text, for what has no field. */
  text: string
}

/** One reference to a setting. */
export interface Usage {
  name: string
  /** `:-`, `:+` and so on, and what stands behind it. */
  operator: string
  word: string
  /** The service; `build` for what its image is built with. */
  reader: string
}

export interface ComposeView {
  services: readonly ServiceView[]
  usages: readonly Usage[]
  /** Every setting that any Compose file of this folder names, those that are not merged here too. */
  namedSomewhere: ReadonlySet<string>
  /** Containers of other projects may be in a network with ours. */
  hasForeignNetwork: boolean
}

/** What else was read: the text of the env files of services, by path, and of all Compose files. */
export interface ComposeTexts {
  envFiles: Readonly<Record<string, string>>
  composeFiles: readonly string[]
}

/** A list of `NAME=value`, or a mapping, as a mapping. */
function mapping(list: RawService['environment']): Record<string, string> {
  if (!Array.isArray(list)) return Object.fromEntries(Object.entries(list ?? {}).map(([name, value]) => [name, String(value ?? '')]))
  return Object.fromEntries(list.map((line) => {
    const sign = line.indexOf('=')
    return sign === -1 ? [line, ''] : [line.slice(0, sign), line.slice(sign + 1)]
  }))
}

/** `[address:][published:]target[/protocol]`, where an address with colons is in brackets. */
function portOf(raw: string, values: Values): PublishedView {
  const [, text = '', protocol = 'tcp'] = /^(.*?)(?:\/(\w+))?$/s.exec(interpolate(raw, values))!
  const [target = '', port = '', ...others] = text.match(/\[[^\]]*\]|[^:[\]]+|(?<=:)(?=:)/g)?.toReversed() ?? []
  // A value with a colon gives one part too many: the first is the file's own address.
  const published = [...others.slice(0, -1).toReversed(), port].join(':')
  return { raw, address: others.at(-1) ?? '0.0.0.0', published, target, protocol }
}

function longPort(port: Record<string, string | number>, values: Values): PublishedView {
  const text = (name: string, otherwise: string): string => interpolate(String(port[name] ?? otherwise), values)
  return {
    raw: JSON.stringify(port), address: text('host_ip', '0.0.0.0'), published: text('published', ''), target: text('target', ''),
    protocol: text('protocol', 'tcp'),
  }
}

function hostsOf(name: string, { networks = [], hostname, container_name: container }: RawService): string[] {
  const aliases = Array.isArray(networks) ? [] : Object.values(networks).flatMap((network) => network?.aliases ?? [])
  return [...new Set([name, ...aliases, ...[hostname, container].flatMap((other) => other ?? [])])]
}

const extraHosts = (list: RawService['extra_hosts'] = []): string[] =>
  Array.isArray(list) ? list.map((line) => line.split(/[:=]/)[0]!) : Object.keys(list)

const pathOf = (file: string | { path: string }): string => (typeof file === 'string' ? file : file.path)

/** Where an env file of a service lies: with these values, and once what its path depends on is set (`${NAME:+file}`). */
function pathsOf(file: string | { path: string }, values: Values): string[] {
  const path = pathOf(file)
  const switches = references(path).filter(({ operator }) => operator.endsWith('+')).map(({ name }) => [name, 'set'])
  return [...new Set([interpolate(path, values), interpolate(path, { ...values, ...Object.fromEntries(switches) as Values })])]
}

/** Paths of all env files that Compose may read for the services. */
export const envFilesOf = ({ services }: RawModel, values: Values): string[] =>
  [...new Set(Object.values(services).flatMap(({ env_file: files = [] }) => files.flatMap((file) => pathsOf(file, values))))]

/** Every string in it. */
const strings = (value: Json | undefined): string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap((child) => strings(child))
}

const usagesIn = (texts: readonly string[], reader: string): Usage[] =>
  texts.flatMap((text) => references(text).map((reference) => ({ ...reference, reader })))

/** What the secrets of a list hand over: variables by name, files by what their paths refer to. */
function secretUsages(list: Json | undefined, model: RawModel, reader: string): Usage[] {
  const names = Array.isArray(list) ? list.map((one) => (typeof one === 'string' ? one : (one as { source?: string })?.source ?? '')) : []
  return names.flatMap((name) => {
    const { environment, file = '' } = model.secrets?.[name] ?? {}
    return [...(environment ? [{ name: environment, operator: '', word: '', reader }] : []), ...usagesIn([file], reader)]
  })
}

function usagesOf(model: RawModel, values: Values, { envFiles }: ComposeTexts): Usage[] {
  return Object.entries(model.services).flatMap(([name, { build, ...service }]) => {
    const ofFiles = (service.env_file ?? []).flatMap((file) => pathsOf(file, values).map((path) => envFiles[path] ?? ''))
    return [
      ...usagesIn(strings(service), name),
      ...usagesIn(ofFiles, name),
      ...secretUsages((service as { secrets?: Json }).secrets, model, name),
      ...usagesIn(strings(build), 'build'),
      ...secretUsages((build as { secrets?: Json } | undefined)?.secrets, model, 'build'),
    ]
  })
}

function serviceView(name: string, service: RawService, built: ReadonlySet<string | undefined>, profiles: readonly string[], values: Values): ServiceView {
  const rawEnvironment = mapping(service.environment)
  const own = service.profiles ?? []
  return {
    name,
    isOn: own.length === 0 || profiles.includes('*') || own.some((profile) => profiles.includes(profile)),
    profiles: own,
    image: built.has(service.image) || service.pull_policy === 'never' ? undefined : interpolate(service.image ?? '', values),
    environment: Object.fromEntries(Object.entries(rawEnvironment).map(([key, value]) => [key, interpolate(value, values)])),
    rawEnvironment,
    hosts: hostsOf(name, service),
    extraHosts: extraHosts(service.extra_hosts),
    ports: (service.ports ?? []).map((port) => (typeof port === 'string' ? portOf(port, values) : longPort(port, values))),
    hasNetwork: service.network_mode !== 'none',
    isOneShot: service.restart === 'no',
    memory: interpolate(String(service.deploy?.resources?.limits?.memory ?? ''), values),
    text: interpolate(JSON.stringify(service), values),
  }
}

/**
 * @param profiles the names in COMPOSE_PROFILES
 * @param values the settings, with their defaults where the file does not have them
 */
export function composeView(model: RawModel, profiles: readonly string[], values: Values, texts: ComposeTexts): ComposeView {
  const built = new Set(Object.values(model.services).flatMap(({ build, image }) => (build ? [image] : [])))
  const usages = usagesOf(model, values, texts)
  const elsewhere = [...texts.composeFiles, ...Object.values(texts.envFiles)].flatMap((text) => [
    ...references(text).map(({ name }) => name),
    ...[...text.matchAll(/\benvironment:\s*([A-Z]\w*)\s*$/gm)].map(([, name]) => name!),
  ])
  return {
    services: Object.entries(model.services).map(([name, service]) => serviceView(name, service, built, profiles, values)),
    usages,
    namedSomewhere: new Set([...usages.map(({ name }) => name), ...elsewhere]),
    hasForeignNetwork: Object.values(model.networks ?? {}).some((network) => network?.external),
  }
}
