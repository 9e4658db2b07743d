/** Checks an env file on a small stack, for tests of rules: without Docker, and without files on the disk. */
import { expect } from 'vitest'
import { check } from '../../scripts/lib/env/check.ts'
import { readLines } from '../../scripts/lib/env/file.ts'
import type { Finding } from '../../scripts/lib/env/check.ts'
import type { Schema } from '../../scripts/lib/env/schema.ts'
import type { Around, Disk } from '../../scripts/lib/env/subject.ts'
import type { Model } from '../../scripts/lib/compose/model.ts'
import type { Values } from '../../scripts/lib/engine/machine.ts'

/** The text with values in place of its references, the innermost first. */
function interpolate(text: string, values: Values): string {
  const once = text.replaceAll(/\$(?:(\w+)|\{(\w+)(?::-([^${}]*))?\})/g, (_, bare?: string, name?: string, word = '') => values[bare ?? name ?? ''] || word)
  return once === text ? text : interpolate(once, values)
}

/** The stack, with values put in as Compose does it. */
export const model = (values: Values): Model => JSON.parse(interpolate(JSON.stringify({
  name: 'check',
  services: {
    web: { build: { target: 'dev' }, ports: [{ host_ip: '127.0.0.1', published: '${WEB_PUBLISHED_PORT:-${WEB_PORT:-8000}}', target: 8000 }] },
    worker: { command: ['worker'], environment: { CELERY_APP: '${CELERY_APP}' } }, beat: { profiles: ['beat'] }, frontend: { profiles: ['frontend'] },
    flower: { profiles: ['flower'], ports: [{ host_ip: '127.0.0.1', published: '${FLOWER_PORT:-5555}', target: 5555 }] },
    postgres: {
      profiles: ['postgres'], image: 'library/postgres:17', networks: { data: { aliases: ['db'] } },
      environment: { POSTGRES_USER: '${POSTGRES_USER:-postgres}', POSTGRES_PASSWORD: '${POSTGRES_PASSWORD:-}', POSTGRES_DB: 'shop' },
      ports: [{ host_ip: '${DATABASE_BIND:-127.0.0.1}', published: '5432', target: 5432 }],
    },
    mariadb: { profiles: ['mariadb'], image: 'library/mariadb:11', networks: { data: { aliases: ['db'] } }, environment: { MARIADB_USER: 'shop', MARIADB_PASSWORD: 'x' } },
    redis: { profiles: ['redis'], image: 'valkey/valkey:9', environment: { REDIS_PASSWORD: '${REDIS_PASSWORD:-}' } },
    storage: { profiles: ['storage'], image: 'chrislusf/seaweedfs:4.48', ports: [{ host_ip: '127.0.0.1', published: '${STORAGE_PORT:-8333}', target: 8333 }] },
  },
}), values)) as Model

const paths = ['app/requirements.txt', 'app/shop/tasks.py', 'compose.yaml', 'compose.override.yaml', 'compose.production.yaml', 'mine.yaml']
/** A disk on which files have these texts. */
export const diskWith = (texts: Record<string, string> = {}): Disk => ({
  kindOf: (path) => (paths.includes(path) ? 'file' : path === '.' || paths.some((one) => one.startsWith(`${path}/`)) ? 'folder' : 'absent'),
  namesIn: (folder) => [...new Set(paths.filter((path) => folder === '.' || path.startsWith(`${folder}/`)).map((path) => path.slice(folder === '.' ? 0 : folder.length + 1).split('/')[0]!))],
  textOf: (path) => texts[path] ?? '',
})

export type Edits = Record<string, string | null>

/** The example with other values; null takes the line out. */
export function fileWith(schema: Schema, edits: Edits): string {
  const values: Edits = { ...Object.fromEntries(schema.settings.map(({ name, assignment }) => [name, assignment.slice(name.length + 1)])), ...edits }
  return Object.entries(values).flatMap(([name, raw]) => (raw === null ? [] : [`${name}=${raw}\n`])).join('')
}

/** The values as Compose reads them, if they have no escapes. */
export function valuesOf(text: string): Values {
  const values: Record<string, string> = {}
  for (const { name, raw } of readLines(text).entries) {
    const literal = /^['"]/.test(raw) ? raw.slice(1, -1) : raw
    values[name] = raw.startsWith("'") ? literal : interpolate(literal, values)
  }
  return values
}

export function findings(schema: Schema, text: string, around: Around = {}): Finding[] {
  const values = valuesOf(text)
  return check({ schema, lines: readLines(text), values, around: { model: model(values), disk: diskWith(), shell: {}, ...around } })
}

/** `CODE SETTING` of each finding. Also expects that each names the line of its setting. */
export const codesOf = (text: string, found: readonly Finding[]): string[] => found.map(({ code, setting, line }) => {
  const at = text.split('\n').findLastIndex((content) => content.startsWith(`${setting}=`)) + 1
  if (setting !== null) expect([setting, line]).toEqual([setting, at === 0 ? null : at])
  return setting === null ? code : `${code} ${setting}`
})
