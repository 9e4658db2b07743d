/** Looks at what lies around an env file, for the check: the Compose files, the disk, git and the shell. */
import { execFile } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { parseModel } from '../compose/model.ts'
import { capture } from '../engine/docker.ts'
import type { Around, Disk } from './rules/subject.ts'
import { bareEnvironment, reasonOf } from './values.ts'

const disk: Disk = {
  kindOf(path) {
    try {
      return statSync(path).isDirectory() ? 'folder' : 'file'
    } catch (error) {
      return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') ? 'absent' : 'unknown'
    }
  },
  namesIn(folder) {
    try {
      return readdirSync(folder)
    } catch {
      return []
    }
  },
}

/** What git does with the file; undefined where there is no git, or no repository. */
const gitSays = (path: string): Promise<Around['git']> =>
  new Promise((resolve) => {
    execFile('git', ['status', '--porcelain', '--ignored', '--untracked-files=all', '--', path], { timeout: 5000 }, (error, stdout) =>
      resolve(error ? undefined : stdout.startsWith('!!') ? 'ignored' : stdout.startsWith('??') ? 'neither' : 'tracked'))
  })

/** What Compose makes of all services, or why it does not say. The shell is left out: the file is judged, the same on every machine. */
async function modelOf(path: string): Promise<Pick<Around, 'model'> & { unanswered: string | undefined }> {
  // A name of its own: the one in the file may be one that Compose does not take.
  const args = ['compose', '--env-file', path, '--project-name', 'check', '--profile', '*', 'config', '--format', 'json']
  const answer = await capture(args, { env: bareEnvironment(), timeoutMs: 10_000 })
  if (answer.exitCode !== 0 || answer.stdout.trim() === '') return { model: undefined, unanswered: reasonOf(answer) }
  // Compose writes every $ in a value as $$.
  return { model: parseModel(answer.stdout.replaceAll('$$', () => '$')), unanswered: undefined }
}

/** @returns beside it, why the Compose files are not judged, when they are not */
export async function lookAround(path: string): Promise<Around & { unanswered: string | undefined }> {
  const [compose, { mode }, git] = await Promise.all([modelOf(path), stat(path), gitSays(path)])
  return { ...compose, disk, shell: process.env, mode, git }
}
