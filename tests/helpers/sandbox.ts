/** A folder like a checkout, with a fake Docker first on PATH. The scripts run in it as they do for a user. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseEnv } from 'node:util'
import { afterAll } from 'vitest'
import { cd } from 'zx'
import { parseSchema } from '../../scripts/lib/env/schema.ts'
import { composeModel, freePorts, inspected, listen, type Sketch } from './stack.ts'

export { freePort, freePorts } from './stack.ts'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm')).href
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
/** Not the project's own example, so that these tests do not depend on it. */
const example = readFileSync(path('../fixtures/env.example'), 'utf8')

// Test files run at the same time, and each one that imports this has its own list.
const tidyUp: (() => void)[] = []
afterAll(() => {
  for (const tidy of tidyUp) tidy()
})

/** A part of every secret in a sandbox. */
export const SECRET = 'hunter2'

/** The example's settings, with other values for some. */
const settingsFile = (values: Record<string, string>): string =>
  Object.entries(values).reduce((text, [name, value]) => text.replace(new RegExp(`^${name}=.*$`, 'm'), () => `${name}=${value}`), example)

/** Values for all secrets, of the kind that quoting mistakes break. */
const secrets = Object.fromEntries(
  parseSchema(example, '.env.docker.example').settings.filter(({ sensitive }) => sensitive).map(({ name, type }) =>
    [name, type.form === 'url' ? `https://me:${SECRET}-${name}@example.test/0` : `'${SECRET} #$${name} "x" \\ y'`]),
)

/** Listens on a port of this machine until the tests end. */
export async function occupy(host?: string): Promise<number> {
  const { server, port } = await listen(host)
  tidyUp.push(() => server.close())
  return port
}

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  /** Sends Ctrl-C as soon as Docker waits with this answer. Everything that the terminal started gets the signal. */
  interrupt?: string
  /** Closes standard output and standard error, as when `| head` has read enough. */
  closed?: true
}

interface Answer {
  out?: string | object
  /** What Docker says the second time. */
  next?: string
  /** What it says from the third time on; without it, what it said the second time. */
  last?: string
  err?: string
  code?: number
  /** Docker waits for a signal. */
  wait?: true
}

export class Sandbox {
  readonly folder = mkdtempSync(join(tmpdir(), "a user's folder "))
  readonly #docker = join(this.folder, '.docker-answers')

  constructor() {
    tidyUp.push(() => rmSync(this.folder, { recursive: true }))
    mkdirSync(this.#docker)
    // Files that the settings name.
    mkdirSync(join(this.folder, 'app'))
    mkdirSync(join(this.folder, 'extras/offline'), { recursive: true })
    for (const name of ['', '.override', '.production']) this.write(`compose${name}.yaml`, '')
    for (const name of ['extras/offline/compose.yaml', 'app/requirements.txt']) this.write(name, '')
    this.answer('version', { out: { Client: { Version: '28.5.1', Context: 'default' }, Server: { Version: '28.5.1' } } })
    this.answer('compose-version', { out: '2.40.2\n' })
    this.defaults({})
    this.containers([])
  }

  /** Sets Docker's answer to a command from now on. Its name has no options: `compose-up`, `image-inspect`. */
  answer(name: string, { out, ...rest }: Answer): void {
    const parts = { ...rest, out: typeof out === 'object' ? JSON.stringify(out) : out }
    for (const [part, text] of Object.entries(parts)) {
      if (text !== undefined) writeFileSync(join(this.#docker, `${name}.${part}`), String(text))
    }
  }

  /** Sets the containers of the project, those that are there when Docker is asked again, and those from the third time on. */
  containers(sketches: readonly Sketch[], later = sketches, last = later): void {
    const ids = (some: readonly Sketch[]): string => some.map((sketch) => `${inspected(sketch).Id}\n`).join('')
    const details = (some: readonly Sketch[]): string => JSON.stringify(some.map((sketch) => inspected(sketch)))
    this.answer('ps', { out: ids(sketches), next: ids(later), last: ids(last) })
    this.answer('ps-web', { out: ids(later.filter(({ service, oneoff }) => service === 'web' && !oneoff)) })
    this.answer('inspect', { out: details(sketches), next: details(later), last: details(last) })
  }

  /**
   * Writes an env file in which every secret can be recognised, and has Compose answer with its values.
   *
   * @param values as they are written in the file, with their quotes
   */
  settings(values: Record<string, string> = {}, file = '.env.docker'): void {
    this.#settle(file, settingsFile({ ...secrets, ...values }))
  }

  /** Sets other defaults, without an env file. */
  defaults(values: Record<string, string>): void {
    this.#settle('.env.docker.example', settingsFile(values))
  }

  #settle(file: string, text: string): void {
    this.write(file, text)
    // Compose writes every $ of a value as $$.
    const environment = Object.fromEntries(Object.entries(parseEnv(text)).map(([name, value]) => [name, value?.replaceAll('$', '$$$$')]))
    this.answer('compose-config-reader', { out: { services: { reader: { environment } } } })
    this.answer('compose-config', { out: composeModel(environment) })
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text)
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8')
  }

  exists(name: string): boolean {
    return existsSync(join(this.folder, name))
  }

  /** The arguments of every call of Docker. */
  argv(): string[][] {
    if (!this.exists('.docker-answers/calls')) return []
    return this.read('.docker-answers/calls').split('\u001E').slice(0, -1).map((call) => call.split('\u001F').slice(0, -1))
  }

  /** The same as lines, without the --env-file that every Compose command has. */
  calls(): string[] {
    return this.argv().map((args) => (args[1] === '--env-file' ? ['compose', ...args.slice(3)] : args).join(' '))
  }

  /** The calls that change something. */
  effects(): string[] {
    return this.calls().filter((call) => /^(compose (up|build|run|down|pull|--profile|--progress)|pull|import|buildx|volume rm)/.test(call))
  }

  /** Which of these calls were made, in the order of the first of each. */
  order(...wanted: string[]): string[] {
    return [...new Set(this.calls().flatMap((call) => wanted.find((start) => call.startsWith(start)) ?? []))]
  }

  wasInterrupted(name: string): boolean {
    return this.read(`.docker-answers/${name}.wait`) === 'interrupted\n'
  }

  /**
   * Runs `npm run SCRIPT -- ARGS`. A script outside of scripts/ is named by its path.
   *
   * @throws if a secret can be seen in the output or in a process list
   */
  async run(script: string, args: readonly string[] = [], { env = {}, interrupt, closed }: RunOptions = {}): Promise<Outcome> {
    // After `--`, because Node 20 takes every --env-file of the command line for its own.
    const argv = ['--import', tsx, '--', path(`../../${script.includes('/') ? '' : 'scripts/'}${script}.ts`), ...args]
    const child = spawn(process.execPath, argv, {
      cwd: this.folder,
      // In a process group of its own, as in a terminal.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...this.#environment(), ...env },
    })
    if (closed) {
      child.stdout.destroy()
      child.stderr.destroy()
    }
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const poll = setInterval(() => {
      if (this.read(`.docker-answers/${interrupt}.wait`) !== 'waiting\n') return
      clearInterval(poll)
      process.kill(-child.pid!, 'SIGINT')
    }, 20)
    if (interrupt === undefined) clearInterval(poll)
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
    clearInterval(poll)
    const seen = [stdout, stderr, ...this.calls()].join('\n')
    if (seen.includes(SECRET)) throw new Error(`A secret can be seen:\n${seen}`)
    return { code, stdout, stderr }
  }

  #environment(): Record<string, string> {
    return {
      PATH: [path('bin'), process.env.PATH].join(delimiter),
      HOME: this.folder,
      DOCKER_CONFIG: this.#docker,
      // Nothing here may ever set up an engine on this machine.
      EMBEDDED_ENGINE: 'never',
    }
  }

  /** Gives this process the folder and the Docker that a script in the sandbox has. */
  enter(): void {
    // zx's own cd, because zx remembers the folder that it was loaded in.
    cd(this.folder)
    Object.assign(process.env, this.#environment())
  }
}

/** A sandbox with settings whose ports are free. */
export async function stack(values: Record<string, string> = {}): Promise<Sandbox> {
  const box = new Sandbox()
  box.settings({ ...(await freePorts()), ...values })
  return box
}
