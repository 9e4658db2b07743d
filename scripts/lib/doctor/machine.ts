/** Can this machine carry the stack? The engine's own answers, judged. */
import { capture } from '../engine/docker.ts'
import { makeRoom, roomOf } from '../engine/machine.ts'
import type { Room } from '../engine/machine.ts'
import { amount } from '../terminal.ts'
import { doubtful, well, wrong } from './observation.ts'
import type { Observation } from './observation.ts'

const GIGABYTE = 1024 ** 3

/** An idle stack takes less than 1 GB; a build beside it as much again. */
const ENOUGH_MEMORY = 2 * GIGABYTE

/** What a first start takes on the engine's disk, in megabytes. */
const ENOUGH_ROOM = 2048

/** With a larger difference, certificates, presigned URLs and schedules begin to fail. */
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

export function judgeCapacity({ OSType, NCPU, MemTotal, Architecture }: EngineInfo): Observation {
  if (OSType !== 'linux') {
    return wrong(`The engine runs ${OSType} containers, and these are for Linux.`, 'Docker Desktop: choose "Switch to Linux containers" in its menu.')
  }
  const has = `The engine has ${amount(NCPU, 'processor')} (${Architecture}) and ${(MemTotal / GIGABYTE).toFixed(1)} GB of memory`
  return MemTotal >= ENOUGH_MEMORY
    ? well(has)
    : doubtful(`${has}: little for a build beside a running stack.`, 'Give it 2 GB or more; Docker Desktop has that under Settings, Resources.')
}

/** @param now milliseconds, read when the engine answered */
export function judgeClock({ SystemTime }: EngineInfo, now: number): Observation {
  const seconds = Math.round(Math.abs(Date.parse(SystemTime) - now) / 1000)
  return seconds <= CLOCK_TOLERANCE_SECONDS
    ? well('The clocks of the engine and of this machine agree')
    : doubtful(
        `The clock of the engine is ${seconds} seconds from the clock of this machine.`,
        'Certificates, presigned URLs and schedules suffer. Set the clock; after a sleep, restart Docker Desktop.',
      )
}

export function judgeRoom({ folder, megabytes }: Room): Observation {
  const left = `${folder} has ${megabytes < 1024 ? `${megabytes} MB` : `${Math.floor(megabytes / 1024)} GB`} left`
  if (megabytes >= ENOUGH_ROOM) return well(left)
  return megabytes < ENOUGH_ROOM / 8 ? wrong(`${left}.`, makeRoom) : doubtful(`${left}; a first start takes about 2 GB.`, makeRoom)
}

const goNames: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' }

/** An image for another processor is emulated, which is slow, or does not start at all. */
export function judgeArchitecture({ Architecture }: EngineInfo, image: string, architecture: string): Observation[] {
  const native = goNames[Architecture] ?? Architecture
  if (architecture === '' || architecture === native) return []
  return [doubtful(
    `The image ${image} is for ${architecture}, and the engine is ${native}: it runs slowly, or not at all.`,
    `Remove it, and npm run up fetches or builds the right one: docker image rm ${image}`,
  )]
}

/** @param images those of the stack; nothing is said about those that are not here */
export async function examineEngine(images: readonly string[]): Promise<Observation[]> {
  const { exitCode, stdout } = await capture(['info', '--format', '{{json .}}'], { timeoutMs: 10_000 })
  if (exitCode !== 0) return []
  const [info, now] = [JSON.parse(stdout) as EngineInfo, Date.now()]
  // An engine in a virtual machine has a folder that is not on this machine.
  const room = await roomOf(info.DockerRootDir)
  const architectures = await Promise.all(images.map(async (image) => {
    const found = await capture(['image', 'inspect', '--format', '{{.Architecture}}', image])
    return found.exitCode === 0 ? judgeArchitecture(info, image, found.stdout.trim()) : []
  }))
  return [judgeCapacity(info), ...(room ? [judgeRoom(room)] : []), judgeClock(info, now), ...architectures.flat()]
}
