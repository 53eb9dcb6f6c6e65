// One link to a peer: messages over a channel, and whether the other side still lives. Knows what it takes to
// talk, not what is talked about.

import type { Clock } from '../clock.ts'
import { ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Mono } from '../model.ts'
import type { Channel } from './channel.ts'
import { createFrameReader, type Frame, largestFrame } from './frames.ts'
import { decode, encode, type Hello, type Message } from './messages.ts'

export interface Link {
  readonly address: string
  readonly dialled: boolean
  readonly since: Mono
  /** What the other side said of itself; absent until it did. */
  readonly peer: () => Hello | undefined
  send(message: Message): void
  /** Whether more may be sent without filling memory. `drained` is told once it may again. */
  isWritable(): boolean
  /** Looks at the time: sends signs of life, and ends a link on which there are none. Called every `tickEvery`. */
  tick(): void
  /** Says why, and ends it. */
  end(reason: string, trouble?: Trouble): void
  stats(): LinkStats
}

export interface LinkStats {
  readonly sent: number
  readonly received: number
  readonly heardAt: Mono
  readonly roundTrip: number | undefined
  /** What became of the first large message that was sent, if any was. */
  readonly large: 'none' | 'under way' | 'arrived'
}

export interface LinkHandlers {
  message(link: Link, message: Message): void
  drained(link: Link): void
  closed(link: Link, trouble?: Trouble): void
  /** A mistake of ours while a message was taken; the link ends. */
  broken(link: Link, error: unknown): void
  /** For the figures. */
  sent(message: Message, bytes: number): void
  received(kind: string): void
}

export const tickEvery = 250
const beatEvery = 1000
/** Silence for so long is death: with the tick's delay, noticed within 3 s. */
const silenceIsDeath = 2500
const helloWithin = 5000
/** A tick that comes so late means that we slept, not that the others did. */
const sleptThrough = 1000
const largestHello = 64 * 2 ** 10
/** More than fits into the smallest packet that links have to carry. */
const largeMessage = 1200

export function createLink(channel: Channel, clock: Clock, handlers: LinkHandlers): Link {
  const since = clock.now()
  let hello: Hello | undefined
  let writable = true
  /** Nothing is sent or taken any more; the channel is closing, or `closed`. */
  let over = false
  let closed = false
  let ending: Trouble | undefined
  let [sent, received] = [0, 0]
  let [heardAt, tickedAt, beatAt] = [since, since, since]
  let [beats, seen, seenAt] = [0, 0, since]
  let sentBeats: readonly { readonly number: number; readonly at: Mono }[] = []
  let roundTrip: number | undefined
  /** The first beat after the first large message: once it is seen, the message has arrived. */
  let beatAfterLarge: number | undefined
  let largeArrived = false

  const reader = createFrameReader(largestHello, (frame) => {
    if (!over) take(frame)
  })

  function take(frame: Frame): void {
    const message = decode(frame)
    handlers.received(message.kind === 'other' ? 'other' : message.kind)
    if (!hello && message.kind !== 'hello' && message.kind !== 'bye')
      throw new ProxyError('protocol', `a message before hello (${message.kind})`)
    switch (message.kind) {
      case 'other':
        send({ kind: 'unknown', of: message.name })
        break
      case 'bye':
        close({ code: 'refused', reason: `the peer ended the link: ${message.reason}` })
        break
      case 'beat':
        feel(message.number, message.seen, message.held)
        break
      case 'hello':
        greet(message)
        handlers.message(link, message)
        break
      default:
        handlers.message(link, message)
    }
  }

  function greet(message: Hello): void {
    if (hello) throw new ProxyError('protocol', 'a second hello')
    hello = message
    reader.allow(largestFrame)
  }

  function feel(number: number, echo: number, held: number): void {
    const now = clock.now()
    ;[seen, seenAt] = [number, now]
    const sentAt = sentBeats.find((beat) => beat.number === echo)?.at
    if (sentAt !== undefined) roundTrip = Math.max(0, now - sentAt - held)
    sentBeats = sentBeats.filter((beat) => beat.number > echo)
    if (beatAfterLarge !== undefined && echo >= beatAfterLarge) largeArrived = true
  }

  function send(message: Message): void {
    if (over) return
    const frame = encode(message)
    if (frame.length > largestFrame) return
    sent += frame.length
    if (frame.length > largeMessage) beatAfterLarge ??= beats + 1
    handlers.sent(message, frame.length)
    writable = channel.write(frame)
  }

  function beat(now: Mono): void {
    beatAt = now
    beats += 1
    sentBeats = [...sentBeats.slice(-8), { number: beats, at: now }]
    send({ kind: 'beat', number: beats, seen, held: now - seenAt })
  }

  function close(trouble?: Trouble): void {
    ending ??= trouble
    over = true
    channel.close()
  }

  const link: Link = {
    address: channel.address,
    dialled: channel.dialled,
    since,
    peer: () => hello,
    send,
    isWritable: () => writable && !over,
    tick() {
      if (over) return
      const now = clock.now()
      if (now - tickedAt > sleptThrough) heardAt = now
      tickedAt = now
      if (!hello && now - since > helloWithin) return link.end('no hello')
      if (hello && now - heardAt > silenceIsDeath) return close(silent(now - heardAt))
      if (hello && now - beatAt >= beatEvery) beat(now)
    },
    end(reason, trouble = { code: 'protocol', reason }) {
      send({ kind: 'bye', reason })
      close(trouble)
    },
    stats: () => ({
      sent,
      received,
      heardAt,
      roundTrip,
      large: largeArrived ? 'arrived' : beatAfterLarge === undefined ? 'none' : 'under way',
    }),
  }

  channel.open({
    data(bytes) {
      received += bytes.length
      heardAt = clock.now()
      try {
        reader.push(bytes)
      } catch (error) {
        const trouble = troubleOf(error)
        if (trouble.code === 'internal') handlers.broken(link, error)
        link.end(trouble.reason, trouble)
      }
    },
    drained() {
      writable = true
      if (!over) handlers.drained(link)
    },
    closed(trouble) {
      if (closed) return
      closed = true
      over = true
      handlers.closed(link, ending ?? trouble)
    },
  })
  return link
}

function silent(ms: number): Trouble {
  return { code: 'timeout', reason: `the peer was silent for ${(ms / 1000).toFixed(1)} s` }
}
