/** Checks what the stack must never become, with the reviewed configs of template/lint/config. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { profilesOf, rooms, snapshots } from '../../lint/compose-variants.ts'
import { readText, root } from '../helpers/repository.ts'

interface Service {
  image: string
  build?: object
  restart?: string
  privileged?: boolean
  container_name?: string
  healthcheck?: { test?: string[]; disable?: boolean }
  ports?: { host_ip?: string; published?: string }[]
  volumes?: { type: string; source?: string }[]
  networks?: Record<string, unknown>
  network_mode?: string
  logging?: { driver?: string; options?: Record<string, string> }
  mem_limit?: string
  cpus?: number
  pids_limit?: number
  deploy?: { resources?: { limits?: { memory?: string; cpus?: string; pids?: number } } }
}

interface Config {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean }>
}

const folder = 'template/lint/config'
const names = Object.keys(snapshots(profilesOf(readText('compose.yaml'))))
const configs = new Map(names.map((name) => [name, parse(readText(`${folder}/${name}`)) as Config]))

const entries = (config: Config | undefined): [string, Service][] => Object.entries(config?.services ?? {})
const isOneShot = ({ restart }: Service): boolean => restart === 'no'
const isPinned = (image: string): boolean => /:(?!latest)[\w.-]+$/.test(image) || image.includes('@sha256:')
const binds = ({ volumes = [] }: Service): string[] => volumes.flatMap(({ type, source = '' }) => (type === 'bind' ? [source] : []))

/** The image of the application, whose check is in the Dockerfile. */
const appImages = (config: Config): Set<string> => new Set(entries(config).flatMap(([, { build, image }]) => (build ? [image] : [])))

test('every file of the folder is a snapshot that is compared', () => {
  expect(readdirSync(`${root}/${folder}`).toSorted()).toEqual(names.toSorted())
})

// Podman has no start_interval: after a first check that fails, the next one comes a minute later.
test.each([['postgres', 'pg_isready'], ['storage', 'wget']])('the first check of %s lasts through a first start of five seconds', (name, asked) => {
  const command = configs.get('development.yaml')!.services[name]!.healthcheck!.test!.at(-1)!.replaceAll('$$', '$').replace('/data/.healthcheck', '/dev/null')
  const stubs = `slept=0; sleep() { slept=$((slept + 2)); }; ${asked}() { [ "$slept" -ge 50 ]; }`
  expect(spawnSync('sh', ['-c', `${stubs}; ${command}`], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
})

test('a stage that begins empty copies its folders, because Podman makes none for a WORKDIR in which nothing runs', () => {
  const stages = readText('Dockerfile').split(/^(?=FROM )/m).filter((stage) => stage.startsWith('FROM scratch'))
  expect(stages.length).toBeGreaterThan(1)
  expect(stages.filter((stage) => /^WORKDIR/m.test(stage))).toEqual([])
})

describe.each([...configs])('in %s', (_, config) => {
  test.each<[string, (service: Service) => boolean]>([
    ['privileged', ({ privileged }) => privileged === true],
    ['in the network of the host', ({ network_mode = 'none' }) => network_mode !== 'none'],
    ['with a name of its own, which two projects would share', (service) => 'container_name' in service],
    ['given the socket of Docker', (service) => binds(service).some((source) => source.includes('docker.sock'))],
    ['of an image that moves', ({ image }) => !isPinned(image) && !appImages(config).has(image)],
    ['published on every address without a word about it', ({ ports = [] }) => ports.some(({ host_ip }) => !host_ip)],
  ])('no service is %s', (__, isBad) => {
    expect(entries(config).flatMap(([name, service]) => (isBad(service) ? [name] : []))).toEqual([])
  })

  test('every service has a health check, or ends by itself', () => {
    const checked = ({ image, healthcheck }: Service): boolean =>
      healthcheck ? healthcheck.disable !== true && healthcheck.test?.[0] !== 'NONE' : appImages(config).has(image)
    expect(entries(config).flatMap(([name, service]) => (checked(service) || isOneShot(service) ? [] : [name]))).toEqual([])
  })

  test('every service that stays is started again', () => {
    const again = ({ restart }: Service): boolean => restart === 'unless-stopped' || restart === 'always'
    expect(entries(config).flatMap(([name, service]) => (again(service) || isOneShot(service) ? [] : [name]))).toEqual([])
  })

  test('the data network has no way out, and database and broker are in no other', () => {
    expect(config.networks.data?.internal).toBe(true)
    for (const [name, { networks = {} }] of entries(config)) {
      if (['mariadb', 'postgres', 'redis'].includes(name)) expect(Object.keys(networks), name).toEqual(['data'])
    }
  })
})

test('the image of the application brings its health check along', () => {
  expect(readText('Dockerfile')).toMatch(/^HEALTHCHECK .*\\?\n?.*CMD/m)
})

test('a stand-in has the name of what it stands for, and no registry in front', () => {
  const text = readText('extras/offline/compose.yaml')
  const standIns = [...text.matchAll(/(?:image|_IMAGE): (.*)/g)].map(([, name]) => name!)
  expect(standIns.filter((name) => !/^stand-in\/\$\{\w+_IMAGE:-[^${}]+\}$/.test(name))).toEqual([])
  const services = ['compose.yaml', ...Object.keys(rooms).map((room) => `extras/${room}/compose.yaml`)].map(readText).join('\n')
  const wanted = [...services.matchAll(/:-\}\/\}(\$\{\w+_IMAGE:-[^}]+\})/g)].map(([, name]) => `stand-in/${name}`)
  expect(wanted.length).toBeGreaterThan(5)
  expect([...new Set(standIns)].toSorted()).toEqual([...new Set(wanted)].toSorted())
})

describe.each([...configs].filter(([name]) => name.startsWith('development')))('in %s', (_, config) => {
  test('every port is published only on this machine', () => {
    const addresses = entries(config).flatMap(([, { ports = [] }]) => ports.map(({ host_ip }) => host_ip))
    expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']))
  })
})

describe.each([...configs].filter(([name]) => name === 'production.yaml'))('in %s', (_, config) => {
  const staying = entries(config).filter(([, service]) => !isOneShot(service))

  test('only the proxy publishes ports', () => {
    expect(entries(config).flatMap(([name, { ports = [] }]) => (ports.length > 0 ? [name] : []))).toEqual(['proxy'])
  })

  test.each(staying)('%s is limited in memory, processors and processes, and so are its logs', (__, service) => {
    const { memory = service.mem_limit, cpus = service.cpus, pids = service.pids_limit } = service.deploy?.resources?.limits ?? {}
    expect({ memory: Number(memory), cpus: Number(cpus), pids: Number(pids) }).toEqual({
      memory: expect.toSatisfy((bytes: number) => bytes > 0),
      cpus: expect.toSatisfy((processors: number) => processors > 0),
      pids: expect.toSatisfy((processes: number) => processes > 0),
    })
    // Podman has this driver too, and not Docker's "local".
    expect(service.logging).toMatchObject({ driver: 'json-file', options: { 'max-size': expect.any(String), 'max-file': expect.any(String) } })
  })

  test('no service has the source mounted, nor is it the image of development', () => {
    expect(entries(config).flatMap(([, service]) => binds(service).filter((source) => !source.startsWith('/src/docker/')))).toEqual([])
    expect(entries(config).filter(([, { image }]) => image.endsWith(':dev'))).toEqual([])
  })
})

test('minimal.yaml publishes nothing, and mounts nothing but a file without certificates', () => {
  const config = configs.get('minimal.yaml')
  expect(entries(config).map(([name]) => name)).toEqual(['migrate', 'web', 'worker'])
  expect(entries(config).filter(([, service]) => service.ports).map(([name]) => name)).toEqual([])
  const sources = entries(config).flatMap(([, service]) => binds(service))
  expect([...new Set(sources)]).toEqual(['/src/docker/no-extra-ca.pem'])
})
