/**
 * Buildx keeps its state in Docker's folder in the user's home, and no build begins where it cannot write there: a
 * home that is read-only or missing (many users of CI), or a ~/.docker that belongs to root after a "sudo docker".
 */
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { warn } from '../terminal.ts'

/** What Buildx writes to, as far as it is there; else the nearest folder in which it would be made. */
function mayWrite(folder: string): boolean {
  const parts = ['.', '.lock', 'activity', 'defaults', 'instances', 'refs'].map((name) => join(folder, name))
  const written = existsSync(folder) ? parts.filter((path) => existsSync(path)) : [nearestFolder(folder)]
  try {
    for (const path of written) accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

const nearestFolder = (path: string): string => (existsSync(path) ? path : nearestFolder(dirname(path)))

/** To be called before a build: gives Buildx a folder for this run where it has none, and says so. */
export function ensureBuildxFolder(): void {
  const docker = process.env.DOCKER_CONFIG || join(homedir(), '.docker')
  const folder = process.env.BUILDX_CONFIG || join(docker, 'buildx')
  if (mayWrite(folder)) return
  const temporary = mkdtempSync(join(tmpdir(), 'buildx-'))
  process.once('exit', () => rmSync(temporary, { recursive: true, force: true }))
  process.env.BUILDX_CONFIG = temporary
  warn(`${folder} cannot be written to, and Buildx keeps its state there: for this run it gets another folder. Docker by hand needs BUILDX_CONFIG=/path.`)
}
