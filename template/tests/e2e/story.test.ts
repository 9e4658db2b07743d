import type { Locator, Page } from 'playwright-core'
import { expect, inject, test } from 'vitest'
import { visit } from './browser.ts'
import { alertOf, aTitle, buttonOf, cardOf, longText, narrated, newsOf, status, submit, textOf, titleOf, words } from './page.ts'

/** Notes each step of a story's progress bar, in the page itself: a look from here might miss some. */
async function watchProgress(page: Page, title: string): Promise<() => Promise<number[]>> {
  const steps = await page.getByRole('list').evaluateHandle((list, name) => {
    const seen: number[] = []
    const { MutationObserver } = list.ownerDocument.defaultView
    const note = (records: { target: { ariaLabel: string; value: number } }[]): void => {
      for (const { target } of records) if (target.ariaLabel.includes(name)) seen.push(target.value)
    }
    new MutationObserver(note).observe(list, { subtree: true, attributeFilter: ['value'] })
    return seen
  }, title)
  return () => steps.jsonValue()
}

/** How loud a recording is at its loudest, from 0 to 1: decoded by the browser, at the address that it plays from. */
async function loudness(page: Page, player: Locator): Promise<number> {
  const recording = await page.context().newPage()
  await recording.goto((await player.getAttribute('src')) ?? '')
  return recording.locator('html').evaluate(async ({ ownerDocument: { defaultView: window } }) => {
    const bytes = await (await window.fetch(window.location.href)).arrayBuffer()
    const decoded = await new window.OfflineAudioContext(1, 1, 22_050).decodeAudioData(bytes)
    return Math.max(...decoded.getChannelData(0).map(Math.abs).slice(0, 100_000))
  })
}

test('shows the progress of a story without a reload, and then plays it', async () => {
  const { page } = await visit()
  const title = aTitle('The Race')
  const progress = await watchProgress(page, title)
  await submit(page, title, longText)
  const story = cardOf(page, title)
  await story.waitFor()
  await titleOf(page).fill('The next one')
  await expect.poll(status(story)).toBe('done')

  const steps = await progress()
  expect(steps).toEqual(steps.toSorted((a, b) => a - b))
  expect(new Set(steps.filter((value) => value > 0 && value < 100)).size).toBeGreaterThan(2)
  await expect.poll(words(newsOf(page))).toBe(`“${title}” is ready to hear.`)
  expect(await titleOf(page).inputValue()).toBe('The next one')

  const player = story.locator('audio')
  await expect.poll(() => player.evaluate((audio) => audio.duration)).toBeGreaterThan(60)
  await player.evaluate((audio) => audio.play())
  await expect.poll(() => player.evaluate((audio) => audio.currentTime)).toBeGreaterThan(0.5)
  expect(await loudness(page, player)).toBeGreaterThan(0.1)
})

test('sends requests only to the stack, and the browser reports no error', async () => {
  const { page, complaints, hosts } = await visit()
  const story = await narrated(page, aTitle('Quiet'))
  const player = story.locator('audio')
  await expect.poll(() => player.evaluate((audio) => audio.duration)).toBeGreaterThan(0)
  await page.reload()
  const store = new URL((await player.getAttribute('src')) ?? '').host
  expect(hosts).toEqual(new Set([new URL(inject('target').url).host, store]))
  expect(complaints).toEqual([])
})

test.for([
  ['Title', ' ', 'Once upon a time.', 'The title is empty: write 1 to 200 characters.'],
  ['Text', 'Untold', '', 'The text is empty: write 1 to 50,000 characters.'],
] as const)('refuses an empty %s aloud, and keeps what was typed', async ([label, title, text, sentence]) => {
  const { page } = await visit()
  // Screen readers read out only what is added to an existing region.
  await expect.poll(words(alertOf(page))).toBe('')
  await submit(page, title, text)
  await expect.poll(words(alertOf(page))).toBe(sentence)
  expect(await titleOf(page).inputValue()).toBe(title)
  expect(await textOf(page).inputValue()).toBe(text)
  const field = page.getByLabel(label)
  expect(await field.getAttribute('aria-invalid')).toBe('true')
  expect(await field.evaluate((element) => element.matches(':focus'))).toBe(true)

  await field.fill(aTitle('Now told'))
  await buttonOf(page).click()
  await expect.poll(words(alertOf(page))).toBe('')
  expect(await field.getAttribute('aria-invalid')).toBe('false')
})

test('takes a story and plays it without JavaScript', async () => {
  const { page } = await visit({ javaScriptEnabled: false })
  const title = aTitle('Plain')
  await submit(page, title, 'Once upon a time.')
  await expect.poll(words(newsOf(page))).toBe(`“${title}” is in the queue.`)
  const story = cardOf(page, title)
  await expect
    .poll(async () => {
      await page.reload()
      return story.getAttribute('data-status')
    }, { interval: 250 })
    .toBe('done')
  expect(await story.locator('audio').getAttribute('src')).toMatch(/^http/)
})
