/**
 * Stand-in images from Debian, PyPI and npm packages, for use without a registry. What they are made of
 * is in extras/offline/images/. This file decides only when they are built, and with which settings.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { debianMirror, HOST_CERTIFICATES, installHostPackages, runMmdebstrap, type Suite } from './debian.ts'
import { capture, read, stream } from '../../scripts/lib/engine/docker.ts'
import { askForVersions } from '../../scripts/lib/engine/engine.ts'
import { shortName } from '../../scripts/lib/engine/images.ts'
import { standInOverlay } from '../../scripts/lib/rooms.ts'
import { CliError, ExitCode } from '../../scripts/lib/errors.ts'
import { networkOf, splitLogin, type Network } from './network.ts'

const folder = 'extras/offline/images'
/** Files that they share with the application's own build. */
const shared = ['docker/build/apt-install.sh', 'docker/build/install-tool.sh', 'docker/build/with-network.sh']
const label = 'python-docker-starter.fingerprint'

/** How a stand-in is made: its target in bake.hcl, and the Debian that it is based on. */
interface Recipe {
  readonly target: string
  readonly suite: Suite
}

/** The official images that have one, by short name: the defaults of .env.docker.example, and what examples use. */
export const standsFor: ReadonlyMap<string, Recipe> = new Map([
  ['caddy:2.11', { target: 'caddy', suite: 'trixie' }],
  ['chrislusf/seaweedfs:4.48', { target: 'seaweedfs', suite: 'trixie' }],
  ['maildev/maildev:3.0.0', { target: 'maildev', suite: 'trixie' }],
  ['mariadb:11.8', { target: 'mariadb', suite: 'trixie' }],
  ['node:24-trixie-slim', { target: 'node', suite: 'trixie' }],
  ['postgres:17-trixie', { target: 'postgres', suite: 'trixie' }],
  ['python:3.11-slim-bookworm', { target: 'python-bookworm', suite: 'bookworm' }],
  // Each Debian has one Python, and trixie's is 3.13.
  ['python:3.11-slim-trixie', { target: 'python-bookworm', suite: 'bookworm' }],
  ['python:3.13-slim-trixie', { target: 'python', suite: 'trixie' }],
  ['python:3.14-slim-trixie', { target: 'python-forky', suite: 'forky' }],
  ['rabbitmq:4.2', { target: 'rabbitmq', suite: 'trixie' }],
  ['valkey/valkey:9.1-trixie', { target: 'valkey', suite: 'trixie' }],
])

/** The image that a stand-in stands for, as the setting names it. */
export const stoodFor = (standIn: string): string => standIn.replace(/^stand-in\//, '')

/** How to make the stand-in of an image; undefined if it has none. */
export const recipeFor = (image: string): Recipe | undefined => standsFor.get(shortName(image))

/** What to do about an image that has no stand-in. */
export const insteadOfStandIn = (): string =>
  `Stand-ins exist for ${[...standsFor.keys()].join(', ')}: name one of these in the …_IMAGE setting. Or try again with a network, ` +
  `or load the image with docker load, and take ${standInOverlay} out of COMPOSE_FILE if it is there.`

const orRegistry = 'Connect to a registry, or name a mirror of it in IMAGE_REGISTRY in .env.docker.'

const baseImage = (suite: Suite): string => `stand-in/debian:${suite}`

/** What a Debian base is made of. A base takes longest to make and changes least. Images carry this: no password. */
const baseFingerprint = (suite: Suite, aptMirror: string): string =>
  createHash('sha256').update(`${suite} ${splitLogin(aptMirror).plain}`).digest('hex').slice(0, 16)

/** One number for everything that the stand-ins are made of. When it changes, they are built again. */
export async function fingerprint(aptMirror: string): Promise<string> {
  const hash = createHash('sha256').update(baseFingerprint('trixie', aptMirror))
  const own = (await readdir(folder)).map((file) => `${folder}/${file}`)
  for (const file of [...own, ...shared].toSorted()) hash.update(basename(file)).update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

async function haveFingerprint(images: readonly string[], wanted: string): Promise<boolean> {
  const { exitCode, stdout } = await capture(['image', 'inspect', '--format', `{{index .Config.Labels "${label}"}}`, ...images])
  return exitCode === 0 && stdout.trim().split('\n').every((found) => found === wanted)
}

/** Makes the image that every stand-in is based on: a minimal Debian. */
async function importDebian(suite: Suite, network: Network, mark: string): Promise<void> {
  if (!existsSync('/usr/bin/mmdebstrap') && !(existsSync('/usr/bin/apt-get') && process.getuid?.() === 0)) {
    throw new CliError('Stand-in images can be made only as root on a Debian family host.', { hint: orRegistry, exitCode: ExitCode.docker })
  }
  await installHostPackages(['mmdebstrap', 'debian-archive-keyring'], network)
  const unneeded = ['doc', 'info', 'locale', 'man'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  // mmdebstrap leaves its own options behind, and package lists that will be old tomorrow.
  const leftovers = ['/var/lib/apt/lists/*', '/etc/dpkg/dpkg.cfg.d/99mmdebstrap', '/etc/apt/apt.conf.d/99mmdebstrap']
  const tidy = `--customize-hook=rm -rf ${leftovers.map((path) => `"$1"${path}`).join(' ')}`
  const temporary = await mkdtemp(join(tmpdir(), 'stand-in-'))
  try {
    const tarball = join(temporary, 'debian.tar')
    const args = ['--variant=minbase', ...unneeded, tidy]
    await runMmdebstrap(`Making a Debian base image (${suite}) from packages`, { suite, target: tarball, args }, network)
    await read(['import', '--change', `LABEL ${label}=${mark}`, tarball, baseImage(suite)])
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** The recipe of each image. @throws CliError (exit code 4) for images that have none */
function recipesOf(images: readonly string[]): (Recipe & { image: string })[] {
  const without = images.map(stoodFor).filter((image) => !recipeFor(image))
  if (without.length > 0) {
    throw new CliError(`There is no stand-in for ${without.join(', ')}.`, { hint: insteadOfStandIn(), exitCode: ExitCode.docker })
  }
  return images.map((image) => ({ image, ...recipeFor(stoodFor(image))! }))
}

/**
 * Builds the stand-ins that are missing or older than their files, each under the name that the stack uses.
 * Takes 0.1 s when there is nothing to do.
 *
 * @param images the stand-ins that the stack wants
 * @throws CliError (exit code 4) for an image that has none, or with the last lines of the step that failed
 */
export async function ensureStandIns(images: readonly string[], settings: Record<string, string | undefined>): Promise<void> {
  const recipes = recipesOf(images)
  const network = networkOf(settings, process.env)
  const configured = network.aptMirror ?? ''
  const mark = await fingerprint(configured)
  if (await haveFingerprint(images, mark)) return
  if ((await askForVersions()).product === 'Podman') {
    throw new CliError('Podman cannot build the stand-ins: it builds in a container of BuildKit, whose image comes from a registry.', {
      hint: `${orRegistry} Or build them with Docker, and bring them: docker save … | podman load`,
      exitCode: ExitCode.docker,
    })
  }

  // A mirror that only the host's own sources name may need a login as well.
  const own = configured ? undefined : await debianMirror(undefined)
  if (own && splitLogin(own).login) network.aptMirror = own
  for (const suite of new Set(recipes.map((recipe) => recipe.suite))) {
    const baseMark = baseFingerprint(suite, configured)
    if (!(await haveFingerprint([baseImage(suite)], baseMark))) await importDebian(suite, network, baseMark)
  }
  const secrets = [
    // The Debian base trusts no certificates, and the mirror may use https.
    `*.secrets=id=extra-ca,src=${network.caFile ?? (existsSync(HOST_CERTIFICATES) ? HOST_CERTIFICATES : 'docker/no-extra-ca.pem')}`,
    ...(network.aptMirror ? ['*.secrets=id=apt-mirror,env=APT_MIRROR'] : []),
    ...(network.pipIndexUrl ? ['*.secrets=id=pip-index-url,env=PIP_INDEX_URL'] : []),
    ...(network.npmRegistry ? ['*.secrets=id=npm-registry,env=NPM_REGISTRY'] : []),
  ]
  const tags = recipes.map(({ image, target }) => `${target}.tags=${image}`)
  const options = [...secrets, ...tags].flatMap((option) => ['--set', option])
  const targets = new Set(recipes.map(({ target }) => target))
  const mirrors = { APT_MIRROR: network.aptMirror, PIP_INDEX_URL: network.pipIndexUrl, NPM_REGISTRY: network.npmRegistry }
  const env = { ...network.proxies, ...mirrors, FINGERPRINT: mark }
  const exitCode = await stream(['buildx', 'bake', '--file', `${folder}/bake.hcl`, ...options, ...targets], { env })
  if (exitCode !== 0) {
    throw new CliError('The stand-in images could not be built.', {
      hint: 'The lines above say which one, and why. What was built is kept: npm run up goes on from there.',
      exitCode: ExitCode.docker,
    })
  }
}
