/** Is the checkout fit to be built from and mounted, and does the application get the variables that it needs? */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import type { Model } from '../compose/model.ts'
import { findUnreadable, mountedSource } from '../explain/source-access.ts'
import type { Owner } from '../explain/source-access.ts'
import { isLeftOut, readSource } from '../explain/source-files.ts'
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

/** A script with CRLF fails with "no such file or directory", one that is not executable with "permission denied". */
export function judgeShellFiles(files: readonly ShellFile[]): Observation[] {
  const windows = files.filter(({ text }) => text.includes('\r\n')).map(({ path }) => path)
  const inert = files.filter(({ text, mode }) => text.startsWith('#!') && (mode & 0o100) === 0).map(({ path }) => path)
  if (windows.length + inert.length === 0) return [well(`${files.length} shell scripts of the images are executable, and have the line endings of Linux`)]
  return [
    ...(windows.length > 0
      ? [wrong(`Lines end as on Windows (CRLF) in ${windows.join(', ')}: no container starts with that.`, `sed -i 's/\\r$//' ${windows.join(' ')}      and keep .gitattributes`)]
      : []),
    ...(inert.length > 0 ? [wrong(`Not executable: ${inert.join(', ')}.`, `chmod +x ${inert.join(' ')}`)] : []),
  ]
}

/** May this user write into a folder, going by its mode? Pure. */
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
  if (unreadable) return [wrong(`The containers run as uid ${user.uid} (APP_UID), who may not read ${unreadable}.`, `chmod -R a+rX ${folder}`)]
  if (mayWrite(user, entry)) return [well(`The containers, as uid ${user.uid}, may read and write the source`)]
  return [doubtful(
    `The containers run as uid ${user.uid} (APP_UID), who may not write into ${folder}. Tests and generated migrations need to.`,
    `Set APP_UID and APP_GID in .env.docker to its owner, or change the owner: chown -R ${user.uid}:${user.gid} ${folder}`,
  )]
}

export interface Reading {
  name: string
  /** Relative to the project. */
  file: string
  line: number
}

/** `os.environ["NAME"]` raises an error where the name is not set; `environ.get` does not. An assignment is no reading. */
const reading = /(?<![.\w])(?:os\.)?environ\[\s*(["'])([A-Z][A-Z0-9_]*)\1\s*\](?!\s*=[^=])/g

/** What the source sets itself. */
const assignment = /environ(?:\.setdefault\(\s*|\[\s*)["']([A-Z][A-Z0-9_]*)["'](?:\s*,|\s*\]\s*=[^=])/g

/** What every container has from its image or its shell. */
const everywhere = ['HOME', 'HOSTNAME', 'LANG', 'PATH', 'PWD', 'PYTHONPATH', 'PYTHONUNBUFFERED', 'FRONTEND_ROOT']

/** Every variable that a Python file cannot do without; comments do not count. Pure. */
export function readingsIn(file: string, text: string): Reading[] {
  return text.split('\n').flatMap((content, index) => {
    const code = content.replace(/(^|\s)#.*/, '')
    return /^\s*del\b/.test(code) ? [] : [...code.matchAll(reading)].map(([, , name]) => ({ name: name!, file, line: index + 1 }))
  })
}

/** Each name that is missing, once, where it is first read. Pure. */
export function judgeReadings(readings: readonly Reading[], given: ReadonlySet<string>): Observation[] {
  const missing = readings.filter(({ name }) => !given.has(name) && !everywhere.includes(name))
  const first = missing.filter(({ name }, index) => missing.findIndex((other) => other.name === name) === index)
  if (readings.length > 0 && first.length === 0) return [well('Every variable that the application cannot do without is handed to it')]
  return first.map(({ name, file, line }) =>
    doubtful(
      `The application cannot do without ${name} (${file}:${line}), and nothing hands it over.`,
      `Write ${name}=… into .env.app (or the file that APP_ENV_FILE names). It may refer to the stack's settings: ${name}=\${DATABASE_URL}`,
    ))
}

/** Tests get what their runner gives them. */
const isTest = (file: string): boolean => /(?:^|\/)(?:tests?\/|conftest\.py$|test_[^/]*$)/.test(file)

/** Does something hand the application every variable that it cannot do without? */
export function examineVariables(model: Model): Observation[] {
  const source = readSource(model)
  if (!source) return []
  const files = source.files.filter((file) => !isTest(file) && !isLeftOut(source, file))
  const texts = files.map((file) => ({ file: posix.join(source.folder, file), text: readFileSync(join(source.folder, file), 'utf8') }))
  // Compose has read the env files, so the services of the application have what they get from there.
  const roles = Object.values(model.services).filter(({ image }) => image === model.services.migrate?.image)
  const given = new Set([
    ...roles.flatMap(({ environment }) => Object.keys(environment ?? {})),
    ...texts.flatMap(({ text }) => [...text.matchAll(assignment)].map(([, name]) => name!)),
  ])
  return judgeReadings(texts.flatMap(({ file, text }) => readingsIn(file, text)), given)
}
