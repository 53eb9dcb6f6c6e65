// What the protocol needs of the network: two ordered streams of bytes. The protocol knows nothing of SSH.

import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Failure } from '../errors.ts'

export interface Channel {
  /** The other side's `host:port`, for people. */
  readonly address: string
  /** Whether this side called. */
  readonly dialled: boolean
  /** Identifies this session: the same at both of its ends, and different from every other session's. */
  readonly sessionId: Uint8Array
  /** Called once, before anything else. Bytes that came earlier are passed on then. */
  open(handlers: ChannelHandlers): void
  /** `false`: taken, but the next should wait for `drained`. */
  write(bytes: Uint8Array): boolean
  /** Ends the channel once what was written is on its way. `closed` is called in any case. */
  close(): void
}

export interface ChannelHandlers {
  data(bytes: Uint8Array): void
  drained(): void
  /** Once, and nothing after it. With the failure, where it wasn't an orderly end. */
  closed(failure?: Failure): void
}

/** More than this waits on our side of the wire: the sender is asked to wait. */
const maxWaitingBytes = 256 * 1024
/** A close that the other side doesn't answer is enforced after this. */
const closeTimeoutMs = 1000

/** A channel over an SSH stream and the connection that carries it; `end` ends that connection. */
export function channelOver(
  socket: Socket,
  stream: Duplex,
  end: () => void,
  about: Pick<Channel, 'address' | 'dialled' | 'sessionId'>,
): Channel {
  let handlers: ChannelHandlers | undefined
  let failure: Failure | undefined
  let waitingBytes = 0
  let isWaiting = false
  let isClosing = false
  let batch: Uint8Array[] = []

  const isFull = () => waitingBytes > maxWaitingBytes || socket.writableLength > maxWaitingBytes
  const drained = () => {
    if (!isWaiting || isFull()) return
    isWaiting = false
    handlers?.drained()
  }
  stream.on('error', () => {})
  socket.on('drain', drained)
  socket.once('error', (error: NodeJS.ErrnoException) => {
    failure = { code: 'reset', reason: `the connection to the peer broke (${error.code})` }
  })
  socket.once('close', () => handlers?.closed(failure))

  /** What was written in one turn goes out as one packet: a packet's keys and writes cost more than its bytes. */
  function send(): void {
    const bytes = batch.length === 1 ? batch[0]! : Buffer.concat(batch)
    batch = []
    if (!stream.writable) return
    // ssh2 writes a packet's length, its text and its tag one by one
    socket.cork()
    stream.write(bytes, () => {
      waitingBytes -= bytes.length
      drained()
    })
    socket.uncork()
  }

  function close(): void {
    if (isClosing) return
    isClosing = true
    if (batch.length > 0) send()
    stream.end()
    end()
    const force = setTimeout(() => socket.destroy(), closeTimeoutMs)
    socket.once('close', () => clearTimeout(force))
  }
  stream.once('end', close)
  stream.once('close', close)

  return {
    ...about,
    open(given) {
      handlers = given
      stream.on('data', given.data)
      if (socket.destroyed) queueMicrotask(() => given.closed(failure))
    },
    write(bytes) {
      if (isClosing || !stream.writable) return true
      waitingBytes += bytes.length
      if (batch.push(bytes) === 1) queueMicrotask(() => batch.length > 0 && send())
      isWaiting = isFull()
      return !isWaiting
    },
    close,
  }
}
