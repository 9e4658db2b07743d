import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readLines } from '../../../scripts/lib/env/file.ts'
import { readValues } from '../../../scripts/lib/env/values.ts'
import type { Reading } from '../../../scripts/lib/env/values.ts'

const composeIsThere = spawnSync('docker', ['compose', 'version']).status === 0

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'env values '))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Reads the text as a file, from a folder with a blank in its name. */
function read(text: string): Promise<Reading> {
  const file = join(folder, '.env.docker')
  writeFileSync(file, text)
  return readValues(file, readLines(text).entries)
}

/** One line each, and what Compose makes of it. */
const lines: [line: string, value: string | undefined][] = [
  ['A=a#c', 'a#c'],
  ['A=a # c', 'a'],
  ['A=a\t#c', 'a\t#c'],
  ['A="a" # c', 'a'],
  ["A='x y'", 'x y'],
  ['A=x y', 'x y'],
  ['A=', ''],
  ['A=""', ''],
  ['A=pa$$w', 'pa$w'],
  ["A='pa$w'", 'pa$w'],
  ["A='pa$$w'", 'pa$$w'],
  ['X=1\nA=$X-${X}-${Y:-d}', '1-1-d'],
  ['A=a$NOPE', 'a'],
  ['A=`a b`', '`a b`'],
  ['A="say \\"hi\\""', 'say "hi"'],
  ["A='it\\'s'", "it's"],
  ['A="a\\tb"', 'a\tb'],
  ['A="one\ntwo"\nB=3', 'one\ntwo'],
  ['A=1\r\nB=2\r\n', '1'],
  ['\uFEFFA=1', '1'],
  ['export A=1', '1'],
  ['A = 1', '1'],
  ['A: 1', '1'],
  ['A=1\nA=2', '2'],
  ['A=a=b', 'a=b'],
  ['A={"a": "$$"}', '{"a": "$"}'],
]

describe.skipIf(!composeIsThere)('values are read as Compose reads them', () => {
  test.each(lines)('%j', async (text, value) => {
    const { values, refusal, unanswered } = await read(text)
    expect({ refusal, unanswered }).toEqual({})
    expect(values.A).toBe(value)
  })

  test('what the file says about Compose itself does not get in the way', async () => {
    const settings = {
      COMPOSE_FILE: 'no.yaml', COMPOSE_PROJECT_NAME: 'Bad Name', COMPOSE_PARALLEL_LIMIT: 'x', PATH: '/x', HOME: '',
    }
    const { values } = await read(Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(''))
    expect(values).toEqual(settings)
  })

  test('a .env in the folder does not get in the way either', async () => {
    const cwd = process.cwd()
    writeFileSync(join(folder, '.env'), 'COMPOSE_PROJECT_NAME=${\n')
    process.chdir(folder)
    const { values } = await read('A=1\n').finally(() => process.chdir(cwd))
    expect(values).toEqual({ A: '1' })
  })

  test('a variable of the shell does not hide the one in the file', async () => {
    vi.stubEnv('A', 'shell')
    vi.stubEnv('B', 'shell')
    const { values } = await read('A=file\nC=$B')
    vi.unstubAllEnvs()
    expect(values).toEqual({ A: 'file', C: '' })
  })

  test.each<[text: string, line: number, setting: string]>([
    ['A=1\nB=a${b\n', 2, 'B'],
    ['A="${N:?say hunter2}"\n', 1, 'A'],
    ["A='${}'\nB=\"x\ny${}\"\n", 2, 'B'],
  ])('a refused reference is found in %j', async (text, line, setting) => {
    const { refusal } = await read(text)
    expect(refusal).toMatchObject({ code: 'E01', line, setting })
  })

  test('of a file that Compose refuses, the values that every reader shares are there', async () => {
    const { values, unanswered } = await read('A=${\nB=2\nC="a#b"\nD=\'$x\'\nE=a b')
    expect(values).toEqual({ B: '2', E: 'a b' })
    expect(unanswered).toBeUndefined()
  })
})
