// A socket proxy as operators put before Docker: GET only, a few sections only, and it records what was requested.

import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

export interface SocketProxy extends AsyncDisposable {
  /** As `DOCKER_HOST` wants it. */
  readonly host: string
  /** What was let through, as `containers`, `events`, … */
  readonly requested: Set<string>
  readonly refused: string[]
}

export async function startProxy(socketPath: string, sections: readonly string[]): Promise<SocketProxy> {
  const requested = new Set<string>()
  const refused: string[] = []
  const server = createServer((incoming, answer) => {
    const section = incoming.url!.split(/[/?]/)[1]!
    if (incoming.method !== 'GET' || !sections.includes(section)) {
      refused.push(`${incoming.method} ${incoming.url}`)
      answer.writeHead(403).end()
      return
    }
    requested.add(section)
    const onward = request({ socketPath, path: incoming.url, method: 'GET' }, (reply) => {
      answer.writeHead(reply.statusCode!, reply.headers).flushHeaders()
      // an answer that breaks off breaks off for the client too
      pipeline(reply, answer, () => {})
    })
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    onward.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requested,
    refused,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
