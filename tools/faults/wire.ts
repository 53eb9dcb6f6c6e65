// A wire between two agents that can be made bad: slow, dead, cut off again and again, or noisy.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Wire extends AsyncDisposable {
  readonly port: number
  /** Milliseconds that each byte takes, each way. */
  delay: number
  /** Nothing passes and no one is notified. */
  stalled: boolean
  /** After so many bytes a connection breaks off. */
  most: number
  /** Each so many bytes one is changed. */
  noise: number
}

export async function startWire(to: number): Promise<Wire> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    let [passed, noisy] = [0, 0]
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        into.destroy()
      })
      from.on('data', (chunk: Buffer) => {
        passed += chunk.length
        noisy += chunk.length
        if (noisy > wire.noise) {
          noisy = 0
          chunk[0] = chunk[0]! ^ 1
        }
        const pass = () => {
          if (!wire.stalled) into.write(chunk)
          if (passed > wire.most) from.destroy()
        }
        if (wire.delay === 0) pass()
        else setTimeout(pass, wire.delay)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const wire: Wire = {
    port: (server.address() as AddressInfo).port,
    delay: 0,
    stalled: false,
    most: Number.POSITIVE_INFINITY,
    noise: Number.POSITIVE_INFINITY,
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
  return wire
}
