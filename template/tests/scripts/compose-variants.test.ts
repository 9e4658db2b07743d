import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { complaints, environmentOf, overlays, profilesOf, rooms, snapshots, variants, withoutExtensions } from '../../lint/compose-variants.ts'
import type { Outcome, Variant } from '../../lint/compose-variants.ts'
import { readText, root } from '../helpers/repository.ts'

test('the profiles are those of all services, each once and in order', () => {
  const file = 'services:\n  web: {}\n  b: { profiles: [redis, beat] }\n  a: { profiles: [beat] }\n'
  expect(profilesOf(file)).toEqual(['beat', 'redis'])
  expect(profilesOf(readText('compose.yaml')), 'and an anchor is followed').toContain('postgres')
})

describe('the variants', () => {
  const titles = variants(['beat', 'redis']).map(({ title }) => title)

  test('are every overlay with and without stand-ins, with no profile, each and all', () => {
    expect(titles).toHaveLength(Object.keys(overlays).length * 2 * 4 + Object.keys(rooms).length * 2 * 2)
    expect(titles).toEqual(
      expect.arrayContaining([
        'development, profiles: none',
        'development, profiles: beat',
        'development, profiles: beat,redis',
        'development-offline, profiles: none',
        'development-mail-offline, profiles: mail',
        'development-rabbitmq-offline, profiles: rabbitmq',
      ]),
    )
    expect(new Set(titles).size).toBe(titles.length)
  })

  test('are all that the snapshots are taken from', () => {
    expect(titles).toEqual(expect.arrayContaining(Object.values(snapshots(['beat', 'redis']))))
  })

  test.each(Object.entries({ ...overlays, ...rooms }))('of %s are made of files that are there', (_, files) => {
    expect(files.filter((file) => !existsSync(`${root}/${file}`))).toEqual([])
  })

  test('have their stand-ins last, where they win', () => {
    for (const { title, files } of variants([])) {
      expect(files.endsWith('extras/offline/compose.yaml'), title).toBe(title.includes('-offline'))
    }
  })
})

test('Compose gets a variant only through the environment, never with the env file of this checkout', () => {
  const environment = environmentOf({ title: '', files: 'a.yaml:b.yaml', profiles: 'beat' })
  expect(environment).toMatchObject({ COMPOSE_FILE: 'a.yaml:b.yaml', COMPOSE_PROFILES: 'beat' })
  expect(existsSync(`${root}/${environment.APP_ENV_FILE}`)).toBe(false)
})

describe('complaints', () => {
  const variant = (title: string): Variant => ({ title, files: '', profiles: '' })
  const fine: Outcome = { exitCode: 0, stdout: 'name: x\n', stderr: '' }

  test.each<[string, Outcome[], string]>([
    ['are nothing when all is well', [fine, fine], ''],
    ['are one for a sentence that is said of several', [{ ...fine, stderr: 'no b\n' }, { ...fine, stderr: 'no b\n' }], 'no b\n  first, and 1 more'],
    [
      'are one whenever it is said',
      ['1', '2'].map((second) => ({ ...fine, stderr: `time="2026-01-01T00:00:0${second}Z" level=warning msg="no b"\n` })),
      'level=warning msg="no b"\n  first, and 1 more',
    ],
    ['are nothing about what is for Swarm', [{ ...fine, stderr: 'time="…" level=warning msg="service \\"a\\": deploy.mode is only honored in Swarm mode"\n' }, fine], ''],
    ['are a warning as well', [fine, { ...fine, stderr: 'WARN the "A" variable is not set\n' }], 'WARN the "A" variable is not set\n  second'],
    ['are an end without a word', [{ ...fine, exitCode: 15 }, { ...fine, exitCode: null }], 'exit code 15\n  first\nexit code null\n  second'],
  ])('%s', (_, outcomes, expected) => {
    expect(complaints(outcomes.map((outcome, index) => [variant(['first', 'second'][index]!), outcome]))).toBe(expected)
  })
})

test('public services share no network with a database, and the frontend shares none with the store', () => {
  const { services } = parse(readText('template/lint/config/production.yaml')) as { services: Record<string, { networks?: object }> }
  const neighbours = (name: string) => Object.keys(services).filter((other) =>
    other !== name && Object.keys(services[other]!.networks ?? {}).some((network) => network in services[name]!.networks!))
  expect(neighbours('frontend')).toEqual(['proxy', 'web'])
  expect(neighbours('proxy')).toEqual(['frontend', 'storage', 'web'])
})

test('a snapshot is without the anchors of its file', () => {
  const config = 'services:\n  x-ray:\n    image: x-a\nvolumes: {}\nx-app:\n  a: 1\nx-b: 2\n'
  expect(withoutExtensions(config)).toBe('services:\n  x-ray:\n    image: x-a\nvolumes: {}\n')
  expect(withoutExtensions('services: {}\n')).toBe('services: {}\n')
})
