import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stack } from '../../../tests/helpers/sandbox.ts'
import { wellStack } from '../../../tests/helpers/stack.ts'
import { root } from '../helpers/repository.ts'

const reports = mkdtempSync(join(tmpdir(), 'modules '))
afterAll(() => rmSync(reports, { recursive: true }))

/** What V8 says of a process that has ended: every file that it loaded. */
interface Coverage {
  result: readonly { url: string }[]
}

/** Our modules that a command loads when it works on a healthy stack. */
async function loadedBy(script: string, args: readonly string[]): Promise<string[]> {
  const box = await stack()
  box.containers(wellStack)
  const folder = join(reports, script.replaceAll('/', '-'))
  const { code, stderr } = await box.run(script, args, { env: { NODE_V8_COVERAGE: folder } })
  expect({ code, stderr }).toMatchObject({ code: 0 })
  const read = (file: string): Coverage => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Coverage
  const urls = readdirSync(folder).flatMap((file) => read(file).result.map(({ url }) => decodeURI(url)))
  return [...new Set(urls)].filter((url) => url.startsWith(`file://${root}`) && !url.includes('/node_modules/')).toSorted()
}

// The rest is what has been measured, with a little room: a command that suddenly loads the check of settings shows here.
test.each<[script: string, args: string[], most: number]>([
  ['seed', [], 30],
  ['migrate', [], 45],
  ['teardown', ['--yes'], 40],
  ['env', [], 40],
  ['up', [], 60],
])('%s %j loads no more than %i of our modules', async (script, args, most) => {
  const loaded = await loadedBy(script, args)
  console.info(`figure  ${`modules of ours that npm run ${script} loads`.padEnd(52)} ${loaded.length}`)
  expect(loaded.length).toBeGreaterThan(3)
  expect(loaded.length, loaded.join('\n')).toBeLessThanOrEqual(most)
})
