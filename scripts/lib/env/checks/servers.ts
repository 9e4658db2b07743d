/** What the servers of a stack speak and where they listen, as far as their images tell. Pure. */
import type { ServiceView } from './compose-view.ts'

export interface Server {
  image: RegExp
  /** The schemes that it understands, without a driver. */
  schemes: RegExp
  /** In the container. */
  port: number
  /** A URL of it: the scheme with a driver, the database where none is made, and what stands behind it. */
  scheme: string
  database: string
  search: string
  /** Does it encrypt without being told to? */
  hasTls: boolean
}

const servers: readonly Server[] = [
  {
    image: /(^|\/)(postgres(ql)?|postgis|pgvector|timescaledb)[:@-]/, schemes: /^postgres(ql)?$/, port: 5432,
    scheme: 'postgresql+psycopg', database: '', search: '', hasTls: false,
  },
  { image: /(^|\/)(mariadb|mysql)[:@-]/, schemes: /^(mysql|mariadb)$/, port: 3306, scheme: 'mysql+pymysql', database: '', search: '?charset=utf8mb4', hasTls: true },
  { image: /(^|\/)(valkey|redis)[:@-]/, schemes: /^(rediss?|valkeys?)$/, port: 6379, scheme: 'redis', database: '0', search: '', hasTls: false },
  { image: /(^|\/)rabbitmq[:@-]/, schemes: /^amqps?$/, port: 5672, scheme: 'amqp', database: '', search: '', hasTls: false },
  { image: /(^|\/)seaweedfs[:@-]/, schemes: /^https?$/, port: 8333, scheme: 'http', database: '', search: '', hasTls: false },
]

/** What the service is; undefined for an image that nobody here knows. */
export const serverOf = ({ image = '' }: ServiceView): Server | undefined => servers.find((server) => server.image.test(image))

/** What understands the scheme; undefined for a scheme of others. */
const serverFor = (scheme: string): Server | undefined => servers.find(({ schemes }) => schemes.test(scheme))

/** Does the service certainly speak the scheme, certainly not, or does nobody know? */
export function speaks(service: ServiceView, scheme: string): boolean | undefined {
  const [it, wanted] = [serverOf(service), serverFor(scheme)]
  return it && wanted && it === wanted
}

/** Those of the services that may be meant by the scheme, or all of them when it fits none. */
export function meantBy(scheme: string, services: readonly ServiceView[]): readonly ServiceView[] {
  const sure = services.filter((service) => speaks(service, scheme))
  const possible = sure.length > 0 ? sure : services.filter((service) => speaks(service, scheme) === undefined)
  return possible.length > 0 ? possible : services
}
