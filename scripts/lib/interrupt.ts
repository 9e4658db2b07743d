/**
 * A signal belongs to the child first: the terminal sends it to the whole group, and Compose tidies up after
 * itself. We stay alive, see the child's end, and begin nothing more.
 */
import { CliError } from './errors.ts'

const codes = { SIGINT: 130, SIGTERM: 143 } as const

/** One Ctrl-C may come as several signals: timeout(1) sends its own twice, to its child and to the group. */
const SAME_KEY_MS = 1000

let received: keyof typeof codes | undefined
let receivedAt = 0
let isTidyingUp = false

/**
 * From here on SIGINT and SIGTERM only leave a mark, and the exit code that goes with them. Another one later ends us
 * at once, unless something is being tidied up.
 */
export function catchSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (received && !isTidyingUp && performance.now() - receivedAt > SAME_KEY_MS) process.exit()
      received ??= signal
      receivedAt ||= performance.now()
      process.exitCode = codes[received]
    })
  }
}

/** From here on signals change nothing any more: what is being removed shall be gone. */
export function tidyUpInPeace(): void {
  isTidyingUp = true
}

/** True after a signal. */
export const wasInterrupted = (): boolean => received !== undefined

/**
 * To be called before something new is begun.
 *
 * @throws CliError after a signal
 */
export function stopIfInterrupted(): void {
  if (received) throw new CliError('Stopped.')
}
