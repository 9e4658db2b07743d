/**
 * Chromium in its container, and visits of the page that note what happened in them.
 *
 * What runs in the page is not checked for types: that would take TypeScript's DOM library, and give every
 * script for Node the names of a browser.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { afterAll, beforeAll, inject, onTestFinished } from 'vitest'
import { image, screenshots } from './browser-image.ts'

const target = inject('target')

let browser: Browser

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: fileURLToPath(new URL('chromium.sh', import.meta.url)),
    env: { ...(process.env as Record<string, string>), BROWSER_IMAGE: image, BROWSER_PROJECT: target.project },
    // A proxy of the engine's settings would resolve names itself.
    args: ['--disable-gpu', '--disable-quic', '--no-proxy-server', `--host-resolver-rules=${target.rules}`],
  })
})

afterAll(() => browser?.close())

export interface Visit {
  page: Page
  /** Errors in the console, and exceptions. */
  complaints: string[]
  /** The hosts and ports that got requests. */
  hosts: Set<string>
}

/** Opens the page as a new visitor, for this test. A test that fails leaves a screenshot. */
export async function visit(options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ baseURL: target.url, ...options })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') await photograph(page, task.name)
    await context.close()
  })
  const [complaints, hosts]: [string[], Set<string>] = [[], new Set()]
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => hosts.add(new URL(request.url()).host))
  // With the first answer of the stream the page is live; without JavaScript it is when it is there.
  await Promise.all([page.goto('/'), options.javaScriptEnabled === false || page.waitForResponse('**/api/events')])
  return { page, complaints, hosts }
}

async function photograph(page: Page, test: string): Promise<void> {
  await mkdir(screenshots, { recursive: true })
  const path = join(screenshots, `${test.replaceAll(/\W+/g, '-')}.png`)
  await page.screenshot({ path, fullPage: true })
  console.error(`Screenshot of “${test}”: ${path}`)
}
