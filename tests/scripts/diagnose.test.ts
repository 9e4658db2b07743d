import { describe, expect, test } from 'vitest'
import { firstCause, isWell, parseContainers, parseModel } from '../../scripts/lib/compose/model.ts'
import { diagnose } from '../../scripts/lib/explain/explain.ts'
import { composeModel, inspected, stackWith, wellStack } from '../helpers/stack.ts'
import type { Sketch } from '../helpers/stack.ts'

const containersOf = (...sketches: readonly Sketch[]) => parseContainers(JSON.stringify(sketches.map((sketch) => inspected(sketch))))

function diagnosed(sketch: Sketch, log = '') {
  const [container] = containersOf(sketch)
  return diagnose(container!, log, 'logs', { role: sketch.service })
}

test.each<[Sketch, string, number]>([
  [{ service: 'migrate', state: 'exited', exitCode: 1 }, 'The database was not migrated: migrate ended with exit code 1.', 6],
  [{ service: 'migrate', health: 'healthy' }, 'The database was not migrated in time: migrate still runs.', 6],
  [{ service: 'web', health: 'unhealthy', says: 'HTTP 500\n' }, 'web is not healthy: HTTP 500.', 7],
  [{ service: 'web', health: 'starting', says: 'no answer' }, 'web did not become healthy in time: no answer.', 7],
  [{ service: 'worker', state: 'restarting', exitCode: 2 }, 'worker stops as soon as it starts (exit code 2).', 7],
  [{ service: 'worker', state: 'exited', exitCode: 3 }, 'worker stopped with exit code 3.', 7],
  [{ service: 'worker', state: 'restarting', exitCode: 137, memoryLimit: 40 * 1024 ** 2 }, 'worker was killed: it used more memory than it may have (40 MB).', 7],
  // Without a limit somebody else may have ended it.
  [{ service: 'worker', state: 'exited', exitCode: 137 }, 'worker stopped with exit code 137.', 7],
  [{ service: 'worker', health: 'starting', restarts: 3, says: 'no heartbeat' }, 'worker was started 4 times and never became healthy: no heartbeat.', 7],
])('%j', (sketch, message, exitCode) => {
  expect(diagnosed(sketch)).toMatchObject({ message, exitCode })
})

test('a line that is known gets advice, and one that only resembles it gets none', () => {
  const line = "ModuleNotFoundError: No module named 'celery'"
  expect(diagnosed({ service: 'web', state: 'restarting' }, `${line}\n`).hint).toMatch(/^"celery" is not in the image\..*\nAll of it: logs$/)
  expect(diagnosed({ service: 'web', health: 'unhealthy', says: line }).hint).toContain('"celery" is not in the image.')
  expect(diagnosed({ service: 'web' }, 'MyImportErrors: 3\nthe entrypoint: started\ncrash: users: not found\n').hint).toBe('All of it: logs')
})

describe('the evidence', () => {
  const lines = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)
  const shown = (...log: string[]): string[] => diagnosed({ service: 'web' }, log.join('\n')).details!.split('\n').slice(1)
  const clue = "ModuleNotFoundError: No module named 'nowhere'"

  test('is the end of the log, or what leads to the clue', () => {
    expect(shown(...lines(1, 40))).toEqual(lines(26, 40))
    expect(shown(...lines(1, 30), clue, ...lines(32, 60))).toEqual([...lines(17, 30), clue])
  })

  test.each([
    ['redis://:hunter2@redis:6379/0', 'redis://:***@redis:6379/0'],
    ['could not connect to "postgresql+psycopg://me:hun/ter2@x@db/shop"', 'could not connect to "postgresql+psycopg://me:***@db/shop"'],
    ['GET http://web:8000/a mail a@b.org', 'GET http://web:8000/a mail a@b.org'],
  ])('shows no password of a URL: %s', (line, expected) => {
    expect(shown(line)).toEqual([expected])
    expect(diagnosed({ service: 'web', health: 'unhealthy', says: line }).message).toContain(expected)
  })
})

test.each<[boolean, Omit<Sketch, 'service'>]>([
  [true, { state: 'running', health: 'healthy' }],
  [true, { state: 'exited', health: 'unhealthy' }],
  [false, { state: 'running', health: 'starting' }],
  [false, { state: 'exited', exitCode: 1 }],
  [false, { state: 'created' }],
])('it is %s that a container is well as %j', (expected, sketch) => {
  expect(containersOf({ service: 'any', ...sketch }).every((container) => isWell(container))).toBe(expected)
})

const { services } = parseModel(JSON.stringify(composeModel({ WEB_PORT: '8000' })))
const created = (...names: string[]): Sketch[] => names.map((service) => ({ service, state: 'created' }))
const waiting = created('beat', 'flower', 'web', 'worker')

test.each<[string, readonly Sketch[], string | undefined]>([
  ['nothing in a stack that is well', wellStack, undefined],
  ['migrate when it failed', stackWith({ service: 'migrate', state: 'exited', exitCode: 1 }, ...waiting), 'migrate'],
  ['migrate when it does not end', stackWith({ service: 'migrate', health: 'healthy' }, ...waiting), 'migrate'],
  ['the database for which everything waits', stackWith({ service: 'postgres', health: 'unhealthy' }, ...created('migrate'), ...waiting), 'postgres'],
  ['the one that stopped, before one that is not healthy', stackWith({ service: 'flower', health: 'unhealthy' }, { service: 'worker', state: 'exited', exitCode: 1 }), 'worker'],
  ['the one that restarts, before one that still starts', stackWith({ service: 'beat', health: 'starting' }, { service: 'web', health: 'starting', restarts: 2 }), 'web'],
  ['the second container of a service', stackWith({ service: 'worker', health: 'healthy' }, { service: 'worker', number: 2, state: 'restarting' }), 'worker'],
  ['nothing of another profile', stackWith({ service: 'stranger', state: 'exited', exitCode: 1 }), undefined],
])('the first cause is %s', (_, sketches, expected) => {
  expect(firstCause(containersOf(...sketches), services)?.service).toBe(expected)
})
