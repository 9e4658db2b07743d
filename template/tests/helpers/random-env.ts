/** Random env files, made of what readers have trouble with. The same seed makes the same file. */

export interface RandomFile {
  text: string
  /** Every name that may be in it. */
  names: readonly string[]
  /** Marks such as <7> stand in values; here is the line on which the setting with it begins. */
  lineOfMark: ReadonlyMap<string, number>
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed * 0x9E3779B9
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const names = ['A', 'B', 'C', 'D', 'long_name', 'N1']
const pieces = [
  'a', 'Z', '0', ' ', '  ', '\t', '#', ' #', ' # ', '=', ':', '-', '.', '/', '@', '%', '!', '~', '`', ',', ';', '(', ')', '[', ']', '{', '}', 'é', '日',
  '\\', '\\n', '\\t', '\\\\', '$', '$$', '$A', '${A}', '${B}', '${NONE}', '${NONE:-d}', '${A:+x}', '${NONE:-${B}}', '${B-', '}', '$1', '$(', "'", '"', "\\'", '\\"',
]
const junk = ['# a comment', '#', '', '   ', '#A=1', '\t# x', '', '# "', "# '"]
const broken = ['word', 'A B=1', '!!!', '"']

export function randomFile(seed: number): RandomFile {
  const next = numbers(seed)
  const below = (count: number): number => Math.floor(next() * count)
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!
  const lineOfMark = new Map<string, number>()
  const lines: string[] = []
  /** A value's inside; what would end the quotes is left out most of the time, or hardly a file would be read. */
  const inside = (quote: string): string => Array.from({ length: below(6) }, () => {
    const piece = one(pieces)
    const isRisky = piece === quote || (quote !== '' && piece.endsWith('\\')) || piece === '${B-' || (quote === '' && /^['"]$/.test(piece))
    return isRisky && next() < 0.95 ? 'x' : piece
  }).join('')
  const blocks = 1 + below(7)
  for (let block = 0; block < blocks; block += 1) {
    const dice = next()
    if (dice < 0.2) lines.push(one(junk))
    else if (dice < 0.22) lines.push(one(broken))
    else {
      const quote = one(['', '', '', "'", '"'])
      const sign = one(['=', '=', '=', '=', ' = ', '= ', ' =', ':', ': '])
      const mark = `<${block}>`
      lineOfMark.set(mark, lines.length + 1)
      const middle = quote !== '' && next() < 0.2 ? `${inside(quote)}\n${inside(quote)}` : inside(quote)
      const behind = quote !== '' ? one(['', '', '', ' ', ' # c', '#c']) : one(['', '', ' '])
      const text = `${one(['', '', '', '', 'export ', ' '])}${one(names)}${sign}${quote}${mark}${middle}${quote}${behind}`
      lines.push(...text.split('\n'))
    }
  }
  const end = one(['\n', '\n', '\n', '\r\n'])
  return { text: lines.join(end) + one([end, end, '']), names, lineOfMark }
}
