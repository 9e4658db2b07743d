import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/scripts/**/*.test.ts', 'extras/*/tests/**/*.test.ts', 'template/tests/scripts/**/*.test.ts'],
    // What people read is tested, also where a workflow runs the tests.
    env: { GITHUB_ACTIONS: '' },
    // Some tests start a command as a child; a busy machine takes its time for that.
    testTimeout: 20_000,
  },
})
