/**
 * The lines of an env file: where each setting stands, and which lines nobody can read. What a value means
 * is Compose's to say (values.ts); this only has to agree with it on where a value begins and ends.
 */

/** One setting as it stands in the file. Lines count from 1. */
export interface Entry {
  name: string
  line: number
  /** Differs from `line` when a quoted value goes over several lines. */
  lastLine: number
  /** What stands after the separator, quotes and comment included. */
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

const noSetting = 'Write NAME=value, or put a # in front to make the line a comment.'

/** Where the quote that opens `text` is closed, or undefined. A backslash keeps a quote from closing. */
function closingQuote(text: string): number | undefined {
  for (let index = 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1
    else if (text[index] === text[0]) return index
  }
  return undefined
}

/** True when the value begins with a quote; a backtick is none to Compose. */
export const isQuoted = (raw: string): boolean => raw.startsWith('"') || raw.startsWith("'")

/** How far the quoted value that begins with `raw` goes, or what is wrong with it. */
function quotedValue(raw: string, following: readonly string[]): { raw: string; lines: number } | { problem: string } {
  const closesHere = closingQuote(raw)
  const text = closesHere === undefined ? [raw, ...following].join('\n') : raw
  const end = closesHere ?? closingQuote(text)
  if (end === undefined) return { problem: 'has a quote that is never closed' }
  const rest = text.slice(end + 1).split('\n', 1)[0]!.trim()
  if (rest === '' || rest.startsWith('#')) {
    return { raw: text.slice(0, end + 1), lines: text.slice(0, end).split('\n').length }
  }
  // A value that "ends" at the opening quote of a later setting has lost its own closing quote.
  return { problem: closesHere === undefined ? 'has a quote that is never closed' : 'has text after its closing quote' }
}

/** Finds the settings and the malformed lines of an env file. */
export function readLines(text: string): EnvLines {
  const entries: Entry[] = []
  const malformed: MalformedLine[] = []
  if (/[\0\uFFFD]/.test(text)) {
    // PowerShell's ">" writes UTF-16: one finding says more than one for every line.
    const hint = 'Save it as UTF-8 in your editor.'
    return { entries, malformed: [{ line: 1, name: undefined, problem: 'The file is not UTF-8 text.', hint }] }
  }
  // trim() also takes the byte order mark and the \r of CRLF, as Compose does.
  const lines = text.split('\n').map((line) => line.trim())
  for (let index = 0; index < lines.length; index += 1) {
    const content = lines[index]!
    const line = index + 1
    if (content === '' || content.startsWith('#')) continue
    const { name, raw } = assignment.exec(content)?.groups ?? {}
    if (name === undefined || raw === undefined) {
      const problem = content.includes('=')
        ? 'The name before "=" is not made of letters, digits and underscores alone.'
        : 'This line has no "=" and is no comment.'
      malformed.push({ line, name: undefined, problem, hint: noSetting })
      continue
    }
    if (!isQuoted(raw)) {
      entries.push({ name, line, lastLine: line, raw })
      continue
    }
    const value = quotedValue(raw, lines.slice(index + 1))
    if ('problem' in value) {
      const hint = 'Put one quote at each end of the value; a quote inside is written \\" or \\\'.'
      malformed.push({ line, name, problem: `${name} ${value.problem}.`, hint })
      continue
    }
    entries.push({ name, line, lastLine: index + value.lines, raw: value.raw })
    index += value.lines - 1
  }
  return { entries, malformed }
}

/** A value written so that every reader of env files takes it literally. */
export function quoteValue(value: string): string {
  if (/^[\w./:@%+,=-]*$/.test(value)) return value
  return `'${value.replaceAll("'", "\\'")}'`
}
