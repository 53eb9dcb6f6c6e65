// Real servers on port 0, closed with everything that still hangs on them when disposed.

import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'

export interface RunningServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** How many connections it has accepted so far. */
  readonly connections: () => number
  /** How many of them are open now. */
  readonly open: () => number
}

export function httpServer(listener: RequestListener): Promise<RunningServer> {
  return run(createHttpServer(listener))
}

/** For what no HTTP server would do. */
export function tcpServer(onConnection: (socket: Socket) => void): Promise<RunningServer> {
  return run(createTcpServer(onConnection))
}

/** Always answers 200 with this page. */
export function pageServer(page: string, contentType = 'text/plain; version=0.0.4'): Promise<RunningServer> {
  return httpServer((_, response) => response.writeHead(200, { 'content-type': contentType }).end(page))
}

export async function run(server: Server, port = 0): Promise<RunningServer> {
  const sockets = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}/metrics`,
    connections: () => accepted,
    open: () => sockets.size,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
