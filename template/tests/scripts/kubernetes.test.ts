import { describe, expect, test } from 'vitest'
import { judgeResources, postgres } from '../../lint/kubernetes.ts'
import { readText } from '../helpers/repository.ts'

/** One misspelled field of each kind that Kubernetes itself does not know, where it hurts: a value that would be ignored. */
const planted = [
  ['ScaledObject', 'template/lint/rendered/own.yaml', 'cooldownPeriod:', 'coolDownPeriod:'],
  ['Gateway', 'template/lint/rendered/managed.yaml', 'certificateRefs:', 'certificateRef:'],
  ['HTTPRoute', 'template/lint/rendered/managed.yaml', 'backendRefs:', 'backendRef:'],
  ['Cluster', 'extras/kubernetes/postgres.yaml', 'instances:', 'instance:'],
] as const

describe('a custom resource', () => {
  test.concurrent.each(planted)('%s with a misspelled field is found, and the field is named', async (_, file, field, misspelled) => {
    const text = readText(file)
    expect(text).toContain(field)
    const { exitCode, stdout } = await judgeResources(text.replace(field, misspelled))
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(`"${misspelled.slice(0, -1)}"`) as string })
  }, 60_000)

  test('as it is, is what its operator takes', async () => {
    const outcome = await judgeResources(...planted.map(([, file]) => readText(file)), await postgres())
    expect(outcome).toMatchObject({ exitCode: 0, stdout: '' })
  }, 60_000)
})
