/** Rules about the file itself, whatever its settings mean. */
import { basename } from 'node:path'
import { typed } from '../../words.ts'
import type { Entry } from '../file.ts'
import { fits } from '../types.ts'
import { finding } from '../finding.ts'
import { interpolate } from '../interpolate.ts'
import { holdsSecret, isSecret } from '../shown.ts'
import { isCommand } from './placeholders.ts'
import { needed } from './references.ts'
import { given } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

const unreadable: Rule = ({ lines, refusals = [] }) => {
  const ours = lines.malformed.map(({ line, name, problem, hint }) =>
    finding('E01', { line, setting: name, message: problem, hint }))
  // Compose stops at the first line that it cannot read. Unless it names a setting, that is one of ours.
  const theirs = refusals.filter(({ code, setting }) => code !== 'E01' || setting !== null || ours.length === 0)
  return [...ours, ...theirs]
}

const empty: Rule = ({ lines: { entries, malformed } }) =>
  entries.length + malformed.length > 0 ? [] : [finding('E76', { message: 'There is no setting in the file.', hint: 'npm run env -- --init adds what is missing.' })]

/** So many settings are not repeated one by one: then two files have become one. */
const fewDuplicates = 5

const duplicated: Rule = ({ lines }) => {
  const first = new Map<string, number>()
  const again = lines.entries.flatMap(({ name, line }) => {
    const earlier = first.get(name)
    if (earlier !== undefined) return [{ name, line, earlier }]
    first.set(name, line)
    return []
  })
  if (again.length > fewDuplicates) {
    const { line } = again[0]!
    const message = `${again.length} settings are set twice, from line ${line} on, and only the last of each counts.`
    return [finding('E02', { line, message, hint: 'Has a second file been put behind the first? Delete one of the two.' })]
  }
  return again.map(({ name, line, earlier }) => {
    const message = `${name} is set twice: line ${earlier} has it too, and only the last one counts.`
    return finding('E02', { line, setting: name, message, hint: 'Delete one of the lines.' })
  })
}

/** A reading for the message; of what may be a secret nothing is shown. */
export const shown = (name: string, value: string, { schema, values }: Subject): string | undefined =>
  isSecret(name, value, schema, values) || holdsSecret(value, schema, values) ? undefined : JSON.stringify(value)

/** How to write it so that every reader takes it alike. */
function remedyOf({ raw }: Entry): string {
  if (raw.startsWith("'")) return 'Write it without a single quote and without a backslash.'
  return raw.includes('$$') ? 'Put the value in single quotes, with one $ for every two.' : 'Put the value in single quotes.'
}

/** What is found elsewhere: the name is there twice, the value has the wrong form, or a reference in it leads nowhere. */
function isToldElsewhere({ name, line }: Entry, value: string, { lineOf, schema, strays }: Subject): boolean {
  const { type, sensitive } = schema.byName.get(name) ?? {}
  const isMisshapen = type !== undefined && value !== '' && !fits(value, type)
  return lineOf.get(name) !== line || strays.has(name) || isMisshapen || (sensitive === true && isCommand(value))
}

/** ${NAME} is how settings refer to each other, and documented as Compose's own. */
const isReference = (ours: string, theirs: string | undefined, { values }: Subject): boolean =>
  theirs !== undefined && /\$\{/.test(theirs) && interpolate(theirs.replaceAll(/\$(?!\{)/g, '$$$$'), values) === ours

const otherReading: Rule = (subject) => {
  const { lines, values, second } = subject
  if (!second) return []
  return lines.entries.flatMap((entry) => {
    const { name, line } = entry
    const [ours, theirs] = [values[name], second[name]]
    if (ours === undefined || ours === theirs || isToldElsewhere(entry, ours, subject) || isReference(ours, theirs, subject)) return []
    const bare = needed(entry).filter((other) => theirs?.includes(`$${other}`))
    if (bare.length > 0) {
      const message = `${name} refers to ${bare.join(', ')} without braces, the form that fewer readers know.`
      return [finding('W03', { line, setting: name, message, hint: `Write ${bare.map((other) => `\${${other}}`).join(', ')}.` })]
    }
    const one = shown(name, ours, subject)
    const other = theirs === undefined ? 'nothing at all' : shown(name, theirs, subject)
    const isOpen = one !== undefined && other !== undefined
    const readings = isOpen ? `: Compose reads ${one}, dotenv ${other}` : ' by Compose than by dotenv'
    return [finding('W03', { line, setting: name, message: `${name} is read otherwise${readings}.`, hint: remedyOf(entry) })]
  })
}

/** The line as it is written, up to the value. */
const unusualForm: Rule = ({ text, lines }) => {
  const written = text.replace(/^\uFEFF/, '').split('\n')
  return lines.entries.flatMap(({ name, line }) => {
    const content = written[line - 1]!.trim()
    const form = content.startsWith('export') && !content.startsWith(`${name}=`)
      ? '"export" in front'
      : { ':': 'a colon', ' ': 'blanks around the sign', '\t': 'blanks around the sign' }[content.charAt(name.length)]
        ?? (/^=[ \t]+\S/.test(content.slice(name.length)) ? 'blanks around the sign' : undefined)
    if (form === undefined) return []
    return [finding('W04', { line, setting: name, message: `${name} is written with ${form}, which not every reader takes.`, hint: `Write ${name}=value.` })]
  })
}

/** A quote of a word processor. Where the value has another form than text, it is the form that is wrong. */
const typographicQuote: Rule = ({ schema, lines, values }) =>
  lines.entries.flatMap(({ name, line, raw }) => {
    const [quote] = /^[\u00AB\u00BB\u2018-\u201F]/.exec(raw) ?? []
    const type = schema.byName.get(name)?.type
    if (quote === undefined || (type && !fits(values[name] ?? '', type))) return []
    const message = `${name} begins with ${quote}, which is no quote to any reader: it becomes a part of the value.`
    return [finding('W78', { line, setting: name, message, hint: "Write ' at both ends of the value, or no quote at all." })]
  })

const leadingZero: Rule = (subject) =>
  given(subject).filter(({ setting: { type }, value }) => type.form === 'port' && /^0+[1-9]/.test(value)).map(({ setting: { name }, line, value }) =>
    finding('W79', { line, setting: name, message: `${name} has a zero in front: some programs take such a number for an octal one.`, hint: `${name}=${value.replace(/^0+/, '')}` }))

const nameOf = ({ file = '.env.docker' }: Subject): string => typed(file)

const windowsText: Rule = (subject) => {
  const { text, lines } = subject
  if (lines.malformed.some(({ problem }) => problem.includes('UTF-8'))) return []
  const marks = [...(text.startsWith('\uFEFF') ? ['a byte order mark'] : []), ...(text.includes('\r\n') ? ['line endings of Windows'] : [])]
  if (marks.length === 0) return []
  const hint = String.raw`Save it as UTF-8 without a mark and with LF; or: sed -i 's/\r$//; 1s/^\xEF\xBB\xBF//' ${nameOf(subject)}`
  return [finding('W05', { line: 1, message: `The file has ${marks.join(' and ')}, which other readers make part of a name or a value.`, hint })]
}

/** Is there something in the file that nobody else may have? The example's own secrets are everybody's. */
export const hasSecrets = (subject: Subject): boolean =>
  given(subject).some(({ setting: { sensitive, type, name }, value }) => {
    const raw = subject.rawOf.get(name) ?? ''
    const isOwn = value !== '' && !value.includes('local-only') && !raw.includes('${')
    return sensitive && isOwn && (type.form !== 'url' || /:\/\/[^/]*@/.test(value))
  })

const tracked: Rule = (subject) => {
  if (!subject.machine?.tracked || !hasSecrets(subject)) return []
  const hint = `git rm --cached ${nameOf(subject)}, and name it in .gitignore. Then change the secrets: the history has them.`
  return [finding('E06', { line: 1, message: 'Git tracks this file, and there are secrets in it.', hint })]
}

const notIgnored: Rule = (subject) => {
  const { tracked: isTracked, ignored } = subject.machine ?? {}
  if (isTracked !== false || ignored !== false || !hasSecrets(subject)) return []
  const message = 'Git does not ignore this file, and there are secrets in it: the next "git add ." takes them along.'
  return [finding('W77', { line: 1, message, hint: `Add this line to .gitignore: ${basename(subject.file ?? '.env.docker')}` })]
}

const readableByOthers: Rule = (subject) => {
  const { mode, tracked: isTracked } = subject.machine ?? {}
  if (mode === undefined || (mode & 0o077) === 0 || isTracked || !hasSecrets(subject)) return []
  const message = `Others on this machine may read the file and the secrets in it (mode ${(mode & 0o777).toString(8)}).`
  return [finding('W07', { line: 1, message, hint: `chmod 600 ${nameOf(subject)}` })]
}

export const fileRules: readonly Rule[] = [
  unreadable, empty, duplicated, otherReading, unusualForm, windowsText, typographicQuote, leadingZero, tracked, notIgnored, readableByOthers,
]
