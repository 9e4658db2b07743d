/** What the rules want to know of this machine. */
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { totalmem } from 'node:os'
import type { Machine } from './checks/subject.ts'

/** Does git have the file? Undefined where there is no git, or no repository. */
const isTracked = (path: string): Promise<boolean | undefined> =>
  new Promise((resolve) => {
    execFile('git', ['ls-files', '--error-unmatch', '--', path], { timeout: 5000 }, (error) => {
      const code = (error as { code?: unknown } | null)?.code
      resolve(error === null ? true : code === 1 ? false : undefined)
    })
  })

export async function machineOf(path: string): Promise<Machine> {
  const [tracked, { mode }] = await Promise.all([isTracked(path), stat(path)])
  return { shell: process.env, memory: totalmem(), mode, ...(tracked === undefined ? {} : { tracked }) }
}
