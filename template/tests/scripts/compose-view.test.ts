import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { explainMissingFile } from '../../../scripts/lib/env/checks/compose-list.ts'
import { composeView } from '../../../scripts/lib/env/checks/compose-view.ts'
import type { ComposeView, RawModel } from '../../../scripts/lib/env/checks/compose-view.ts'
import { ownVariables, readComposeFiles, viewOf } from '../../../scripts/lib/env/compose-files.ts'
import { check } from '../../../scripts/lib/env/check.ts'
import { readLines } from '../../../scripts/lib/env/file.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { example, valuesOf, viewFor } from '../helpers/env-check.ts'

const composeIsThere = spawnSync('docker', ['compose', 'version']).status === 0

const view = (service: RawModel['services'][string], values = {}): ComposeView['services'][number] =>
  composeView({ services: { web: service } }, [], values, { envFiles: {}, composeFiles: [] }).services[0]!

describe('a published port', () => {
  test.each<[port: string | Record<string, string | number>, address: string, published: string, target: string, protocol: string]>([
    ['8000', '0.0.0.0', '', '8000', 'tcp'],
    ['80:8000', '0.0.0.0', '80', '8000', 'tcp'],
    ['127.0.0.1:80:8000', '127.0.0.1', '80', '8000', 'tcp'],
    ['127.0.0.1::8000', '127.0.0.1', '', '8000', 'tcp'],
    ['[::1]:80:8000/udp', '[::1]', '80', '8000', 'udp'],
    ['${A:-127.0.0.1}:${P}:${Q:-${P}}', '127.0.0.1', '81', '81', 'tcp'],
    ['8000-8009:8000', '0.0.0.0', '8000-8009', '8000', 'tcp'],
    [{ target: 8000, published: '${P}', host_ip: '::1' }, '::1', '81', '8000', 'tcp'],
  ])('%j', (port, address, published, target, protocol) => {
    expect(view({ ports: [port] }, { P: '81' }).ports).toMatchObject([{ address, published, target, protocol }])
  })
})

test('a service answers to its name, its aliases and its host name', () => {
  expect(view({ hostname: 'h', container_name: 'c', networks: { data: { aliases: ['db'] }, edge: null } }).hosts).toEqual(['web', 'db', 'h', 'c'])
  expect(view({ extra_hosts: ['a:10.0.0.1', 'b=::1'] }).extraHosts).toEqual(['a', 'b'])
  expect(view({ extra_hosts: { a: '10.0.0.1' } }).extraHosts).toEqual(['a'])
})

test('every reference is known by its reader, those of env files and of secrets too', () => {
  const { usages, namedSomewhere } = composeView(
    {
      services: {
        web: { build: { args: ['A=${A}'], secrets: [{ source: 's' }] }, environment: { B: '${B:-${C}}' }, env_file: [{ path: '/x/${D:+on}.env' }] },
      },
      secrets: { s: { environment: 'E' } },
    }, [], {}, { envFiles: { '/x/on.env': 'F=${F}\n' }, composeFiles: ['a: ${G}\nenvironment: H\n'] })
  expect(usages.map(({ name, reader }) => `${name} ${reader}`)).toEqual(['B web', 'C web', 'D web', 'F web', 'A build', 'E build'])
  expect([...namedSomewhere].toSorted()).toEqual(['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'])
})

test.each<[text: string, own: Record<string, string> | undefined]>([
  ['COMPOSE_FILE=a.yaml:b.yaml\nCOMPOSE_PATH_SEPARATOR=":"\nA=${', { COMPOSE_FILE: 'a.yaml:b.yaml', COMPOSE_PATH_SEPARATOR: ':' }],
  ['A=1', {}],
  ['COMPOSE_FILE=${HERE}/a.yaml', undefined],
  ['COMPOSE_FILE=a.yaml # mine', undefined],
])('what %j says about Compose itself', (text, own) => {
  expect(ownVariables(readLines(text).entries)).toEqual(own)
})

describe('a file that is not there is a finding about COMPOSE_FILE', () => {
  const here = ['compose.override.yaml', 'compose.production.yaml', 'compose.yaml']
  const explain = (text: string, stderr: string): ReturnType<typeof explainMissingFile> => {
    const { entries } = readLines(text)
    return explainMissingFile(stderr, entries, ownVariables(entries)!, here)
  }
  const absent = (path: string): string => `stat /a b/${path}: no such file or directory\n`
  const folder = 'read /a b: is a directory'
  const both = 'COMPOSE_FILE=compose.yaml:compose.override.yaml'
  const separated = `The files are separated by ":" (COMPOSE_PATH_SEPARATOR): ${both}`

  test.each<[list: string, stderr: string, message: string, hint: string]>([
    ['compose.yaml:nope.yaml', absent('nope.yaml'), 'COMPOSE_FILE names nope.yaml, which is not there.', 'Correct the name: the files are seen from this folder.'],
    ['compose.yaml:nope.yaml', 'open /x/nope.yaml: no such file or directory', 'COMPOSE_FILE names nope.yaml, which is not there.', 'Correct the name: the files are seen from this folder.'],
    ['compose.overide.yaml', absent('compose.overide.yaml'), 'COMPOSE_FILE names compose.overide.yaml, which is not there.', 'Did you mean compose.override.yaml?'],
    ['compose.yaml,compose.override.yaml', absent('compose.yaml,compose.override.yaml'), 'COMPOSE_FILE names compose.yaml,compose.override.yaml, which is not there.', separated],
    ['compose.yaml;compose.override.yaml', absent('compose.yaml;compose.override.yaml'), 'COMPOSE_FILE names compose.yaml;compose.override.yaml, which is not there.', separated],
    ["'compose.yaml compose.override.yaml'", absent('compose.yaml compose.override.yaml'), 'COMPOSE_FILE names compose.yaml compose.override.yaml, which is not there.', separated],
    ['compose.yaml: compose.override.yaml', absent(' compose.override.yaml'), 'COMPOSE_FILE has a blank beside a name, and takes it for a part of that: " compose.override.yaml".', both],
    ['compose.yaml:compose.override.yaml:', folder, 'COMPOSE_FILE has a ":" too many.', both],
    ['compose.yaml:extras/offline/compose.yaml', absent('extras/offline/compose.yaml'), 'COMPOSE_FILE names extras/offline/compose.yaml, which is not there.', 'Take it out, if that extra was deleted: COMPOSE_FILE=compose.yaml'],
    ['compose.yaml:docker', 'read /a b/docker: is a directory', 'COMPOSE_FILE names docker, which is a folder.', 'Name the file in it.'],
  ])('%s, %s', (list, stderr, message, hint) => {
    expect(explain(`A=1\nCOMPOSE_FILE=${list}\n`, stderr)).toMatchObject({ code: 'E37', line: 2, setting: 'COMPOSE_FILE', message, hint })
  })

  test('or about COMPOSE_PATH_SEPARATOR, when the files are separated as usual', () => {
    expect(explain(`${both}\nCOMPOSE_PATH_SEPARATOR=;\n`, absent('compose.yaml:compose.override.yaml'))).toMatchObject({
      line: 2, setting: 'COMPOSE_PATH_SEPARATOR', hint: 'COMPOSE_PATH_SEPARATOR=:',
      message: 'COMPOSE_PATH_SEPARATOR is ";", and ":" stands between the files of COMPOSE_FILE.',
    })
  })

  test('and nothing else is one', () => {
    expect(explain(both, absent('other.yaml'))).toBeUndefined()
    expect(explain(both, folder)).toBeUndefined()
    expect(explain('A=1', absent('compose.yaml'))).toBeUndefined()
  })
})

describe.skipIf(!composeIsThere)('with Compose', () => {
  const plain = ({ services, usages }: ComposeView): unknown => ({
    services: services.map(({ text: _text, hosts, ports, ...rest }) => ({ ...rest, hosts: hosts.toSorted(), ports: ports.map(({ raw: _raw, ...port }) => port) }))
      .toSorted((a, b) => a.name.localeCompare(b.name)),
    // Compose drops what its defaults say, and writes paths in full.
    usages: [...new Set(usages.map(({ name, operator, reader }) => [name, operator, reader].join(' ')))].toSorted(),
  })

  test.each(['compose.yaml:compose.override.yaml', 'compose.yaml:compose.production.yaml'])('the files of %s are seen as the tests above see them', async (files) => {
    const text = example.replace(/^COMPOSE_FILE=.*$/m, `COMPOSE_FILE=${files}`)
    const values = valuesOf(text)
    const { model, refusal, unanswered } = await readComposeFiles(relative('.', '.env.docker.example'), readLines(text).entries)
    expect({ refusal, unanswered }).toEqual({})
    expect(plain(await viewOf(model!, values))).toEqual(plain(viewFor(values)))
  })

  test('what could not be read is not held against anything', async () => {
    const text = example.replace(/^DATABASE_URL=.*/m, 'DATABASE_URL=postgresql://postgres:8d2e6a0b4c1f@db:5432/stories').replace(/^(POSTGRES_PASSWORD|WEB_PUBLISHED_PORT|POSTGRES_IMAGE)=.*/gm, '$1="a$${b"')
    const lines = readLines(text)
    const { POSTGRES_PASSWORD: _password, WEB_PUBLISHED_PORT: _port, POSTGRES_IMAGE: _image, ...values } = valuesOf(text)
    const { model } = await readComposeFiles('.env.docker.example', lines.entries)
    const compose = await viewOf(model!, values, ['POSTGRES_PASSWORD', 'WEB_PUBLISHED_PORT', 'POSTGRES_IMAGE'])
    expect(check({ schema: parseSchema(example, 'example'), text, lines, values, compose })).toEqual([])
  })

  test('a file that is not there is a finding', async () => {
    const { refusal } = await readComposeFiles('.env.docker.example', readLines('COMPOSE_FILE=compose.yaml:nope.yaml\n').entries)
    expect(refusal).toMatchObject({ code: 'E37', line: 1 })
  })
})
