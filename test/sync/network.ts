// A network in memory, on virtual time: agents that talk as they do over SSH, on wires that can be cut, slow,
// closed, or too narrow for large packets.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../src/clock.ts'
import { ProxyError } from '../../src/errors.ts'
import type { Channel, ChannelHandlers } from '../../src/sync/channel.ts'

export interface Wire {
  /** Nothing passes and no error is reported, as when a cable is pulled. */
  cut: boolean
  /** Milliseconds from one side to the other. */
  delay: number
  /** Messages longer than this are swallowed, with all that follows them on the same link. */
  mtu: number
  /** Everything is taken, and the sender has to wait, until `release`. */
  full: boolean
}

interface Listener {
  readonly accept: (channel: Channel) => void
}

export interface Network {
  listen(host: string, accept: (channel: Channel) => void): void
  /** Nobody listens there any more. Links that stand are reset. */
  leave(host: string): void
  dial(from: string, to: string): Promise<Channel>
  wire(a: string, b: string): Wire
  /** Links between two hosts that stand. */
  links(a: string, b: string): number
  /** Resets all links between two hosts. */
  reset(a: string, b: string): void
  /** The wire takes more again. */
  release(a: string, b: string): void
}

export function createNetwork(clock: Clock): Network {
  const listeners = new Map<string, Listener>()
  const wires = new Map<string, Wire>()
  const pairs = new Set<Pair>()

  const nameOf = (a: string, b: string) => [a, b].sort().join('|')
  function wire(a: string, b: string): Wire {
    const name = nameOf(a, b)
    const known = wires.get(name) ?? { cut: false, delay: 1, mtu: Number.POSITIVE_INFINITY, full: false }
    wires.set(name, known)
    return known
  }
  const between = (a: string, b: string) => [...pairs].filter(({ name }) => name === nameOf(a, b))

  return {
    listen: (host, accept) => void listeners.set(host, { accept }),
    leave(host) {
      listeners.delete(host)
      for (const pair of [...pairs]) if (pair.name.split('|').includes(host)) pair.reset()
    },
    async dial(from, to) {
      const path = wire(from, to)
      await clock.sleep(path.delay)
      if (path.cut) {
        await clock.sleep(1500)
        throw new ProxyError('timeout', 'no answer')
      }
      const listener = listeners.get(to)
      if (!listener) throw new ProxyError('connection_refused', 'connection refused')
      const pair = createPair(clock, path, from, to, () => pairs.delete(pair))
      pairs.add(pair)
      listener.accept(pair.called)
      return pair.calling
    },
    wire,
    links: (a, b) => between(a, b).length,
    reset(a, b) {
      for (const pair of between(a, b)) pair.reset()
    },
    release(a, b) {
      wire(a, b).full = false
      for (const pair of between(a, b)) pair.drain()
    },
  }
}

interface Pair {
  readonly name: string
  readonly calling: Channel
  readonly called: Channel
  reset(): void
  drain(): void
}

function createPair(clock: Clock, wire: Wire, from: string, to: string, onEnd: () => void): Pair {
  const sessionId = randomBytes(32)
  const ends = [createEnd(from === to ? `${to}:self` : to, true), createEnd(`${from}:1`, false)] as const
  /** What is lost once is never sent again: the stream has a hole and stands still. */
  let swallowing = false

  function createEnd(address: string, dialled: boolean) {
    let handlers: ChannelHandlers | undefined
    const early: Uint8Array[] = []
    let closed = false
    const end = {
      address: dialled ? to : address,
      dialled,
      sessionId,
      open(given: ChannelHandlers) {
        handlers = given
        for (const bytes of early) given.data(bytes)
      },
      write(bytes: Uint8Array) {
        if (closed) return true
        swallowing ||= bytes.length > wire.mtu || wire.cut
        if (swallowing) return true
        const other = ends[dialled ? 1 : 0]
        clock.after(wire.delay, () => {
          swallowing ||= wire.cut
          if (!swallowing) other.receive(bytes)
        })
        return !wire.full
      },
      drain: () => handlers?.drained(),
      close() {
        if (closed) return
        clock.after(wire.delay, () => {
          if (!wire.cut) ends[dialled ? 1 : 0].shut()
        })
        clock.after(0, end.shut)
      },
      receive(bytes: Uint8Array) {
        if (closed) return
        if (handlers) handlers.data(bytes)
        else early.push(bytes)
      },
      shut() {
        if (closed) return
        closed = true
        onEnd()
        handlers?.closed()
      },
    }
    return end
  }

  return {
    name: [from, to].sort().join('|'),
    calling: ends[0],
    called: ends[1],
    drain() {
      for (const end of ends) end.drain()
    },
    reset() {
      clock.after(0, ends[0].shut)
      clock.after(0, ends[1].shut)
    },
  }
}
