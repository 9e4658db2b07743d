/**
 * References to settings in a text (`${NAME}`, `${NAME:-default}` …), as Compose understands them: to see which
 * settings a Compose file uses, and to what it comes with the values of an env file. Pure.
 */

export interface Reference {
  name: string
  /** `:-`, `-`, `:+`, `+`, `:?`, `?`, or empty. */
  operator: string
  /** What stands behind the operator, references in it included. */
  word: string
}

type Part = string | Reference

/** Where the brace that is open at `from` is closed, or undefined; references may lie in each other. */
function closingBrace(text: string, from: number): number | undefined {
  let depth = 1
  for (let index = from; index < text.length; index += 1) {
    if (text.startsWith('${', index)) depth += 1
    else if (text[index] === '}') depth -= 1
    if (depth === 0) return index
  }
  return undefined
}

/** The text in pieces: what is literal, with `$$` as one `$`, and what refers to a setting. */
function parts(text: string): Part[] {
  const found: Part[] = []
  const start = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(:?[-+?]|(?=\})))/g
  let from = 0
  for (let match = start.exec(text); match; match = start.exec(text)) {
    const [whole, bare, braced, operator = ''] = match
    const end = braced === undefined ? start.lastIndex : closingBrace(text, start.lastIndex)
    if (end === undefined) continue
    found.push(text.slice(from, match.index))
    if (whole === '$$') found.push('$')
    else if (bare !== undefined) found.push({ name: bare, operator: '', word: '' })
    else found.push({ name: braced!, operator, word: text.slice(start.lastIndex, end) })
    from = braced === undefined ? end : end + 1
    start.lastIndex = from
  }
  return [...found, text.slice(from)]
}

/** Every reference in the text, those in the words of others included. */
export const references = (text: string): Reference[] =>
  parts(text).flatMap((part) => (typeof part === 'string' ? [] : [part, ...references(part.word)]))

/** The text with the values in place of the references; what has none is empty. */
export function interpolate(text: string, values: Readonly<Record<string, string | undefined>>): string {
  return parts(text).map((part) => {
    if (typeof part === 'string') return part
    const value = values[part.name]
    const isThere = part.operator.startsWith(':') ? Boolean(value) : value !== undefined
    if (part.operator.endsWith('+')) return isThere ? interpolate(part.word, values) : ''
    if (part.operator.endsWith('-') && !isThere) return interpolate(part.word, values)
    return value ?? ''
  }).join('')
}
