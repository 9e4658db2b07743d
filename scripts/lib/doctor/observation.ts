/** What the doctor sees: one line each, with its remedy where something is to be done. */
import { failure, indent, info, ok, warn } from '../terminal.ts'

export interface Observation {
  level: 'well' | 'doubtful' | 'wrong'
  /** A sentence that holds no secret. */
  text: string
  /** What to do about it; absent when all is well. */
  remedy?: string
}

export const well = (text: string): Observation => ({ level: 'well', text })

/** Something to know that stops nothing. */
export const doubtful = (text: string, remedy: string): Observation => ({ level: 'doubtful', text, remedy })

/** Something that stops the stack, or will. */
export const wrong = (text: string, remedy: string): Observation => ({ level: 'wrong', text, remedy })

/** Shows one observation. */
export function show({ level, text, remedy }: Observation): void {
  if (level === 'well') return ok(text)
  if (level === 'wrong') return failure(text, undefined, remedy)
  warn(text)
  if (remedy) info(indent(remedy, '→ '))
}
