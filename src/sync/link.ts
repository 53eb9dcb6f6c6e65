// One link to a peer: messages over a channel, and whether the other side still lives. It knows nothing of what
// the messages are about.
//
// opened -> (hello received) -> alive -> ended. It ends when either side says so, when the channel closes, at a message
// that is not understood, when nothing is received for 2.5 s, and after a pause of this process.

import type { Clock } from '../clock.ts'
import { type Failure, failureOf, isInternal, ProxyError } from '../errors.ts'
import type { Mono } from '../model.ts'
import type { Channel } from './channel.ts'
import { createFrameReader, type Frame, maxFrameBytes } from './frames.ts'
import { type Bye, decode, encode, type Hello, type Message } from './messages.ts'

export interface Link {
  readonly address: string
  readonly dialled: boolean
  readonly since: Mono
  /** Identifies the session beneath: see Channel. */
  readonly sessionId: Uint8Array
  /** The other side's hello; undefined until it is received. */
  readonly peer: () => Hello | undefined
  send(message: Message): void
  /** Asks the other side for a response; without one in 2 s the link fails. */
  challenge(onResponse: () => void): void
  /** Whether more may be sent without filling memory. `drained` is called once it may again. */
  isWritable(): boolean
  /** Sends heartbeats, and fails where none are received. To be called every `tickIntervalMs`. */
  tick(): void
  /** Sends the reason and ends; nothing is wrong. */
  end(reason: string): void
  /** The same since this agent stops: its epoch is over. */
  stop(): void
  /** The same where something is wrong. */
  fail(failure: Failure): void
  stats(): LinkStats
}

interface LinkStats {
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly roundTripMs: number | undefined
}

export interface LinkHandlers {
  message(link: Link, message: Message): void
  drained(link: Link): void
  /** Called once: nothing more is sent or received. Without a failure: this side ended it, and nothing is wrong. */
  closed(link: Link, failure?: Failure): void
  /** The channel beneath is gone too. */
  released(link: Link): void
  /** A bug: taking a message threw. The link ends. */
  internalError(link: Link, error: unknown): void
  /** For the metrics. */
  sent(message: Message, bytes: number): void
  received(kind: string): void
}

/** The newest heartbeat of one side. */
interface Heartbeat {
  readonly number: number
  readonly at: Mono
}

/** A link that lasts so long works: it carries its largest messages first. The next failure is the first. */
export const establishedMs = 10_000
export const tickIntervalMs = 500
/** With every second tick. */
const minHeartbeatIntervalMs = 750
/** Two heartbeats are missing. Seen at the next tick, so nobody waits for longer than 3 s. */
const maxSilenceMs = 2500
const challengeTimeoutMs = 2000
const maxUnsentBytes = 2 * maxFrameBytes
const maxHelloBytes = 64 * 2 ** 10

export function createLink(channel: Channel, clock: Clock, handlers: LinkHandlers): Link {
  const since = clock.now()
  let hello: Hello | undefined
  let isTaking = true
  let isOver = false
  let [sentBytes, receivedBytes] = [0, 0]
  let [receivedAt, tickedAt] = [since, since]
  let heartbeatSent: Heartbeat = { number: 0, at: since }
  let heartbeatReceived: Heartbeat = { number: 0, at: since }
  let roundTripMs: number | undefined
  /** Bytes that were sent although the channel had asked to wait: replies, and what a refresh brought. */
  let unsentBytes = 0
  let lastChallenge = 0
  const challenges = new Map<number, { readonly onResponse: () => void; readonly cancel: () => void }>()

  const reader = createFrameReader(maxHelloBytes, (frame) => {
    if (!isOver) handleFrame(frame)
  })

  function handleFrame(frame: Frame): void {
    const message = decode(frame)
    handlers.received(message.kind)
    if (!hello && message.kind !== 'hello' && message.kind !== 'bye')
      throw new ProxyError('protocol', `a message before hello (${message.kind})`)
    switch (message.kind) {
      case 'other':
        send({ kind: 'unknown', of: message.name })
        break
      case 'bye':
        close(endedByPeer(message))
        break
      case 'heartbeat':
        handleHeartbeat(message.number, message.seen, message.heldMs)
        break
      case 'challenge':
        send({ kind: 'response', number: message.number })
        break
      case 'response':
        handleResponse(message.number)
        break
      case 'hello':
        if (hello) throw new ProxyError('protocol', 'a second hello')
        hello = message
        reader.allow(maxFrameBytes)
        handlers.message(link, message)
        break
      default:
        handlers.message(link, message)
    }
  }

  function handleHeartbeat(number: number, seen: number, heldMs: number): void {
    const now = clock.now()
    heartbeatReceived = { number, at: now }
    if (seen > 0 && seen === heartbeatSent.number) roundTripMs = Math.max(0, now - heartbeatSent.at - heldMs)
  }

  function handleResponse(number: number): void {
    const challenge = challenges.get(number)
    if (!challenge) return
    challenges.delete(number)
    challenge.cancel()
    challenge.onResponse()
  }

  function send(message: Message): void {
    if (isOver) return
    const frame = encode(message)
    sentBytes += frame.length
    handlers.sent(message, frame.length)
    isTaking = channel.write(frame)
    unsentBytes = isTaking ? 0 : unsentBytes + frame.length
    if (unsentBytes > maxUnsentBytes)
      close({ code: 'overloaded', reason: 'the peer takes nothing of what it is sent' })
  }

  function sendHeartbeat(now: Mono): void {
    heartbeatSent = { number: heartbeatSent.number + 1, at: now }
    send({
      kind: 'heartbeat',
      number: heartbeatSent.number,
      seen: heartbeatReceived.number,
      heldMs: now - heartbeatReceived.at,
    })
  }

  /** What waited during such a pause is of unknown age; the peer has given this side up anyway. */
  function closeAfterPause(now: Mono): void {
    if (!isOver && now - tickedAt > maxSilenceMs) close(paused(now - tickedAt))
  }

  /** The channel's own end is not waited for: where the other side is dead, that takes a while. */
  function close(failure?: Failure): void {
    if (isOver) return
    isOver = true
    for (const { cancel } of challenges.values()) cancel()
    channel.close()
    handlers.closed(link, failure)
  }

  function end(bye: Omit<Bye, 'kind'>, failure?: Failure): void {
    send({ kind: 'bye', ...bye })
    close(failure)
  }

  const link: Link = {
    address: channel.address,
    dialled: channel.dialled,
    sessionId: channel.sessionId,
    since,
    peer: () => hello,
    send,
    challenge(onResponse) {
      lastChallenge += 1
      const cancel = clock.after(challengeTimeoutMs, () => link.fail(unresponsive))
      challenges.set(lastChallenge, { onResponse, cancel })
      send({ kind: 'challenge', number: lastChallenge })
    },
    isWritable: () => isTaking && !isOver,
    tick() {
      const now = clock.now()
      closeAfterPause(now)
      tickedAt = now
      if (isOver) return
      const silenceMs = now - receivedAt
      if (silenceMs >= maxSilenceMs && !hello) link.fail({ code: 'protocol', reason: 'no hello' })
      else if (silenceMs >= maxSilenceMs) close(silent(silenceMs))
      else if (hello && now - heartbeatSent.at >= minHeartbeatIntervalMs) sendHeartbeat(now)
    },
    end: (reason) => end({ reason }),
    stop: () => end({ reason: 'the agent is stopping', stopping: true }),
    fail: (failure) => end({ reason: failure.reason }, failure),
    stats: () => ({ sentBytes, receivedBytes, roundTripMs }),
  }

  channel.open({
    data(bytes) {
      receivedBytes += bytes.length
      receivedAt = clock.now()
      closeAfterPause(receivedAt)
      try {
        reader.push(bytes)
      } catch (error) {
        if (isInternal(error)) handlers.internalError(link, error)
        link.fail(failureOf(error))
      }
    },
    drained() {
      isTaking = true
      unsentBytes = 0
      if (!isOver) handlers.drained(link)
    },
    closed(failure = { code: 'reset', reason: 'the peer closed the link' }) {
      close(failure)
      handlers.released(link)
    },
  })
  return link
}

function endedByPeer({ reason, stopping }: Bye): Failure {
  return { code: stopping ? 'stopping' : 'link_ended', reason: `the peer ended the link: ${reason}` }
}

function paused(ms: number): Failure {
  return { code: 'overloaded', reason: `this agent was paused for ${(ms / 1000).toFixed(1)} s` }
}

function silent(ms: number): Failure {
  return { code: 'timeout', reason: `the peer was silent for ${(ms / 1000).toFixed(1)} s` }
}

const unresponsive: Failure = { code: 'timeout', reason: 'the peer gave no response to a challenge' }
