/**
 * CPU and memory of containers, as the engine itself counts them.
 *
 * The engine reads the control groups of its containers (version 1 or 2) wherever it runs, also in the virtual
 * machine of Docker Desktop, and starts no process for that. `docker exec … cat` would start one, which counts as
 * the container's and costs as much CPU as ten seconds of an idle container. `docker stats` gives only percentages
 * between two moments. So this asks the engine's API, through the connection that the `docker` command uses.
 */
import { capture, lastLines } from '../../scripts/lib/engine/docker.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'

export interface Usage {
  /** When the engine looked, in milliseconds. */
  at: number
  /** Seconds of CPU since the container was started. */
  cpu: number
  /** Megabytes, without files that are only cached. */
  memory: number
}

interface Stats {
  read: string
  cpu_stats: { cpu_usage: { total_usage: number } }
  memory_stats: { usage?: number; stats?: { inactive_file?: number; total_inactive_file?: number } }
}

/** Reads an answer of `/containers/ID/stats` as it came over the wire. Undefined when it is another one. Pure. */
export function parseUsage(response: string): Usage | undefined {
  const [head = '', body = ''] = response.split(/\r\n\r\n(.*)/s)
  if (!/^HTTP\/1\.\d 200 /.test(head)) return undefined
  const { read, cpu_stats: { cpu_usage }, memory_stats: { usage = 0, stats = {} } } = JSON.parse(body) as Stats
  // Version 1 of the control groups counts what is below a group under another name.
  const cached = stats.total_inactive_file ?? stats.inactive_file ?? 0
  return { at: Date.parse(read), cpu: cpu_usage.total_usage / 1e9, memory: (usage - cached) / 1e6 }
}

/**
 * What a container has used so far.
 *
 * @throws CliError when it does not run, or the engine does not say
 */
export async function readUsage(container: string): Promise<Usage> {
  // HTTP/1.0: the answer ends with the connection and comes in one piece.
  const input = `GET /containers/${container}/stats?stream=false&one-shot=true HTTP/1.0\r\n\r\n`
  const { stdout, stderr } = await capture(['system', 'dial-stdio'], { input })
  const usage = parseUsage(stdout)
  if (usage) return usage
  throw new CliError(`The engine does not say what ${container} uses.`, { details: lastLines(stderr || stdout, 3), exitCode: ExitCode.docker })
}

/** Seconds of CPU in a minute, from two looks at one container. Undefined when it was started again in between. Pure. */
export function cpuPerMinute(before: Usage, after: Usage): number | undefined {
  const cpu = after.cpu - before.cpu
  return cpu < 0 ? undefined : (cpu / (after.at - before.at)) * 60_000
}
