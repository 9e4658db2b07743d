/** Rules about this machine: what its shell says before the file does, and what Compose makes of names. */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import type { Rule } from './subject.ts'

/** What extras/offline/README.md expects from the shell. */
const meantToBeThere = new Set(['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'])

const hidden: Rule = ({ machine, lineOf, values, schema }) =>
  [...lineOf].flatMap(([name, line]): Finding[] => {
    const there = machine?.shell?.[name]
    const isKnown = schema.byName.has(name) || name.startsWith('COMPOSE_')
    if (there === undefined || there === values[name] || values[name] === undefined || meantToBeThere.has(name) || !isKnown) return []
    const message = `${name} is ${there === '' ? 'empty' : 'another value'} in this shell, and the shell's is taken.`
    return [finding('W70', { line, setting: name, message, hint: `unset ${name}` })]
  })

const saysWhichStack: Rule = ({ machine, lineOf }) =>
  ['COMPOSE_FILE', 'COMPOSE_PROFILES', 'COMPOSE_PROJECT_NAME'].flatMap((name): Finding[] => {
    if (machine?.shell?.[name] === undefined || lineOf.has(name)) return []
    return [finding('W71', { setting: name, message: `${name} is set in this shell and not in the file: in another shell it is another stack.`, hint: `unset ${name}, or write it into the file.` })]
  })

const projectName: Rule = ({ lineOf, values }) => {
  const name = values.COMPOSE_PROJECT_NAME
  if (!name || /^[a-z0-9][a-z0-9_-]*$/.test(name)) return []
  const possible = name.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '-').replace(/^[_-]+|-+$/g, '')
  const message = `COMPOSE_PROJECT_NAME is ${JSON.stringify(name)}; Compose takes small letters, digits, - and _, with a letter or a digit first.`
  return [finding('E72', { line: lineOf.get('COMPOSE_PROJECT_NAME'), setting: 'COMPOSE_PROJECT_NAME', message, hint: `For example: COMPOSE_PROJECT_NAME=${possible || 'shop'}` })]
}

export const machineRules: readonly Rule[] = [hidden, saysWhichStack, projectName]
