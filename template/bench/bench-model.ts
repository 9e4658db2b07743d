/** What the benchmark reads of Compose's model beyond what the other scripts read. Pure. */
import type { Model, Service } from '../../scripts/lib/compose/model.ts'

interface BenchService extends Service {
  build?: { args?: Record<string, string | null>; target?: string; secrets?: { source: string }[] }
}

export interface BenchModel extends Model {
  services: Record<string, BenchService>
  secrets?: Record<string, { file?: string; environment?: string }>
}

/** The environment of a service as its container has it. */
export const environmentOf = ({ services }: BenchModel, service: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(services[service]?.environment ?? {}).map(([name, value]) => [name, value ?? '']),
  )

/** The network through which a service reaches the others. */
export function networkOf({ services, networks = {} }: BenchModel, service: string): string | undefined {
  const [name] = Object.keys(services[service]?.networks ?? {}).toSorted((a, b) => a.localeCompare(b))
  return name === undefined ? undefined : networks[name]?.name
}

/** The variables from which builds take secrets: Compose finds them in the env file, plain `docker build` does not. */
export const secretVariables = ({ secrets = {} }: BenchModel): string[] =>
  Object.values(secrets).flatMap(({ environment }) => environment ?? [])

/** The arguments of plain `docker build` for the image that Compose builds. */
export function buildArguments({ services, secrets = {} }: BenchModel, tag: string): string[] {
  const build = Object.values(services).find((service) => service.build)?.build ?? {}
  const args = Object.entries(build.args ?? {}).flatMap(([name, value]) => ['--build-arg', `${name}=${value ?? ''}`])
  const handed = (build.secrets ?? []).flatMap(({ source }) => {
    const { file, environment } = secrets[source] ?? {}
    if (file !== undefined) return ['--secret', `id=${source},src=${file}`]
    return environment === undefined ? [] : ['--secret', `id=${source},env=${environment}`]
  })
  return ['build', '--load', ...(build.target ? ['--target', build.target] : []), ...args, ...handed, '--tag', tag, '.']
}
