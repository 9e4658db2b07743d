/** Which line of .dockerignore keeps a file out of a build, by Docker's own rules. Pure. */

export interface Rule {
  /** Counted from one. */
  line: number
  pattern: string
  /** The line begins with "!" and brings back what an earlier one has taken. */
  isException: boolean
  matches: RegExp
}

/** The path that a pattern means, without what changes nothing: `/a/./b/` is `a/b`. */
function clean(pattern: string): string {
  const parts: string[] = []
  for (const part of pattern.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

const escape = (text: string): string => text.replaceAll(/[.*+?^$(){}|[\]\\]/g, String.raw`\$&`)

/** A pattern as an expression for the whole of a path, or of one of the folders above it. */
export function expressionOf(pattern: string): RegExp {
  const tokens = clean(pattern).matchAll(/(\*\*\/)|(\*\*)|(\*)|(\?)|(\[[^\]]+\])|\\(.)|([^*?[\\]+|.)/gs)
  const source = [...tokens].map(([, folders, all, some, one, set, escaped, text]) => {
    if (folders) return '(?:.*/)?'
    if (all) return '.*'
    if (some) return '[^/]*'
    if (one) return '[^/]'
    return set ?? escape(escaped ?? text ?? '')
  })
  return new RegExp(`^${source.join('')}(?:/.*)?$`, 's')
}

/** Reads a .dockerignore. */
export function parseIgnore(text: string): Rule[] {
  return text.split('\n').flatMap((raw, index) => {
    const said = raw.startsWith('#') ? '' : raw.trim()
    const isException = said.startsWith('!')
    const pattern = isException ? said.slice(1).trim() : said
    return clean(pattern) === '' ? [] : [{ line: index + 1, pattern: said, isException, matches: expressionOf(pattern) }]
  })
}

/** The rule that hides a path, seen from the root of the build; undefined for one that is not hidden. The last word counts. */
export function hidingRule(rules: readonly Rule[], path: string): Rule | undefined {
  const last = rules.findLast(({ matches }) => matches.test(path))
  return last?.isException ? undefined : last
}
