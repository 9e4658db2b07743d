import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { firstCause, isWell, parseContainers } from '../../../scripts/lib/compose/containers.ts'
import { parseModel } from '../../../scripts/lib/compose/model.ts'
import { composeModel, inspected, stackWith, wellStack } from '../../../tests/helpers/stack.ts'
import type { Sketch } from '../../../tests/helpers/stack.ts'

const fixture = (name: string): string => readFileSync(new URL(`../../../tests/fixtures/docker/${name}`, import.meta.url), 'utf8')
const { services } = parseModel(JSON.stringify(composeModel({ WEB_PORT: '8000' })))
const containersOf = (sketches: readonly Sketch[]) => parseContainers(JSON.stringify(sketches.map((sketch) => inspected(sketch))))

describe('what Docker says of containers', () => {
  test('is read from a real answer', () => {
    expect(parseContainers(fixture('inspect.json'))).toEqual([
      { id: expect.stringMatching(/^e773/) as string, name: 'shop-migrate-1', service: 'migrate', state: 'exited', health: '', exitCode: 0, oomKilled: false, restarts: 0, memoryLimit: 0, startedAt: expect.stringMatching(/^2026-11-23T03:5/) as string, healthOutput: '' },
      { id: expect.stringMatching(/^cf30/) as string, name: 'shop-postgres-1', service: 'postgres', state: 'running', health: 'healthy', exitCode: 0, oomKilled: false, restarts: 0, memoryLimit: 0, startedAt: expect.stringMatching(/^2026-11-23T03:5/) as string, healthOutput: '' },
      { id: expect.stringMatching(/^c13d/) as string, name: 'shop-web-1', service: 'web', state: 'running', health: 'healthy', exitCode: 0, oomKilled: false, restarts: 0, memoryLimit: 0, startedAt: expect.stringMatching(/^2026-11-23T03:5/) as string, healthOutput: '' },
    ])
  })

  test('has the last output of the health check, without the blanks around it', () => {
    const [web] = containersOf([{ service: 'web', health: 'unhealthy', says: '\n HTTP 500\nfrom /healthz \n' }])
    expect(web?.healthOutput).toBe('HTTP 500\nfrom /healthz')
  })

  test('leaves out one-off containers, and counts as people do', () => {
    const names = containersOf([
      { service: 'web', number: 10 }, { service: 'web', number: 2 }, { service: 'web', oneoff: true }, { service: 'beat' },
    ]).map(({ name }) => name)
    expect(names).toEqual(['shop-beat-1', 'shop-web-2', 'shop-web-10'])
  })

  test('may be nothing', () => {
    expect(parseContainers('[]')).toEqual([])
  })
})

test.each<[boolean, Omit<Sketch, 'service'>]>([
  [true, { state: 'running', health: 'healthy' }],
  [true, { state: 'running' }],
  [false, { state: 'running', health: 'starting' }],
  [false, { state: 'running', health: 'unhealthy' }],
  [true, { state: 'exited' }],
  [true, { state: 'exited', health: 'unhealthy' }],
  [false, { state: 'exited', exitCode: 1 }],
  [false, { state: 'created' }],
  [false, { state: 'restarting', exitCode: 1 }],
  [false, { state: 'dead' }],
  [false, { state: 'paused' }],
])('it is %s that a container is well as %j', (expected, sketch) => {
  const [container] = containersOf([{ service: 'any', ...sketch }])
  expect(container && isWell(container)).toBe(expected)
})

describe('the first cause', () => {
  const created = (...names: string[]): Sketch[] => names.map((service) => ({ service, state: 'created' }))
  const app = ['beat', 'flower', 'web', 'worker']

  test.each<[string, readonly Sketch[], string | undefined]>([
    ['is nothing in a stack that is well', wellStack, undefined],
    ['is nothing where nothing was made', [], undefined],
    [
      'is migrate when it failed and the rest was never started',
      stackWith({ service: 'migrate', state: 'exited', exitCode: 1 }, ...created(...app)),
      'migrate',
    ],
    [
      'is migrate when it does not end',
      stackWith({ service: 'migrate', health: 'healthy' }, ...created(...app)),
      'migrate',
    ],
    ['is migrate when Docker could not start it', stackWith(...created('migrate', ...app)), 'migrate'],
    ['is web when it alone is not healthy', stackWith({ service: 'web', health: 'unhealthy' }), 'web'],
    ['is web when it is not healthy yet', stackWith({ service: 'web', health: 'starting' }), 'web'],
    ['is the worker when it starts over and over', stackWith({ service: 'worker', state: 'restarting', exitCode: 2 }), 'worker'],
    [
      'is postgres when everything waits for it',
      stackWith({ service: 'postgres', health: 'unhealthy' }, ...created('migrate', ...app)),
      'postgres',
    ],
    [
      'is redis when web waits for it, although the database is migrated',
      stackWith({ service: 'redis', state: 'restarting', exitCode: 1 }, ...created(...app)),
      'redis',
    ],
    [
      'is the one that stopped rather than the one that is not healthy yet',
      stackWith({ service: 'beat', health: 'starting' }, { service: 'flower', health: 'unhealthy' }, { service: 'worker', state: 'exited', exitCode: 1 }),
      'worker',
    ],
    [
      'is the one that Docker has just started again rather than the one that still has time',
      stackWith({ service: 'beat', health: 'starting' }, { service: 'web', health: 'starting', restarts: 2 }),
      'web',
    ],
    [
      'is the one that is unhealthy rather than the one that still has time',
      stackWith({ service: 'beat', health: 'starting' }, { service: 'web', health: 'unhealthy' }),
      'web',
    ],
    [
      'is the second container of a service when the first is well',
      stackWith({ service: 'worker', health: 'healthy' }, { service: 'worker', number: 2, state: 'restarting' }),
      'worker',
    ],
    ['is none that no profile asks for any more', stackWith({ service: 'stranger', state: 'exited', exitCode: 1 }), undefined],
  ])('%s', (_, sketches, expected) => {
    expect(firstCause(containersOf(sketches), services)?.service).toBe(expected)
  })

  test('is the very container that is not well', () => {
    const sketches = stackWith({ service: 'worker', health: 'healthy' }, { service: 'worker', number: 2, state: 'restarting' })
    expect(firstCause(containersOf(sketches), services)?.name).toBe('shop-worker-2')
  })
})
