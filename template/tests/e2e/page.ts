/** What a visitor does in the page, and finds there. */
import { randomBytes } from 'node:crypto'
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** A title that no other story has, even if the stack is used for a second run. */
export const aTitle = (words: string): string => `${words} ${randomBytes(3).toString('hex')}`

/** Eight chunks: long enough to see it move. */
export const longText = 'The hare slept. The tortoise did not. '.repeat(120)

export const titleOf = (page: Page): Locator => page.getByLabel('Title')
export const textOf = (page: Page): Locator => page.getByLabel('Text')
export const buttonOf = (page: Page): Locator => page.getByRole('button', { name: 'Narrate' })

/** What a screen reader reads out: refusals, news, and running stories. */
export const alertOf = (page: Page): Locator => page.getByRole('alert')
export const newsOf = (page: Page): Locator => page.getByRole('region', { name: 'Stories' }).getByRole('status')
export const runningOf = (page: Page): Locator => page.getByRole('status', { name: 'What runs behind this page' })

export async function submit(page: Page, title: string, text: string): Promise<void> {
  await titleOf(page).fill(title)
  await textOf(page).fill(text)
  await buttonOf(page).click()
}

/** The card of a story. */
export const cardOf = (page: Page, title: string): Locator =>
  page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: title, exact: true }) })

/** The status that the page shows for a story, for expect.poll. */
export const status = (story: Locator) => async (): Promise<string | null> => story.getAttribute('data-status')

/** What something in the page says, for expect.poll. */
export const words = (where: Locator) => async (): Promise<string> => (await where.innerText()).trim().replaceAll(/\s+/g, ' ')

/** A story that is ready to play. */
export async function narrated(page: Page, title: string, text = 'Once upon a time.'): Promise<Locator> {
  await submit(page, title, text)
  const story = cardOf(page, title)
  await expect.poll(status(story)).toBe('done')
  return story
}
