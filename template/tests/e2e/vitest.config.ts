import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['template/tests/e2e/**/*.test.ts'],
    globalSetup: 'template/tests/e2e/setup.ts',
    // All files share one stack, and some stop parts of it.
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    // The time to remove the stack.
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 20_000, interval: 50 } },
  },
})
