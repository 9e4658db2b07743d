/** Rules about the file itself, whatever its settings mean. */
import { typed } from '../addressed.ts'
import { finding } from '../finding.ts'
import { interpolate } from '../interpolate.ts'
import { holdsSecret, isSecret } from '../secrets.ts'
import { given } from './subject.ts'
import type { Rule, Subject } from './subject.ts'

const unreadable: Rule = ({ lines, refusals = [] }) => {
  const ours = lines.malformed.map(({ line, name, problem, hint }) =>
    finding('E01', { line, setting: name, message: problem, hint }))
  // Compose stops at the first line that it cannot read. Unless it names a setting, that is one of ours.
  const theirs = refusals.filter(({ code, setting }) => code !== 'E01' || setting !== null || ours.length === 0)
  return [...ours, ...theirs]
}

const duplicated: Rule = ({ lines }) => {
  const first = new Map<string, number>()
  return lines.entries.flatMap(({ name, line }) => {
    const earlier = first.get(name)
    if (earlier === undefined) {
      first.set(name, line)
      return []
    }
    const message = `${name} is set twice: line ${earlier} has it too, and only the last one counts.`
    return [finding('E02', { line, setting: name, message, hint: 'Delete one of the lines.' })]
  })
}

/** A reading for the message; of what may be a secret nothing is shown. */
export const shown = (name: string, value: string, { schema, values }: Subject): string | undefined =>
  isSecret(name, value, schema, values) || holdsSecret(value, schema, values) ? undefined : JSON.stringify(value)

const otherReading: Rule = (subject) => {
  const { lines, values, second, lineOf } = subject
  if (!second) return []
  return lines.entries.flatMap(({ name, line }) => {
    const [ours, theirs] = [values[name], second[name]]
    // What is there twice has its own finding.
    if (ours === undefined || ours === theirs || lineOf.get(name) !== line) return []
    // ${NAME} is how settings refer to each other, and documented as Compose's own.
    const isReference = theirs !== undefined && /\$\{/.test(theirs) && interpolate(theirs.replaceAll(/\$(?!\{)/g, '$$$$'), values) === ours
    if (isReference) return []
    const one = shown(name, ours, subject)
    const other = theirs === undefined ? 'nothing at all' : shown(name, theirs, subject)
    const isOpen = one !== undefined && other !== undefined
    const readings = isOpen ? `: Compose reads ${one}, dotenv ${other}` : ' by Compose than by dotenv'
    const message = `${name} is read otherwise${readings}.`
    return [finding('W03', { line, setting: name, message, hint: 'Put the value in single quotes. A $ that is meant needs no second one there.' })]
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

const readableByOthers: Rule = (subject) => {
  const { mode, tracked: isTracked } = subject.machine ?? {}
  if (mode === undefined || (mode & 0o077) === 0 || isTracked || !hasSecrets(subject)) return []
  const message = `Others on this machine may read the file and the secrets in it (mode ${(mode & 0o777).toString(8)}).`
  return [finding('W07', { line: 1, message, hint: `chmod 600 ${nameOf(subject)}` })]
}

export const fileRules: readonly Rule[] = [
  unreadable, duplicated, otherReading, unusualForm, windowsText, tracked, readableByOthers,
]
