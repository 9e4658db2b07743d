/** Which database and which store an application uses. */
import type { Application } from './find.ts'
import { byFile, findLine, isSource, type Files } from './source.ts'

interface Database {
  profile: 'postgres' | 'mariadb'
  settings: Record<string, string>
  where: string
}

/** Drivers by package, and the scheme that SQLAlchemy wants for them. */
const DRIVERS: readonly [name: string, profile: Database['profile'], scheme: string][] = [
  ['psycopg', 'postgres', 'postgresql+psycopg'], ['psycopg2', 'postgres', 'postgresql'], ['psycopg2-binary', 'postgres', 'postgresql'],
  ['asyncpg', 'postgres', 'postgresql+asyncpg'], ['mysqlclient', 'mariadb', 'mysql+mysqldb'], ['pymysql', 'mariadb', 'mysql+pymysql'],
  ['asyncmy', 'mariadb', 'mysql+asyncmy'], ['aiomysql', 'mariadb', 'mysql+aiomysql'],
]

/** What Django's settings or an address name: the driver may come with another package. */
const NAMED = /["']ENGINE["']\s*:\s*["'][\w.]+\.(postgresql|postgis|mysql)["']|["'](postgres(?:ql)?|mysql|mariadb)(?:\+\w+)?:\/\//

/** The database of an application, by the driver among its packages, or by what its source names. */
export function databaseOf({ inner, packages, project, manage, shown }: Application): Database | undefined {
  const isAsync = packages.has('asyncpg') && inner.paths.some((path) => isSource(path) && inner.read(path).includes('create_async_engine'))
  const [driver, ofDriver, scheme] = DRIVERS.find(([name]) => packages.has(name) && (!isAsync || name === 'asyncpg')) ?? []
  const named = driver ? undefined : findLine(inner, NAMED)
  if (!driver && !named) return undefined
  const profile = ofDriver ?? ((named!.match[1] ?? named!.match[2]!).startsWith('post') ? 'postgres' : 'mariadb')
  const where = driver ? `${driver} is among its packages` : shown(byFile(named!))
  // A list that was written by hand may name only what needs SQLAlchemy.
  const isOwn = driver && manage === undefined && ['sqlalchemy', 'flask-sqlalchemy', 'sqlmodel', 'alembic', 'flask-migrate'].some((one) => packages.has(one))
  if (profile === 'postgres') {
    const url = `${isOwn ? scheme : 'postgresql'}://\${POSTGRES_USER}:\${POSTGRES_PASSWORD}@db:5432/\${POSTGRES_DB}`
    return { profile, where, settings: { POSTGRES_DB: project, DATABASE_URL: url } }
  }
  const url = `${isOwn ? scheme : 'mysql'}://\${MARIADB_USER}:\${MARIADB_PASSWORD}@db:3306/\${MARIADB_DATABASE}?charset=utf8mb4`
  return { profile, where, settings: { MARIADB_USER: project, MARIADB_DATABASE: project, MARIADB_PASSWORD: 'mariadb-local-only', DATABASE_URL: url } }
}

/** The S3 store of an application, and the first place that uses it. */
export function storeOf(files: Files, packages: ReadonlySet<string>, project: string): { settings: Record<string, string>; where: string } | undefined {
  // S3 takes no underscore in the name of a bucket, and a database no hyphen.
  const bucket = project.replaceAll('_', '-')
  if (!['boto3', 'aioboto3', 'aiobotocore', 'minio', 's3fs', 'django-storages'].some((name) => packages.has(name))) return undefined
  const found = findLine(files, /\b(?:client|resource)\(\s*["']s3["']|storages\.backends\.s3|\bMinio\(|\bS3FileSystem\(/)
  return found && {
    where: byFile(found),
    settings: { S3_ENDPOINT_URL: 'http://storage:8333', S3_PUBLIC_URL: 'http://localhost:8333', S3_BUCKET: bucket, S3_ACCESS_KEY_ID: bucket, S3_SECRET_ACCESS_KEY: 'storage-local-only' },
  }
}
