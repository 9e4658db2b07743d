/** Can the engine carry the stack? Its own answers, judged. */
import { capture } from '../engine/docker.ts'
import { makeRoom, roomOf } from '../engine/machine.ts'
import type { Room } from '../engine/machine.ts'
import { amount } from '../terminal.ts'
import { doubtful, well, wrong } from './observation.ts'
import type { Observation } from './observation.ts'

const GIGABYTE = 1024 ** 3

/** The sample's stack takes 0.7 GB when idle; a build beside it as much again. */
const ENOUGH_MEMORY = 2 * GIGABYTE

/** What a first start takes on the engine's disk, in megabytes. */
const ENOUGH_ROOM = 2048

/** More than this, and certificates, presigned URLs and schedules begin to fail. */
const CLOCK_TOLERANCE_SECONDS = 5

/** As far as `docker info` is read here. */
export interface EngineInfo {
  OSType: string
  Architecture: string
  NCPU: number
  /** Bytes. */
  MemTotal: number
  /** The engine's clock, in RFC 3339. */
  SystemTime: string
  DockerRootDir: string
}

/** @returns undefined when the engine gives no answer */
export async function readEngineInfo(): Promise<EngineInfo | undefined> {
  const { exitCode, stdout } = await capture(['info', '--format', '{{json .}}'], { timeoutMs: 10_000 })
  return exitCode === 0 ? (JSON.parse(stdout) as EngineInfo) : undefined
}

export function judgeCapacity({ OSType, NCPU, MemTotal, Architecture }: EngineInfo): Observation {
  if (OSType !== 'linux') {
    return wrong(`The engine runs ${OSType} containers, and these are for Linux.`, 'Docker Desktop: choose "Switch to Linux containers" in its menu.')
  }
  const has = `The engine has ${amount(NCPU, 'processor')} (${Architecture}) and ${(MemTotal / GIGABYTE).toFixed(1)} GB of memory`
  return MemTotal >= ENOUGH_MEMORY
    ? well(has)
    : doubtful(`${has}: little for a build beside a running stack.`, 'Give it 2 GB or more; Docker Desktop has it under Settings, Resources.')
}

/** @param now milliseconds, read when the engine answered */
export function judgeClock({ SystemTime }: EngineInfo, now: number): Observation {
  const seconds = Math.round(Math.abs(Date.parse(SystemTime) - now) / 1000)
  return seconds <= CLOCK_TOLERANCE_SECONDS
    ? well('The clocks of the engine and of this machine agree')
    : doubtful(
        `The clock of the engine is ${seconds} seconds from this machine's.`,
        'Certificates, presigned URLs and schedules suffer. Set the clock; a Docker Desktop that slept wants a restart.',
      )
}

export function judgeRoom({ folder, megabytes }: Room): Observation {
  const left = `${folder} has ${megabytes < 1024 ? `${megabytes} MB` : `${Math.floor(megabytes / 1024)} GB`} left`
  if (megabytes >= ENOUGH_ROOM) return well(left)
  return megabytes < ENOUGH_ROOM / 8 ? wrong(`${left}.`, makeRoom) : doubtful(`${left}; a first start takes about 2 GB.`, makeRoom)
}

const goNames: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' }

/**
 * @param images name and architecture of those that are here
 * @returns nothing when all are native
 */
export function judgeArchitecture({ Architecture }: EngineInfo, images: readonly (readonly [string, string])[]): Observation[] {
  const native = goNames[Architecture] ?? Architecture
  const foreign = images.filter(([, architecture]) => architecture !== '' && architecture !== native)
  return foreign.map(([name, architecture]) =>
    doubtful(
      `The image ${name} is for ${architecture}, and the engine is ${native}: it is emulated, which is slow, or does not start at all.`,
      `Remove it and let npm run up fetch or build the right one: docker image rm ${name}`,
    ))
}

async function architectures(images: readonly string[]): Promise<[string, string][]> {
  const found = await Promise.all(images.map((image) => capture(['image', 'inspect', '--format', '{{.Architecture}}', image])))
  return found.flatMap(({ exitCode, stdout }, index) => (exitCode === 0 ? [[images[index]!, stdout.trim()]] : []))
}

/** @param images those of the stack; of the ones that are not here nothing is said */
export async function examineEngine(info: EngineInfo, now: number, images: readonly string[]): Promise<Observation[]> {
  // An engine in a virtual machine has a folder that is not on this machine.
  const room = await roomOf(info.DockerRootDir)
  return [
    judgeCapacity(info),
    ...(room ? [judgeRoom(room)] : []),
    judgeClock(info, now),
    ...judgeArchitecture(info, await architectures(images)),
  ]
}
