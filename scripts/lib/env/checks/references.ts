/**
 * References in the file that lead nowhere. Compose reads from above: what a setting refers to has to stand there. What is
 * lost makes every other rule see a mistake that is none, so such a setting is judged here alone.
 */
import type { EnvLines, Entry } from '../file.ts'
import { isQuoted } from '../file.ts'
import type { Schema } from '../schema.ts'
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { references } from '../interpolate.ts'
import { nearest } from '../../words.ts'
import type { Rule, Subject } from './subject.ts'

/** What of the value refers to something: no comment, nothing in single quotes, and no $ that is escaped. */
function referring({ raw }: Entry): string {
  if (raw.startsWith("'")) return ''
  return raw.startsWith('"') ? raw.replaceAll(/\\[\\$]/g, '') : raw.replace(/\s#.*$/s, '')
}

/** The names that the entry cannot do without: not those with a word in case of need, nor those in such a word. */
export function needed(entry: Entry): string[] {
  if (!entry.raw.includes('$')) return []
  const all = references(referring(entry))
  const inWords = new Set(all.flatMap(({ word }) => references(word).map(({ name }) => name)))
  return [...new Set(all.filter(({ name, operator }) => operator === '' && !inWords.has(name)).map(({ name }) => name))]
}

/** Would it be empty there as well? Then nothing is lost. */
function isEmptyAnyway(name: string, { entries }: EnvLines, { byName }: Schema): boolean {
  const own = entries.find((entry) => entry.name === name)?.raw ?? byName.get(name)?.value
  return own === '' || own === "''" || own === '""'
}

/** Can the name of a setting be meant as a reference only? A command may have one for the shell in the container. */
const isNoText = ({ name, raw }: Entry, { byName }: Schema): boolean => {
  const { type, sensitive } = byName.get(name) ?? {}
  return type !== undefined && (type.form !== 'string' || (sensitive === true && /^'\$\{\w+\}'$/.test(raw)))
}

/** Names of settings in braces that are no references, because of single quotes or for want of a $. */
function literal(entry: Entry, { entries }: EnvLines, schema: Schema): string[] {
  if (!isNoText(entry, schema)) return []
  const { raw } = entry
  const written = raw.startsWith("'") ? references(raw).map((reference) => reference.name) : []
  const bare = [...raw.matchAll(/(?<!\$)\{(\w+)\}/g)].map(([, other]) => other!)
  return [...new Set([...written, ...bare])].filter((other) => schema.byName.has(other) || entries.some(({ name }) => name === other))
}

export interface Stray {
  entry: Entry
  /** What is not set above it. */
  names: readonly string[]
  /** What was meant as a reference, and is text. */
  literals: readonly string[]
}

/** The settings with such references, by name. */
export function straysOf(lines: EnvLines, schema: Schema): Map<string, Stray> {
  // Of a line that cannot be read the value is not known; that is told there.
  const above = new Set(lines.malformed.map(({ name }) => name))
  return new Map(lines.entries.flatMap((entry): [string, Stray][] => {
    const names = needed(entry).filter((name) => !above.has(name) && !isEmptyAnyway(name, lines, schema))
    const literals = literal(entry, lines, schema)
    above.add(entry.name)
    return names.length + literals.length > 0 ? [[entry.name, { entry, names, literals }]] : []
  }))
}

const list = (names: readonly string[]): string => [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ')
const braced = (names: readonly string[]): string => list(names.map((name) => `\${${name}}`))

/** May the name be shown? In a password the $ may be meant, and what follows is a piece of it. */
const isShown = (name: string, { name: setting, raw }: Entry, { byName }: Schema): boolean =>
  byName.get(setting)?.sensitive === false || (raw.includes(`\${${name}}`) ? /^[A-Za-z]+(_[A-Za-z\d]+)+$/ : /^[A-Z]+(_[A-Z\d]+)+$/).test(name)

function textInBraces({ entry: { name, line, raw }, literals }: Stray): Finding {
  if (!raw.startsWith("'")) {
    const message = `${name} has ${list(literals.map((one) => `{${one}}`))} without a $ in front, which is no reference.`
    return finding('E80', { line, setting: name, message, hint: `Write ${braced(literals)}.` })
  }
  const message = `${name} is in single quotes, in which ${braced(literals)} is no reference.`
  const hint = /[\s#]/.test(raw) ? 'Put the value in double quotes instead.' : 'Take the quotes away.'
  return finding('E80', { line, setting: name, message, hint })
}

/** All names in `lower` stand further down. */
function tooLow({ entry: { name, line } }: Stray, lower: readonly Entry[]): Finding {
  const names = lower.map((entry) => entry.name)
  const message = `${name} refers to ${list(names)}, which ${names.length > 1 ? 'have' : 'has'} no value above it.`
  const [last] = lower.toSorted((a, b) => b.line - a.line)
  const where = names.length > 1 ? `The last of them is ${last!.name} on line ${last!.line}` : `It stands on line ${last!.line}`
  return finding('E80', { line, setting: name, message, hint: `${where}: move ${name} below it.` })
}

function unset({ entry }: Stray, name: string, { schema, lines }: Subject): Finding {
  const { name: setting, line } = entry
  const message = `${setting} refers to ${name}, which has no value above it.`
  if (name === setting) return finding('E80', { line, setting, message: `${setting} refers to itself, and has no value above.`, hint: 'Write the value itself.' })
  const declared = schema.byName.get(name)
  if (declared) {
    const sample = declared.sensitive || declared.value.includes('$') ? '' : `: ${declared.assignment}`
    return finding('E80', { line, setting, message, hint: `Set ${name} above it${sample} (npm run env -- --init adds what is missing).` })
  }
  const isOpen = isShown(name, entry, schema)
  const meant = isOpen ? nearest(name, [...lines.entries.map((other) => other.name), ...schema.byName.keys()].filter((other) => other !== setting)) : undefined
  if (meant) return finding('E80', { line, setting, message, hint: `Did you mean ${meant}?` })
  const quotes = 'put the value in single quotes if the $ is meant.'
  if (isOpen) return finding('W81', { line, setting, message: `${setting} refers to ${name}, which is not set above it: that part is empty.`, hint: `Set ${name} above it, or ${quotes}` })
  const lost = `${setting} has a $ that Compose takes for a reference to a setting that is not there: that part is lost.`
  return finding('W81', { line, setting, message: lost, hint: isQuoted(entry.raw) ? 'Put the value in single quotes instead.' : 'Put the value in single quotes.' })
}

/** One finding for each setting: the shell may have what the file has not. */
const stray: Rule = (subject) => {
  const { strays, lines, machine } = subject
  return [...strays.values()].flatMap((one): Finding[] => {
    if (one.literals.length > 0) return [textInBraces(one)]
    const names = one.names.filter((name) => machine?.shell && machine.shell[name] === undefined)
    const lower = names.flatMap((name) => lines.entries.findLast((entry) => entry.name === name && entry.line > one.entry.line) ?? [])
    if (lower.length > 0) return [tooLow(one, lower)]
    return names.slice(0, 1).map((name) => unset(one, name, subject))
  })
}

export const referenceRules: readonly Rule[] = [stray]
