/** Every combination of Compose files and profiles that is supported: one table. Pure. */
import { parse } from 'yaml'
import { standInOverlay as offline } from '../../scripts/lib/rooms.ts'

/** The files of COMPOSE_FILE, by the name of the stack. Each also works with the stand-ins on top. */
export const overlays: Readonly<Record<string, readonly string[]>> = {
  base: ['compose.yaml'],
  development: ['compose.yaml', 'compose.override.yaml'],
  production: ['compose.yaml', 'compose.production.yaml'],
  swarm: ['compose.yaml', 'compose.production.yaml', 'extras/swarm/compose.yaml'],
}

/** The files of rooms, which add the profile of that name. */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  gpu: ['compose.yaml', 'compose.override.yaml', 'extras/gpu/compose.yaml', 'extras/gpu/compose.override.yaml'],
  mail: ['compose.yaml', 'compose.override.yaml', 'extras/mail/compose.yaml'],
  rabbitmq: ['compose.yaml', 'compose.override.yaml', 'extras/rabbitmq/compose.yaml'],
}

export interface Variant {
  /** For people: `development-offline, profiles: redis`. */
  title: string
  files: string
  /** A value of COMPOSE_PROFILES. */
  profiles: string
}

/** The profiles that a Compose file knows, in order. */
export function profilesOf(composeFile: string): string[] {
  const { services } = parse(composeFile) as { services: Record<string, { profiles?: string[] }> }
  return [...new Set(Object.values(services).flatMap(({ profiles = [] }) => profiles))].toSorted()
}

const variant = (name: string, files: readonly string[], profiles: string): Variant => ({
  title: `${name}, profiles: ${profiles || 'none'}`,
  files: files.join(':'),
  profiles,
})

/** Each overlay with and without the stand-ins, with no profile, with each alone, and with all of them; a room with and without its own. */
export function variants(profiles: readonly string[]): Variant[] {
  const sets = ['', ...profiles, profiles.join(',')]
  const all = [
    ...Object.entries(overlays).map((overlay) => [...overlay, sets] as const),
    ...Object.entries(rooms).map(([name, files]) => [`development-${name}`, files, ['', name]] as const),
  ]
  return all.flatMap(([name, files, own]) => [
    ...own.map((set) => variant(name, files, set)),
    ...own.map((set) => variant(`${name}-offline`, [...files, offline], set)),
  ])
}

/** The reviewed files of template/lint/config, each with the title of the variant that it shows. */
export function snapshots(profiles: readonly string[]): Record<string, string> {
  const all = `, profiles: ${profiles.join(',')}`
  // extras/swarm/tests checks the stack for Swarm.
  const full = Object.keys(overlays).filter((name) => !['base', 'swarm'].includes(name))
  return {
    'minimal.yaml': 'base, profiles: none',
    'development-offline.yaml': `development-offline${all}`,
    ...Object.fromEntries(full.map((name) => [`${name}.yaml`, `${name}${all}`])),
    ...Object.fromEntries(Object.keys(rooms).map((name) => [`development-${name}.yaml`, `development-${name}, profiles: ${name}`])),
  }
}

/** A config without its x- keys, which come last: their content is already in the services. */
export const withoutExtensions = (config: string): string => config.replace(/^x-.*/ms, '')

/** What goes into the environment of `docker compose --env-file .env.docker.example config`. */
export const environmentOf = ({ files, profiles }: Variant): Record<string, string> => ({
  COMPOSE_FILE: files,
  COMPOSE_PATH_SEPARATOR: ':',
  COMPOSE_PROFILES: profiles,
  COMPOSE_PROJECT_NAME: 'starter',
  // A file that does not exist, so that this checkout's own application settings stay out.
  APP_ENV_FILE: 'docker/no-such.env',
  SWARM_IMAGE: 'registry.example.org/starter:1.4.0',
})

export interface Outcome {
  exitCode: number | null
  stdout: string
  stderr: string
}

/** Compose 5 warns that it ignores each line for Swarm. */
const forSwarm = /^.*level=warning msg=.* (?:only applies|is only honored) .*Swarm.*\n?/gm

/** What Compose said, each sentence once with its variants; nothing if all is well. */
export function complaints(checked: readonly (readonly [Variant, Outcome])[]): string {
  const byText = new Map<string, string[]>()
  for (const [{ title }, { exitCode, stderr: said }] of checked) {
    const stderr = said.replaceAll(forSwarm, '')
    // A warning counts as an error, because nobody reads it later.
    if (exitCode === 0 && stderr.trim() === '') continue
    const text = stderr.trim().replaceAll(/^time="[^"]*" /gm, '') || `exit code ${exitCode}`
    byText.set(text, [...(byText.get(text) ?? []), title])
  }
  return [...byText]
    .map(([text, [first, ...more]]) => `${text}\n  ${first}${more.length > 0 ? `, and ${more.length} more` : ''}`)
    .join('\n')
}
