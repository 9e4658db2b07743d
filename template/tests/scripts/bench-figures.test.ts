import { describe, expect, test } from 'vitest'
import { buildArguments, environmentOf, networkOf, secretVariables, type BenchModel } from '../../bench/bench-model.ts'
import { compare, figures, isMet, summarise, type Budget, type FigureId, type Measured } from '../../bench/figures.ts'
import { parseHistory, partsOver } from '../../bench/layers.ts'
import { hasFailed, rowsOf, type Findings } from '../../bench/report.ts'
import { badEnds, secondsToHealth, whole } from '../../bench/stack-rows.ts'
import { renderTable, toJson } from '../../bench/table.ts'
import { inTurn } from '../../bench/timing.ts'
import { cpuPerMinute, parseUsage } from '../../bench/usage.ts'

describe('samples', () => {
  test.each([
    ['one', [3], { min: 3, median: 3, max: 3 }],
    ['an odd number', [10, 2, 3], { min: 2, median: 3, max: 10 }],
    ['an even number', [4, 1, 2, 10], { min: 1, median: 3, max: 10 }],
  ])('%s of them', (_, samples, summary) => {
    expect(summarise(samples)).toEqual(summary)
  })

  test('are compared run by run, not median by median', () => {
    expect(compare({ samples: [2, 40], plain: [1, 20] })).toEqual({
      difference: { min: 1, median: 10.5, max: 20 },
      ratio: { min: 2, median: 2, max: 2 },
    })
    expect(compare({ samples: [2, 40] })).toBeUndefined()
  })

  test('are taken in turn, each first as often as the other, and the first of both is not counted', async () => {
    const order: string[] = []
    const run = (name: string) => (): Promise<number> => Promise.resolve(order.push(name))
    const { samples, plain } = await inTurn(2, run('own'), run('plain'))
    expect(order).toEqual(['plain', 'own', 'own', 'plain', 'plain', 'own'])
    expect({ samples, plain }).toEqual({ samples: [3, 6], plain: [4, 5] })
  })
})

describe('a budget', () => {
  const figure: Budget = { most: 2, of: 'figure' }
  const difference: Budget = { most: 0.5, of: 'difference' }
  const ratio: Budget = { most: 1, of: 'ratio' }
  test.each<[string, Budget | undefined, Measured | undefined, boolean | undefined]>([
    ['is met by the median', figure, { samples: [1, 2, 9] }, true],
    ['is missed by the median', figure, { samples: [1, 3, 3] }, false],
    ['is missed where something else went wrong', figure, { samples: [1], flaw: 'web ended with exit code 137' }, false],
    ['of a difference is met', difference, { samples: [3, 3], plain: [2.5, 2.5] }, true],
    ['of a difference is missed', difference, { samples: [3, 3], plain: [2, 2.4] }, false],
    ['of a ratio is met', ratio, { samples: [1], plain: [2] }, true],
    ['of a ratio is missed', ratio, { samples: [2], plain: [1] }, false],
    ['of a comparison that was not made is not judged', ratio, { samples: [2] }, undefined],
    ['is not judged without a figure', figure, undefined, undefined],
    ['that is not there is not judged', undefined, { samples: [1] }, undefined],
  ])('%s', (_, budget, measured, met) => {
    expect(isMet({ ...(budget && { budget }), measured })).toBe(met)
  })
})

describe('the report', () => {
  const findings: Findings = new Map([
    ['stop', { measured: { samples: [5.04, 4.23, 5.85], flaw: 'worker ended with exit code 137' } }],
    ['bareStart', { missing: { why: 'the engine here is your own.', failed: false } }],
    ['roundTrip', { missing: { why: 'No task came back from the worker.', failed: true } }],
    ['healthyUp', { measured: { samples: [1.5, 2, 2.5], plain: [1, 1, 1] } }],
    ['cpu', { measured: { samples: [0.5], parts: [{ name: 'web', value: 0.3 }, { name: 'worker', value: 0.2 }] } }],
    ['memory', { measured: { samples: [632.84] } }],
  ])
  const rows = rowsOf(findings)

  test('has its rows in the order of the figures', () => {
    const all = Object.keys(figures)
    expect(rows.map(({ id }) => id)).toEqual(all.filter((id) => findings.has(id as FigureId)))
  })

  test('as a table names each budget, whether it is met, and why not', () => {
    expect(renderTable(rows)).toMatchInlineSnapshot(`
      "                                                            budget       min    median       max  over plain   ratio   plain
         bare machine to healthy stack, engine and images made  120.00 s  left out
      ✗  npm run up, healthy already                             +0.50 s    1.50 s    2.00 s    2.50 s     +1.00 s  × 2.00  1.00 s  docker compose up --detach --wait
      ✓  CPU of an idle stack, in 60 s                            0.60 s    0.50 s    0.50 s    0.50 s
         memory of an idle stack                                          632.8 MB  632.8 MB  632.8 MB
      ✗  docker compose stop of an idle stack                     1.50 s    4.23 s    5.04 s    5.85 s
         a task to the worker and back                           2.10 ms    failed

      bare machine to healthy stack, engine and images made: the engine here is your own.
      docker compose stop of an idle stack: worker ended with exit code 137
      a task to the worker and back: No task came back from the worker.

      CPU of an idle stack, in 60 s:
        web     0.30 s
        worker  0.20 s"
    `)
  })

  test('as JSON has every sample', () => {
    const [, healthyUp] = toJson(rows)
    expect(healthyUp).toEqual({
      id: 'healthyUp',
      title: 'npm run up, healthy already',
      unit: 's',
      budget: { most: 0.5, of: 'difference' },
      met: false,
      min: 1.5,
      median: 2,
      max: 2.5,
      samples: [1.5, 2, 2.5],
      plain: { title: 'docker compose up --detach --wait', min: 1, median: 1, max: 1, samples: [1, 1, 1] },
      difference: { min: 0.5, median: 1, max: 1.5 },
      ratio: { min: 1.5, median: 2, max: 2.5 },
    })
    expect(toJson(rows)[0]).toMatchObject({ id: 'bareStart', missing: { why: 'the engine here is your own.', failed: false } })
  })

  test('distinguishes a figure that failed from one that was left out', () => {
    expect(hasFailed(rows)).toBe(true)
    expect(hasFailed(rows.filter(({ id }) => id !== 'roundTrip'))).toBe(false)
  })
})

describe('what the engine says of a container', () => {
  const answer = (memory: object): string =>
    `HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n${JSON.stringify({
      read: '2026-01-01T00:00:10.5Z',
      cpu_stats: { cpu_usage: { total_usage: 2_500_000_000 } },
      memory_stats: memory,
    })}`

  test.each([
    ['version 1', { usage: 50e6, stats: { inactive_file: 1e6, total_inactive_file: 8e6 } }, 42],
    ['version 2', { usage: 50e6, stats: { inactive_file: 8e6 } }, 42],
    ['no version that counts memory', {}, 0],
  ])('is understood on control groups of %s', (_, stats, memory) => {
    expect(parseUsage(answer(stats))).toEqual({ at: Date.parse('2026-01-01T00:00:10.500Z'), cpu: 2.5, memory })
  })

  test.each([
    ['an error', 'HTTP/1.0 404 Not Found\r\n\r\n{"message":"No such container: x"}'],
    ['nothing', ''],
  ])('is %s', (_, response) => {
    expect(parseUsage(response)).toBeUndefined()
  })

  test.each([
    ['counts a minute', { at: 0, cpu: 1 }, { at: 30_000, cpu: 1.25 }, 0.5],
    ['sees that it was started again', { at: 0, cpu: 1 }, { at: 30_000, cpu: 0.25 }, undefined],
  ])('%s', (_, before, after, seconds) => {
    expect(cpuPerMinute({ ...before, memory: 0 }, { ...after, memory: 0 })).toBe(seconds)
  })

  test('adds up by service', () => {
    const parts = [{ name: 'web', value: 1 }, { name: 'worker', value: 2 }, { name: 'worker', value: 3 }]
    expect(whole(parts)).toEqual({ samples: [6], parts: [{ name: 'web', value: 1 }, { name: 'worker', value: 5 }] })
  })
})

describe('containers', () => {
  test.each([
    ['that ended by themselves, or at SIGTERM, ended well', [{ service: 'web', exitCode: 0 }, { service: 'beat', exitCode: 143 }], undefined],
    ['that were killed are named', [{ service: 'web', exitCode: 0 }, { service: 'worker', exitCode: 137 }], 'worker ended with exit code 137'],
  ])('%s', (_, containers, flaw) => {
    expect(badEnds(containers)).toBe(flaw)
  })

  const check = (second: number, ExitCode: number): { End: string; ExitCode: number } => ({ End: `2026-01-01T00:00:0${second}Z`, ExitCode })
  test.each([
    ['from creation to the first good check', [check(1, 1), check(3, 0), check(9, 0)], 3],
    ['not before a good check', [check(1, 1)], undefined],
  ])('take their time to health %s', (_, Log, seconds) => {
    const started = { Created: '2026-01-01T00:00:00Z', State: { Status: 'running', Health: { Log } } }
    expect(secondsToHealth(started)).toBe(seconds)
  })
})

test('the layers over the base are added up by what they bring', () => {
  const layer = (CreatedBy: string, Size: number): string => JSON.stringify({ CreatedBy, Size: String(Size) })
  const history = [
    layer('COPY /app /app # buildkit', 300_000),
    layer('WORKDIR /app/.', 0),
    layer('COPY /opt/venv /opt/venv # buildkit', 105_000_000),
    layer('COPY --chmod=0755 docker/entrypoint.sh docker/healthcheck.sh /usr/local/bin/ # buildkit', 7000),
    layer('RUN |1 APT_PACKAGES=espeak-ng /bin/sh -eu -c   /build/apt-install.sh tini ${APT_PACKAGES}', 43_000_000),
    layer('CMD ["python3"]', 0),
    layer('', 77_000_000),
  ].join('\n')
  expect(partsOver(parseHistory(`${history}\n`), 2)).toEqual([
    { name: 'venv', value: 105 },
    { name: 'application', value: 0.3 },
    { name: 'Debian packages, byte code of the library', value: 43 },
    { name: 'other', value: 0.007 },
  ])
})

describe('of the model', () => {
  const model: BenchModel = {
    name: 'bench-1',
    services: {
      migrate: {
        build: {
          target: 'prod',
          args: { APP_DIR: 'app', PREBUILD_COMMAND: 'echo $HOME', NOTHING: null },
          secrets: [{ source: 'extra-ca' }, { source: 'pip-index-url' }],
        },
      },
      web: { environment: { SECRET_KEY: 'a$b', EMPTY: null }, networks: { edge: null, data: null } },
    },
    networks: { data: { name: 'bench-1_data' }, edge: { name: 'bench-1_edge' } },
    secrets: { 'extra-ca': { file: '/ca.pem' }, 'pip-index-url': { environment: 'PIP_INDEX_URL' } },
  }

  test('the environment of a service is that of its container', () => {
    expect(environmentOf(model, 'web')).toEqual({ SECRET_KEY: 'a$b', EMPTY: '' })
  })

  test('a network of a service is found by its real name', () => {
    expect(networkOf(model, 'web')).toBe('bench-1_data')
    expect(networkOf(model, 'migrate')).toBeUndefined()
  })

  test('plain docker build gets what Compose gives it, and no secret as an argument', () => {
    expect(buildArguments(model, 'bench-1-plain')).toEqual([
      'build', '--load', '--target', 'prod',
      '--build-arg', 'APP_DIR=app', '--build-arg', 'PREBUILD_COMMAND=echo $HOME', '--build-arg', 'NOTHING=',
      '--secret', 'id=extra-ca,src=/ca.pem', '--secret', 'id=pip-index-url,env=PIP_INDEX_URL',
      '--tag', 'bench-1-plain', '.',
    ])
    expect(secretVariables(model)).toEqual(['PIP_INDEX_URL'])
  })
})
