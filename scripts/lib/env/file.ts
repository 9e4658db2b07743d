/**
 * The text of an env file: where each setting stands, which lines nobody can read, and what a value refers to. What a
 * value means is Compose's to say (values.ts); this has to agree with it on where a value begins and ends. Pure.
 */

/** One setting as it stands in the file. Lines count from 1. */
export interface Entry {
  name: string
  line: number
  /** Differs from `line` when a quoted value goes over several lines. */
  lastLine: number
  /** What stands after the separator; of a quoted value without the comment behind it. */
  raw: string
}

/** A line that is neither a setting nor a comment. Its text is never repeated: it may be half a secret. */
export interface MalformedLine {
  line: number
  name: string | undefined
  problem: string
  hint: string
}

export interface EnvLines {
  entries: Entry[]
  malformed: MalformedLine[]
}

/** `NAME=`, and what else Compose reads as that: `export NAME=`, `NAME: ` and blanks around the sign. */
const assignment = /^(?:export\s+)?(?<name>[\p{L}\p{N}_.[\]-]+)[ \t]*[=:][ \t]*(?<raw>.*)$/su

/** A value in quotes, perhaps over several lines. A backslash keeps a quote from closing; a backtick is no quote to Compose. */
const quotedValue = /^(["'])(?:\\[^]|(?!\1)[^\\])*\1/

/** True when the value begins with a quote. */
export const isQuoted = (raw: string): boolean => /^["']/.test(raw)

/** The value without quotes and comment. What its escapes and references mean, Compose says. */
export const unquoted = (raw: string): string => (isQuoted(raw) ? raw.slice(1, -1) : raw.replace(/\s#.*$/, '').trim())

/** Finds the settings and the malformed lines of an env file. */
export function readLines(text: string): EnvLines {
  const entries: Entry[] = []
  const malformed: MalformedLine[] = []
  // PowerShell's ">" writes UTF-16: one finding says more than one for every line.
  if (/[\0\uFFFD]/.test(text)) {
    malformed.push({ line: 1, name: undefined, problem: 'The file is not UTF-8 text.', hint: 'Save it as UTF-8 in your editor.' })
    return { entries, malformed }
  }
  // trim() also takes the byte order mark and the \r of CRLF, as Compose does.
  const lines = text.split('\n').map((line) => line.trim())
  for (let line = 1; line <= lines.length; line += 1) {
    const content = lines[line - 1]!
    if (content === '' || content.startsWith('#')) continue
    const { name, raw } = assignment.exec(content)?.groups ?? {}
    if (name === undefined || raw === undefined) {
      const hint = 'Write NAME=value, with letters, digits and underscores in the name; or put a # in front.'
      malformed.push({ line, name, problem: 'This line is no setting and no comment.', hint })
      continue
    }
    const following = [raw, ...lines.slice(line)].join('\n')
    const value = isQuoted(raw) ? quotedValue.exec(following)?.[0] : raw
    if (value === undefined || !/^[^\S\n]*(#|\n|$)/.test(following.slice(value.length))) {
      // A value that "ends" at the opening quote of a later setting has lost its own closing quote.
      const problem = value === undefined || value.includes('\n') ? 'a quote that is never closed' : 'text after its closing quote'
      const hint = 'Put one quote at each end of the value; a quote inside is written \\" or \\\'.'
      malformed.push({ line, name, problem: `${name} has ${problem}.`, hint })
      continue
    }
    const lastLine = line + value.split('\n').length - 1
    entries.push({ name, line, lastLine, raw: value })
    line = lastLine
  }
  return { entries, malformed }
}

/** A value written so that every reader of env files takes it literally. */
export const quoteValue = (value: string): string =>
  /^[\w./:@%+,=-]*$/.test(value) ? value : `'${value.replaceAll("'", "\\'")}'`

/** `${NAME}`, `${NAME:-default}` … as Compose understands them. */
export interface Reference {
  name: string
  /** `:-`, `-`, `:+`, `+`, `:?`, `?`, or empty. */
  operator: string
  /** What stands behind the operator, references in it included. */
  word: string
}

/** The text up to the brace that closes the one before it; references may lie in each other. */
function upToBrace(text: string): string {
  let depth = 1
  for (let index = 0; index < text.length; index += 1) {
    if (text.startsWith('${', index)) depth += 1
    else if (text[index] === '}') depth -= 1
    if (depth === 0) return text.slice(0, index)
  }
  return text
}

/** Every reference in the text, those in the words of others included. `$$` is a $ that is meant. */
export function references(text: string): Reference[] {
  const found = text.matchAll(/\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(:?[-+?]|(?=\})))/g)
  return [...found].flatMap(({ 0: whole, 1: bare, 2: braced, 3: operator = '', index }) => {
    if (bare !== undefined) return { name: bare, operator, word: '' }
    return braced === undefined ? [] : { name: braced, operator, word: upToBrace(text.slice(index + whole.length)) }
  })
}
