// Runs within an agent of the soak and reports, on request, what the agent holds. Garbage is collected first: how much
// of it lies about says nothing.

import { readdirSync } from 'node:fs'
import type { Held } from './verdict.ts'

process.on('message', () => {
  globalThis.gc?.()
  process.send?.(held())
})
// the agent ends without waiting for a question
process.channel?.unref()

function held(): Held {
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    resident: rss,
    objects: heapUsed,
    buffers: external,
    files: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
  }
}
