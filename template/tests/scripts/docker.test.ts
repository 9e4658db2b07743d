import { expect, test } from 'vitest'
import { capture, format, lastLines, read } from '../../../scripts/lib/engine/docker.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

test.each([
  [['compose', 'up', '--wait'], 'docker compose up --wait'],
  [['compose', '--env-file', '.env.docker', 'build'], 'docker compose --env-file .env.docker build'],
  [['a b'], `docker $'a b'`],
  [["it's"], String.raw`docker $'it\'s'`],
  [['$HOME', '*', ''], `docker $'$HOME' $'*' $''`],
  [['--format', '{{json .}}'], `docker --format $'{{json .}}'`],
])('%j is shown as a shell would take it', (args, expected) => {
  expect(format(args)).toBe(expected)
})

test.each([
  ['', 20, ''],
  ['one\n', 20, 'one'],
  ['one\ntwo\nthree\n\n\n', 2, 'two\nthree'],
  ['one\n\nthree\n', 2, '\nthree'],
  [Array.from({ length: 30 }, (_, index) => index).join('\n'), undefined, Array.from({ length: 20 }, (_, index) => index + 10).join('\n')],
])('of %j the last %s lines', (text, count, expected) => {
  expect(lastLines(text, count)).toBe(expected)
})

test('arguments reach Docker as they are, and what it says comes back as it is', async () => {
  const box = new Sandbox()
  box.enter()
  box.answer('exec', { out: 'a\n b\n', err: 'c\n', code: 9 })
  const args = ['exec', 'a b', "it's", '$HOME', '*', 'a"b\\c', 'line\nbreak', 'tab\there', '', ';', '--env-file']
  expect(await capture(args)).toEqual({ exitCode: 9, stdout: 'a\n b\n', stderr: 'c\n' })
  expect(box.argv()).toEqual([args])
})

test('an answer that does not come in time is no success', async () => {
  const box = new Sandbox()
  box.enter()
  box.answer('pull', { wait: true })
  const started = performance.now()
  expect((await capture(['pull', 'x'], { timeoutMs: 300 })).exitCode).not.toBe(0)
  expect(performance.now() - started).toBeLessThan(10_000)
})

test('a reading that fails quotes the last lines and the command, and ends with 4', async () => {
  const box = new Sandbox()
  box.enter()
  box.answer('ps', { out: 'half an answer', err: 'Error: no\n', code: 1 })
  await expect(read(['ps', '--filter', 'a b'])).rejects.toMatchObject({
    message: `docker ps --filter $'a b' failed.`,
    details: 'Error: no',
    exitCode: 4,
  })
})
