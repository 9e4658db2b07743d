/** How many workers the numbers of extras/kubernetes/keda want, by the formula of KEDA and the autoscaler. */
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readText } from '../helpers/repository.ts'

type Any = any

const { spec } = parse(readText('extras/kubernetes/keda/scaledobject.yaml'))

describe('KEDA', () => {
  const { scaleUp, scaleDown } = spec.advanced.horizontalPodAutoscalerConfig.behavior
  const target = Number(spec.triggers[0].metadata.listLength)

  /** What KEDA (from and to none) and the autoscaler (between one and the most) want, of so many waiting tasks in each queue. */
  const wanted = (queues: readonly number[], current: number): number => {
    const each = queues.map((length) => (current > 0 && Math.abs(length / (target * current) - 1) <= 0.1 ? current : Math.ceil(length / target)))
    return Math.min(spec.maxReplicaCount, Math.max(1, ...each))
  }

  test.each([
    [[0], 1, 1], [[1], 1, 1], [[10], 1, 1], [[11], 1, 2], [[12], 1, 2], [[35], 1, 4], [[80], 1, 8], [[5000], 1, 8], [[4, 35], 1, 4], [[35, 36], 1, 4], [[42], 4, 4],
  ])('%j tasks and %i workers want %i', (queues, current, expected) => {
    expect(wanted(queues, current)).toBe(expected)
  })

  /** How many workers there are, every 15 seconds, for these queue lengths. */
  function simulate(lengths: readonly (readonly number[])[]): number[] {
    let [current, idle] = [0, Infinity]
    const past: number[] = []
    return lengths.map((queues, index) => {
      const isActive = queues.some((length) => length > 0)
      idle = isActive ? 0 : idle + 15
      if (current === 0) return (current = isActive ? Math.max(1, spec.minReplicaCount) : 0)
      past.push(wanted(queues, current))
      const steady = Math.max(...past.slice(-scaleDown.stabilizationWindowSeconds / 15))
      const most = Math.max(...scaleUp.policies.map(({ type, value }: Any) => (type === 'Pods' ? current + value : current * (1 + value / 100))))
      const isMinute = index % (scaleDown.policies[0].periodSeconds / 15) === 0
      if (past.at(-1)! > current) current = Math.min(past.at(-1)!, most)
      else if (steady < current && isMinute) current = Math.max(steady, current - scaleDown.policies[0].value)
      if (idle >= spec.cooldownPeriod && !isActive) current = spec.minReplicaCount
      return current
    })
  }

  test('from none to eight within 45 seconds, one less a minute when the queues are empty, and none after the cool-down', () => {
    // Every 15 seconds of Compose's workers, scaled by hand to what this formula wants: 400 tasks that wait 2 seconds, of
    // which a worker does two at a time. Before and after it nothing waits.
    const recorded = [0, 398, 356, 242, 128, 14, ...Array.from({ length: 60 }, () => 0)].map((length) => [length, 0])
    const workers = simulate(recorded)
    expect(workers.slice(0, 5)).toEqual([0, 1, 5, 8, 8])
    // While tasks wait, the number of workers never falls.
    for (const [index, queues] of recorded.entries()) if (index > 0 && queues[0]! > 0) expect(workers[index]).toBeGreaterThanOrEqual(workers[index - 1]!)
    const falls = workers.flatMap((count, index) => (index > 0 && count < workers[index - 1]! ? [workers[index - 1]! - count] : []))
    expect(falls.slice(0, -1).every((step) => step === 1)).toBe(true)
    const lastTask = recorded.findLastIndex(([first]) => first! > 0)
    expect(workers.findIndex((count, index) => index > lastTask && count === 0)).toBe(lastTask + spec.cooldownPeriod / 15)
    expect(workers.at(-1)).toBe(0)
  })
})
