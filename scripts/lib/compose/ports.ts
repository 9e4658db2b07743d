/** Is a port of this machine free, and if not, what holds it? */
import { createServer } from 'node:net'
import { $ } from 'zx/core'
import { capture } from '../engine/docker.ts'
import { isFarEngine } from '../engine/machine.ts'
import { readSchema } from '../env/settings.ts'
import { CliError, ExitCode } from '../errors.ts'
import { publishedPorts, type Model, type PublishedPort } from './model.ts'
import { readNames } from './stack.ts'

/** The setting that moves a published port. */
async function settingOf({ service, port, target }: PublishedPort, model: Model): Promise<string> {
  if (String(target) === model.services[service]?.environment?.DEBUG_PORT) return 'DEBUG_PORT'
  if (service === 'web' && port !== target) return 'WEB_PUBLISHED_PORT'
  if (service === 'proxy') return target === 443 ? 'PROXY_HTTPS_PORT' : 'PROXY_HTTP_PORT'
  const name = `${service.toUpperCase()}_PORT`
  return (await readSchema()).byName.has(name) ? name : 'a port'
}

/** True when nothing listens there. */
export function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    // We may not open a port below 1024 ourselves, but Docker may.
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'))
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** "process 4711 (node)", if this machine has a program that knows it: ss on Linux, lsof on macOS. */
async function processOn(port: number): Promise<string> {
  const run = $({ quiet: true, nothrow: true })
  const found = [
    // One after the other: a program that starts holds the ports of this process, and the other would report it.
    ...(await run`ss -Hltnp sport = :${port}`).stdout.matchAll(/"(?<name>[^"]+)",pid=(?<pid>\d+)/g),
    ...(await run`lsof -nP -iTCP:${port} -sTCP:LISTEN -Fpc`).stdout.matchAll(/^p(?<pid>\d+)\nc(?<name>.+)$/gm),
  ].map(({ groups }) => ({ name: groups?.name, pid: Number(groups?.pid) }))
  // A server's children hold its port too, even if only for a moment while they start. The first is the server.
  const [first] = found.toSorted((a, b) => a.pid - b.pid)
  return first ? `process ${first.pid} (${first.name})` : 'another program'
}

/** The containers that publish a port, each as `[name, project, …ports]`, also while Docker is starting them again. */
async function readPublishers(): Promise<string[][]> {
  const ids = await readNames(['ps', '--quiet'])
  if (ids.length === 0) return []
  const ports = '{{range .}}{{range .}}\t{{.HostPort}}{{end}}{{end}}'
  const template = '{{.Name}}\t{{index .Config.Labels "com.docker.compose.project"}}' +
    // The configuration always has the ports. Only the network knows which port of a range Docker chose.
    `{{with .HostConfig.PortBindings}}${ports}{{end}}{{with .NetworkSettings.Ports}}${ports}{{end}}`
  // The exit code does not matter: it only says that a container has gone in the meantime.
  const { stdout } = await capture(['inspect', '--format', template, ...ids])
  return stdout.split('\n').map((line) => line.replace(/^\//, '').split('\t'))
}

/** The ports of the stack that something else holds: they are not free, and not open because the stack is running. */
export async function takenPorts(model: Model): Promise<{ message: string; hint: string }[]> {
  // From a range, Docker takes a port that is free.
  const single = publishedPorts(model).filter(({ isRange }) => !isRange)
  const areFree = await Promise.all(single.map(({ port, address }) => isFree(port, address)))
  const busy = single.filter((_, index) => !areFree[index])
  // The ports of another machine cannot be tried here.
  if (busy.length === 0 || (await isFarEngine())) return []
  const publishers = await readPublishers()
  const looked = busy.map(async (port) => {
    const [name, project] = publishers.find(([, , ...ports]) => ports.includes(String(port.port))) ?? []
    if (project === model.name) return []
    const container = `container ${name}${project ? ` of project ${project}` : ''}`
    return [{
      message: `Port ${port.port} is taken by ${name ? container : await processOn(port.port)}, and ${port.service} wants it.`,
      hint: `Set ${await settingOf(port, model)} in .env.docker to a free port, or stop what holds this one.`,
    }]
  })
  return (await Promise.all(looked)).flat()
}

/** @throws CliError (exit code 3) that names the first port that is taken, its holder and the setting */
export async function checkPorts(model: Model): Promise<void> {
  const [taken] = await takenPorts(model)
  if (taken) throw new CliError(taken.message, { hint: taken.hint, exitCode: ExitCode.config })
}
