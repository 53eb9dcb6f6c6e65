// Room for those who ask, however many only hold a connection: beyond the most, whoever came first and has asked
// nothing yet is cut off.

import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export function keepRoom(server: Server, most: number): void {
  const silent = new Map<string, Socket>()
  let open = 0

  function makeRoom(newcomer: Socket): void {
    const [first] = silent.values()
    if (first !== newcomer) return void first?.destroy()
    // all others have asked: who merely keeps a connection for the next time can open another
    server.closeIdleConnections()
    newcomer.destroy()
  }

  server.on('connection', (socket: Socket) => {
    const client = nameOf(socket)
    open += 1
    silent.set(client, socket)
    socket.once('close', () => {
      open -= 1
      silent.delete(client)
    })
    if (open > most) makeRoom(socket)
  })
  server.on('request', ({ socket }) => silent.delete(nameOf(socket)))
}

/** Also of what TLS makes of it. */
const nameOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`
