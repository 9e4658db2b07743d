/**
 * A signal belongs to the child first: the terminal sends it to the whole group, and Compose tidies up after
 * itself. We stay alive, see the child's end, and begin nothing more.
 */
import { CliError } from './errors.ts'

const codes = { SIGINT: 130, SIGTERM: 143 } as const

let received: keyof typeof codes | undefined

/** From here on SIGINT and SIGTERM only leave a mark, and the exit code that goes with them. */
export function catchSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      received = signal
      process.exitCode = codes[signal]
    })
  }
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
