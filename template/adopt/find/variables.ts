/** The environment variables that an application reads under names of its own. */
import { isSource, lineAt, type Files } from './source.ts'

export interface Variable {
  name: string
  /** What it should be in this stack, as a line of `.env.app` says it; undefined if only the owner knows. */
  value?: string
  where: string
}

/** Variables that the stack passes by itself. */
const PASSED = /^(DATABASE_URL|REDIS_URL|SECRET_KEY|PORT|S3_(ENDPOINT_URL|PUBLIC_URL|BUCKET|REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY)|AWS_ENDPOINT_URL_S3|FRONTEND_ROOT|PATH|HOME|TMPDIR|HOSTNAME|DJANGO_SETTINGS_MODULE|FLASK_APP)$/

/** The services that the application uses, and its own folders, whose names may begin those of its variables. */
export interface Services { database?: 'postgres' | 'mariadb'; hasStore: boolean; folders: ReadonlySet<string> }

/** Names of tests, which delete what they find, of brokers that are none of Celery's, and of other databases. */
const OTHER = /(^|_)(TEST(S|ING)?|MQTT|KAFKA|STOMP|ACTIVEMQ|RABBIT(MQ)?|AMQP|SQS|MONGO(DB)?|INFLUX(DB)?|VECTOR|LEGACY|OLD|REPLICA|READ|ANALYTICS|WAREHOUSE)(_|$)/

const DATABASE = String.raw`^(\w+_)?(DATABASE|DB|POSTGRES(QL)?|SQL|MYSQL|MARIADB|PG)_?`

/** What a name usually means; the first row that matches counts. */
const MEANINGS: readonly [name: RegExp, value: (services: Services) => string | undefined][] = [
  [/REDIS_HOST(NAME)?$/, () => 'redis'], [/REDIS_PORT$/, () => '6379'], [/REDIS_PASS(WORD)?$/, () => '${REDIS_PASSWORD}'],
  [/BROKER(_URL)?$|RESULT_BACKEND(_URL)?$|(REDIS|CACHE|CELERY|RATELIMIT|SOCKETIO)\w*_(URL|URI|DSN|LOCATION)$/, () => '${REDIS_URL}'],
  [/^(\w+_)?(SQLALCHEMY_DATABASE|DATABASE|DB|POSTGRES(QL)?|MYSQL|PG)_?(URL|URI|DSN)$/, ({ database }) => database && '${DATABASE_URL}'],
  [new RegExp(`${DATABASE}(HOST|SERVER)$`), ({ database }) => database && 'db'],
  [new RegExp(`${DATABASE}PORT$`), ({ database }) => database && (database === 'postgres' ? '5432' : '3306')],
  [new RegExp(`${DATABASE}USER(NAME)?$`), ({ database }) => database && (database === 'postgres' ? '${POSTGRES_USER}' : '${MARIADB_USER}')],
  [new RegExp(`${DATABASE}PASS(WORD)?$`), ({ database }) => database && (database === 'postgres' ? '${POSTGRES_PASSWORD}' : '${MARIADB_PASSWORD}')],
  [new RegExp(`${DATABASE}(NAME|DB|DATABASE)$`), ({ database }) => database && (database === 'postgres' ? '${POSTGRES_DB}' : '${MARIADB_DATABASE}')],
  [/(S3|STORAGE|AWS|MINIO)\w*_BUCKET(_NAME)?$/, ({ hasStore }) => (hasStore ? '${S3_BUCKET}' : undefined)],
  [/(S3|STORAGE|AWS|MINIO)\w*_SECRET(_ACCESS)?(_KEY)?$/, ({ hasStore }) => (hasStore ? '${S3_SECRET_ACCESS_KEY}' : undefined)],
  [/(S3|STORAGE|AWS|MINIO)\w*_ACCESS_KEY(_ID)?$/, ({ hasStore }) => (hasStore ? '${S3_ACCESS_KEY_ID}' : undefined)],
  [/(S3|STORAGE|AWS|MINIO)\w*_ENDPOINT(_URL)?$/, ({ hasStore }) => (hasStore ? '${S3_ENDPOINT_URL}' : undefined)],
  [/ALLOWED_HOSTS$/, () => 'localhost'],
]

function meaningOf(name: string, services: Services): string | undefined {
  const plain = name.replaceAll('__', '_')
  if (OTHER.test(plain)) return undefined
  // The key that signs sessions, and not one of a service such as STRIPE_SECRET_KEY.
  const [, owner] = /^(?:(\w+)_)?SECRET_KEY$/.exec(plain) ?? []
  if (plain === 'SECRET_KEY' || (owner && (/^(DJANGO|FLASK|APP|WEB|SESSION)$/.test(owner) || services.folders.has(owner.toLowerCase())))) return '${SECRET_KEY}'
  return MEANINGS.find(([pattern]) => pattern.test(plain))?.[1](services)
}

/** Names in `os.environ["A"]`, `os.getenv("A")`, `env.str("A")` and decouple's `config("A")`, and what follows them. */
const READ = /(?<![.\w])((?:os\.)?environ(?:\.get)?|(?:os\.)?getenv|env(?:\.[a-z_]+)?|config(?=\())\s*[[(]\s*["']([A-Z][A-Z0-9_]*)["']\s*([,)\]])(?!\s*=[^=])/g
const FIELD = /^ {4}([A-Za-z]\w*)[ \t]*:[ \t]*([^=\n#]+?)[ \t]*(=|#|$)/gm

interface Read {
  name: string
  hasDefault: boolean
  /** Whether it is the key of Django or Flask, whatever its name. */
  isKey?: boolean
  /** The default, if it is a text. */
  instead?: string | undefined
  index: number
}

function readsOf(text: string): Read[] {
  const isAsked = (name: string): boolean => new RegExp(`["']${name}["'] in (os\\.)?environ`).test(text)
  const before = (index: number): string => text.slice(text.lastIndexOf('\n', index) + 1, index)
  const reads = [...text.matchAll(READ)].filter(({ 1: reader, index }) => (reader !== 'config' || text.includes('decouple')) && !/^\s*#/.test(before(index)))
    .map(({ 0: all, 1: reader, 2: name, 3: after, index }) => {
      const more = after === ',' ? text.slice(index + all.length, index + all.length + 200) : ''
      const hasDefault = (after === ',' && !/^\s*cast\s*=\s*\w+\s*\)/.test(more)) || /get(env)?$/.test(reader!) || isAsked(name!)
      return { name: name!, hasDefault, isKey: /^SECRET_KEY\s*=\s*$/.test(before(index)), instead: /^\s*(?:default\s*=\s*)?["']([^"']*)["']/.exec(more)?.[1], index }
    })
  return [...reads, ...fieldsOf(text)]
}

/** The fields of pydantic's settings classes, which are variables too; a field of a class of its own has several. */
function fieldsOf(text: string): Read[] {
  const classes = [...text.matchAll(/^class (\w+)\(([^)]*)\):\n((?:[ \t]+.*\n|\n)*)/gm)]
    .map(({ 0: all, 1: name, 2: bases, 3: body, index }) => ({ name: name!, isSettings: /\bBaseSettings\b/.test(bases!), body: body!, start: index + all.length - body!.length }))
  const [, prefix = ''] = /\benv_prefix\s*=\s*["'](\w*)["']/.exec(text) ?? []
  const [, delimiter] = /\benv_nested_delimiter\s*=\s*["']([^"'A-Za-z0-9]+)["']/.exec(text) ?? []
  const below = ({ body, start }: typeof classes[number], path: string): Read[] => {
    // A docstring has words with a colon, too. Its length stays.
    const code = body.replaceAll(/("""|''')[^]*?\1/g, (words) => words.replaceAll(/[^\n]/g, ' '))
    return [...code.matchAll(FIELD)].flatMap(({ 1: name, 2: type, 3: after, index }) => {
      // A type that goes on in the next line usually ends with a default.
      const hasDefault = (after === '=' && !/^\s*Field\(\s*\.\.\./.test(code.slice(index).replace(/^[^=]*=/, ''))) || /[[(,|]$/.test(type!)
      if (name === 'model_config') return []
      const inner = hasDefault ? undefined : classes.find((one) => one.name === type!.trim())
      if (inner) return delimiter && path.length < 100 ? below(inner, `${path}${name}${delimiter}`) : []
      return [{ name: `${path}${name}`.toUpperCase(), hasDefault, index: start + index }]
    })
  }
  return classes.filter(({ isSettings }) => isSettings).flatMap((one) => below(one, prefix))
}

/** The variables of an application that nothing passes to it yet, each at the first place that reads it. */
export function variablesOf({ paths, read }: Files, services: Services): Variable[] {
  const found = new Map<string, Variable>()
  for (const path of paths.filter((one) => isSource(one))) {
    const text = read(path)
    for (const { name, hasDefault, isKey, instead, index } of readsOf(text)) {
      if (PASSED.test(name) || found.has(name)) continue
      const meaning = isKey ? '${SECRET_KEY}' : meaningOf(name, services)
      // A default such as django-db was chosen; one such as localhost only fits another machine.
      const isChosen = meaning?.endsWith('_URL}') && instead && !/localhost|127\.0\.0\.1|:\/\/([^/]*@)?\w+(:\d+)?\//.test(instead)
      const value = isChosen ? undefined : meaning
      if (value === undefined && hasDefault) continue
      found.set(name, { name, where: `${path}:${lineAt(text, index)}`, ...(value === undefined ? {} : { value }) })
    }
  }
  // What a package reads stands in no source here, but perhaps in the example of an env file.
  for (const path of paths.filter((one) => /(^|\/)[\w.-]*\benv\.(example|sample|dist|template)$|(^|\/)[\w.-]*example\.env$/.test(one))) {
    const text = read(path)
    for (const { 1: name = '', index } of text.matchAll(/^(?:export )?([A-Z][A-Z0-9_]*)=/gm)) {
      const value = meaningOf(name, services)
      if (value && !PASSED.test(name) && !found.has(name)) found.set(name, { name, value, where: `${path}:${lineAt(text, index)}` })
    }
  }
  return [...found.values()]
}
