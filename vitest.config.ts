import { defineConfig } from 'vitest/config'

// Nearly all tests have real servers, and a shared machine may stall for seconds: one that fails is tried once more.
const retry = 1
const setupFiles = ['test/helpers/internal-errors.ts']
const timeouts = { retry, setupFiles, testTimeout: 20_000, hookTimeout: 60_000 }
const realParts = {
  setupFiles,
  retry,
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
