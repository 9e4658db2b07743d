/** `npm run publish`: builds the production image, for one kind of machine or several, and pushes it. extras/publish/README.md */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { $ } from 'zx/core'
import { common, defineCommand, main } from '../../scripts/lib/command.ts'
import type { Model } from '../../scripts/lib/compose/model.ts'
import { openStack } from '../../scripts/lib/compose/stack.ts'
import { capture, format, lastLines } from '../../scripts/lib/engine/docker.ts'
import { envFile } from '../../scripts/lib/env/settings.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { isStandIn } from '../../scripts/lib/rooms.ts'
import { info, ok, print, printJson, secondsSince, showCommand } from '../../scripts/lib/terminal.ts'

/** The part of a build in the Compose model that is passed on. */
export interface Build {
  context: string
  args?: Record<string, string | null>
  secrets?: { source: string }[]
}
export type Secrets = Record<string, { file?: string; environment?: string }>

const usage = (message: string, hint: string): CliError => new CliError(message, { hint, exitCode: ExitCode.usage })
const failed = (message: string, hint: string, details?: string): CliError => new CliError(message, { hint, details, exitCode: ExitCode.docker })

/** The registry, name and tag of an image. @throws CliError (exit code 2) if it has no registry or no version */
export function partsOf(image: string): { registry: string; name: string; tag: string } {
  const [, name = '', registry = '', tag = ''] = /^(([^/]+)\/[^:@]+):([\w.-]+)$/.exec(image) ?? []
  const example = 'For example: npm run publish -- registry.example.org/team/shop:1.4.0'
  if (!name) throw usage(`"${image}" is no image with a registry and a tag.`, example)
  if (tag === 'latest') throw usage('Nobody can go back to "latest": give it a version.', example)
  return { registry: /[.:]|^localhost$/.test(registry) ? registry : 'docker.io', name, tag }
}

/**
 * The arguments of `docker buildx build`. Values are in the environment: every process list shows arguments. Pure.
 *
 * @param target the stage of the Dockerfile
 */
export function buildCommand({ context, args = {}, secrets = [] }: Build, all: Secrets, options: { target: string; image: string; platforms: string; metadata: string }): string[] {
  const secret = (id: string): string => (all[id]?.file === undefined ? `id=${id},env=${all[id]?.environment}` : `id=${id},src=${all[id].file}`)
  return [
    'buildx', 'build', '--push', '--platform', options.platforms, '--target', options.target, '--tag', options.image, '--metadata-file', options.metadata,
    // One image for each platform and nothing else, because some registries and platforms do not know attestations.
    '--provenance=false',
    ...Object.keys(args).flatMap((name) => ['--build-arg', name]),
    ...secrets.flatMap(({ source }) => ['--secret', secret(source)]),
    context,
  ]
}

const several = 'docker buildx create --name several --use'

/** @throws CliError that names what is missing: buildx, a builder for several platforms, emulation */
async function requireBuilder(platforms: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await capture(['buildx', 'inspect', '--bootstrap'])
  if (exitCode !== 0 && /unknown command|is not a docker command/.test(stderr)) {
    throw failed('Docker has no buildx on this machine.', 'Debian: apt-get install docker-buildx. Elsewhere it comes with Docker, or as the package docker-buildx-plugin.')
  }
  if (exitCode !== 0) throw failed('The builder does not start.', 'docker buildx ls lists the others, and docker buildx use NAME selects one.', lastLines(stderr))
  const able = new Set([...stdout.matchAll(/^Platforms: +(.*)$/gm)].flatMap(([, line]) => line!.replaceAll('*', '').split(', ')))
  const unable = platforms.filter((platform) => !able.has(platform))
  if (unable.length > 0) {
    throw failed(`Nothing runs ${unable.join(' or ')} on this builder: it runs ${[...able].join(', ')}.`,
      'To switch emulation on: docker run --privileged --rm tonistiigi/binfmt --install all (Debian: apt-get install qemu-user-static binfmt-support). ' +
      'A machine of that kind is many times faster: docker buildx create --append ssh://HOST.')
  }
  if (platforms.length === 1 || !/^Driver: +docker$/m.test(stdout)) return
  // Docker's own builder keeps several platforms of one image only in containerd's store.
  const store = await capture(['info', '--format', '{{json .DriverStatus}}'])
  if (!store.stdout.includes('io.containerd.snapshotter')) throw failed("Docker's own builder builds one platform at a time here.", `Run this once: ${several}. Then publish again.`)
}

/** Explains why a push failed. @throws CliError always */
function explainPush(said: string, registry: string): never {
  const login = `docker login${registry === 'docker.io' ? '' : ` ${registry}`}`
  if (/\b(denied|unauthorized|authentication required|no basic auth|insufficient_scope|forbidden)\b/i.test(said)) {
    throw failed(`${registry} does not let this machine push.`, `${login}, with a user who may write there. The build is in the cache.`, lastLines(said, 3))
  }
  throw new CliError('The image was not published.', { details: lastLines(said, 12), exitCode: ExitCode.build })
}

/** The revision that the image is labelled with; empty without git. */
async function revision(): Promise<string> {
  return (await $({ quiet: true, nothrow: true })`git describe --always --dirty --abbrev=40 --exclude '*'`).stdout.trim()
}

export const publish = defineCommand({
  name: 'publish',
  summary: 'Build the production image for one kind of machine or several, label it, and push it to a registry.',
  options: {
    platform: { type: 'string', value: 'list', help: 'Kinds of machines, separated by commas: linux/amd64,linux/arm64. Default: this one' },
    ...common,
  },
  positionals: { word: 'image', help: 'The image has a registry, a name and a version: registry.example.org/team/shop:1.4.0' },
  notes: [
    'With the profile frontend, its image is pushed too, with -frontend after the name.',
    'Exit codes: 0 pushed, 2 usage, 3 settings, 4 no engine, builder, emulation or login, 5 the build failed.',
  ].join('\n'),
  examples: ['npm run publish -- --platform linux/amd64,linux/arm64 registry.example.org/team/shop:1.4.0'],
  whenStopped: 'The build so far is in the cache: run it again.',
  async run({ platform, 'env-file': file = envFile, json = false, 'dry-run': dryRun = false }, [image = '', ...more]) {
    if (more.length > 0) throw usage(`One image at a time: what is ${more.join(' ')}?`, 'npm run publish -- --help')
    const { registry, name, tag } = partsOf(image)
    const { model, settings } = await openStack(file)
    const { secrets = {} } = model as Model & { secrets?: Secrets }
    const own = platform ?? `linux/${(await capture(['version', '--format', '{{.Server.Arch}}'])).stdout.trim() || 'amd64'}`
    const platforms = own.split(',')
    const wanted = [['migrate', 'prod', image], ['frontend', 'frontend-server', `${name}-frontend:${tag}`]] as const
    const folder = await mkdtemp(join(tmpdir(), 'publish-'))
    const pushed: Record<string, string>[] = []
    try {
      if (!dryRun) await requireBuilder(platforms)
      for (const [service, target, to] of wanted) {
        const build = model.services[service]?.build as Build | undefined
        if (!build) continue
        // Null means that a value is not set.
        const args = Object.fromEntries(Object.entries(build.args ?? {}).flatMap(([key, value]) => (value === null ? [] : [[key, value]])))
        const base = Object.values(args).find((value) => isStandIn(value))
        if (base) throw failed(`${base} is a stand-in, which must not leave this machine.`, 'Build where a registry answers, or name a mirror in IMAGE_REGISTRY.')
        args.IMAGE_VERSION ||= tag
        args.IMAGE_REVISION ||= await revision()
        const metadata = join(folder, service)
        const command = buildCommand({ ...build, args }, secrets, { target, image: to, platforms: own, metadata })
        if (dryRun) {
          print(format(command))
          continue
        }
        const started = performance.now()
        showCommand(format(command))
        const result = await capture(command, { env: { ...settings.values, ...args }, isShown: true })
        if (result.exitCode !== 0) explainPush(result.stderr, registry)
        const said = JSON.parse(await readFile(metadata, 'utf8').catch(() => '{}')) as Record<string, string>
        const digest = said['containerimage.digest'] ?? ''
        ok(`${to} is pushed, for ${platforms.join(' and ')}`, secondsSince(started))
        pushed.push({ image: to, digest })
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    if (json) return printJson({ ok: true, platforms, pushed })
    for (const one of pushed) info(`  ${one.image}@${one.digest}`)
  },
})

await main(publish, import.meta.url)
