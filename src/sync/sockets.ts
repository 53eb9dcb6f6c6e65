// Connections to and from peers, and their time limits.

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Clock, deadline } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { portError } from '../http/ports.ts'
import type { Stoppable } from '../model.ts'
import type { Channel } from './channel.ts'
import { createGate } from './gate.ts'
import type { Ssh } from './ssh.ts'

export interface Listener extends Stoppable {
  readonly port: number
}

interface ListenOptions {
  readonly port: number
  readonly clock: Clock
  readonly ssh: Ssh
  readonly on: (channel: Channel) => void
  readonly refused: (from: string, why: 'full' | 'unproven') => void
}

const connectWithin = 3000
const handshakeWithin = 8000
/** Callers that haven't proved themselves yet: of more, who came first makes room. */
const mostWaiting = 64
/** Links that stand; more than any cluster needs. */
const mostConnections = 4096

/** Listens on IPv4 and IPv6, or on IPv4 alone where there is no IPv6. */
export async function startListener(options: ListenOptions): Promise<Listener> {
  const { clock, ssh, on, refused } = options
  const gate = createGate()
  const sockets = new Set<Socket>()
  const waiting = new Set<Socket>()

  function wait(socket: Socket): void {
    const [first] = waiting
    if (waiting.size >= mostWaiting) first?.destroy()
    waiting.add(socket)
  }

  async function take(socket: Socket): Promise<void> {
    const from = socket.remoteAddress ?? ''
    if (sockets.size >= mostConnections || !gate.knock(from, clock.now())) {
      socket.destroy()
      return refused(from, 'full')
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    using limit = deadline(clock, handshakeWithin)
    wait(socket)
    try {
      const channel = await ssh.answer(socket, limit)
      gate.pass(from)
      on(channel)
    } catch {
      gate.leave(from, clock.now())
      refused(from, 'unproven')
    } finally {
      waiting.delete(socket)
    }
  }

  const server = await listen(createServer({ noDelay: true }, take), options.port)
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroySoon()
      await Promise.race([closed, clock.sleep(500)])
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

async function listen(server: Server, port: number): Promise<Server> {
  try {
    return await listenOn(server, port, '::')
  } catch (error) {
    if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw portError(error, port, 'SSH_PORT')
    return await listenOn(server, port, '0.0.0.0')
  }
}

async function listenOn(server: Server, port: number, host: string): Promise<Server> {
  server.listen({ port, host, backlog: mostConnections })
  await once(server, 'listening')
  return server
}

/** A channel to `host:port`, once both sides have proved themselves. */
export async function dial(address: string, ssh: Ssh, clock: Clock, signal: AbortSignal): Promise<Channel> {
  const socket = await connectTo(address, clock, signal)
  using limit = deadline(clock, handshakeWithin, signal)
  return await ssh.call(socket, address, limit)
}

async function connectTo(address: string, clock: Clock, signal: AbortSignal): Promise<Socket> {
  const { host, port } = parseAddress(address)
  const socket = connect({ host, port, noDelay: true })
  using limit = deadline(clock, connectWithin, signal)
  try {
    await once(socket, 'connect', { signal: limit })
    socket.on('error', () => {})
    return socket
  } catch (error) {
    socket.on('error', () => {})
    socket.destroy()
    throw connectFailure(address, limit.aborted, error as NodeJS.ErrnoException)
  }
}

export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const cut = address.lastIndexOf(':')
  return { host: address.slice(0, cut).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(cut + 1)) }
}

function connectFailure(address: string, isLate: boolean, error: NodeJS.ErrnoException): ProxyError {
  if (isLate) return new ProxyError('timeout', `no answer from ${address}`, { cause: error })
  if (error.code === 'ECONNREFUSED')
    return new ProxyError('unreachable', `no agent listens at ${address}`, { cause: error })
  return new ProxyError('unreachable', `${address} can’t be reached (${error.code})`, { cause: error })
}
