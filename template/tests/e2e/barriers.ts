/** What makes the page inaccessible to a user, as far as a machine can tell. */
import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** Level AA of WCAG 2.2, and what axe-core recommends beyond it. In the dark only colours differ. */
const rules = {
  light: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  dark: ['color-contrast'],
}

/** What axe-core finds in the page as it stands, in light and in dark colours: "dark color-contrast: .error". */
export async function barriersIn(page: Page): Promise<string[]> {
  const found: string[] = []
  await page.evaluate(axe.source)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const violations = await page.locator('html').evaluate(async ({ ownerDocument: { defaultView: window } }, values) => {
      const result = await window.axe.run({ runOnly: values })
      return result.violations as { id: string; nodes: { target: string[] }[] }[]
    }, rules[colorScheme])
    for (const { id, nodes } of violations) found.push(`${colorScheme} ${id}: ${nodes.map(({ target }) => target).join(', ')}`)
  }
  return found
}

interface Shown {
  name: string
  left: number
  right: number
  /** The shorter side of something to press, else nothing. */
  target: number | undefined
  /** The size of its letters, if it has any. */
  letters: number | undefined
}

/** Everything that is visible, from top to bottom. */
const shownIn = (page: Page): Promise<Shown[]> =>
  page.locator('body').evaluate((body) => {
    const { getComputedStyle } = body.ownerDocument.defaultView
    return [...body.querySelectorAll('*')].filter((element) => element.checkVisibility()).map((element) => {
      const { left, right, width, height } = element.getBoundingClientRect()
      return {
        name: `${element.localName}.${element.className}#${element.id}`,
        left,
        right,
        target: element.matches('a, button, input, textarea, audio') ? Math.min(width, height) : undefined,
        letters: element.innerText ? Number.parseFloat(getComputedStyle(element).fontSize) : undefined,
      }
    })
  })

/** What is wrong with the page on a screen of this width: what sticks out, is too small to tap or too small to read. */
export async function barriersAtWidth(page: Page, width: number): Promise<string[]> {
  const widest = await page.locator('html').evaluate((html) => html.scrollWidth)
  const found = (await shownIn(page)).flatMap(({ name, left, right, target = 24, letters = 14 }) => [
    ...(left < 0 || right > width ? [`${name} sticks out`] : []),
    ...(target < 24 ? [`${name} is ${target} px for a finger`] : []),
    ...(letters < 14 ? [`${name} has letters of ${letters} px`] : []),
  ])
  return widest > width ? [`The page is ${widest} px wide.`, ...found] : found
}
