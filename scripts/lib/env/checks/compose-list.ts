/** What may be wrong with COMPOSE_FILE: a name that leads to no file, and overlays that miss what they change. Pure. */
import { basename } from 'node:path'
import type { Entry } from '../file.ts'
import { finding } from '../finding.ts'
import type { Finding, Values } from '../finding.ts'
import { nearest } from '../../words.ts'
import type { Rule, Subject } from './subject.ts'

const separatorOf = ({ COMPOSE_PATH_SEPARATOR }: Values): string => COMPOSE_PATH_SEPARATOR || ':'

/** The files that COMPOSE_FILE names. */
const filesOf = (values: Values): string[] => (values.COMPOSE_FILE ?? '').split(separatorOf(values))

/** A list that was written with another sign than the one that separates. */
const otherSign = /(?<=\.ya?ml)\s*([,;:|\s])\s*(?=\S)/g

type Advice = Pick<Finding, 'message' | 'hint'>

/** Why a name of the list leads nowhere, and what was probably meant. */
function advice(name: string, own: Values, here: readonly string[], isFolder: boolean): Advice {
  const [separator, files] = [separatorOf(own), filesOf(own)]
  const sign = JSON.stringify(separator)
  const whole = (names: readonly string[]): string => `COMPOSE_FILE=${names.join(separator)}`
  const message = `COMPOSE_FILE names ${name}, which is not there.`
  if (name === '') return { message: `COMPOSE_FILE has a ${sign} too many.`, hint: whole(files.filter(Boolean)) }
  if (name.trim() !== name) {
    return { message: `COMPOSE_FILE has a blank beside a name, and takes it for a part of that: ${JSON.stringify(name)}.`, hint: whole(files.map((file) => file.trim())) }
  }
  if (isFolder) return { message: `COMPOSE_FILE names ${name}, which is a folder.`, hint: 'Name the file in it.' }
  if (name.search(otherSign) !== -1) {
    return { message, hint: `The files are separated by ${sign} (COMPOSE_PATH_SEPARATOR): ${whole(files).replaceAll(otherSign, separator)}` }
  }
  if (/^extras\/\w[^/]*\//.test(name)) return { message, hint: `Take it out, if that extra was deleted: ${whole(files.filter((file) => file !== name))}` }
  const meant = nearest(name, here)
  return { message, hint: meant ? `Did you mean ${meant}?` : 'Correct the name: the files are seen from this folder.' }
}

/**
 * A file of COMPOSE_FILE that is not there, from what Compose says about it.
 *
 * @param own what the file says about Compose itself
 * @param here the Compose files of this folder
 */
export function explainMissingFile(stderr: string, entries: readonly Entry[], own: Values, here: readonly string[]): Finding | undefined {
  const [, path, reason] = /(?:stat|open|read) (.+): (no such file or directory|is a directory)/.exec(stderr) ?? []
  const entryOf = (setting: string): Entry | undefined => entries.findLast(({ name }) => name === setting)
  const [entry, separator] = [entryOf('COMPOSE_FILE'), entryOf('COMPOSE_PATH_SEPARATOR')]
  if (path === undefined || !entry) return undefined
  const isFolder = reason === 'is a directory'
  const named = filesOf(own).filter((file) => (file === '' ? isFolder : basename(file) === basename(path)))
  // Overlays of several folders may have one name: the longest that the path ends with is meant.
  const name = named.toSorted((a, b) => b.length - a.length).find((file) => path.endsWith(`/${file}`)) ?? named[0]
  if (name === undefined) return undefined
  const sign = [...name.matchAll(otherSign)][0]?.[1]
  if (sign === ':' && separator) {
    const message = `COMPOSE_PATH_SEPARATOR is ${JSON.stringify(separatorOf(own))}, and ":" stands between the files of COMPOSE_FILE.`
    return finding('E37', { line: separator.line, setting: separator.name, message, hint: 'COMPOSE_PATH_SEPARATOR=:' })
  }
  return finding('E37', { line: entry.line, setting: entry.name, ...advice(name, own, here, isFolder) })
}

/** Which of our overlays it is, if one. */
const overlayOf = (file: string): string | undefined => /^compose\.(override|production)\.ya?ml$/.exec(basename(file))?.[1]

/** An overlay of ours in front of what it changes. Behind a file of another name it may be right. */
function misplaced(values: Values): Advice | undefined {
  const files = filesOf(values)
  const base = files.find((file) => /^compose\.ya?ml$/.test(basename(file)))
  const overlay = files.slice(0, base === undefined ? 1 : files.indexOf(base)).find((file) => overlayOf(file) !== undefined)
  if (overlay === undefined) return undefined
  const hint = `COMPOSE_FILE=${[base ?? 'compose.yaml', ...files.filter((file) => file !== base)].join(separatorOf(values))}`
  const place = base === undefined ? 'without compose.yaml' : `before ${base}`
  return { message: `COMPOSE_FILE names ${overlay} ${place}, which it changes.`, hint }
}

/** Then what Compose makes of its files says nothing about the stack that is meant. */
export const isMisplaced = (values: Values): boolean => misplaced(values) !== undefined

const found = ({ lineOf }: Subject, code: 'E74' | 'E75', advised: Advice): Finding =>
  finding(code, { line: lineOf.get('COMPOSE_FILE'), setting: 'COMPOSE_FILE', ...advised })

const withoutBase: Rule = (subject) => {
  const advised = misplaced(subject.values)
  return advised ? [found(subject, 'E74', advised)] : []
}

/** The files of development and of production undo each other. */
const bothOverlays: Rule = (subject) => {
  const files = filesOf(subject.values)
  const [override, production] = ['override', 'production'].map((name) => files.find((file) => overlayOf(file) === name))
  if (override === undefined || production === undefined) return []
  const message = `COMPOSE_FILE names both ${override} and ${production}: production would run the mounted source, and restart on every change.`
  const whole = files.filter((file) => file !== override).join(separatorOf(subject.values))
  return [found(subject, 'E75', { message, hint: `For production: COMPOSE_FILE=${whole}` })]
}

export const listRules: readonly Rule[] = [withoutBase, bothOverlays]
