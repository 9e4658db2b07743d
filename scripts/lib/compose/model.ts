/** What `docker compose config --format json` says, as far as the scripts read it. Pure. */

export interface Port {
  host_ip?: string
  /** A port or a range, as text. */
  published?: string
  target: number
  protocol?: string
}

export interface Service {
  image?: string
  build?: { target?: string; args?: Record<string, string | null> }
  ports?: Port[]
  depends_on?: Record<string, { condition: string }>
  environment?: Record<string, string | null>
  volumes?: { type: string; source?: string; target: string }[]
  profiles?: string[]
  pull_policy?: string
  networks?: Record<string, { aliases?: string[] } | null>
  hostname?: string
  container_name?: string
  /** `name=address` */
  extra_hosts?: string[]
}

export interface Model {
  name: string
  services: Record<string, Service>
  volumes?: Record<string, { name: string } | null>
  networks?: Record<string, { name: string; external?: boolean }>
}

/** Reads the answer of Compose. */
export const parseModel = (json: string): Model => JSON.parse(json) as Model

/** The images that a build begins with: a frontend, in the application's image or in its own, needs Node. */
export function baseImages({ target, args = {} }: NonNullable<Service['build']>): string[] {
  const bases = target === 'frontend-server' ? [args.NODE_IMAGE] : [args.PYTHON_IMAGE, args.FRONTEND === 'build' ? args.NODE_IMAGE : undefined]
  return bases.filter((image) => typeof image === 'string')
}

/** The images that are not built here and have to come from somewhere: of services, and the bases of the build. */
export function foreignImages({ services }: Model): string[] {
  const all = Object.values(services)
  const built = new Set(all.filter(({ build }) => build).map(({ image }) => image))
  const bases = all.flatMap(({ build }) => (build ? baseImages(build) : []))
  const images = all.map(({ image }) => image).filter((image) => !built.has(image))
  return [...new Set([...images, ...bases])].filter((image) => typeof image === 'string').toSorted()
}

/** The base image of the application's build. */
export const pythonImage = ({ services }: Model): string =>
  Object.values(services).map(({ build }) => build?.args?.PYTHON_IMAGE).find((image) => image) ?? ''

export interface PublishedPort {
  service: string
  address: string
  /** The first one of a range. */
  port: number
  isRange: boolean
  target: number
}

/** Every TCP port that the stack opens on this machine. */
export function publishedPorts({ services }: Model): PublishedPort[] {
  return Object.entries(services).flatMap(([service, { ports = [] }]) =>
    ports
      .filter(({ published, protocol = 'tcp' }) => published && protocol === 'tcp')
      .map(({ host_ip: address = '0.0.0.0', published = '', target }) => ({
        service,
        address,
        port: Number.parseInt(published, 10),
        isRange: published.includes('-'),
        target,
      })),
  )
}

/** A name of the proxy's own, where it has one: ":80" is every name. */
function siteUrl({ services }: Model): Record<string, string> {
  const [address] = (services.proxy?.environment?.SITE_ADDRESS ?? '').split(/[\s,]+/)
  if (!services.proxy?.ports || !address || address.startsWith(':')) return {}
  return { proxy: address.includes('://') ? address : `https://${address}` }
}

/** The address to type into a browser, by service: the first published port of each. */
export function urls(model: Model): Record<string, string> {
  const entries = publishedPorts(model).map(({ service, address, port }) => {
    const isLocal = ['0.0.0.0', '127.0.0.1', '::', '::1'].includes(address)
    const host = isLocal ? 'localhost' : address.includes(':') ? `[${address}]` : address
    return [service, `http://${host}:${port}`] as const
  })
  return { ...Object.fromEntries(entries.toReversed()), ...siteUrl(model) }
}
