/** Rules about lists: every setting has one separator, and another one makes one word of two. */
import { finding } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { given } from './subject.ts'
import type { Rule } from './subject.ts'

interface List {
  of: readonly string[]
  separator: string
  /** What separates two words wrongly. */
  wrong: RegExp
}

const lists: readonly List[] = [
  {
    of: ['APT_PACKAGES', 'APT_BUILD_PACKAGES', 'PYTHON_EXTRAS', 'PYTHON_GROUPS', 'PYTHON_DEV_GROUPS', 'PROD_EXCLUDE', 'TRUSTED_PROXIES'],
    separator: 'blanks', wrong: /\s*[,;]\s*/g,
  },
  { of: ['WORKER_QUEUES', 'NO_PROXY'], separator: 'commas', wrong: /\s*;\s*|(?<=[^\s,])\s+(?=[^\s,])/g },
]

/** Poetry takes its groups with commas as well. */
const isTaken = (name: string, installer: string | undefined): boolean => installer === 'poetry' && name.endsWith('_GROUPS')

const separators: Rule = (subject) => given(subject).flatMap(({ setting: { name }, line, value }): Finding[] => {
  const list = lists.find(({ of }) => of.includes(name))
  const isWrong = list && value.search(list.wrong) !== -1 && !isTaken(name, subject.effective('PYTHON_INSTALLER'))
  if (!isWrong) return []
  const mended = value.replaceAll(list.wrong, list.separator === 'blanks' ? ' ' : ',').trim()
  return [finding('W89', { line, setting: name, message: `${name} is separated by ${list.separator}.`, hint: `${name}=${mended.includes(' ') ? `'${mended}'` : mended}` })]
})

export const separatorRules: readonly Rule[] = [separators]
