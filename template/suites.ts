/** The suites of `npm test` that only this template has: linters, and the sample's page in a browser. Found by scripts/test.ts. */
import type { Counts } from '../scripts/lib/run-tests.ts'

/** Each loads what it needs when it runs, because `npm run test:scripts` needs none of it. */
export const suites: Record<string, () => Promise<Counts>> = {
  async lint() {
    const { lintAll } = await import('./lint/lint.ts')
    return lintAll()
  },

  /** Chromium has a container of its own. */
  async e2e() {
    const [{ prepareImages }, { runVitest }] = await Promise.all([import('./tests/images.ts'), import('../scripts/lib/run-tests.ts')])
    Object.assign(process.env, await prepareImages())
    return runVitest(['--config', 'template/tests/e2e/vitest.config.ts', '--root', '.'])
  },

  async template() {
    const { proveTemplate } = await import('./test.ts')
    return proveTemplate()
  },
}
