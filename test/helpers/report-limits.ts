// For every test of every project: how near it came to its limits, in the report that vitest writes as JSON.

import { afterEach } from 'vitest'
import { takeClosestWait, type Wait } from './until.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** The test’s own time limit, and of its waits (and those of hooks before it) the one nearest to its limit. */
    limits?: { readonly testMs: number; readonly wait?: Wait }
  }
}

afterEach(({ task }) => {
  const wait = takeClosestWait()
  task.meta.limits = { testMs: task.timeout, ...(wait && { wait }) }
})
