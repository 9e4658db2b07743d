/** Words of our messages: the name that was meant, URLs without passwords, and commands for another env file. Pure. */
import { distance } from 'fastest-levenshtein'
import { quote } from 'zx/core'

/**
 * The candidate that was probably meant, or undefined when none is close: a wrong guess is worse than none, so at most a
 * third of the letters may differ, and never more than three. Case does not count.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.min(3, Math.floor(word.length / 3))
  return candidates
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ edits }) => edits <= limit)
    .toSorted((a, b) => a.edits - b.edits)[0]?.candidate
}

/** Passwords in URLs become ***. Rather too much than too little: a password may have an @ of its own. */
export const redactUrls = (text: string): string => text.replaceAll(/(:\/\/[^\s:@/'"]*):[^\s'"]+@/g, '$1:***@')

/** Those of our commands that work on a stack. */
const command = /npm run (up|env|doctor|migrate|seed|check-image|copy-database|teardown)\b(?! -- --env-file)(?: --(?= ))?/g

/** The file itself: not the example, nor a copy. */
const ownFile = /\.env\.docker(?!\.?[\w-])/g

/** A sentence of ours, as it is written for `.env.docker`, for a stack of another file. */
export function addressed(text: string, envFile = '.env.docker'): string {
  if (envFile === '.env.docker') return text
  return text.replaceAll(ownFile, () => envFile).replaceAll(command, (_, name: string) => `npm run ${name} -- --env-file ${quote(envFile)}`)
}
