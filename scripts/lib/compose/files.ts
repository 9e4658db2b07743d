/** COMPOSE_FILE: the files that a stack is made of. Pure. */
import type { Values } from '../engine/machine.ts'

/** What stands between two files. */
export const separatorOf = ({ COMPOSE_PATH_SEPARATOR }: Values): string => COMPOSE_PATH_SEPARATOR || ':'

/** The files that COMPOSE_FILE names. Empty, it means the two of development. */
export const filesIn = (values: Values): string[] =>
  values.COMPOSE_FILE ? values.COMPOSE_FILE.split(separatorOf(values)) : ['compose.yaml', 'compose.override.yaml']

/** COMPOSE_FILE with one more file behind the others. */
export const withFile = (values: Values, file: string): string => [...filesIn(values), file].join(separatorOf(values))
