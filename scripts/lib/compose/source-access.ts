/** May the user of the application's containers read the source that they mount? */
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { quote } from 'zx/core'
import { CliError, ExitCode } from '../errors.ts'
import { notSource } from '../explain/ignore.ts'
import type { Model } from './model.ts'
import { captureCompose, type Stack } from './stack.ts'

interface Owner {
  uid: number
  gid: number
}

/** Does the mode allow this user what the bits say? Access control lists may say otherwise. Pure. */
export function may(user: Owner, bits: number, entry: Owner & { mode: number }): boolean {
  const shift = entry.uid === user.uid ? 6 : entry.gid === user.gid ? 3 : 0
  return user.uid === 0 || ((entry.mode >> shift) & bits) === bits
}

/** The folder, or the first path right in it, that the user may not read, by its modes: the same hand made the rest. */
export function findUnreadable(folder: string, user: Owner): string | undefined {
  if (!existsSync(folder)) return undefined
  // Files such as .env.docker hold secrets, and Compose reads them, not the application.
  const names = readdirSync(folder).filter((name) => !notSource.has(name) && !name.startsWith('.env.'))
  return [folder, ...names.map((name) => join(folder, name))].find((path) => {
    const entry = lstatSync(path)
    // A folder has to be listed and entered. A link may point to what is only in the container.
    return !entry.isSymbolicLink() && !may(user, entry.isDirectory() ? 0o5 : 0o4, entry)
  })
}

/** The user of a rootless engine's containers, as this machine sees it. */
const nobody: Owner = { uid: -1, gid: -1 }

/**
 * Refuses a source that the application cannot read: a checkout of another user, or one made under umask 077. The image
 * must exist: a container confirms what the modes make likely, because access control lists may allow it.
 *
 * @throws CliError (exit code 3)
 */
export async function checkSourceAccess(stack: Stack, { services: { migrate } }: Model, isRootless: boolean): Promise<void> {
  const folder = migrate?.volumes?.find(({ type, target }) => type === 'bind' && target === '/app')?.source
  const { APP_UID, APP_GID } = migrate?.build?.args ?? {}
  const path = folder && findUnreadable(folder, isRootless ? nobody : { uid: Number(APP_UID), gid: Number(APP_GID) })
  if (!path) return
  const probe = ['run', '--rm', '--no-deps', '--no-TTY', '--entrypoint', 'test', 'migrate', '-r', path.replace(folder, '/app')]
  if ((await captureCompose(stack, probe)).exitCode === 0) return
  const { uid, gid } = lstatSync(path)
  const owner = `or let the containers be its owner: APP_UID=${uid} and APP_GID=${gid || uid} in .env.docker\n`
  throw new CliError(`The containers run as uid ${APP_UID} (APP_UID), which may not read ${path}. Nothing was started.`, {
    hint: `Let everybody read the source: chmod -R a+rX ${quote(folder)}\n` + (isRootless
      ? 'The engine is rootless: the user of the containers is unknown on this machine, and only their root is you.'
      : `${uid === 0 ? '' : owner}or give it to them: sudo chown -R ${APP_UID}:${APP_GID} ${quote(folder)}`),
    exitCode: ExitCode.config,
  })
}
