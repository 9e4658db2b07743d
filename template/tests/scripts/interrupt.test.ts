import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm')).href
const interrupt = new URL('../../../scripts/lib/errors.ts', import.meta.url).href

/** Ends some time after the first signal, as a command does that brings something to its end. */
const program = (extra: string, restMs: number): string => `
  import { catchSignals, tidyUpInPeace, wasInterrupted } from '${interrupt}'
  catchSignals()
  ${extra}
  console.log('ready')
  const poll = setInterval(() => {
    if (!wasInterrupted()) return
    clearInterval(poll)
    console.log('marked')
    setTimeout(() => console.log('brought to its end'), ${restMs})
  }, 10)`

interface Press {
  extra?: string
  /** How long after the first signal has been marked the second one comes; at once, when it is not there. */
  laterMs?: number
  restMs: number
}

async function interrupted({ extra = '', laterMs, restMs }: Press): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '--eval', program(extra, restMs)])
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await once(child.stdout, 'data')
  const ended = once(child, 'close') as Promise<[number | null]>
  child.kill('SIGINT')
  if (laterMs !== undefined) {
    await once(child.stdout, 'data')
    await delay(laterMs)
  }
  child.kill('SIGINT')
  const [code] = await ended
  return { code, output }
}

const whole = 'ready\nmarked\nbrought to its end\n'

test.concurrent.each<[string, Press, string]>([
  ['that comes twice is one', { restMs: 200 }, whole],
  ['that is pressed again ends the command at once', { laterMs: 1100, restMs: 15_000 }, 'ready\nmarked\n'],
  ['that is pressed again while something is tidied up changes nothing', { extra: 'tidyUpInPeace()', laterMs: 1100, restMs: 2000 }, whole],
])('a Ctrl-C %s, and the exit code is 130', async (_, press, output) => {
  expect(await interrupted(press)).toEqual({ code: 130, output })
})
