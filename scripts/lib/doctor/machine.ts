/** Can this machine carry the stack? The engine's answers, the registries and the checkout, judged. */
import { statSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { foreignImages } from '../compose/model.ts'
import type { Model } from '../compose/model.ts'
import { findUnreadable, may, mountedSource, WRITE } from '../compose/source-access.ts'
import { capture } from '../engine/docker.ts'
import { missing, registryOf } from '../engine/images.ts'
import { makeRoom, roomOf } from '../engine/machine.ts'
import type { Room } from '../engine/machine.ts'
import { hasOfflineRoom, isStandIn } from '../rooms.ts'
import { amount } from '../terminal.ts'

/** What the doctor sees, in a sentence that holds no secret. */
export interface Observation {
  level: 'well' | 'doubtful' | 'wrong'
  text: string
  /** What to do about it; absent when all is well. */
  remedy?: string
}

export const well = (text: string): Observation => ({ level: 'well', text })

/** Something to know that stops nothing. */
export const doubtful = (text: string, remedy: string): Observation => ({ level: 'doubtful', text, remedy })

/** Something that stops the stack, or will. */
export const wrong = (text: string, remedy: string): Observation => ({ level: 'wrong', text, remedy })

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
    const remedy = 'Docker Desktop: choose "Switch to Linux containers" in its menu.'
    return wrong(`The engine runs ${OSType} containers, and these are for Linux.`, remedy)
  }
  const memory = `${(MemTotal / GIGABYTE).toFixed(1)} GB of memory`
  const has = `The engine has ${amount(NCPU, 'processor')} (${Architecture}) and ${memory}`
  if (MemTotal >= ENOUGH_MEMORY) return well(has)
  const remedy = 'Give it 2 GB or more; Docker Desktop has that under Settings, Resources.'
  return doubtful(`${has}: little for a build beside a running stack.`, remedy)
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

export async function examineEngine(): Promise<Observation[]> {
  const { exitCode, stdout } = await capture(['info', '--format', '{{json .}}'], { timeoutMs: 10_000 })
  if (exitCode !== 0) return []
  const [info, now] = [JSON.parse(stdout) as EngineInfo, Date.now()]
  // An engine in a virtual machine has a folder that is not on this machine.
  const room = await roomOf(info.DockerRootDir)
  return [judgeCapacity(info), ...(room ? [judgeRoom(room)] : []), judgeClock(info, now)]
}

const PATIENCE_MS = 5000

/** Why a registry does not answer. Any answer will do, a refusal included: then somebody is there. */
async function silenceOf(registry: string): Promise<string | undefined> {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry
  try {
    await lookup(host.replace(/:\d+$/, ''))
  } catch {
    return `the name ${host} is not known here (DNS)`
  }
  return fetch(`https://${host}/v2/`, { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
    () => undefined,
    () => `${host} does not answer within ${PATIENCE_MS / 1000} seconds, or its certificate is not trusted`,
  )
}

/** Do the registries answer that images are still to come from? */
export async function examineRegistries(model: Model): Promise<Observation[]> {
  const images = foreignImages(model)
  const absent = await missing(images.filter((image) => !isStandIn(image)))
  if (absent.length === 0) return [well(`All ${images.length} images that are not built from the Dockerfile are here`)]
  const otherwise = hasOfflineRoom()
    ? 'npm run up makes stand-ins (extras/offline/README.md)'
    : 'name a registry that answers in IMAGE_REGISTRY, or load the images with docker load'
  return Promise.all([...new Set(absent.map((image) => registryOf(image)))].map(async (registry) => {
    const wanted = absent.filter((image) => registryOf(image) === registry)
    const silence = await silenceOf(registry)
    if (!silence) return well(`${registry} answers, from which ${wanted.length} images are still to come`)
    return doubtful(
      `${registry} cannot be reached from here: ${silence}. Still to come from it: ${wanted.join(', ')}.`,
      `The engine may know a mirror or a proxy that this machine does not; otherwise ${otherwise}.`,
    )
  }))
}

/** What the containers' user can do with the source that development mounts; nothing where none is mounted. */
export function judgeSource(model: Model): Observation[] {
  const source = mountedSource(model)
  if (!source) return []
  const { folder, user } = source
  const entry = statSync(folder, { throwIfNoEntry: false })
  if (!entry) return [wrong(`There is no folder ${folder}, which APP_DIR names.`, 'Correct APP_DIR in .env.docker.')]
  const unreadable = findUnreadable(folder, user)
  const who = `The containers run as uid ${user.uid} (APP_UID), who may not`
  if (unreadable) return [wrong(`${who} read ${unreadable}.`, `chmod -R a+rX ${folder}`)]
  if (may(user, WRITE, entry)) return [well(`The containers, as uid ${user.uid}, may read and write the source`)]
  return [doubtful(
    `${who} write into ${folder}. Tests and generated migrations need to.`,
    'Set APP_UID and APP_GID in .env.docker to its owner, or change the owner: ' +
      `chown -R ${user.uid}:${user.gid} ${folder}`,
  )]
}
