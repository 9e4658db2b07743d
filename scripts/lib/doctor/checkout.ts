/** Is the checkout fit to be built from and mounted? */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { findUnreadable, mountedSource } from '../explain/source-access.ts'
import type { Owner } from '../explain/source-access.ts'
import type { Model } from '../compose/model.ts'
import { doubtful, well, wrong } from './observation.ts'
import type { Observation } from './observation.ts'

export interface ShellFile {
  path: string
  text: string
  mode: number
}

/** Every shell script that goes into an image or a container. */
export function shellFiles(folder = 'docker'): ShellFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sh'))
    .map((name) => join(folder, name))
    .map((path) => ({ path, text: readFileSync(path, 'utf8'), mode: statSync(path).mode }))
}

/** A script with CRLF ends in "no such file or directory", one that is not executable in "permission denied". */
export function judgeShellFiles(files: readonly ShellFile[]): Observation[] {
  const windows = files.filter(({ text }) => text.includes('\r\n')).map(({ path }) => path)
  const inert = files.filter(({ text, mode }) => text.startsWith('#!') && (mode & 0o100) === 0).map(({ path }) => path)
  if (windows.length + inert.length === 0) return [well(`${files.length} shell scripts of the images are executable, and end their lines as Linux wants it`)]
  return [
    ...(windows.length > 0
      ? [wrong(`Lines end as on Windows (CRLF) in ${windows.join(', ')}: no container starts with that.`, `sed -i 's/\\r$//' ${windows.join(' ')}      and keep .gitattributes`)]
      : []),
    ...(inert.length > 0 ? [wrong(`Not executable: ${inert.join(', ')}.`, `chmod +x ${inert.join(' ')}`)] : []),
  ]
}

/** May this user write into a folder, as its mode says it? Pure. */
export const mayWrite = ({ uid, gid }: Owner, folder: { uid: number; gid: number; mode: number }): boolean =>
  uid === 0 || (folder.mode & (folder.uid === uid ? 0o200 : folder.gid === gid ? 0o020 : 0o002)) !== 0

/** What the containers' user can do with the source that development mounts; nothing where none is mounted. */
export function judgeSource(model: Model): Observation[] {
  const source = mountedSource(model)
  if (!source) return []
  const { folder, user } = source
  const entry = statSync(folder, { throwIfNoEntry: false })
  if (!entry) return [wrong(`There is no folder ${folder}, which APP_DIR names.`, 'Correct APP_DIR in .env.docker.')]
  const unreadable = findUnreadable(folder, user)
  if (unreadable) {
    return [wrong(`The containers run as uid ${user.uid} (APP_UID), who may not read ${unreadable}.`, `chmod -R a+rX ${folder}`)]
  }
  if (!mayWrite(user, entry)) {
    return [doubtful(
      `The containers run as uid ${user.uid} (APP_UID), who may not write into ${folder}: tests and generated migrations want to.`,
      `Let them be its owner (APP_UID and APP_GID in .env.docker), or give it to them: chown -R ${user.uid}:${user.gid} ${folder}`,
    )]
  }
  return [well(`The containers, as uid ${user.uid}, may read and write the source`)]
}
