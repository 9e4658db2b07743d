/** Do the registries answer that images are still to come from? */
import { lookup } from 'node:dns/promises'
import { missing, registryOf } from '../engine/images.ts'
import { hasRoom, isStandIn } from '../rooms.ts'
import { doubtful, well } from './observation.ts'
import type { Observation } from './observation.ts'

const PATIENCE_MS = 5000

/** What comes of it where nobody can pull. */
const otherwise = hasRoom('offline/room.ts')
  ? 'npm run up makes stand-ins (extras/offline/README.md)'
  : 'name a registry that answers in IMAGE_REGISTRY, or load the images with docker load'

/** Where Docker Hub's registry really is. */
const hostOf = (registry: string): string => (registry === 'docker.io' ? 'registry-1.docker.io' : registry)

/** Any answer will do, a refusal included: then somebody is there. */
async function answers(registry: string): Promise<true | string> {
  const host = hostOf(registry)
  try {
    await lookup(host.replace(/:\d+$/, ''))
  } catch {
    return `the name ${host} is not known here (DNS)`
  }
  try {
    await fetch(`https://${host}/v2/`, { signal: AbortSignal.timeout(PATIENCE_MS) })
    return true
  } catch {
    return `${host} does not answer within ${PATIENCE_MS / 1000} seconds, or its certificate is not trusted`
  }
}

/** @param images those that are not built from the Dockerfile */
export async function examineRegistries(images: readonly string[]): Promise<Observation[]> {
  const absent = await missing(images.filter((image) => !isStandIn(image)))
  if (absent.length === 0) return [well(`All ${images.length} images that are not built from the Dockerfile are here`)]
  const registries = [...new Set(absent.map((image) => registryOf(image)))]
  return Promise.all(registries.map(async (registry) => {
    const wanted = absent.filter((image) => registryOf(image) === registry)
    const answer = await answers(registry)
    if (answer === true) return well(`${registry} answers, from which ${wanted.length} images are still to come`)
    return doubtful(
      `${registry} cannot be reached from here: ${answer}. Still to come from it: ${wanted.join(', ')}.`,
      `The engine may know a mirror or a proxy that this machine does not; otherwise ${otherwise}.`,
    )
  }))
}
