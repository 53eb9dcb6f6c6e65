import { defineConfig } from 'vitest/config'
import { scaled } from './test/helpers/limits.ts'

const setupFiles = ['test/helpers/internal-errors.ts', 'test/helpers/report-limits.ts']
const unit = {
  setupFiles,
  retry: 0,
  testTimeout: scaled(20_000),
  hookTimeout: scaled(60_000),
  maxWorkers: '100%',
}
/** Whole agents under attack and under load, large matrices, whole clusters at random: they compute for long. */
const heavy = [
  ...['attacks', 'load', 'matrix', 'sync/convergence', 'sync/hostile', 'web/response-memory'],
].map((name) => `test/${name}.test.ts`)
/** What tests wait for has limits of its own, shorter ones; these only end what hangs otherwise. */
const realParts = {
  setupFiles,
  retry: 0,
  testTimeout: scaled(600_000),
  hookTimeout: scaled(600_000),
  fileParallelism: false,
}
/** What waits more than it works: two side by side take little more than half the time. */
const twoFilesAtOnce = { fileParallelism: true, maxWorkers: 2 }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{lab,prometheus,browser}/**', ...heavy],
          ...unit,
        },
      },
      { test: { name: 'heavy', include: heavy, ...unit } },
      {
        test: {
          name: 'prometheus',
          include: ['test/prometheus/**/*.test.ts'],
          globalSetup: 'test/prometheus/parts/setup.ts',
          ...realParts,
          ...twoFilesAtOnce,
        },
      },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...realParts } },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          globalSetup: 'test/lab/harness/setup.ts',
          ...realParts,
          ...twoFilesAtOnce,
        },
      },
    ],
  },
})
