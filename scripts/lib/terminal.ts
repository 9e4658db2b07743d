/**
 * Everything that goes to the terminal goes through here. Messages go to standard error, results to standard output, so
 * that `npm run up -- --json | jq .urls` works. The sign in front carries the meaning; colour only repeats it.
 */
import { styleText } from 'node:util'
import { distance } from 'fastest-levenshtein'
import { quote } from 'zx/core'
import { CliError, ExitCode } from './errors.ts'

/** `styleText` looks at standard output unless told otherwise; our messages go to standard error. */
const paint = (style: 'green' | 'yellow' | 'red' | 'dim', text: string): string =>
  styleText(style, text, { stream: process.stderr })

/** Prints plain lines. */
export const info = (text = ''): void => void process.stderr.write(`${text}\n`)

/** True when lines may be redrawn: the stream is a terminal, and not the log of a CI job. */
export const isInteractive = (): boolean => process.stderr.isTTY && !process.env.CI

/** Seconds since a reading of performance.now(). */
export const secondsSince = (started: number): number => (performance.now() - started) / 1000

/** Seconds as people read them: `41.0s`. */
export const formatSeconds = (seconds: number): string => `${seconds.toFixed(1)}s`

/** "1 error", "2 errors". */
export const amount = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Says that something was done, or is in order. */
export function ok(text: string, seconds?: number): void {
  const time = seconds === undefined ? '' : ` ${paint('dim', formatSeconds(seconds))}`
  info(`${paint('green', '✓')} ${time ? text.padEnd(66) : text}${time}`)
}

/** Warns of something that stops nothing, and says what to do about it. */
export const warn = (text: string, hint = ''): void =>
  info([`${paint('yellow', '!')} ${text}`, ...(hint ? [indent(hint, '→ ')] : [])].join('\n'))

/** Shows a Docker command above its own output, so that users learn it. */
export const showCommand = (command: string): void => info(paint('dim', `  $ ${command}`))

/** A result for people or for a pipe: standard output, and nothing but the result. */
export const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** `--json`: one object on standard output. */
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2))

/** A failure, in the order in which it is read: what, the evidence, what to do. */
export function failure(message: string, details?: string, hint?: string): void {
  info(`${paint('red', '✗')} ${message}`)
  if (details) info(`\n${indent(details)}\n`)
  if (hint) info(indent(hint, '→ '))
  if (process.env.GITHUB_ACTIONS !== 'true') return
  // Also shown beside the run, outside of its log. The runner reads one line, with these characters escaped.
  const text = hint ? `${message}\n${hint}` : message
  info(`::error::${text.replaceAll('%', '%25').replaceAll('\n', '%0A')}`)
}

/** Indents every line; the first may start with a sign. */
export const indent = (text: string, first = ''): string =>
  text.replaceAll(/^(?=.)/gm, (_, offset: number) => `  ${offset === 0 ? first : ' '.repeat(first.length)}`)

/**
 * Runs one long step and says how long it took. On a terminal the line counts the seconds and shows what the step
 * reports. In a pipe or in CI it says once that the step began, because a silent minute looks like a hang.
 */
export async function step<T>(title: string, run: (report: (text: string) => void) => Promise<T>): Promise<T> {
  const started = performance.now()
  const redraw = (line: string): boolean => process.stderr.write(`\r\u001B[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`)
  const isLive = isInteractive()
  let detail = ''
  const draw = (): boolean => redraw(`… ${title}${detail && `: ${detail}`} ${formatSeconds(secondsSince(started))}`)
  const timer = isLive ? setInterval(draw, 250) : undefined
  if (!isLive) info(`… ${title}`)
  const result = await run((text) => void (detail = text)).finally(() => {
    clearInterval(timer)
    if (isLive) redraw('')
  })
  ok(title, secondsSince(started))
  return result
}

/** Asks for the project's name, as "y" is too easy. @throws CliError (2) without a terminal, (1) for another name */
export async function confirm(question: Record<'name' | 'warning' | 'details' | 'command', string>): Promise<void> {
  const { name, warning, details, command } = question
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    const message = `${warning} There is no terminal to ask on.`
    throw new CliError(message, { details, hint: `If that is what you want: ${command}`, exitCode: ExitCode.usage })
  }
  info(`${warning}\n${indent(details)}`)
  const { text } = await import('@clack/prompts')
  const answer = await text({ message: `Type ${name} to go on`, output: process.stderr })
  if (answer !== name) throw new CliError('Nothing was changed.')
}

/**
 * The candidate that was probably meant, or undefined when none is close: a wrong guess is worse than none, so at most
 * a third of the letters may differ, and never more than three. Case does not count.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const edits = (candidate: string): number => distance(word.toLowerCase(), candidate.toLowerCase())
  const limit = Math.min(3, Math.floor(word.length / 3))
  return candidates.filter((candidate) => edits(candidate) <= limit).toSorted((a, b) => edits(a) - edits(b))[0]
}

/** Replaces passwords in URLs by ***, and rather too much than too little: a password may contain an @. */
export const redactUrls = (text: string): string => text.replaceAll(/(:\/\/[^\s:@/'"]{0,256}):[^\s'"]{1,4096}@/g, '$1:***@')

/** Our commands that work on a stack. */
const command = /npm run (up|env|doctor|migrate|seed|check-image|teardown|copy-database|kubernetes|publish)\b(?! -- --env-file)(?: --(?= ))?/g

/** The name of the file itself: not of the example, a copy, or a file in another folder. */
const ownFile = /(?<![\w./-])\.env\.docker(?!\.?[\w-])/g

/** Rewrites a sentence about `.env.docker` for the env file of the stack. */
export function addressed(text: string, envFile = '.env.docker'): string {
  if (envFile === '.env.docker') return text
  return text.replaceAll(ownFile, () => envFile).replaceAll(command, (_, name: string) => `npm run ${name} -- --env-file ${quote(envFile)}`)
}
