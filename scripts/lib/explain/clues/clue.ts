/** What a log line, or the answer of a health check, gives away. Pure. */

/** What else is known where something failed. */
export interface Scene {
  /** The role that failed: web, worker, migrate, seed … or another service of the stack. */
  role: string
  /** Why a module that the source has is not found; undefined for one that it has not. */
  explainModule?: (name: string) => string | undefined
}

export interface Clue {
  pattern: RegExp
  /** What it means and what to do. A guess says "Likely". */
  say: (match: RegExpExecArray, scene: Scene) => string
}

/** How a sentence about a setting ends. */
export const again = 'then run npm run up again.'

/** The setting whose words the shell of a role runs. */
export const commandOf = (role: string): string =>
  ['migrate', 'seed', 'test', 'frontend'].includes(role) ? `${role.toUpperCase()}_COMMAND` : 'WEB_COMMAND'
