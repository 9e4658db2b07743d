import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { barriersIn } from './barriers.ts'
import { visit } from './browser.ts'
import { alertOf, aTitle, cardOf, narrated, newsOf, runningOf, status, submit, textOf, titleOf, words } from './page.ts'
import { compose } from './stack.ts'

const { stack } = inject('target')

const up = (service: string, env: Record<string, string> = {}): Promise<void> =>
  compose(stack, ['up', '--detach', '--no-deps', '--wait', '--wait-timeout', '60', service], env)

/** Stops a service for the rest of the test, or until it is started again. */
async function stop(service: string): Promise<void> {
  onTestFinished(() => up(service))
  await compose(stack, ['stop', service])
}

/** A worker whose narrator refuses, for the rest of the test. */
async function breakNarrator(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'e2e-'))
  onTestFinished(async () => {
    await rm(folder, { recursive: true })
    await up('worker')
  })
  const file = join(folder, 'app.env')
  await writeFile(file, 'NARRATOR=cartesia\n')
  await up('worker', { APP_ENV_FILE: file })
}

test('says why a story failed, aloud and in its card', async () => {
  await breakNarrator()
  const { page } = await visit()
  const title = aTitle('Unheard')
  await submit(page, title, 'Once upon a time.')
  const story = cardOf(page, title)
  await expect.poll(status(story)).toBe('failed')
  const reason = 'The Cartesia narrator is a stub: write its call in stories/narrators/cartesia.py, or unset CARTESIA_API_KEY (and NARRATOR) to narrate with espeak.'
  await expect.poll(words(story.locator('.error'))).toBe(reason)
  await expect.poll(words(newsOf(page))).toBe(`“${title}” failed: ${reason}`)
  expect(await story.locator('audio').isVisible()).toBe(false)
  expect(await barriersIn(page)).toEqual([])
})

test('says what a story waits for when the store is away, and plays it when it is back', async () => {
  await stop('storage')
  const { page } = await visit()
  const title = aTitle('Patient')
  await submit(page, title, 'Once upon a time.')
  const story = cardOf(page, title)
  await expect.poll(words(story.locator('.error'))).toMatch(/^The S3 bucket “\w+” cannot be reached \(\w+\)\. Next attempt in \d+ s\.$/)
  await up('storage')
  await expect.poll(status(story)).toBe('done')
  await expect.poll(words(story.locator('.error'))).toBe('')
})

test('says that Redis is away, keeps what was typed, and goes on when it is back', async () => {
  const { page } = await visit()
  await expect.poll(words(runningOf(page))).toMatch(/Queue: reachable/)
  await stop('redis')
  const title = aTitle('Kept')
  await submit(page, title, 'Once upon a time.')
  await expect.poll(words(alertOf(page))).toBe('The queue cannot be reached, so the story was not saved: try again in a moment.')
  expect(await titleOf(page).inputValue()).toBe(title)
  expect(await textOf(page).inputValue()).toBe('Once upon a time.')
  await expect.poll(words(runningOf(page))).toMatch(/Queue: Redis cannot be reached/)
  await up('redis')
  await expect.poll(words(runningOf(page))).toMatch(/Queue: reachable/)
  await page.keyboard.press('Enter')
  await expect.poll(status(cardOf(page, title))).toBe('done')
})

test('says that the worker is not running, and narrates what waited when it is', async () => {
  const { page } = await visit()
  await expect.poll(words(runningOf(page))).toMatch(/Worker: running/)
  await stop('worker')
  const title = aTitle('Waiting')
  await submit(page, title, 'Once upon a time.')
  await expect.poll(words(runningOf(page)), { timeout: 45_000 }).toMatch(/Worker: not running/)
  expect(await cardOf(page, title).getAttribute('data-status')).toBe('queued')
  expect(await barriersIn(page)).toEqual([])
  await up('worker')
  await expect.poll(words(runningOf(page))).toMatch(/Worker: running/)
  await expect.poll(status(cardOf(page, title))).toBe('done')
})

test('names the address of a recording that does not load', async () => {
  const { page } = await visit()
  const store = /\/stories\/stories\/.*\.wav/
  await page.route(store, (route) => route.abort())
  const story = await narrated(page, aTitle('Unreachable'))
  const reason = /^The recording cannot be loaded from http:\/\/\S+: reload the page\. If that does not help, S3_PUBLIC_URL is not the address/
  await expect.poll(words(story.locator('.error'))).toMatch(reason)
  await page.reload()
  await expect.poll(words(story.locator('.error'))).toMatch(reason)
  await page.unroute(store)
  await page.reload()
  await expect.poll(words(story.locator('.error'))).toBe('')
})
