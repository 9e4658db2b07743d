import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { barriersAtWidth, barriersIn } from './barriers.ts'
import { visit } from './browser.ts'
import { alertOf, aTitle, buttonOf, cardOf, longText, narrated, status, submit, textOf, titleOf, words } from './page.ts'

/** Whether the focused element shows its focus: by an outline of two pixels or more. */
const focusIsSeen = (page: Page): Promise<boolean> =>
  page.locator(':focus').evaluate((element) => {
    const { outlineStyle, outlineWidth } = element.ownerDocument.defaultView.getComputedStyle(element)
    return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2
  })

test('has no barrier that axe-core knows, in light and in dark colours', async () => {
  const { page } = await visit()
  await narrated(page, aTitle('Heard'))
  expect(await barriersIn(page), 'with a story to hear').toEqual([])
  await submit(page, ' ', 'Once upon a time.')
  await expect.poll(words(alertOf(page))).toMatch(/title is empty/)
  expect(await barriersIn(page), 'with a refusal').toEqual([])
  await submit(page, aTitle('Under way'), longText.repeat(4))
  await page.locator('[data-status="narrating"]').waitFor()
  expect(await barriersIn(page), 'with a story under way').toEqual([])
})

test.for([360, 320])('fits a screen of %d px, with letters to read and targets for a finger', async (width) => {
  const { page } = await visit({ viewport: { width, height: 640 }, hasTouch: true, isMobile: true })
  await narrated(page, aTitle('W'.repeat(190)))
  await submit(page, ' ', 'Once upon a time.')
  await expect.poll(words(alertOf(page))).toMatch(/title is empty/)
  expect(await barriersAtWidth(page, width)).toEqual([])
})

test('can be used with the keyboard alone: Tab reaches everything in order, and the focus is visible', async () => {
  const { page } = await visit()
  const press = async (key: string): Promise<void> => page.keyboard.press(key)
  const isAt = async (where: ReturnType<typeof titleOf>): Promise<void> => {
    expect(await where.evaluate((element) => element.matches(':focus'))).toBe(true)
    expect(await focusIsSeen(page)).toBe(true)
  }
  const title = aTitle('Typed')
  await press('Tab')
  await isAt(titleOf(page))
  await page.keyboard.type(title)
  await press('Tab')
  await isAt(textOf(page))
  await page.keyboard.type('Once upon a time. ')
  await press('Tab')
  await isAt(buttonOf(page))
  await press('Enter')

  const story = cardOf(page, title)
  await expect.poll(status(story)).toBe('done')
  // The form is empty, and ready for the next story.
  await isAt(titleOf(page))
  await press('Tab')
  await press('Tab')
  await press('Tab')
  const player = story.locator('audio')
  await isAt(player)
  await press('Space')
  await expect.poll(() => player.evaluate((audio) => audio.currentTime)).toBeGreaterThan(0.2)
})

test('submits with Enter in the title', async () => {
  const { page } = await visit()
  const title = aTitle('Entered')
  await textOf(page).fill('Once upon a time.')
  await titleOf(page).fill(title)
  await titleOf(page).press('Enter')
  await expect.poll(status(cardOf(page, title))).toBe('done')
})
