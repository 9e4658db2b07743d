/** Can this machine carry the stack? The engine's answers, the ports, the registries and the checkout, judged. */
import { statSync } from 'node:fs'
import { foreignImages } from '../compose/model.ts'
import type { Container, Model } from '../compose/model.ts'
import { takenPorts } from '../compose/ports.ts'
import { findUnreadable, may, mountedSource, WRITE } from '../compose/source-access.ts'
import type { Stack } from '../compose/stack.ts'
import { capture } from '../engine/docker.ts'
import type { Engine } from '../engine/engine.ts'
import { missing, registryOf } from '../engine/images.ts'
import { makeRoom, roomOf } from '../engine/machine.ts'
import type { Room } from '../engine/machine.ts'
import type { Settings } from '../env/settings.ts'
import { hasOfflineRoom, isStandIn } from '../rooms.ts'
import { amount } from '../terminal.ts'

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

/** One question and its judgement; no observation where the question does not arise. */
export type Examination = (sight: Sight) => Observation[] | Promise<Observation[]>

export const well = (text: string): Observation => ({ level: 'well', text })

/** Something to know that stops nothing. */
export const doubtful = (text: string, remedy: string): Observation => ({ level: 'doubtful', text, remedy })

/** Something that stops the stack, or will. */
export const wrong = (text: string, remedy: string): Observation => ({ level: 'wrong', text, remedy })

const GIGABYTE = 1024 ** 3

/** An idle stack takes less than 1 GB, and a build beside it as much again. A first start takes as much of the disk. */
const ENOUGH = 2 * GIGABYTE

/** With a larger difference, certificates, presigned URLs and schedules begin to fail. */
const CLOCK_TOLERANCE_SECONDS = 5

const PATIENCE_MS = 5000

/** As far as `docker info` is read here. */
export interface EngineInfo {
  Architecture: string
  NCPU: number
  /** Bytes. */
  MemTotal: number
  /** The engine's clock, in RFC 3339. */
  SystemTime: string
  DockerRootDir: string
}

/**
 * What the engine has. Pure.
 *
 * @param room on its disk; unknown where the engine is in a virtual machine
 * @param now milliseconds, read when the engine answered
 */
export function judgeEngine(engine: EngineInfo, room: Room | undefined, now: number): Observation[] {
  const { NCPU, MemTotal, Architecture, SystemTime } = engine
  const memory = `${(MemTotal / GIGABYTE).toFixed(1)} GB of memory`
  const has = `The engine has ${amount(NCPU, 'processor')} (${Architecture}) and ${memory}`
  const more = 'Give it 2 GB or more; Docker Desktop has that under Settings, Resources.'
  const seconds = Math.round(Math.abs(Date.parse(SystemTime) - now) / 1000)
  return [
    MemTotal >= ENOUGH ? well(has) : doubtful(`${has}: little for a build beside a running stack.`, more),
    ...(room ? [judgeRoom(room)] : []),
    seconds <= CLOCK_TOLERANCE_SECONDS
      ? well('The clocks of the engine and of this machine agree')
      : doubtful(
          `The clock of the engine is ${seconds} seconds from the clock of this machine.`,
          'Certificates, presigned URLs and schedules suffer. Set the clock; after a sleep, restart Docker Desktop.',
        ),
  ]
}

function judgeRoom({ folder, megabytes }: Room): Observation {
  const bytes = megabytes * 1024 ** 2
  const left = `${folder} has ${(bytes / GIGABYTE).toFixed(1)} GB left`
  if (bytes >= ENOUGH) return well(left)
  if (bytes >= ENOUGH / 8) return doubtful(`${left}; a first start takes about 2 GB.`, makeRoom)
  return wrong(`${left}.`, makeRoom)
}

export async function examineEngine({ engine }: Sight): Promise<Observation[]> {
  const versions = well(`Docker ${engine.engineVersion}, Compose ${engine.composeVersion}, Node ${process.versions.node}`)
  const { exitCode, stdout } = await capture(['info', '--format', '{{json .}}'], { timeoutMs: 10_000 })
  if (exitCode !== 0) return [versions]
  const [answer, now] = [JSON.parse(stdout) as EngineInfo, Date.now()]
  return [versions, ...judgeEngine(answer, await roomOf(answer.DockerRootDir), now)]
}

/** Do the registries answer that images are still to come from? Any answer will do, a refusal included. */
export async function examineRegistries({ model }: Sight): Promise<Observation[]> {
  const images = foreignImages(model)
  const absent = await missing(images.filter((image) => !isStandIn(image)))
  if (absent.length === 0) return [well(`All ${images.length} images that are not built from the Dockerfile are here`)]
  const otherwise = hasOfflineRoom()
    ? 'npm run up makes stand-ins (extras/offline/README.md)'
    : 'name a registry that answers in IMAGE_REGISTRY, or load the images with docker load'
  return Promise.all([...new Set(absent.map((image) => registryOf(image)))].map(async (registry) => {
    const wanted = absent.filter((image) => registryOf(image) === registry)
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry
    try {
      await fetch(`https://${host}/v2/`, { signal: AbortSignal.timeout(PATIENCE_MS) })
      return well(`${registry} answers, from which ${wanted.length} images are still to come`)
    } catch (error) {
      const { message } = ((error as Error).cause ?? error) as Error
      return doubtful(
        `${registry} cannot be reached from here: ${message}. Still to come from it: ${wanted.join(', ')}.`,
        `The engine may know a mirror or a proxy that this machine does not; otherwise ${otherwise}.`,
      )
    }
  }))
}

export async function examinePorts({ model }: Sight): Promise<Observation[]> {
  const taken = await takenPorts(model)
  if (taken.length === 0) return [well('Every port that the stack publishes is free, or its own already')]
  return taken.map(({ message, hint }) => wrong(message, hint))
}

/** What can the containers' user do with the source that development mounts? */
export function examineSource({ model }: Sight): Observation[] {
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
