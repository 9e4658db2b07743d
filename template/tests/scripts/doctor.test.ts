import { expect, test } from 'vitest'
import { stack } from '../../../tests/helpers/sandbox.ts'
import { wellStack } from '../../../tests/helpers/stack.ts'

/** What an image of this age looks like to `docker image inspect`. */
const made = (image: string, days: number): string => `${new Date(Date.now() - days * 86_400_000 - 1000).toISOString()} ${image}\n`

test.each([
  ['names the oldest image when it is old', made('caddy:2.11', 12) + made('postgres:17-trixie', 91), 'The oldest image, postgres:17-trixie, was made 91 days ago.'],
  ['has no word for images that are new', made('caddy:2.11', 12) + made('postgres:17-trixie', 89), undefined],
  ['nor for those that are not here', '', undefined],
])('doctor %s', async (_, out, expected) => {
  const box = await stack()
  box.answer('info', { code: 1 })
  box.answer('exec', { out: { waiting: {}, taken: 0, oldest: null, lost: 0 } })
  box.answer('image-inspect', { out, code: 1 })
  box.containers(wellStack)
  const { stdout } = await box.run('doctor', ['--json'])
  const { machine } = JSON.parse(stdout) as { machine: { text: string; remedy?: string }[] }
  const found = machine.filter(({ text }) => text.includes('image'))
  expect(found.map(({ text }) => text)).toEqual(expected === undefined ? [] : [expected])
  for (const { remedy } of found) expect(remedy).toContain('npm run up -- --pull')
})
