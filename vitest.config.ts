import { defineConfig } from 'vitest/config'
import { scaled } from './test/helpers/limits.ts'

const setupFiles = ['test/helpers/internal-errors.ts', 'test/helpers/report-limits.ts']
const unit = { setupFiles, retry: 0, testTimeout: scaled(20_000), hookTimeout: scaled(60_000) }
/** What tests wait for has limits of its own, shorter ones; these only end what hangs otherwise. */
const realParts = {
  setupFiles,
  retry: 0,
  testTimeout: scaled(600_000),
  hookTimeout: scaled(600_000),
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
          ...unit,
        },
      },
      {
        test: {
          name: 'prometheus',
          include: ['test/prometheus/**/*.test.ts'],
          globalSetup: 'test/prometheus/parts/setup.ts',
          ...realParts,
        },
      },
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
