import { beforeEach, describe, expect, test } from 'vitest'
import { captureCompose, compose, composeCommand, readContainers, readModel } from '../../../scripts/lib/compose/stack.ts'
import { wellStack } from '../../../tests/helpers/stack.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

test('a Compose command names the env file first', () => {
  const stack = { envFile: 'my.env', env: {} }
  expect(compose(stack, 'up', '--wait')).toEqual(['compose', '--env-file', 'my.env', 'up', '--wait'])
  expect(composeCommand(stack, 'logs', 'web')).toBe('docker compose --env-file my.env logs web')
})

describe('a stack', () => {
  const stack = { envFile: '.env.docker', env: {} }
  let box: Sandbox
  beforeEach(() => {
    box = new Sandbox()
    box.enter()
  })

  test('has the containers of its project, the stopped ones too, in two calls of Docker', async () => {
    box.containers(wellStack)
    expect(await readContainers('shop')).toHaveLength(wellStack.length)
    expect(box.calls()).toHaveLength(2)
    expect(box.calls()[0]).toBe('ps --all --quiet --no-trunc --filter label=com.docker.compose.project=shop')
    expect(box.calls()[1]).toMatch(/^inspect id-of-shop-beat-1 .* id-of-shop-migrate-1$/)
  })

  test('without containers needs no second call', async () => {
    expect(await readContainers('shop')).toEqual([])
    expect(box.calls()).toHaveLength(1)
  })

  test('has a model that its environment can change, before what its env file says', async () => {
    box.write('.env.docker', 'COMPOSE_FILE=compose.yaml\n')
    box.answer('compose-config-stand-ins', { out: { name: 'changed', services: {} } })
    expect((await readModel(stack)).name).toBe('shop')
    expect((await readModel({ ...stack, env: { COMPOSE_FILE: 'extras/offline/compose.yaml' } })).name).toBe('changed')
  })

  test('that Compose does not like ends with 3 and with what Compose says', async () => {
    box.write('.env.docker', '')
    box.answer('compose-config', { out: '', err: 'service "web" depends on undefined service "nobody"\n', code: 15 })
    await expect(readModel(stack)).rejects.toMatchObject({ details: 'service "web" depends on undefined service "nobody"', exitCode: 3 })
    expect(await captureCompose(stack, ['config'])).toMatchObject({ exitCode: 15 })
  })
})
