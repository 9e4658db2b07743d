/** .env.docker.example documents what the Compose files and the Dockerfile do: the same settings, the same defaults. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { references } from '../../../scripts/lib/env/interpolate.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { files, readText } from '../helpers/repository.ts'

const { settings, byName } = parseSchema(readText('.env.docker.example'), '.env.docker.example')
const composeFiles = files.filter((file) => /^(extras\/\w+\/)?compose[\w.]*\.yaml$/.test(file))
const withoutComments = (text: string): string => text.replaceAll(/^\s*#.*$/gm, '')

/** What a Compose file needs in place of nothing. */
const meansEmpty = new Set(['docker/no-extra-ca.pem', 'NO_HTTP_PROXY=', 'NO_HTTPS_PROXY=', 'NO_NO_PROXY='])

const used = composeFiles.flatMap((file) => references(withoutComments(readText(file))).map((one) => ({ file, ...one })))
/** One that is made of other settings is no default of its own. */
const inCompose = used.filter(({ operator }) => operator.endsWith('-')).map(({ file, name, word }) => ({ file, name, value: word.includes('${') || meansEmpty.has(word) ? '' : word }))
const inDockerfile = [...readText('Dockerfile').matchAll(/^ARG (\w+)=(.*)$/gm)]
  .filter(([, name]) => byName.has(name!)).map(([, name = '', value = '']) => ({ file: 'Dockerfile', name, value }))

test('each default is the same in the example, the Compose files and the Dockerfile', () => {
  expect(inCompose.length).toBeGreaterThan(100)
  expect(inDockerfile.length).toBeGreaterThan(20)
  const other = [...inCompose, ...inDockerfile].filter(({ name, value }) => byName.get(name)?.default !== value)
  expect(other.map(({ file, name, value }) => `${file} has ${name}=${value}, the example ${byName.get(name)?.default}`)).toEqual([])
})

test('every setting that something reads is documented, and something reads every one that is', () => {
  const secrets = Object.values((parse(readText('compose.yaml')) as { secrets: Record<string, { environment?: string }> }).secrets)
  const handedOver = readText('docker/app.env').split('\n').filter((line) => /^\w+$/.test(line))
  const read = new Set([...used.map(({ name }) => name), ...secrets.flatMap(({ environment }) => environment ?? []), ...handedOver])
  // Compose reads these two by itself.
  expect(settings.map(({ name }) => name).filter((name) => !read.has(name))).toEqual(['COMPOSE_FILE', 'COMPOSE_PATH_SEPARATOR'])
  expect([...read].filter((name) => !byName.has(name))).toEqual([])
})

test('a service that reads a setting is named, and no other', () => {
  const roles = ['web', 'worker', 'beat', 'flower', 'migrate']
  const handedOver = new Set(readText('docker/app.env').split('\n'))
  const texts = composeFiles.flatMap((file) => Object.entries((parse(readText(file), { merge: false, logLevel: 'silent' }) as { services: Record<string, { environment?: object }> }).services))
  const readers = (name: string): string[] =>
    [...new Set([...texts.filter(([, { environment = {} }]) => references(JSON.stringify(environment)).some((one) => one.name === name)).map(([service]) => service),
      ...(handedOver.has(name) ? roles : [])])].filter((service) => service !== 'secrets-check')
  const wrong = settings.filter(({ name, services }) => services.some((service) => roles.includes(service)) &&
    roles.some((role) => readers(name).includes(role) && !services.includes(role)))
  expect(wrong.map(({ name }) => name)).toEqual([])
})

test('a project says about 25 settings of itself, and the file is one to read', () => {
  const active = settings.filter(({ isActive }) => isActive)
  expect(active.length).toBeLessThan(30)
  expect(readText('.env.docker.example').split('\n').length).toBeLessThan(560)
})
