/** Is a port of this machine free, and if not, who has it? */
import { readFile, readlink, readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { read } from '../engine/docker.ts'
import { CliError, ExitCode } from '../errors.ts'
import { publishedPorts } from './model.ts'
import type { Model, PublishedPort } from './model.ts'

/** The setting that moves a published port, by service, or by service and the container's port. */
const settings: Record<string, string> = {
  web: 'WEB_PORT',
  flower: 'FLOWER_PORT',
  frontend: 'FRONTEND_PORT',
  storage: 'STORAGE_PORT',
  'proxy 80': 'PROXY_HTTP_PORT',
  'proxy 443': 'PROXY_HTTPS_PORT',
}

function settingOf({ service, port, target }: PublishedPort, model: Model): string {
  if (String(target) === model.services[service]?.environment?.DEBUG_PORT) return 'DEBUG_PORT'
  if (service === 'web' && port !== target) return 'WEB_PUBLISHED_PORT'
  return settings[service] ?? settings[`${service} ${target}`] ?? 'a port'
}

/** True when nothing listens there. */
export function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    // A port below 1024 that we may not open ourselves is Docker's to open.
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'))
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** The inodes of the sockets that listen on a port, from the text of /proc/net/tcp or tcp6. Pure. */
export function listeningInodes(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const LISTEN = '0A'
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(wanted) && state === LISTEN)
    .flatMap(([, , , , , , , , , inode]) => inode ?? [])
}

/** "process 4711 (node)", as far as /proc shows it to us. */
async function processOn(port: number): Promise<string | undefined> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')))
  const sockets = new Set(tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`))
  if (sockets.size === 0) return undefined
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const links = await readdir(`/proc/${pid}/fd`).catch(() => [])
    const targets = await Promise.all(links.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
    if (targets.some((target) => sockets.has(target))) {
      return `process ${pid} (${(await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim()})`
    }
  }
  return undefined
}

/** "container shop-web-1 of project shop", or undefined when no container has published the port. */
async function containerOn(port: number): Promise<{ name: string; project: string } | undefined> {
  const template = '{{.Names}}\t{{.Label "com.docker.compose.project"}}'
  const [line] = (await read(['ps', '--filter', `publish=${port}`, '--format', template])).split('\n')
  const [name = '', project = ''] = line?.split('\t') ?? []
  return name === '' ? undefined : { name, project }
}

/**
 * Is it a port of one of the project's containers, by its configuration? The engine names the ports of one that it starts
 * again and again only while that runs, which may be over by the time it is asked.
 */
async function isOfProject(port: number, project: string): Promise<boolean> {
  const ids = (await read(['ps', '--quiet', '--filter', `label=com.docker.compose.project=${project}`])).split('\n').filter(Boolean)
  if (ids.length === 0) return false
  const template = '{{range .HostConfig.PortBindings}}{{range .}}{{println .HostPort}}{{end}}{{end}}'
  return (await read(['inspect', '--format', template, ...ids])).split('\n').includes(String(port))
}

export interface TakenPort {
  message: string
  hint: string
}

/** The ports of the stack that somebody else holds: not free, and not open because the stack itself is running. */
export async function takenPorts(model: Model): Promise<TakenPort[]> {
  // Of a range Docker takes one that is free.
  const single = publishedPorts(model).filter(({ isRange }) => !isRange)
  const looked = await Promise.all(single.map(async (port) => {
    if (await isFree(port.port, port.address)) return []
    const container = await containerOn(port.port)
    if (container ? container.project === model.name : await isOfProject(port.port, model.name)) return []
    const holder = container
      ? `container ${container.name}${container.project ? ` of project ${container.project}` : ''}`
      : ((await processOn(port.port)) ?? 'another program')
    return [{
      message: `Port ${port.port} is taken by ${holder}, and ${port.service} wants it.`,
      hint: `Set ${settingOf(port, model)} in .env.docker to a free port, or stop what holds this one.`,
    }]
  }))
  return looked.flat()
}

/**
 * Makes sure that every port of the stack is free, or open already because the stack is running.
 *
 * @throws CliError (exit code 3) that names the port, its holder and the setting
 */
export async function checkPorts(model: Model): Promise<void> {
  const [taken] = await takenPorts(model)
  if (taken) throw new CliError(taken.message, { hint: taken.hint, exitCode: ExitCode.config })
}
