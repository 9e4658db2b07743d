/** Advice is written for `.env.docker`. For a stack of another env file it names that one, and its commands get the flag. Pure. */

/** Those of our commands that work on a stack. */
const command = /npm run (up|env|doctor|migrate|seed|check-image|copy-database|teardown)\b(?! -- --env-file)(?: --(?= ))?/g

/** The file itself: not the example, nor a copy. */
const ownFile = /\.env\.docker(?!\.?[\w-])/g

/** A path as it is typed in a shell. */
export const typed = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`)

/**
 * @param text a sentence of ours, as it is written for `.env.docker`
 * @param envFile the file of the stack that it is about
 */
export const addressed = (text: string, envFile = '.env.docker'): string =>
  envFile === '.env.docker'
    ? text
    : text.replaceAll(ownFile, () => envFile).replaceAll(command, (_, name: string) => `npm run ${name} -- --env-file ${typed(envFile)}`)
