import { expect, test } from 'vitest'
import type { Model } from '../../../scripts/lib/compose/model.ts'
import { replaceWeb } from '../../../scripts/lib/compose/new-version.ts'
import { stackOf } from '../../../scripts/lib/compose/stack.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'
import { stackWith } from '../../../tests/helpers/stack.ts'

const model: Model = {
  name: 'shop',
  services: {
    migrate: { image: 'shop-app', depends_on: { postgres: { condition: 'service_healthy' } }, environment: { MIGRATE_COMMAND: '' } },
    postgres: { image: 'postgres:17' }, proxy: { image: 'caddy:2' }, web: { image: 'shop-app' },
  },
}
const withoutProxy: Model = { ...model, services: { ...model.services, proxy: undefined! } }
const published: Model = { ...model, services: { ...model.services, web: { image: 'shop-app', ports: [{ target: 8000 }] } } }

const postgres = 'postgres postgres:17 p Up 2 hours (healthy)'
const old = 'web sha256:3ff5 o Up 2 hours (healthy)'
const beside = (count: number): string[] => ['compose rm --force', `compose up --no-recreate --scale web=${count} web`]

/** What is done on a stack with these containers. */
async function doneOn(containers: string[], services = model, box = new Sandbox()): Promise<string[]> {
  box.settings()
  box.enter()
  box.answer('ps-images', { out: containers.map((line) => `${line}\n`).join('') })
  await replaceWeb(stackOf('.env.docker'), services, ['up'])
  return box.calls().filter((call) => /^(compose|stop|rm)/.test(call))
}

test.each<[string, string[], string[], Model?]>([
  ['nothing runs', [], []],
  ['web is of this version', [postgres, 'web shop-app w Up 2 hours (healthy)'], []],
  ['its database does not run', [old], []],
  ['it is well: the new web starts beside it', [postgres, old], [...beside(2), 'stop o', 'rm o']],
  ['it has two containers, and an attempt has left a new one', [postgres, old, old.replace(' o ', ' q '), 'web shop-app n Up 1 hour (healthy)'],
    [...beside(5), 'stop o q', 'rm o q']],
  ['one container of it is not well, and Compose would not wait for the other', [postgres, old, 'web sha256:3ff5 q Up 1 hour (unhealthy)'], ['compose up web']],
  ['two of it cannot publish the same port', [postgres, old], ['compose up web'], published],
  ['nothing hands visitors to the one that answers', [postgres, old], ['compose up web'], withoutProxy],
])('an older version, if %s', async (_, containers, done, services) => {
  expect(await doneOn(containers, services)).toEqual(done)
})

test('an older version goes on serving if the new web is not healthy, and is not stopped', async () => {
  const box = new Sandbox()
  box.answer('compose-up', { code: 1 })
  box.containers(stackWith({ service: 'web', number: 2, health: 'unhealthy', says: 'GET /healthz answered 500' }))
  await expect(doneOn([postgres, old], model, box)).rejects.toMatchObject({
    message: 'web is not healthy: GET /healthz answered 500. The old version still serves.', exitCode: 7,
  })
  expect(box.calls()).toContain('compose logs --no-log-prefix --no-color --index 2 --since 2025-12-31T23:59:58.500Z --tail 200 web')
  expect(box.calls().filter((call) => /^(stop|rm) /.test(call))).toEqual([])
})
