// The network between machines, as TCP shows it: streams of bytes that arrive in order or not at all. A path that is
// cut loses nothing while both ends are patient; what breaks a connection is that an end closes it, is reset in the
// middle of what it received, or that the other end is gone without a word.

import { ProxyError } from '../../src/errors.ts'
import type { Channel, ChannelHandlers } from '../../src/sync/channel.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'

export interface Network {
  listen(address: string, process: Process, accept: (channel: Channel) => void): void
  /** Nobody listens there any more. */
  close(address: string): void
  dial(process: Process, from: string, to: string, signal: AbortSignal): Promise<Channel>
  /** Between two machines nothing passes, until it is restored. */
  cut(a: string, b: string): void
  restore(a: string, b: string): void
  restoreAll(): void
  /** Whether the path between the two is whole, and nothing has happened to their connections since then. */
  isUndisturbed(a: string, b: string, since: number): boolean
  /** Every connection between the two is reset, each in the middle of what is under way. */
  reset(a: string, b: string): void
  /** All connections of this address end: with a reset, or so that the others never learn of it. */
  abandon(address: string, silently: boolean): void
  /** Each way between the two takes so long. */
  delay(a: string, b: string, ms: number): void
}

interface Path {
  isCut: boolean
  /** When it was cut or restored, or connections through it ended, for the last time. */
  disturbedAt: number
  delayMs: number
}

interface Listener {
  readonly process: Process
  readonly accept: (channel: Channel) => void
}

interface Connection {
  readonly from: string
  readonly to: string
  readonly ends: readonly [End, End]
}

const usualDelayMs = 0.4
/** SYN packets are sent again after these pauses; then the caller gives up. */
const connectTimeoutMs = 3000
/** More than this under way, and the sender has to wait. */
const windows = [500, 64 * 1024, 64 * 1024, 64 * 1024]

/** A machine may have several addresses: `a1`, `a1~2`. */
const machineOf = (address: string) => address.split('~')[0]!

export function createNetwork(scheduler: Scheduler, random: Random): Network {
  const listeners = new Map<string, Listener>()
  const paths = new Map<string, Path>()
  const connections = new Set<Connection>()
  let made = 0

  function pathOf(one: string, other: string): Path {
    const [a, b] = [machineOf(one), machineOf(other)]
    const key = a < b ? `${a} ${b}` : `${b} ${a}`
    const known = paths.get(key) ?? { isCut: false, disturbedAt: 0, delayMs: usualDelayMs }
    paths.set(key, known)
    return known
  }

  const between = (a: string, b: string) =>
    [...connections].filter(({ from, to }) => (from === a && to === b) || (from === b && to === a))

  function connect(caller: Process, from: string, to: string, listener: Listener): Channel {
    made += 1
    const own = random.fork(`${from} ${to} ${made}`)
    const traits = { windowBytes: own.one(windows), chops: own.chance(0.3) }
    const path = pathOf(from, to)
    const sessionId = own.bytes(32)
    const calling = createEnd(scheduler, caller, path, { address: to, dialled: true, sessionId }, own, traits)
    const called = createEnd(
      scheduler,
      listener.process,
      path,
      { address: from, dialled: false, sessionId },
      own,
      traits,
    )
    calling.join(called)
    called.join(calling)
    const connection: Connection = { from, to: machineOf(to), ends: [calling, called] }
    connections.add(connection)
    const ended = () => {
      if (calling.isOver() && called.isOver()) connections.delete(connection)
    }
    calling.onEnd(ended)
    called.onEnd(ended)
    listener.process.run(() => listener.accept(called.channel))
    return calling.channel
  }

  function restore(path: Path, ends: readonly Connection[]): void {
    if (!path.isCut) return
    path.isCut = false
    path.disturbedAt = scheduler.now()
    for (const connection of ends) for (const end of connection.ends) end.resend()
  }

  return {
    listen: (address, process, accept) => void listeners.set(address, { process, accept }),
    close: (address) => void listeners.delete(address),
    async dial(process, from, to, signal) {
      const path = pathOf(from, to)
      const { clock } = process
      for (let waited = 0; path.isCut; waited += 1000) {
        if (waited >= connectTimeoutMs) throw new ProxyError('timeout', `no answer from ${to}`)
        await clock.sleep(1000, signal)
      }
      // the handshakes take some round trips
      await clock.sleep(6 * path.delayMs + 1, signal)
      const listener = listeners.get(machineOf(to))
      if (!listener?.process.isAlive()) throw new ProxyError('connection_refused', `nobody listens at ${to}`)
      if (listener.process.isPaused() || path.isCut) {
        await clock.sleep(connectTimeoutMs, signal)
        throw new ProxyError('timeout', `no answer from ${to}`)
      }
      return connect(process, from, to, listener)
    },
    cut(a, b) {
      Object.assign(pathOf(a, b), { isCut: true, disturbedAt: scheduler.now() })
    },
    restore: (a, b) => restore(pathOf(a, b), between(a, b)),
    restoreAll() {
      for (const [key, path] of paths) {
        const [a, b] = key.split(' ') as [string, string]
        path.delayMs = usualDelayMs
        restore(path, between(a, b))
      }
    },
    isUndisturbed(a, b, since) {
      const { isCut, disturbedAt } = pathOf(a, b)
      return !isCut && disturbedAt <= since
    },
    reset(a, b) {
      pathOf(a, b).disturbedAt = scheduler.now()
      for (const { ends } of between(a, b)) for (const end of ends) end.reset()
    },
    abandon(address, silently) {
      for (const { from, to, ends } of [...connections]) {
        if (from !== address && to !== address) continue
        pathOf(from, to).disturbedAt = scheduler.now()
        for (const end of ends) silently ? end.deafen() : end.reset()
      }
    },
    delay(a, b, ms) {
      pathOf(a, b).delayMs = ms
    },
  }
}

interface End {
  readonly channel: Channel
  join(other: End): void
  onEnd(callback: () => void): void
  isOver(): boolean
  receive(bytes: Uint8Array): void
  /** The other end has closed, and all it sent has arrived. */
  shut(): void
  /** A part of what is under way to here still arrives, then the connection is gone. */
  reset(): void
  /** Nothing passes any more, and nobody learns of it. */
  deafen(): void
  /** The path is whole again: what is under way from here goes on. */
  resend(): void
}

/** What is under way, in the order in which it was sent; `undefined` is the end. */
type Packet = Uint8Array | undefined

interface Traits {
  readonly windowBytes: number
  /** What is sent in one piece arrives in several. */
  readonly chops: boolean
}

function createEnd(
  scheduler: Scheduler,
  process: Process,
  path: Path,
  about: Pick<Channel, 'address' | 'dialled' | 'sessionId'>,
  random: Random,
  { windowBytes, chops }: Traits,
): End {
  let other: End
  let handlers: ChannelHandlers | undefined
  let early: Uint8Array[] = []
  let underWay: Packet[] = []
  let bytesUnderWay = 0
  let isFull = false
  /** `isOver`: on the wire; `isReported`: for the program, which may be paused. */
  let [isOver, isReported, isClosing, isDeaf] = [false, false, false, false]
  let onEnd = () => {}
  let lastArrival = 0
  let batch: Uint8Array[] | undefined

  /** One packet of those under way arrives after so long, none before those sent earlier. */
  function arriveLater(): void {
    const jitter = random.chance(0.05) ? random.below(20) : random.below(100) / 1000
    lastArrival = Math.max(lastArrival, scheduler.now() + path.delayMs + jitter)
    scheduler.at(lastArrival, arrive)
  }

  function arrive(): void {
    if (path.isCut || isDeaf || underWay.length === 0) return
    const packet = underWay.shift()
    if (!packet) {
      other.shut()
      return
    }
    bytesUnderWay -= packet.length
    other.receive(packet)
    if (isFull && bytesUnderWay < windowBytes) {
      isFull = false
      process.run(() => !isOver && handlers?.drained())
    }
  }

  function send(packet: Packet): void {
    underWay.push(packet)
    arriveLater()
  }

  /** What is written at once goes as one packet, or is chopped anywhere. */
  function flush(): void {
    const bytes = batch?.length === 1 ? batch[0]! : Buffer.concat(batch ?? [])
    batch = undefined
    if (isDeaf || bytes.length === 0) return
    const at = chops ? random.below(bytes.length) : 0
    if (at > 0) send(bytes.subarray(0, at))
    send(bytes.subarray(at))
  }

  function end(): void {
    if (isOver) return
    isOver = true
    onEnd()
    process.run(() => {
      isReported = true
      handlers?.closed()
    })
  }

  return {
    channel: {
      ...about,
      open(given) {
        handlers = given
        const bytes = early
        early = []
        for (const one of bytes) given.data(one)
      },
      write(bytes) {
        if (isOver || isClosing) return true
        bytesUnderWay += bytes.length
        isFull = bytesUnderWay >= windowBytes
        if (batch) batch.push(bytes)
        else {
          batch = [bytes]
          queueMicrotask(flush)
        }
        return !isFull
      },
      close() {
        if (isClosing || isOver) return
        flush()
        isClosing = true
        if (!isDeaf) send(undefined)
        scheduler.at(scheduler.now() + 0.1, end)
      },
    },
    join(end) {
      other = end
    },
    onEnd(callback) {
      onEnd = callback
    },
    isOver: () => isOver,
    receive(bytes) {
      process.run(() => {
        if (isReported || isClosing) return
        if (handlers) handlers.data(bytes)
        else early.push(bytes)
      })
    },
    shut: end,
    reset() {
      const [first] = underWay
      if (first && !isDeaf) other.receive(first.subarray(0, random.below(first.length + 1)))
      underWay = []
      isDeaf = true
      scheduler.at(scheduler.now(), end)
    },
    deafen() {
      isDeaf = true
      underWay = []
    },
    resend() {
      lastArrival = scheduler.now() + random.below(400)
      for (const _ of underWay) arriveLater()
    },
  }
}
