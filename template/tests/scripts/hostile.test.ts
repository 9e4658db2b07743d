/** Values, lines and errors are Compose's: a table of lines that readers differ over, and files made at random. */
import { describe, expect, test } from 'vitest'
import { readLines } from '../../../scripts/lib/env/file.ts'
import { ask, composes, forEach, useCompose, weSay } from '../helpers/compose-oracle.ts'
import { hostileLines, reference, refused, strict, unset, type HostileLine } from '../helpers/env-lines.ts'
import { randomFile } from '../helpers/random-env.ts'

const prelude = 'X=xval\nE=\n'
/** A byte order mark is one at the very beginning alone. */
const fileOf = (text: string): string => (text.startsWith('\uFEFF') ? text : prelude + text)

const words = (kind: string | symbol): string => (typeof kind === 'symbol' ? kind.description! : JSON.stringify(kind))

test('there are at least 150 of them', () => expect(new Set(hostileLines.map(([text]) => text)).size).toBeGreaterThanOrEqual(150))

describe('without Compose: what is a setting, where it stands, and what cannot be read', () => {
  test.each(hostileLines.map((row) => [row[0], words(row[1]), row] as const))('%j is %s', (text, _, [, a, b]) => {
    const { entries, malformed } = readLines(fileOf(text))
    expect(malformed.length > 0).toBe(a === refused || a === strict)
    if (a === refused || a === strict) return
    const names = entries.map(({ name }) => name)
    expect(names.includes('A')).toBe(a !== unset)
    expect(names.includes('B')).toBe(b !== undefined)
  })
})

/** The same line for other names, so that many go into one file. */
const forNumber = ([text, , b]: HostileLine, index: number): string =>
  text.replaceAll(b === undefined ? /(^|\n)([ \t]*(?:export[ \t]+)?)(A)(?=[ \t]*[=:])/g : /(^|\n)([ \t]*(?:export[ \t]+)?)([AB])(?=[ \t]*[=:])/g, `$1$2$3_${index}`).replaceAll(/\$\{A(?=[}:])/g, `\${A_${index}`)

const isTaken = ([text, a]: HostileLine): boolean => typeof a === 'string' && !text.startsWith('\uFEFF')

describe.each(composes)('with Compose %s', (_, path) => {
  useCompose(path)

  test('a value is what Compose puts in', async () => {
    const taken = hostileLines.filter((row) => isTaken(row))
    const text = prelude + taken.map((row, index) => `${forNumber(row, index)}\n`).join('')
    const wanted = Object.fromEntries(taken.flatMap(([, a, b], index) => [[`A_${index}`, a as string], ...(b === undefined ? [] : [[`B_${index}`, b]])])) as Record<string, string>
    const [theirs, ours] = await Promise.all([ask(path, text, Object.keys(wanted)), weSay(text)])
    expect(theirs.values).toEqual(wanted)
    expect(ours.values).toMatchObject(wanted)
    expect({ refusal: ours.refusal, unanswered: ours.unanswered, malformed: ours.malformed }).toEqual({ malformed: [] })
  }, 60_000)

  test('what Compose refuses, we refuse, on its line; and what we refuse beside that is what nobody means', async () => {
    await forEach(hostileLines.filter((row) => !isTaken(row)), async ([line, a]) => {
      const text = fileOf(line)
      const [theirs, ours] = await Promise.all([ask(path, text, ['X', 'A']), weSay(text)])
      if (a === unset || typeof a === 'string') {
        expect([line, theirs.isRefused, theirs.values.A]).toEqual([line, false, a === unset ? undefined : a])
        expect([line, ours.values.A]).toEqual([line, a === unset ? undefined : a])
        return
      }
      // What nobody means, one Compose refuses and the other does not.
      if (a !== strict) expect([line, theirs.isRefused]).toEqual([line, true])
      const errors = [...ours.malformed.map((one) => one.line), ...(ours.refusal ? [ours.refusal.line] : [])]
      expect([line, errors.length > 0]).toEqual([line, true])
      // A quote that is never closed is an error of the line that opens it, not of the end of the file.
      if (a === reference) expect([line, ours.refusal?.line]).toEqual([line, 3])
      // What is no text at all is said of the file.
      else if (!text.includes('\0')) expect([line, errors[0]! >= 3 && errors[0]! <= Math.max(3, theirs.line ?? 3)]).toEqual([line, true])
    })
  }, 120_000)

  test('files made at random are read alike', async () => {
    const seeds = Array.from({ length: Number(process.env.TEST_RANDOM_FILES ?? 30) }, (__, index) => index + 1)
    let taken = 0
    await forEach(seeds, async (seed) => {
      const { text, names, lineOfMark } = randomFile(seed)
      const [theirs, ours] = await Promise.all([ask(path, text, names), weSay(text)])
      const about = `file ${seed}: ${JSON.stringify(text)}`
      expect(ours.unanswered, about).toBeUndefined()
      if (theirs.isRefused) return expect(ours.malformed.length > 0 || ours.refusal, about).toBeTruthy()
      // Stricter than Compose in two things alone.
      if (ours.malformed.length > 0) {
        for (const { message } of ours.malformed) expect(message, about).toMatch(/neither a setting nor a comment|text after its closing quote|never closed/)
        return
      }
      taken += 1
      expect(ours.values, about).toEqual(theirs.values)
      for (const { name, line } of new Map(ours.entries.map((entry) => [entry.name, entry])).values()) {
        const [mark] = /<\d+>/.exec(theirs.values[name] ?? '') ?? []
        if (mark) expect([name, line, about]).toEqual([name, lineOfMark.get(mark), about])
      }
    })
    // Files of which hardly one is read prove little.
    expect(taken / seeds.length).toBeGreaterThan(0.25)
  }, 600_000)
})
