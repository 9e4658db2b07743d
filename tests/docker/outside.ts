/** Which settings lead a service to data outside of its stack, where the tests must not write. Pure. */
import { hostsOf, type Model } from '../../scripts/lib/compose/model.ts'

const stores = 'pg|db|database|sql|postgres|mysql|maria|mongo|elastic|opensearch|redis|valkey|memcache|cache|broker|celery|queue|rabbit|amqp|kafka|sqs' +
  '|s3|aws|minio|storage|clickhouse|cassandra|scylla|couch|influx|neo4j|supabase|timescale|solr|nats|(?:rds|es|mq|rmq)(?=_|$)'
/** A name that is about data: DB_HOST, Database__Url, PGHOST, S3_ENDPOINT_URL. Names with "public" are for browsers. */
const ofData = new RegExp(`^(?!.*public).*?(?:^|_)(?:${stores})`, 'i')
const ofPlace = /(?:hosts?|hostname|hostaddr|addr|servers?|bootstrap|brokers|nodes|url|uri|dsn)$|endpoint|^hosts?_(?!.*method)/i

/** For the first schemes, only the name says whether an address leads to data. The others stay in the container. */
const ofWeb = /^(?:https?|wss?)$/i
const inside = /^file|sqlite|duckdb|locmem|memory|console|dummy/i
/** Without a host, these lead to the cloud, and all other schemes to the container itself. */
const ofCloud = /^(?:sqs|dynamodb)$/i

const names = (list: string): string[] => list.split(',').map((host) => host.trim().replace(/(?<!:):\d*$/, '').toLowerCase())

/** The hosts of an address. A password may contain any character, so the last @ counts. */
function hostsOfAddress(address: string, isData: boolean): string[] {
  const [, scheme = '', authority = ''] = /([a-z][\w+.-]*):\/\/(?:[^\s"]*@)?([^/?#\s"';]*)/i.exec(address) ?? []
  if (inside.test(scheme) || (ofWeb.test(scheme) && !isData)) return []
  return authority === '' && ofCloud.test(scheme) ? [`${scheme}://`] : names(authority)
}

/** The hosts of the data that a variable leads to, in addresses, in `host=a port=1`, or by its name. */
function hostsOfVariable(name: string, value: string): string[] {
  if (/_proxy$/i.test(name)) return []
  const isData = ofData.test(name) && ofPlace.test(name)
  const addresses = value.split(/[\s,;="'[({]+(?=[a-z][\w+.-]*:\/\/)/i).filter((part) => part.includes('://'))
  // host=a, "host": "a", and Go's user:word@tcp(a:1)/b.
  const found = [...value.matchAll(/(?:^|[\s?&;])(?:host|hostaddr|server)=([^\s&;]+)|@tcp\(([^)]+)\)/gi), ...(ofData.test(name) ? value.matchAll(/"host"\s*:\s*"([^"]+)/gi) : [])]
  const words = found.flatMap(([, host, go]) => names(host ?? go!))
  const plain = isData && addresses.length + words.length === 0 ? names(value).filter((word) => !/^(?:\d*|true|false|yes|no|on|off)$/.test(word)) : []
  return [...addresses.flatMap((address) => hostsOfAddress(address, isData)), ...words, ...plain].filter((host) => !host.startsWith('/'))
}

/** The variables of services that lead to a database, a broker or a bucket outside of the stack: without an endpoint, Amazon's. */
export function leadingOutside({ services }: Model): string[] {
  const own = Object.entries(services).flatMap(([name, service]) => hostsOf(name, service))
  const known = new Set(['', 'localhost', '127.0.0.1', '0.0.0.0', '::1', '[::1]', ...own.map((host) => host.toLowerCase())])
  const all = Object.values(services).flatMap(({ environment = {} }) => Object.entries(environment))
  const found = all.filter(([name, value]) => hostsOfVariable(name, value ?? '').some((host) => !known.has(host)))
  const { S3_BUCKET: bucket, S3_ENDPOINT_URL: endpoint } = services.web?.environment ?? {}
  return [...new Set([...found.map(([name]) => name), ...(bucket && !endpoint ? ['S3_BUCKET'] : [])])]
}
