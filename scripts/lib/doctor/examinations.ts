/** What the doctor asks, and how it judges the answers: the machine, the settings and the stack. */
import { existsSync, readFileSync } from 'node:fs'
import { foreignImages, hasToEnd, isUnderWay, isWell, type Container, type Model } from '../compose/model.ts'
import { currentImages } from '../compose/new-version.ts'
import { takenPorts } from '../compose/ports.ts'
import { captureCompose, endAbandoned, findOtherFolder, findStrays, type Stack } from '../compose/stack.ts'
import { capture, lastLines } from '../engine/docker.ts'
import { isAtLeast, type Engine } from '../engine/engine.ts'
import { isFarEngine, makeRoom, roomOf } from '../engine/machine.ts'
import { exampleFile, type Settings } from '../env/settings.ts'
import { moreMemory } from '../explain/clues.ts'
import { explainContainer, explainOutput } from '../explain/explain.ts'
import { isStandIn } from '../rooms.ts'
import { amount, redactUrls } from '../terminal.ts'

/** What the examinations look at. */
export interface Sight {
  engine: Engine
  settings: Settings
  stack: Stack
  model: Model
  containers: readonly Container[]
}

/** What the doctor sees, in a sentence that holds no secret. */
export interface Observation {
  level: 'well' | 'doubtful' | 'wrong'
  text: string
  /** What to do about it; absent when all is well. */
  remedy?: string
}

const well = (text: string): Observation => ({ level: 'well', text })

/** Something to know that stops nothing. */
const doubtful = (text: string, remedy: string): Observation => ({ level: 'doubtful', text, remedy })

/** Something that stops the stack, or will. */
const wrong = (text: string, remedy: string): Observation => ({ level: 'wrong', text, remedy })

const GIGABYTE = 1024 ** 3

/** An idle stack takes less than 1 GB of memory, and a build beside it another GB. A first start takes 2 GB of disk. */
const ENOUGH = 2 * GIGABYTE

/** The part of `docker info` that is read here. */
interface EngineInfo {
  Architecture: string
  NCPU: number
  MemTotal: number
  DockerRootDir: string
  OperatingSystem?: string
  SecurityOptions?: string[]
}

/** What the engine has, and the room on its disk, which is unknown where the engine is in a virtual machine. Pure. */
export function judgeEngine({ NCPU, MemTotal, Architecture, DockerRootDir }: EngineInfo, room: number | undefined): Observation[] {
  const has = `The engine has ${amount(NCPU, 'processor')} (${Architecture}) and ${(MemTotal / GIGABYTE).toFixed(1)} GB of memory`
  const memory = MemTotal >= ENOUGH ? well(has)
    : doubtful(`${has}: little for a build beside a running stack.`, 'Give it 2 GB or more; Docker Desktop has that under Settings, Resources.')
  return room === undefined ? [memory] : [memory, judgeRoom(DockerRootDir, room)]
}

function judgeRoom(folder: string, bytes: number): Observation {
  const left = `${folder} has ${(bytes / GIGABYTE).toFixed(1)} GB left`
  if (bytes >= ENOUGH) return well(left)
  if (bytes >= ENOUGH / 8) return doubtful(`${left}; a first start takes about 2 GB.`, makeRoom)
  return wrong(`${left}.`, makeRoom)
}

/** Docker < 28 forwards packets for 127.0.0.1 before the kernel refuses them. Our private engine drops them. Pure. */
function judgeLoopback({ product, engineVersion, isRootless, dir }: Engine, { services }: Model, system = ''): Observation[] {
  const isShut = product !== 'Docker' || isAtLeast(engineVersion, '28.0.0') || isRootless || dir || system.startsWith('Docker Desktop')
  const open = isShut ? [] : Object.keys(services).filter((name) => services[name]!.ports?.some(({ host_ip }) => host_ip?.startsWith('127.')))
  return open.length === 0 ? [] : [doubtful(`Before Docker 28, machines on your network segment can reach ports on 127.0.0.1: those of ${open.join(', ')}.`,
    'Update Docker, or after every boot: sudo iptables -t raw -I PREROUTING -d 127.0.0.0/8 ! -i lo -j DROP')]
}

async function examineEngine({ engine, model }: Sight): Promise<Observation[]> {
  const kind = `${engine.product} ${engine.engineVersion}${engine.isRootless ? ' (rootless)' : ''}`
  const versions = well(`${kind}, Compose ${engine.composeVersion}, Node ${process.versions.node}`)
  const { exitCode, stdout } = await capture(['info', '--format', '{{json .}}'], { timeoutMs: 10_000 })
  if (exitCode !== 0) return [versions]
  const answer = JSON.parse(stdout) as EngineInfo
  // Elsewhere the engine is in a virtual machine (Docker Desktop, Colima), which has the network segment.
  const isHere = process.platform === 'linux' && !(await isFarEngine())
  const loopback = isHere ? judgeLoopback(engine, model, answer.OperatingSystem) : []
  return [versions, ...loopback, ...judgeEngine(answer, await roomOf(answer.DockerRootDir))]
}

async function examinePorts({ model }: Sight): Promise<Observation[]> {
  const taken = await takenPorts(model)
  if (taken.length === 0) return [well('Every port that the stack publishes is free, or already its own')]
  return taken.map(({ message, hint }) => wrong(message, hint))
}

/** What `npm run env` finds, in a line. */
function examineSettings({ settings: { file, findings, names } }: Sight): Observation[] {
  const [first] = findings
  const errors = findings.filter(({ severity }) => severity === 'error').length
  if (first?.code === 'E08') return [doubtful(`${file} does not exist; ${exampleFile} is used.`, first.hint)]
  if (errors > 0) return [wrong(`${file} has ${amount(errors, 'mistake')}.`, 'npm run env names them.')]
  if (first) return [doubtful(`${file} has ${amount(findings.length, 'warning')}.`, 'npm run env shows them.')]
  return [well(`${file}: ${amount(names.length, 'setting')}, and no mistake found`)]
}

/** The containers, and what the log says of each that is not well. */
export async function examineContainers({ containers, model, stack }: Pick<Sight, 'containers' | 'model' | 'stack'>): Promise<Observation[]> {
  const own = containers.filter(({ service }) => service in model.services)
  const starts = ({ state, health, restarts }: Container): boolean => state === 'running' && health === 'starting' && restarts === 0
  const sick = own.filter((container) => !isWell(container) && !container.wasStopped && !starts(container))
  const starting = own.filter((container) => starts(container)).map(({ service }) => service)
  if (sick.length === 0 && own.every(({ state }) => state !== 'running')) {
    return [(own.length === 0 ? doubtful : wrong)('The stack is not running.', 'npm run up starts it.')]
  }
  const causes = await Promise.all(sick.map(async (container) => explainContainer(stack, model, container)))
  const absent = Object.entries(model.services).filter(([name, { scale, deploy }]) => (scale ?? deploy?.replicas) !== 0 && !hasToEnd(name, model.services))
    .filter(([name]) => own.every((container) => container.service !== name || container.wasStopped))
  const strays = findStrays(model, containers)
  return [
    ...(starting.length > 0 ? [doubtful(`Not healthy yet, but started a short time ago: ${[...new Set(starting)].join(', ')}.`, 'npm run doctor again in a minute.')] : []),
    ...(sick.length + starting.length === 0 ? [well(`${amount(own.filter(({ wasStopped }) => !wasStopped).length, 'container')} are healthy, or have ended well`)] : []),
    ...causes.map(({ message, hint = '' }) => wrong(message, hint)),
    ...absent.map(([name]) => wrong(`${name} does not run.`, 'npm run up starts it.')),
    ...(strays ? [doubtful(strays.text, strays.remedy)] : []),
    ...own.filter(({ restarts }) => restarts > 0).map(({ name, restarts, exitCode, oomKilled }) => {
      // 137 is the exit code after signal 9.
      const why = oomKilled || exitCode === 137 ? ', the last time because it was killed' : ''
      return doubtful(`Docker has restarted ${name} ${amount(restarts, 'time')}${why}.`, `docker logs --since 24h ${name}`)
    }),
    // Such as a child of the worker, which Celery replaces, so the container goes on.
    ...own.filter(({ oomKilled, restarts, state }) => oomKilled && restarts === 0 && state === 'running').map(({ name, service }) =>
      doubtful(`Since ${name} has started, a process in it was killed because its memory was full.`, moreMemory({ role: service, model }))),
  ]
}

/** Whether the containers were started from here. */
async function examineFolder({ containers, model, settings }: Sight): Promise<Observation[]> {
  const other = findOtherFolder(model.name, containers, settings.values)
  if (other) return [wrong(other.text, other.remedy)]
  const moved = (await isFarEngine()) ? undefined : containers.find(({ folder }) => folder && !existsSync(folder))?.folder
  return moved ? [doubtful(`The stack was started from ${moved}, which is not there: a container that restarts does not find its files.`, 'npm run up')] : []
}

/** What runs an image whose name another one has now. After a deploy that failed, this is the version that serves. */
async function examineVersions({ containers, model }: Sight): Promise<Observation[]> {
  // A service of the user's may have a build and no name for its image.
  const running = containers.filter(({ service, state }) => state === 'running' && model.services[service]?.image)
  const current = running.length === 0 ? [] : await currentImages(model, running.map(({ service }) => service))
  const old = [...new Set(running.filter(({ image }) => !current.includes(image)).map(({ service }) => service))]
  return old.length === 0 ? [] : [doubtful(`Still on an older image than the one that was built or pulled last: ${old.join(', ')}.`,
    'npm run up replaces it. If that failed before, it says why.')]
}

/** The answer of queues.py, where its parts are described. */
interface Queues {
  waiting: Readonly<Record<string, { count: number; oldest: string; still: number; nobody: boolean }>>
  taken: number
  oldest: number | null
  lost: number
}

/** The tasks that wait, and those that a worker had taken when it was killed. Pure. */
export function judgeQueues({ waiting, taken, oldest, lost }: Queues): Observation[] {
  const all = Object.entries(waiting)
  const busy = taken === lost ? 'none is being worked on' : `being worked on: ${taken - lost}, the oldest for ${oldest ?? 0} s`
  const words = all.map(([queue, { count, oldest: first, still, nobody }]) =>
    `${count} in ${queue}${nobody ? ', from which no worker takes' : ''}${first && `, first ${first}`}, for at least ${still} s`)
  const text = all.length === 0 ? `No task waits, ${busy}` : `Tasks wait (${words.join('; ')}), ${busy}`
  // Tasks that wait for a minute deserve a warning.
  const isMoving = all.length === 0 || (taken > lost && all.every(([, { still, nobody }]) => !nobody && still < 60))
  return [
    isMoving ? well(text)
      : doubtful(`${text}.`, 'Is a worker healthy, does it take from this queue (WORKER_QUEUES), and is WORKER_CONCURRENCY high enough?'),
    ...(lost === 0 ? [] : [doubtful(`${amount(lost, 'task')} of a worker that is gone, perhaps killed, will be given out again after the visibility timeout (an hour, unless you have set it).`,
      'docs/troubleshooting.md says how to get them back at once.')]),
  ]
}

/** Asks Redis through the application, which knows where it is, even if it is managed elsewhere. */
async function examineQueues({ containers, model, stack }: Sight): Promise<Observation[]> {
  const { worker } = model.services
  const running = containers.filter((one) => one.service in model.services && isUnderWay(one))
  if (!worker?.environment?.CELERY_APP || !running.some(({ service }) => model.services[service]?.image === worker.image)) return []
  const input = readFileSync(new URL('queues.py', import.meta.url), 'utf8')
  const workers = running.filter(({ service }) => model.services[service]?.command?.[0] === 'worker')
  // In a container of its own: to load the application a second time takes more memory than a running role has left.
  const container = `${model.name}-queues-${process.pid}`
  const ask = ['--progress', 'quiet', 'run', '--rm', '--no-deps', '--no-TTY', '--name', container, 'worker', 'python', '-', String(workers.length)]
  const { exitCode, stdout, stderr } = await captureCompose(stack, ask, { input, timeoutMs: 60_000 })
  await endAbandoned(container)
  if (exitCode === null) await capture(['rm', '--force', container], { tidiesUp: true })
  // The application may print something too.
  const [answer] = /^(?:null$|\{"waiting": .*)/m.exec(stdout) ?? []
  const told = exitCode === 0 && answer ? JSON.parse(answer) as Queues | null : undefined
  if (told !== undefined) return told ? judgeQueues(told) : []
  // An application without Celery.
  if (/No module named '?celery\b/.test(stderr)) return []
  const said = redactUrls(lastLines(stderr, 1)).replace(/\.$/, '')
  const { advice = 'Is the address of the broker right, and does the broker run?' } = explainOutput(stdout + stderr, 'worker', model)
  return [doubtful(`The queues could not be read${said && `: ${said}`}.`, exitCode === 137 ? moreMemory({ role: 'worker', model }) : advice)]
}

/**
 * Warns of an image that has long been the same here: tags get security updates. A pull that finds nothing newer does
 * not change the time. Reproducible builds do not say when an image was made.
 */
async function examineImages({ model }: Sight): Promise<Observation[]> {
  const images = foreignImages(model).filter((image) => !isStandIn(image))
  // Docker says nothing about images that are not here. A digest instead of a tag is the user's own choice.
  const { stdout } = await capture(['image', 'inspect', '--format', '{{json .Metadata.LastTagTime}} {{join .RepoTags " "}}', ...images])
  const lines = stdout.split('\n').map((line) => line.replaceAll('"', '').split(' ')).filter(([pulled = '', name]) => name && pulled > '2000')
  const [pulled = '', name] = lines.toSorted(([a = ''], [b = '']) => a.localeCompare(b))[0] ?? []
  const days = Math.floor((Date.now() - Date.parse(pulled)) / 86_400_000)
  return days >= 90 ? [doubtful(`${name} has been the same here for ${days} days.`, 'npm run up -- --pull gets what is newer under its tag, with security updates. ' +
    'If this warning stays, nothing is newer: take a newer tag in the …_IMAGE setting.')] : []
}

/** Every examination, under the name of its answers in --json. It has no answer if its question does not arise. */
export const groups = {
  machine: { title: 'This machine', examinations: [examineEngine, examineImages, examinePorts] },
  settings: { title: 'The settings', examinations: [examineSettings] },
  stack: { title: 'The stack', examinations: [examineFolder, examineContainers, examineVersions, examineQueues] },
}
