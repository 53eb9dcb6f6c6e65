import { defineConfig } from 'vitest/config'

const timeouts = { testTimeout: 20_000, hookTimeout: 60_000 }
// Real engines on a shared machine may stall for seconds: a test of theirs that fails is tried once more.
const realParts = {
  retry: 1,
  testTimeout: 120_000,
  hookTimeout: 300_000,
  fileParallelism: false,
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{lab,prometheus,browser}/**'],
          ...timeouts,
        },
      },
      { test: { name: 'prometheus', include: ['test/prometheus/**/*.test.ts'], ...realParts } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...realParts } },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          globalSetup: 'test/lab/harness/setup.ts',
          ...realParts,
          // Labs wait more than they work: two side by side take little more than half the time.
          fileParallelism: true,
          maxWorkers: 2,
        },
      },
    ],
  },
})
