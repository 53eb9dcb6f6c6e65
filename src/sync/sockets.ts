// Connections to and from peers, and their time limits.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Clock, deadline } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import { portError } from '../http/ports.ts'
import type { Mono, Stoppable } from '../model.ts'
import type { Channel } from './channel.ts'
import type { Ssh } from './ssh.ts'

export interface SshListener extends Stoppable {
  readonly port: number
}

interface ListenOptions {
  readonly port: number
  readonly clock: Clock
  readonly ssh: Ssh
  readonly on: (channel: Channel) => void
  readonly refused: (reason: RefusalReason) => void
}

export type RefusalReason = 'full' | 'unproven'

/** In time for one SYN to be sent again, and short, so that hosts that are gone hold up no others. */
const connectTimeoutMs = 1500
const handshakeTimeoutMs = 8000
/** Callers that haven't proved themselves yet: of more, the oldest makes room. */
const maxWaiting = 64
const maxWaitingPerAddress = 8
/** After so many failures within the period, an address is refused until the period is over. */
const maxFailures = 20
const failurePeriodMs = 10_000
const maxCountedAddresses = 10_000
/** Links in use; more than any cluster needs. */
const maxConnections = 4096

export async function startListener(options: ListenOptions): Promise<SshListener> {
  const { clock, ssh, on, refused } = options
  const sockets = new Set<Socket>()
  /** Callers that haven't proved themselves yet, by their sockets. */
  const waiting = new Map<Socket, string>()
  let failures = createFailures(clock.now())

  /** What is refused here has cost nothing but a TCP connection. */
  function isAccepted(from: string): boolean {
    if (clock.now() - failures.since >= failurePeriodMs) failures = createFailures(clock.now())
    const waitingFromThere = [...waiting.values()].filter((one) => one === from).length
    return (
      sockets.size < maxConnections &&
      waitingFromThere < maxWaitingPerAddress &&
      (failures.byAddress.get(from) ?? 0) < maxFailures
    )
  }

  function countFailure(from: string): void {
    const { byAddress } = failures
    if (byAddress.has(from) || byAddress.size < maxCountedAddresses)
      byAddress.set(from, (byAddress.get(from) ?? 0) + 1)
  }

  async function onConnection(socket: Socket): Promise<void> {
    const from = socket.remoteAddress ?? ''
    if (!isAccepted(from)) {
      socket.destroy()
      return refused('full')
    }
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    using limit = deadline(clock, handshakeTimeoutMs)
    const [oldest] = waiting.keys()
    if (waiting.size >= maxWaiting) oldest?.destroy()
    waiting.set(socket, from)
    try {
      on(await ssh.answer(socket, limit))
    } catch {
      countFailure(from)
      refused('unproven')
    } finally {
      waiting.delete(socket)
    }
  }

  const server = createServer({ noDelay: true }, onConnection)
  // without a host: on IPv6 and IPv4, or on IPv4 alone where the machine has no IPv6
  server.listen({ port: options.port, backlog: maxConnections })
  await once(server, 'listening').catch((error) => {
    throw portError(error, options.port, 'SSH_PORT')
  })
  return {
    port: (server.address() as AddressInfo).port,
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

const createFailures = (since: Mono) => ({ since, byAddress: new Map<string, number>() })

/** A channel to `host:port`, once both sides have proved themselves. */
export async function dial(address: string, ssh: Ssh, clock: Clock, signal: AbortSignal): Promise<Channel> {
  const socket = await connectTo(address, clock, signal)
  using limit = deadline(clock, handshakeTimeoutMs, signal)
  return await ssh.call(socket, address, limit)
}

async function connectTo(address: string, clock: Clock, signal: AbortSignal): Promise<Socket> {
  const { host, port } = parseAddress(address)
  const socket = connect({ host, port, noDelay: true })
  socket.on('error', () => {})
  using limit = deadline(clock, connectTimeoutMs, signal)
  try {
    await once(socket, 'connect', { signal: limit })
    return socket
  } catch (error) {
    socket.destroy()
    throw connectFailure(address, limit.aborted, error as NodeJS.ErrnoException)
  }
}

export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const cut = address.lastIndexOf(':')
  return { host: address.slice(0, cut).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(cut + 1)) }
}

function connectFailure(address: string, isTimedOut: boolean, error: NodeJS.ErrnoException): ProxyError {
  if (isTimedOut) return new ProxyError('timeout', `no answer from ${address}`, { cause: error })
  if (error.code === 'ECONNREFUSED')
    return new ProxyError('unreachable', `no agent listens at ${address}`, { cause: error })
  return new ProxyError('unreachable', `${address} can’t be reached (${error.code})`, { cause: error })
}
