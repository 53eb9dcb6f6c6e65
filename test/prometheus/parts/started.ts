// What a test starts ends with the test, the last one first, however the test went.

import { afterEach } from 'vitest'

interface Started {
  stop(): Promise<unknown>
}

const running: Started[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

export function started<T extends Started>(part: T): T {
  running.push(part)
  return part
}
