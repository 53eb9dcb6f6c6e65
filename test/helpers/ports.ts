// Ports for programs that can't report which one the kernel gave them, and ports on which nothing listens.

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that the kernel gives out by itself, so that no socket of another test takes one in the meantime. */
const [first, end] = [20_000, 32_000]

/** A port that nothing listens on. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(first, end)
    const server = createServer()
    try {
      await once(server.listen(port, host), 'listening')
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
