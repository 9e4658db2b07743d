/** Which engine is in use here, and the state of the private one. */
import { join } from 'node:path'
import { quote } from 'zx/core'
import { askForVersions, checkVersions, type Engine } from '../../scripts/lib/engine/engine.ts'
import { clientEnvironment, layoutOf } from './private-engine/layout.ts'
import { describe, type Description } from './private-engine/private-engine.ts'

/** `private` is the one in the user's cache folder; any other is the user's and is never touched. */
export type Kind = 'existing' | 'private'

export interface EngineStatus extends Partial<Engine> {
  /** The engine that `up` would use; `none` if it would have to set one up. */
  kind: Kind | 'none'
  running: boolean
  private: Description
}

/** The kind of engine that this process's `docker` children use. In a shell that has read `activate` it is private. */
export const kindInUse = (): Kind =>
  process.env.DOCKER_HOST === clientEnvironment(layoutOf(process.env)).DOCKER_HOST ? 'private' : 'existing'

/** The engine in use, and the private one, as they are now. */
export async function readStatus(): Promise<EngineStatus> {
  const layout = layoutOf(process.env)
  const description = await describe(layout)
  const answer = await askForVersions()
  if (answer.engineVersion !== undefined) {
    const dir = kindInUse() === 'private' ? { dir: layout.dir } : {}
    return { kind: kindInUse(), ...checkVersions(answer), ...dir, running: true, private: description }
  }
  if (!description.running) {
    return { kind: description.installed ? 'private' : 'none', running: false, private: description }
  }
  Object.assign(process.env, clientEnvironment(layout, process.env.PATH))
  return { kind: 'private', ...checkVersions(await askForVersions()), dir: layout.dir, running: true, private: description }
}

/** The status as text for people. */
export function renderStatus(status: EngineStatus): string {
  const { installed, dir, volumes, diskMegabytes } = status.private
  const folder = [
    `Folder   ${dir} (${diskMegabytes} MB)`,
    `Volumes  ${volumes.join(', ') || 'none'}`,
    `Use      . ${quote(join(dir, 'activate'))}`,
  ]
  return [`Engine   ${renderEngine(status)}`, ...(installed ? folder : [])].join('\n')
}

function renderEngine({ kind, running, engineVersion, composeVersion }: EngineStatus): string {
  if (kind === 'none') return 'none answers: npm run engine -- start sets up a private one'
  if (!running) return `${kind}, not running: npm run engine -- start`
  return `${kind}, Engine ${engineVersion}, Compose ${composeVersion}`
}
