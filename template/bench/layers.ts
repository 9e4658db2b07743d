/** What an image has over its base, by layer. Pure. */
import type { Part } from './figures.ts'

export interface Layer {
  /** The instruction that made it. */
  createdBy: string
  megabytes: number
}

/** Reads `docker history --human=false --format json`, one object a line, the newest layer first. */
export const parseHistory = (text: string): Layer[] =>
  text.trim().split('\n').filter(Boolean).map((line) => {
    const { CreatedBy, Size } = JSON.parse(line) as { CreatedBy: string; Size: string }
    return { createdBy: CreatedBy, megabytes: Number(Size) / 1e6 }
  })

const kinds: readonly [name: string, instruction: RegExp][] = [
  ['venv', /^COPY .* \/opt\/venv/],
  ['application', /^COPY .* \/app\b/],
  ['Debian packages, byte code of the library', /apt-install\.sh/],
]

/** The name for layers with no known cause. */
export const SURPLUS = 'other'

/**
 * The layers that are not the base's, added up by what they bring.
 *
 * @param base how many layers the base image has
 */
export function partsOver(layers: readonly Layer[], base: number): Part[] {
  const own = layers.slice(0, layers.length - base)
  const kindOf = ({ createdBy }: Layer): string => kinds.find(([, instruction]) => instruction.test(createdBy))?.[0] ?? SURPLUS
  return [...kinds.map(([name]) => name), SURPLUS].map((name) => ({
    name,
    value: own.filter((layer) => kindOf(layer) === name).reduce((sum, { megabytes }) => sum + megabytes, 0),
  }))
}
