import { describe, expect, test } from 'vitest'
import { format, lastLines } from '../../../scripts/lib/engine/docker.ts'
import { adviseWithoutAnswer, isAtLeast, type HostFacts } from '../../../scripts/lib/engine/engine.ts'
import { roomOf } from '../../../scripts/lib/engine/machine.ts'

test.each([
  [['compose', '--env-file', '.env.docker', 'build'], 'docker compose --env-file .env.docker build'],
  [["it's"], String.raw`docker $'it\'s'`],
  [['$HOME', '*', '', 'a b'], `docker $'$HOME' $'*' $'' $'a b'`],
])('%j is shown as a shell would take it', (args, expected) => {
  expect(format(args)).toBe(expected)
})

test.each([
  ['', 20, ''],
  ['one\ntwo\nthree\n\n\n', 2, 'two\nthree'],
  [Array.from({ length: 30 }, (_, index) => index).join('\n'), undefined, Array.from({ length: 20 }, (_, index) => index + 10).join('\n')],
])('of %j the last %s lines', (text, count, expected) => {
  expect(lastLines(text, count)).toBe(expected)
})

describe('an engine that does not answer', () => {
  const bare: HostFacts = {
    chosen: undefined, hasDockerd: false, hasSocket: false, hasClient: true,
    complaint: 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
  }

  test.each<[string, Partial<HostFacts>, string | undefined, string?]>([
    ['is no engine at all', {}, undefined],
    ['is no engine where not even the command is there', { hasClient: false }, undefined],
    ['has no command', { hasClient: false, hasSocket: true, complaint: 'docker: not found' }, 'not on PATH', 'apt-get install'],
    [
      'is too new for the command',
      { hasDockerd: true, complaint: 'Error response from daemon: client version 1.43 is too old. Minimum supported API version is 1.44' },
      'do not understand each other', 'Update the older of the two',
    ],
    ['is not for this user', { complaint: 'permission denied while trying' }, 'may not use', 'usermod'],
    ['was chosen by DOCKER_HOST', { chosen: 'tcp://build:2375' }, 'tcp://build:2375', 'unset DOCKER_HOST'],
    ['is stopped', { hasDockerd: true }, 'is installed', 'systemctl start docker'],
  ])('%s: %j', (_, facts, message, hint) => {
    const advice = adviseWithoutAnswer({ ...bare, ...facts })
    if (message === undefined) return expect(advice).toBeUndefined()
    expect(advice?.message).toContain(message)
    expect(advice?.hint).toContain(hint)
  })
})

test.each([
  ['2.24.4', true],
  ['2.24.3', false],
  ['1.29.2', false],
  ['2.100.0', true],
  ['2.26.1-4', true],
  ['v5.6.1-desktop.1', true],
  ['', false],
])('Compose %j is at least 2.24.4: %s', (version, expected) => {
  expect(isAtLeast(version, '2.24.4')).toBe(expected)
})

test('the room of a folder', async () => {
  expect(await roomOf('.')).toBeGreaterThan(0)
  expect(await roomOf('none')).toBeUndefined()
})
