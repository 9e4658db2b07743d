/** What the core asks of this room if no Docker Engine or no registry answers. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { quote } from 'zx/core'
import type { Offer, OfflineRoom, PrivateEngine } from '../../scripts/lib/rooms.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { info, isInteractive, warn } from '../../scripts/lib/terminal.ts'
import { networkOf } from './network.ts'
import { clientEnvironment, layoutOf, type Layout } from './private-engine/layout.ts'
import { ensureRunning, isInstalled, isRunning } from './private-engine/private-engine.ts'
import { asItWasStarted, useStandIns } from './select.ts'
import { ensureStandIns } from './stand-ins.ts'

type Values = Readonly<Record<string, string | undefined>>

const isPrivate = (dockerHost: string): boolean =>
  dockerHost === clientEnvironment(layoutOf(process.env)).DOCKER_HOST

const engineIn = (layout: Layout): PrivateEngine =>
  ({ dir: layout.dir, environment: clientEnvironment(layout, process.env.PATH) })

/** dockerd mounts file systems and builds networks. Root of a plain container has neither privilege. */
export function mayAdminister(processStatus: string): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(processStatus)?.[1] ?? '0'}`)
  const NET_ADMIN = 12n
  const SYS_ADMIN = 21n
  return [NET_ADMIN, SYS_ADMIN].every((capability) => (effective >> capability) & 1n)
}

export interface HostFacts {
  /** EMBEDDED_ENGINE=never */
  isForbidden: boolean
  hasApt: boolean
  isRoot: boolean
  mayAdminister: boolean
}

/** The first reason against a private engine, and what would change it. Pure. */
export function findObstacle(host: HostFacts): { obstacle: string; wayOut?: string } | undefined {
  if (host.isForbidden) return { obstacle: 'EMBEDDED_ENGINE=never forbids setting up a private one' }
  if (!host.hasApt) return { obstacle: 'a private one can be set up only on Debian and its relatives' }
  if (!host.isRoot) return { obstacle: 'only root can set up a private one', wayOut: 'Or run this as root: it then sets up a private engine.' }
  if (!host.mayAdminister) return { obstacle: 'this container is not privileged, which a private one needs' }
  return undefined
}

async function offerEngine({ EMBEDDED_ENGINE }: Values): Promise<Offer> {
  const obstacle = findObstacle({
    isForbidden: EMBEDDED_ENGINE === 'never',
    hasApt: existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg'),
    isRoot: process.getuid?.() === 0,
    mayAdminister: mayAdminister(await readFile('/proc/self/status', 'utf8').catch(() => '')),
  })
  if (obstacle) return obstacle
  const layout = layoutOf(process.env)
  return { running: (await isRunning(layout)) ? engineIn(layout) : undefined }
}

/** Asks the user at the terminal, because the set-up adds something new to the machine. */
async function askBeforeSetUp({ dir }: Layout): Promise<void> {
  if (!isInteractive() || !process.stdin.isTTY) return
  const { confirm } = await import('@clack/prompts')
  const message = `No Docker Engine answers. Set up a private one from Debian packages, in ${dir}?`
  if ((await confirm({ message, initialValue: true, output: process.stderr })) === true) return
  throw new CliError('No Docker Engine answers, and none was set up.', {
    hint: 'Install Docker Engine: https://docs.docker.com/engine/install/',
    exitCode: ExitCode.docker,
  })
}

/** Sets the private engine up if needed, says so, and starts it. */
export async function startPrivate(settings: Values): Promise<PrivateEngine> {
  const layout = layoutOf(process.env)
  const effort = await ensureRunning(layout, networkOf(settings, process.env))
  if (effort === 'set up') {
    warn('No Docker Engine answered, so a private one was set up from Debian packages.')
    info(`  Folder  ${layout.dir}`)
    info(`  Use     . ${quote(layout.activate)}      then "docker" in that shell uses this engine`)
    info('  Remove  npm run engine -- remove')
  }
  return engineIn(layout)
}

async function startEngine(settings: Values): Promise<PrivateEngine> {
  const layout = layoutOf(process.env)
  if (!(await isInstalled(layout))) await askBeforeSetUp(layout)
  return startPrivate(settings)
}

export const room: OfflineRoom = { isPrivate, offerEngine, startEngine, ensureStandIns, useStandIns, asItWasStarted }
