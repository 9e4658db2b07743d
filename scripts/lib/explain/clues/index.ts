/** Every clue, the more specific before the more general. */
import { applicationClues } from './application.ts'
import type { Clue, Scene } from './clue.ts'
import { databaseClues } from './database.ts'
import { outsideClues } from './outside.ts'
import { startClues } from './start.ts'

const clues: readonly Clue[] = [...startClues, ...databaseClues, ...outsideClues, ...applicationClues]

export interface Advice {
  text: string
  /** Where in the text the clue ends. */
  end: number
}

/** What a text gives away; undefined where nothing in it is known. */
export function adviceOn(text: string, scene: Scene): Advice | undefined {
  for (const { pattern, say } of clues) {
    const match = pattern.exec(text)
    if (match) return { text: say(match, scene), end: match.index + match[0].length }
  }
  return undefined
}
