/** What the rules want to know of this machine. */
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { totalmem } from 'node:os'
import type { Machine } from './checks/subject.ts'

/** What git says about the file by its exit code; undefined where there is no git, or no repository. */
const asksGit = (...args: string[]): Promise<boolean | undefined> =>
  new Promise((resolve) => {
    execFile('git', args, { timeout: 5000 }, (error) => {
      const code = (error as { code?: unknown } | null)?.code
      resolve(error === null ? true : code === 1 ? false : undefined)
    })
  })

export async function machineOf(path: string): Promise<Machine> {
  const [tracked, ignored, { mode }] = await Promise.all([
    asksGit('ls-files', '--error-unmatch', '--', path), asksGit('check-ignore', '--quiet', '--', path), stat(path),
  ])
  const git = { ...(tracked === undefined ? {} : { tracked }), ...(ignored === undefined ? {} : { ignored }) }
  return { shell: process.env, memory: totalmem(), mode, ...git }
}
