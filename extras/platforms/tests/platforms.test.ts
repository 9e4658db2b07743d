/** The files of the platforms say only what the image and the settings know. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

const room = new URL('..', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, room), 'utf8')
const [entrypoint, compose, example] = ['docker/entrypoint.sh', 'compose.yaml', '.env.docker.example'].map((path) => read(`../../${path}`)) as [string, string, string]

/** One container of one of the files. Times are in seconds. */
interface Unit {
  /** As the platform runs it: it replaces CMD, or ENTRYPOINT too. */
  command: string
  replaces: 'CMD' | 'ENTRYPOINT' | 'either'
  /** Empty values are secrets; undefined if the file has no place for variables. */
  variables?: Record<string, string>
  port?: number
  healthPath?: string
  /** How long it may take to stop; undefined if the platform decides. */
  stop?: number
}

/** Formats of other tools: a test reads only what it is about. */
type Any = any

/** Reads as much TOML as fly.toml has: its values are JSON. */
function toml(text: string): Any {
  const all: Any = {}
  let table = all
  for (const line of text.split('\n')) {
    const [, isList, path] = /^(\[\[?)([\w.]+)\]/.exec(line) ?? []
    const [, key, value] = /^(\w+) = (.+)$/.exec(line) ?? []
    if (path) {
      const names = path.split('.')
      const last = names.pop()!
      const parent = names.reduce((at, name) => at[name], all)
      if (isList === '[[') (parent[last] ??= []).push(table = {})
      else table = parent[last] = {}
    } else if (key) table[key] = JSON.parse(value!)
    else expect(line).toMatch(/^(#.*)?$/)
  }
  return all
}

const named = (list: readonly Any[] = [], key = 'name'): Record<string, string> => Object.fromEntries(list.map((one) => [one[key], one.value ?? '']))

const readers: Record<string, (text: string) => Unit[]> = {
  'render.yaml': (text) => {
    const { services, envVarGroups: [group] } = parse(text)
    // Render refuses `sync` in a group.
    expect(group.envVars.filter(({ sync }: Any) => sync !== undefined)).toEqual([])
    return services.flatMap(({ dockerCommand, preDeployCommand, envVars, healthCheckPath, maxShutdownDelaySeconds }: Any) => {
      const variables = { ...named(group.envVars, 'key'), ...named(envVars.filter(({ key }: Any) => key), 'key') }
      const unit = { command: dockerCommand, replaces: 'either', variables, healthPath: healthCheckPath, stop: maxShutdownDelaySeconds }
      return preDeployCommand ? [unit, { ...unit, command: preDeployCommand, healthPath: undefined }] : [unit]
    })
  },
  'fly.toml': (text) => {
    const { env, processes, deploy, http_service: http, kill_timeout: stop, kill_signal: signal } = toml(text)
    expect(signal).toBe('SIGTERM')
    // Never as arguments, which every process list shows.
    const [, secrets] = /lines (.*)[^]*fly secrets import < /.exec(text)!
    const variables = { ...named(secrets!.match(/[A-Z_]+(?==)/g)!.map((name) => ({ name }))), ...env }
    return [...Object.entries(processes), ['migrate', deploy.release_command]].map(([name, command]) => ({
      command, replaces: 'CMD', variables, stop, ...(http.processes.includes(name) ? { port: http.internal_port, healthPath: http.checks[0].path } : {}),
    })) as Unit[]
  },
  // What belongs on the settings page of Railway.
  'README.md': (text) => {
    const row = (title: string): string[] => new RegExp(`^\\| \\*${title}\\*[^|]*\\|(.*)\\|$`, 'm').exec(text)![1]!.split('|').map((cell) => cell.replaceAll('`', '').trim())
    const [starts, before, paths, stops] = ['Custom Start Command', 'Pre-deploy Command', 'Healthcheck Path', 'Draining time'].map(row) as [string[], string[], string[], string[]]
    return [
      ...starts.map((command, n): Unit => ({ command, replaces: 'ENTRYPOINT', healthPath: paths[n]!, stop: Number(stops[n]) })),
      ...before.filter(Boolean).map((command): Unit => ({ command, replaces: 'ENTRYPOINT' })),
    ]
  },
  'cloud-run': (text) => {
    const { kind, spec: { template: { spec } } } = parse(text)
    return (spec.template?.spec ?? spec).containers.map(({ args, env, ports, startupProbe, livenessProbe }: Any) => {
      for (const probe of [startupProbe, livenessProbe]) expect(probe?.httpGet).toEqual(startupProbe?.httpGet)
      const port = ports?.[0].containerPort
      expect(startupProbe?.httpGet.port).toBe(port)
      // Cloud Run's time to stop is fixed. The requests of a service have ended before that.
      return { command: args.join(' '), replaces: 'CMD', variables: named(env), port, healthPath: startupProbe?.httpGet.path, stop: kind === 'Service' ? undefined : 10 }
    })
  },
  ecs: (text) => JSON.parse(text).containerDefinitions.map(({ command, environment, secrets, portMappings, stopTimeout, healthCheck }: Any) => {
    expect(healthCheck.command).toEqual(['CMD', 'healthcheck.sh'])
    const variables = named([...environment, ...secrets.map(({ name }: Any) => ({ name }))])
    return { command: command.join(' '), replaces: 'CMD', variables, port: portMappings?.[0].containerPort, healthPath: variables.HEALTH_PATH, stop: stopTimeout }
  }),
}

const files = readdirSync(room, { recursive: true, encoding: 'utf8' }).filter((file) => /^README\.md$|\.(json|toml|yaml)$/.test(file))
const units = files.flatMap((file) => readers[file.split('/')[0]!]!(read(file)).map((unit) => [`${file}: ${unit.command}`, unit] as const))

const roles = [...entrypoint.matchAll(/^\t([a-z |]+)\) /gm)].flatMap(([, words]) => words!.split(' | '))
const known = new Set([...`${compose}\n${example}`.matchAll(/^[# ]*([A-Z][A-Z0-9_]+)[=:]/gm)].map(([, name]) => name!).concat('FORWARDED_ALLOW_IPS'))
const needed: Record<string, string[]> = { web: ['WEB_APP'], worker: ['CELERY_APP'], beat: ['CELERY_APP'], migrate: ['MIGRATE_COMMAND', 'DATABASE_URL'] }
const defaultOf = (name: string): string => new RegExp(`\\$\\{${name}:-([^}]+)\\}`).exec(compose)![1]!
/** What the command may be. Without tini in front, healthcheck.sh cannot tell the role: it asks process 1. */
const forms: Record<Unit['replaces'], RegExp> = { CMD: /^(entrypoint\.sh )?\w+$/, ENTRYPOINT: /^tini -- entrypoint\.sh \w+$/, either: /^entrypoint\.sh \w+$/ }

test.each(units)('%s', (_title, { command, replaces, variables, port, healthPath, stop }) => {
  expect(command).toMatch(forms[replaces])
  const role = command.split(' ').at(-1)!
  expect(roles).toContain(role)
  if (variables) {
    expect(Object.keys(variables).filter((name) => !known.has(name))).toEqual([])
    expect(Object.keys(variables)).toEqual(expect.arrayContaining(needed[role]!))
  }
  if (role === 'web') expect(healthPath).toBe(variables?.HEALTH_PATH ?? defaultOf('HEALTH_PATH'))
  if (port !== undefined && variables?.PORT) expect(String(port)).toBe(variables.PORT)
  // The platform kills a role that has not stopped by then. gunicorn and uvicorn take 20 seconds at most.
  const takes = role === 'worker' ? Number(variables?.WORKER_STOP_TIMEOUT ?? defaultOf('WORKER_STOP_TIMEOUT')) : role === 'web' ? 20 : 0
  if (stop !== undefined) expect(stop).toBeGreaterThan(takes)
})
