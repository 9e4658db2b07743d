import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readLines } from '../../../scripts/lib/env/file.ts'
import { explainRefusal, readValues, reasonOf, type Reading } from '../../../scripts/lib/env/values.ts'

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
    const { values, unanswered } = await read('A=${\nB=2\nC="a#b"\nD=\'$x\'\nE=a b\nF="c d"\nG=\'e\nf\'\nH=')
    expect(values).toEqual({ B: '2', E: 'a b', F: 'c d', G: 'e\nf', H: '' })
    expect(unanswered).toBeUndefined()
  })
})

test.each<[stderr: string, line: number | undefined, message: string]>([
  ['failed to read /a b/.env: Invalid template: "x${hunter2"\n', 2, 'B has a $ that Compose cannot interpret.'],
  ['failed to read /x: Invalid template: "\\u00zz"', undefined, 'A value has a $ that Compose cannot interpret.'],
  ['required variable HOST is missing a value: say hunter2', 3, 'C has a $ that Compose cannot interpret.'],
  ['time="x"\nfailed to read /a b/.env: line 7: unexpected character "!" in "hunter2!"', 7, 'Compose cannot read this line.'],
])('what Compose refuses quotes no value: %s', (stderr, line, message) => {
  const finding = explainRefusal(stderr, readLines('A=1\nB="x${hunter2"\nC=${HOST:?say hunter2}\n').entries)
  expect(finding).toMatchObject({ code: 'E01', line, message })
  expect(JSON.stringify(finding)).not.toContain('hunter2')
})

test.each<[code: number | null, stderr: string, reason: string]>([
  [127, 'bash: line 1: docker: command not found\n', 'docker is not installed'],
  [125, "unknown flag: --file\nSee 'docker --help'.\n", 'the Compose plugin is not installed'],
  [1, "docker: 'compose' is not a docker command.\n", 'the Compose plugin is not installed'],
  [1, 'time="x" msg="The \\"hunter2\\" variable"\nno such file "hunter2"', 'no such file'],
  [null, '', 'it gave no answer'],
])('the reason in %j, %j is %j', (exitCode, stderr, reason) => {
  expect(explainRefusal(stderr, [])).toBeUndefined()
  expect(reasonOf({ exitCode, stderr })).toBe(reason)
})
