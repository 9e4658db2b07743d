/**
 * Stand-in images from Debian and PyPI packages, for where no registry answers. What they are made of
 * lies in docker/offline/; here is only when and with what they are built.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { debianMirror, installHostPackages, runStep, sourceArgs, SUITE } from './debian.ts'
import { capture, read, stream } from './docker.ts'
import { CliError, ExitCode } from './errors.ts'
import { hostCaBundle } from './host.ts'

const folder = 'docker/offline'
const label = 'python-docker-starter.fingerprint'
const base = `stand-in/debian:${SUITE}`

/** The overlay that selects the stand-ins. */
export const overlay = `${folder}/compose.yaml`

/** The official images that the stand-ins stand for: the defaults of .env.docker.example. */
export const standsFor: ReadonlySet<string> = new Set([
  'chrislusf/seaweedfs:4.48',
  'postgres:17-trixie',
  'python:3.13-slim-trixie',
  'valkey/valkey:9.1-trixie',
])

/** Is this the name of a stand-in? */
export const isStandIn = (image: string): boolean => image.startsWith('stand-in/')

/**
 * The env file's text with the overlay at the end of COMPOSE_FILE, and everything else as it was. Pure.
 */
export function selectStandIns(text: string): string {
  const defaults = 'compose.yaml:compose.override.yaml'
  // Quotes and a comment behind the value stay where they are.
  const line = /^(?<before>[ \t]*(?:export[ \t]+)?COMPOSE_FILE[ \t]*[=:][ \t]*(?<quote>["']?))(?<files>.*?)\k<quote>[ \t]*(?:(?<=["' \t])#.*)?$/m.exec(text)
  const { before, files } = line?.groups ?? {}
  if (!line || before === undefined || files === undefined) {
    return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}COMPOSE_FILE=${defaults}:${overlay}\n`
  }
  if (files.split(':').includes(overlay)) return text
  const start = line.index + before.length
  return `${text.slice(0, start)}${files || defaults}:${overlay}${text.slice(start + files.length)}`
}

/** One number for all that the stand-ins are made of: when it changes, they are built again. */
async function fingerprint(aptMirror: string): Promise<string> {
  const hash = createHash('sha256').update(`${SUITE} ${aptMirror}`)
  for (const file of (await readdir(folder)).toSorted()) {
    if (file !== 'compose.yaml') hash.update(file).update(await readFile(`${folder}/${file}`))
  }
  return hash.digest('hex').slice(0, 16)
}

async function haveFingerprint(images: readonly string[], wanted: string): Promise<boolean> {
  const { exitCode, stdout } = await capture(['image', 'inspect', '--format', `{{index .Config.Labels "${label}"}}`, ...images])
  return exitCode === 0 && stdout.trim().split('\n').every((found) => found === wanted)
}

/** A minimal Debian as an image: what every stand-in begins with. */
async function importDebian(mirror: string | undefined, mark: string): Promise<void> {
  if (!existsSync('/usr/bin/mmdebstrap') && !(existsSync('/usr/bin/apt-get') && process.getuid?.() === 0)) {
    throw new CliError('Stand-in images can be made only as root on a Debian family host.', {
      hint: 'Connect to a registry, or name a mirror in the …_IMAGE settings of .env.docker.',
      exitCode: ExitCode.docker,
    })
  }
  await installHostPackages(['mmdebstrap', 'debian-archive-keyring'])
  const unneeded = ['doc', 'info', 'locale', 'man'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  // mmdebstrap leaves its own options behind, and package lists that are old tomorrow.
  const tidy = '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap'
  const temporary = await mkdtemp(join(tmpdir(), 'stand-in-'))
  try {
    const tarball = join(temporary, 'debian.tar')
    const args = ['--variant=minbase', ...unneeded, tidy, SUITE, tarball, ...sourceArgs(mirror)]
    await runStep('Making a Debian base image from packages', 'mmdebstrap', args)
    await read(['import', '--change', `LABEL ${label}=${mark}`, tarball, base])
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/**
 * Builds the stand-ins that are missing or older than their files. Takes 0.1 s when there is nothing to do.
 *
 * @param images the stand-ins that the stack wants
 * @throws CliError (exit code 4) with the last lines of the step that failed
 */
export async function ensureStandIns(images: readonly string[], settings: Record<string, string | undefined>): Promise<void> {
  const mark = await fingerprint(settings.APT_MIRROR ?? '')
  if (await haveFingerprint(images, mark)) return

  if (!(await haveFingerprint([base], mark))) await importDebian(await debianMirror(settings.APT_MIRROR), mark)
  const ca = settings.EXTRA_CA_FILE || hostCaBundle(process.env)
  const secrets = [
    ...(ca ? [`id=extra-ca,src=${ca}`] : []),
    ...(settings.PIP_INDEX_URL ? ['id=pip-index-url,env=PIP_INDEX_URL'] : []),
  ]
  const args = ['buildx', 'bake', '--file', `${folder}/bake.hcl`, ...secrets.flatMap((secret) => ['--set', `*.secrets=${secret}`])]
  const exitCode = await stream(args, { env: { FINGERPRINT: mark, PIP_INDEX_URL: settings.PIP_INDEX_URL } })
  if (exitCode !== 0) {
    throw new CliError('The stand-in images could not be built.', {
      hint: 'The lines above say which one, and why. What was built is kept: npm run up goes on from there.',
      exitCode: ExitCode.docker,
    })
  }
}
