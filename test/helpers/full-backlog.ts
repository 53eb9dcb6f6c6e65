// A port at which connecting hangs: its queue is full and nobody takes from it. Runs in a thread of its own,
// which sleeps for ever once it listens.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

export interface HangingPort extends AsyncDisposable {
  readonly port: number
}

export async function hangingPort(): Promise<HangingPort> {
  const worker = new Worker(new URL(import.meta.url))
  const [port] = (await once(worker, 'message')) as [number]
  const fillers = [1, 2, 3, 4].map(() => connect(port, '127.0.0.1').on('error', () => {}))
  await queueIsFull(fillers)
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy()
      await worker.terminate()
    },
  }
}

/** The kernel completes one connection more than the backlog; the others hang. */
async function queueIsFull(fillers: readonly Socket[]): Promise<void> {
  await Promise.race(fillers.map((filler) => once(filler, 'connect')))
  while (fillers.filter(({ connecting }) => !connecting).length < 2)
    await new Promise((resolve) => setTimeout(resolve, 10))
}

if (!isMainThread) {
  const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    const address = server.address()
    parentPort?.postMessage(typeof address === 'object' ? address?.port : undefined)
    // at once: what connects to a thread that is awake is taken from the queue
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
}
