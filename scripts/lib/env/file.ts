/**
 * The text of an env file: where each setting stands, which lines cannot be read, and what a value refers to. Compose
 * decides what a value means (values.ts); this has to agree with it on where a value begins and ends. Pure.
 */
import type { Found } from './subject.ts'

/** One setting as it stands in the file. Lines count from 1. */
export interface Entry {
  name: string
  line: number
  /** The text after the separator; for a quoted value, without the comment behind it. */
  raw: string
}

export type EnvLines = ReturnType<typeof readLines>

/** `NAME=`, and what else Compose reads as that: `export NAME=`, `NAME: ` and blanks around the sign. */
const assignment = /^(?:export\s+)?(?<name>[\p{L}\p{N}_.[\]-]+)[ \t]*[=:][ \t]*(?<raw>.*)$/su

/** A value in quotes, perhaps over several lines. A backslash escapes a quote; to Compose a backtick is none. */
const quotedValue = /^(["'])(?:\\[^]|(?!\1)[^\\])*\1/

const isQuoted = (raw: string): boolean => /^["']/.test(raw)

const withoutComment = (raw: string): string => (isQuoted(raw) ? raw : raw.replace(/\s#.*$/, ''))

/** The value without quotes and comment. Compose decides what its escapes and references mean. */
export const unquoted = (raw: string): string => (isQuoted(raw) ? raw.slice(1, -1) : withoutComment(raw).trim())

/** Finds the settings of an env file, and the malformed lines, which are neither a setting nor a comment. */
export function readLines(text: string) {
  const entries: Entry[] = []
  // Their text is never repeated: it may be half a secret.
  const malformed: Found[] = []
  const refuse = (line: number, setting: string | undefined, message: string, hint: string): void =>
    void malformed.push({ code: 'E01', line, setting, message, hint })
  // PowerShell's ">" writes UTF-16: one finding says more than one for every line.
  if (/[\0\uFFFD]/.test(text)) {
    refuse(1, undefined, 'The file is not UTF-8 text.', 'Save it as UTF-8 in your editor.')
    return { entries, malformed }
  }
  // trim() also takes the byte order mark and the \r of CRLF, as Compose does.
  const lines = text.split('\n').map((line) => line.trim())
  for (let line = 1; line <= lines.length; line += 1) {
    const content = lines[line - 1]!
    if (content === '' || content.startsWith('#')) continue
    const { name, raw } = assignment.exec(content)?.groups ?? {}
    if (name === undefined || raw === undefined) {
      refuse(line, name, 'This line is neither a setting nor a comment.',
        'Write NAME=value, with letters, digits and underscores in the name; or put a # in front.')
      continue
    }
    const following = [raw, ...lines.slice(line)].join('\n')
    const value = isQuoted(raw) ? quotedValue.exec(following)?.[0] : raw
    if (value === undefined || !/^[^\S\n]*(#|\n|$)/.test(following.slice(value.length))) {
      // A value that "ends" at the opening quote of a later setting has lost its own closing quote.
      const problem = value === undefined || value.includes('\n') ? 'a quote that is never closed' : 'text after its closing quote'
      refuse(line, name, `${name} has ${problem}.`, 'Put one quote at each end of the value; a quote inside is written \\" or \\\'.')
      continue
    }
    entries.push({ name, line, raw: value })
    // A quoted value may go over several lines.
    line += value.split('\n').length - 1
  }
  return { entries, malformed }
}

/** A value written so that every reader of env files takes it literally. */
export const quoteValue = (value: string): string =>
  /^[\w./:@%+,=-]*$/.test(value) ? value : `'${value.replaceAll("'", "\\'")}'`

/** The part of a value that may refer to something: nothing in single quotes, and no escaped $. */
export const referring = (raw: string): string =>
  raw.startsWith("'") ? '' : withoutComment(raw).replaceAll(raw.startsWith('"') ? /\\[\\$]|\$\$/g : '$$', '')

/** The names that a value needs: `$NAME` and `${NAME}`, but none that has a default or is in one. */
function needed(raw: string): string[] {
  const plain = referring(raw).replaceAll(/\$\{\w+:?[-+?](?:[^{}]|\{[^{}]*\})*\}/g, '')
  return [...plain.matchAll(/\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g)].map(([, bare, braced]) => (bare ?? braced)!)
}

/** References that lead nowhere, by setting. Compose reads from the top: a setting can only refer to lines above it. */
export function lostReferences({ entries, malformed }: EnvLines): Map<string, string[]> {
  // The value of a line that cannot be read is unknown; a finding for that line says so.
  const above = new Set(malformed.map(({ setting }) => setting))
  return new Map(entries.flatMap(({ name, raw }): [string, string[]][] => {
    const lost = needed(raw).filter((other) => !above.has(other))
    above.add(name)
    return lost.length > 0 ? [[name, lost]] : []
  }))
}
