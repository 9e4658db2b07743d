/** The figures of a running stack. */
import { readFile, writeFile } from 'node:fs/promises'
import type { Container } from '../../scripts/lib/compose/model.ts'
import { capture, lastLines, read } from '../../scripts/lib/engine/docker.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { envFile, exampleFile } from '../../scripts/lib/env/settings.ts'
import { compose, readContainers } from '../../scripts/lib/compose/stack.ts'
import { environmentOf, networkOf } from './bench-model.ts'
import type { Measured, Part } from './figures.ts'
import { inTurn, rest, timeDocker, timeNpm } from './timing.ts'
import { cpuPerMinute, readUsage } from './usage.ts'
import { productionModel, roleContainer, type Workshop } from './workshop.ts'

const upCommand = ['up', '--detach', '--wait']

/** The time until every service is healthy, with all images present. */
export const timeUp = ({ stack }: Workshop): Promise<number> => timeDocker(compose(stack, ...upCommand), { env: stack.env })

/** Stops the stack, and names containers that ended badly. Those that had ended before do not count. */
export async function timeStop({ stack, project }: Workshop): Promise<{ seconds: number; flaw: string | undefined }> {
  const running = (await readContainers(project)).filter(({ state }) => state === 'running')
  const seconds = await timeDocker(compose(stack, 'stop'), { env: stack.env })
  const ids = new Set(running.map(({ id }) => id))
  return { seconds, flaw: badEnds((await readContainers(project)).filter(({ id }) => ids.has(id))) }
}

/** Names containers that did not end by themselves: 143 is the answer to SIGTERM, 137 means killed. Pure. */
export function badEnds(containers: readonly Pick<Container, 'service' | 'exitCode'>[]): string | undefined {
  const bad = containers.filter(({ exitCode }) => exitCode !== 0 && exitCode !== 143)
  return bad.length === 0 ? undefined : bad.map(({ service, exitCode }) => `${service} ended with exit code ${exitCode}`).join(', ')
}

/** Removes containers, networks and volumes, and keeps images. */
export async function removeStack({ stack }: Workshop): Promise<void> {
  await timeDocker(compose(stack, 'down', '--volumes', '--timeout', '5'), { env: stack.env })
}

export const healthyUp = ({ stack, userEnv }: Workshop, runs: number): Promise<Measured> =>
  inTurn(
    runs,
    () => timeNpm(['run', '--silent', 'up'], userEnv),
    () => timeDocker(compose(stack, ...upCommand), { env: stack.env }),
  )

/** As many settings as a large application has, including those of the template. */
const MANY = 200

/** Declares and sets this many more settings, which nothing reads. Pure. */
function moreSettings(count: number): { declared: string; set: string } {
  const lines = Array.from({ length: Math.max(0, count) }, (_, index) => `BENCH_SETTING_${index + 1}=value-${index + 1}\n`)
  return { declared: lines.map((line) => `\n# A setting of the benchmark.\n# @type=string @service(scripts)\n${line}`).join(''), set: lines.join('') }
}

/** Runs with MANY settings in both files, and restores the files afterwards. */
export async function checkOfSettings({ stack, settings, userEnv }: Workshop, runs: number): Promise<Measured> {
  const [example, own] = await Promise.all([readFile(exampleFile, 'utf8'), readFile(envFile, 'utf8')])
  const { declared, set } = moreSettings(MANY - settings.names.length)
  try {
    await Promise.all([writeFile(exampleFile, example + declared), writeFile(envFile, own + set)])
    return await inTurn(
      runs,
      () => timeNpm(['run', '--silent', 'env'], userEnv),
      () => timeDocker(compose(stack, 'config', '--quiet'), { env: stack.env }),
    )
  } finally {
    await Promise.all([writeFile(exampleFile, example), writeFile(envFile, own)])
  }
}

export const startOfScripts = ({ userEnv }: Workshop, runs: number): Promise<Measured> =>
  inTurn(
    runs,
    () => timeNpm(['run', '--silent', 'up', '--', '--help'], userEnv),
    () => timeNpm(['exec', '--call', 'true'], userEnv),
  )

/** By then, what runs once after a start is over: first connections, the first periodic task, frequent checks. */
const SETTLE_SECONDS = 15

/**
 * CPU and memory of every container over this many seconds without any requests.
 *
 * @throws CliError when one of them was started again meanwhile
 */
export async function idleUsage({ project }: Workshop, seconds: number): Promise<{ cpu: Measured; memory: Measured }> {
  await rest(Math.min(SETTLE_SECONDS, seconds))
  const containers = (await readContainers(project)).filter(({ state }) => state === 'running')
  const look = (): Promise<Awaited<ReturnType<typeof readUsage>>[]> => Promise.all(containers.map(({ id }) => readUsage(id)))
  const before = await look()
  await rest(seconds)
  const after = await look()
  const cpu = containers.map(({ name, service }, index) => {
    const value = cpuPerMinute(before[index]!, after[index]!)
    if (value === undefined) throw new CliError(`${name} was started again while nobody used it.`, { exitCode: ExitCode.unhealthy })
    return { name: service, value }
  })
  const memory = containers.map(({ service }, index) => ({ name: service, value: after[index]!.memory }))
  return { cpu: whole(cpu), memory: whole(memory) }
}

/** The sum, with what each service has of it. Pure. */
export function whole(parts: readonly Part[]): Measured {
  const byService = new Map<string, number>()
  for (const { name, value } of parts) byService.set(name, (byService.get(name) ?? 0) + value)
  const total = parts.reduce((sum, { value }) => sum + value, 0)
  return { samples: [total], parts: [...byService].map(([name, value]) => ({ name, value })) }
}

const roundTripFile = new URL('round_trip.py', import.meta.url)

/** The median time of a task on its way to the worker and back, in milliseconds, once for each run. */
export async function roundTrip({ project, model }: Workshop, runs: number): Promise<Measured> {
  const { CELERY_APP: app = '', WORKER_QUEUES: queues = '' } = environmentOf(model, 'worker')
  if (app === '') throw new CliError('CELERY_APP is empty, so there is no task to send.')
  const web = (await readContainers(project)).find(({ service }) => service === 'web')
  const input = await readFile(roundTripFile, 'utf8')
  // Through the entrypoint, which knows where the secrets are.
  const command = ['exec', '--interactive', web?.name ?? '', 'entrypoint.sh', 'python', '-', app, queues.split(',')[0]!]
  const samples: number[] = []
  while (samples.length < runs) {
    const { exitCode, stdout, stderr } = await capture(command, { input })
    const milliseconds = Number(stdout.trim().split('\n').at(-1))
    if (exitCode !== 0 || !(milliseconds > 0)) {
      throw new CliError('No task came back from the worker.', { details: lastLines(stderr || stdout, 5) })
    }
    samples.push(milliseconds)
  }
  return { samples }
}

interface Started {
  Created: string
  State: { Status: string; Health?: { Log: { End: string; ExitCode: number }[] } }
}

/** Seconds from the creation of a container to the end of its first successful check; undefined before. Pure. */
export function secondsToHealth({ Created, State }: Started): number | undefined {
  const first = State.Health?.Log.find(({ ExitCode: code }) => code === 0)
  return first && (Date.parse(first.End) - Date.parse(Created)) / 1000
}

const START_LIMIT_MS = 60_000

/**
 * Starts web by itself, as compose.yaml does it, and asks its own health check. The image waits a second between two
 * checks, which is too coarse for this: here it is a twentieth of a second.
 */
async function timeRole({ project, model }: Workshop, image: string, environment: Record<string, string>, extra: readonly string[]): Promise<number> {
  const name = roleContainer(project)
  const network = networkOf(model, 'web')
  const options = [
    '--detach', '--name', name, '--read-only', '--tmpfs', '/tmp', '--volume', '/data', '--cap-drop', 'ALL',
    '--security-opt', 'no-new-privileges:true', '--health-start-interval', '50ms',
    ...(network === undefined ? [] : ['--network', network]),
    // The values come from this process's environment: an argument list can be read by everybody.
    ...Object.keys(environment).flatMap((key) => ['--env', key]),
  ]
  try {
    await read(['run', ...options, ...extra, image, 'web'], { env: environment })
    const deadline = Date.now() + START_LIMIT_MS
    for (;;) {
      const started = JSON.parse(await read(['inspect', '--format', '{{json .}}', name])) as Started
      const seconds = secondsToHealth(started)
      if (seconds !== undefined) return seconds
      if (started.State.Status === 'running' && Date.now() < deadline) {
        await rest(0.2)
        continue
      }
      const { stdout, stderr } = await capture(['logs', '--tail', '10', name])
      throw new CliError('web did not become healthy by itself.', { details: lastLines(stderr + stdout, 10), exitCode: ExitCode.unhealthy })
    }
  } finally {
    await capture(['rm', '--force', '--volumes', name], { tidiesUp: true })
  }
}

/** Compares with a start without the image's byte code: that is what a read-only root would cost without it. */
export async function roleStart(workshop: Workshop, runs: number): Promise<Measured> {
  const model = await productionModel(workshop)
  const image = Object.values(model.services).find(({ build }) => build)?.image ?? ''
  const environment = environmentOf(model, 'web')
  return inTurn(
    runs,
    () => timeRole(workshop, image, environment, []),
    () => timeRole(workshop, image, environment, ['--env', 'PYTHONPYCACHEPREFIX=/tmp/none']),
  )
}
