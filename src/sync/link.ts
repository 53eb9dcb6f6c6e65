// One link to a peer: messages over a channel, and whether the other side still lives. It knows nothing of what
// the messages are about.

import type { Clock } from '../clock.ts'
import { isInternal, ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Mono } from '../model.ts'
import type { Channel } from './channel.ts'
import { createFrameReader, type Frame, maxFrameBytes } from './frames.ts'
import { decode, encode, type Hello, type Message } from './messages.ts'

export interface Link {
  readonly address: string
  readonly dialled: boolean
  readonly since: Mono
  /** Names the session beneath: see Channel. */
  readonly binding: Uint8Array
  /** The other side's hello; absent until it came. */
  readonly peer: () => Hello | undefined
  send(message: Message): void
  /** Asks the other side to prove that it still lives, which it does at once. */
  challenge(onResponse: () => void): void
  /** Whether more may be sent without filling memory. `drained` is called once it may again. */
  isWritable(): boolean
  /**
   * Looks at the time: sends signs of life, and ends a link on which there are none. To be called every
   * `tickIntervalMs`, and at the time that it returns.
   */
  tick(): Mono
  /** Says why, and ends it. */
  end(reason: string, trouble?: Trouble): void
  stats(): LinkStats
}

export interface LinkStats {
  readonly sent: number
  readonly received: number
  readonly receivedAt: Mono
  readonly roundTrip: number | undefined
  /** The length of the longest message that is known to have arrived, and of the longest that isn't. */
  readonly arrived: number
  readonly pending: number
}

export interface LinkHandlers {
  message(link: Link, message: Message): void
  drained(link: Link): void
  /** Once, and at once: nothing more is sent or taken. */
  closed(link: Link, trouble?: Trouble): void
  /** The channel beneath is gone too. */
  released(link: Link): void
  /** A mistake of ours while a message was taken; the link ends. */
  broken(link: Link, error: unknown): void
  /** For the figures. */
  sent(message: Message, bytes: number): void
  received(kind: string): void
}

/** A sign of life that isn't answered yet, with the length of the longest message before it. */
interface Beat {
  readonly number: number
  readonly at: Mono
  readonly longest: number
}

/** With each tick a sign of life is given, unless the last one is so young. */
export const tickIntervalMs = 1000
const minBeatIntervalMs = 750
/** Two signs of life have not come: the other side is gone. Nobody waits for longer than 3 s. */
const maxSilenceMs = 2500
const helloTimeoutMs = 5000
const maxUnsentBytes = 2 * maxFrameBytes
const maxHelloBytes = 64 * 2 ** 10

export function createLink(channel: Channel, clock: Clock, handlers: LinkHandlers): Link {
  const since = clock.now()
  let hello: Hello | undefined
  let writable = true
  let over = false
  let [sent, received] = [0, 0]
  let [receivedAt, tickedAt, beatAt] = [since, since, since]
  let [beats, seen, seenAt] = [0, 0, since]
  let sentBeats: readonly Beat[] = []
  let [arrived, longest] = [0, 0]
  let roundTrip: number | undefined
  /** Bytes that were sent although the channel had asked to wait: replies, and what a refresh brought. */
  let unsent = 0
  let challenged = 0
  const challenges = new Map<number, () => void>()

  const reader = createFrameReader(maxHelloBytes, (frame) => {
    if (!over) take(frame)
  })

  function take(frame: Frame): void {
    const message = decode(frame)
    handlers.received(message.kind)
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
        takeBeat(message.number, message.seen, message.held)
        break
      case 'challenge':
        send({ kind: 'response', number: message.number })
        break
      case 'response':
        challenges.get(message.number)?.()
        challenges.delete(message.number)
        break
      case 'hello':
        takeHello(message)
        handlers.message(link, message)
        break
      default:
        handlers.message(link, message)
    }
  }

  function takeHello(message: Hello): void {
    if (hello) throw new ProxyError('protocol', 'a second hello')
    hello = message
    reader.allow(maxFrameBytes)
  }

  function takeBeat(number: number, echo: number, held: number): void {
    const now = clock.now()
    ;[seen, seenAt] = [number, now]
    const sentAt = sentBeats.find((beat) => beat.number === echo)?.at
    if (sentAt !== undefined) roundTrip = Math.max(0, now - sentAt - held)
    for (const beat of sentBeats) if (beat.number <= echo) arrived = Math.max(arrived, beat.longest)
    sentBeats = sentBeats.filter((beat) => beat.number > echo)
  }

  function send(message: Message): void {
    if (over) return
    const frame = encode(message)
    if (frame.length > maxFrameBytes) return
    sent += frame.length
    longest = Math.max(longest, frame.length)
    handlers.sent(message, frame.length)
    writable = channel.write(frame)
    unsent = writable ? 0 : unsent + frame.length
    if (unsent > maxUnsentBytes)
      close({ code: 'overloaded', reason: 'the peer takes nothing of what it is sent' })
  }

  function beat(now: Mono): void {
    beatAt = now
    beats += 1
    sentBeats = [...sentBeats.slice(-8), { number: beats, at: now, longest }]
    longest = 0
    send({ kind: 'beat', number: beats, seen, held: now - seenAt })
  }

  /** When it is to end, if nothing is received until then. */
  function endsAt(): Mono {
    return hello ? receivedAt + maxSilenceMs : since + helloTimeoutMs
  }

  function endSilent(now: Mono): void {
    if (hello) close(silent(now - receivedAt))
    else link.end('no hello')
  }

  /** After so long a pause of ours, the age of what waited for us is unknown; the peer has given us up anyway. */
  function endAfterPause(now: Mono): void {
    if (!over && now - tickedAt > maxSilenceMs) close(paused(now - tickedAt))
  }

  /** Nobody waits for the channel: where the other side is dead, its end takes a while. */
  function close(trouble?: Trouble): void {
    if (over) return
    over = true
    channel.close()
    handlers.closed(link, trouble)
  }

  const link: Link = {
    address: channel.address,
    dialled: channel.dialled,
    binding: channel.binding,
    since,
    peer: () => hello,
    send,
    challenge(onResponse) {
      challenged += 1
      challenges.set(challenged, onResponse)
      send({ kind: 'challenge', number: challenged })
    },
    isWritable: () => writable && !over,
    tick() {
      const now = clock.now()
      endAfterPause(now)
      tickedAt = now
      if (!over && now >= endsAt()) endSilent(now)
      if (over) return Number.POSITIVE_INFINITY
      if (hello && now - beatAt >= minBeatIntervalMs) beat(now)
      return endsAt()
    },
    end(reason, trouble = { code: 'protocol', reason }) {
      send({ kind: 'bye', reason })
      close(trouble)
    },
    stats: () => ({
      sent,
      received,
      receivedAt,
      roundTrip,
      arrived,
      pending: Math.max(longest, ...sentBeats.map((beat) => beat.longest)),
    }),
  }

  channel.open({
    data(bytes) {
      received += bytes.length
      receivedAt = clock.now()
      endAfterPause(receivedAt)
      try {
        reader.push(bytes)
      } catch (error) {
        const trouble = troubleOf(error)
        if (isInternal(error)) handlers.broken(link, error)
        link.end(trouble.reason, trouble)
      }
    },
    drained() {
      writable = true
      unsent = 0
      if (!over) handlers.drained(link)
    },
    closed(trouble) {
      close(trouble)
      handlers.released(link)
    },
  })
  return link
}

function paused(ms: number): Trouble {
  return { code: 'timeout', reason: `this agent was paused for ${(ms / 1000).toFixed(1)} s` }
}

function silent(ms: number): Trouble {
  return { code: 'timeout', reason: `the peer was silent for ${(ms / 1000).toFixed(1)} s` }
}
