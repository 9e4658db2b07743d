/** What the application's containers mount: is it there, and may their user read it? */
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from 'zx/core'
import { CliError, ExitCode } from '../errors.ts'
import { valueOf } from '../engine/machine.ts'
import type { Model } from '../compose/model.ts'
import { captureCompose } from '../compose/stack.ts'
import type { Stack } from '../compose/stack.ts'

export interface Owner {
  uid: number
  gid: number
}

interface Entry extends Owner {
  mode: number
}

/** May this user read a file, or enter and list a folder? As the mode says it, without access control lists. Pure. */
export function mayRead({ uid, gid }: Owner, entry: Entry, isFolder: boolean): boolean {
  const shift = entry.uid === uid ? 6 : entry.gid === gid ? 3 : 0
  const needed = isFolder ? 0o5 : 0o4
  return uid === 0 || ((entry.mode >> shift) & needed) === needed
}

/** Nobody imports from these, and they can be large. */
const ignored = new Set(['.git', 'node_modules', '.venv', '__pycache__'])

/** Nothing of a folder that we ourselves may not read: then only a container can tell. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return []
  }
}

/** The first path below a folder that the user may not read, as far as modes tell; undefined for one that is not there. */
export function findUnreadable(path: string, user: Owner): string | undefined {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  // A link may point to what is only in the container.
  if (!entry || entry.isSymbolicLink()) return undefined
  if (!mayRead(user, entry, entry.isDirectory())) return path
  if (!entry.isDirectory()) return undefined
  for (const name of namesIn(path)) {
    const found = ignored.has(name) ? undefined : findUnreadable(join(path, name), user)
    if (found) return found
  }
  return undefined
}

/** The folder that is mounted over the application, and who reads it there. */
export function mountedSource({ services }: Model): { folder: string; user: Owner } | undefined {
  const folder = services.migrate?.volumes?.find(({ type, target }) => type === 'bind' && target === '/app')?.source
  const { APP_UID, APP_GID } = services.migrate?.build?.args ?? {}
  return folder === undefined ? undefined : { folder, user: { uid: Number(APP_UID), gid: Number(APP_GID) } }
}

/**
 * What the application is to trust has to be there before anything is built for it.
 *
 * @throws CliError (exit code 3)
 */
export function checkAppCa(values: Record<string, string | undefined>): void {
  const file = valueOf('APP_CA_FILE', values, process.env)
  if (!file || existsSync(file)) return
  const hint = 'Correct it in .env.docker, or leave it empty.'
  throw new CliError(`APP_CA_FILE names ${file}, and there is no such file.`, { hint, exitCode: ExitCode.config })
}

/**
 * A checkout of another user, or one made under umask 077, is one that the application cannot import from. To be
 * called when the image is there: what the modes make likely, a container confirms, because access control lists
 * and Docker Desktop may allow it all the same.
 *
 * @throws CliError (exit code 3) with the file and three ways out
 */
export async function checkSourceAccess(stack: Stack, model: Model): Promise<void> {
  const source = mountedSource(model)
  const path = source && findUnreadable(source.folder, source.user)
  if (!path) return
  const inside = path.replace(source.folder, '/app')
  const probe = await captureCompose(stack, ['run', '--rm', '--no-deps', '--no-TTY', '--entrypoint', 'test', 'migrate', '-r', inside])
  if (probe.exitCode === 0) return
  const { uid, gid } = lstatSync(path)
  const folder = quote(source.folder)
  const owner = uid === 0 ? [] : [`or let the containers be its owner: APP_UID=${uid} and APP_GID=${gid || uid} in .env.docker`]
  throw new CliError(`The containers run as uid ${source.user.uid} (APP_UID), who may not read ${path}. Nothing was started.`, {
    hint: [
      `Let everybody read the source: chmod -R a+rX ${folder}`,
      ...owner,
      `or give it to them: sudo chown -R ${source.user.uid}:${source.user.gid} ${folder}`,
    ].join('\n'),
    exitCode: ExitCode.config,
  })
}
