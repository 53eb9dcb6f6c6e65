// One link: what passes before hello and after it, signs of life, and its end.

import { beforeEach, describe, expect, test } from 'vitest'
import type { Failure } from '../../src/errors.ts'
import type { ChannelHandlers } from '../../src/sync/channel.ts'
import { createFrameReader, writeFrame } from '../../src/sync/frames.ts'
import { createLink, type Link, tickIntervalMs } from '../../src/sync/link.ts'
import { decode, encode, type Message } from '../../src/sync/messages.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { self } from '../store/samples.ts'

let clock: VirtualClock
let link: Link
let wire: ChannelHandlers
let closes: number
let isTaken: boolean
/** What the other side got, what this side received, and how it ended. */
let sent: Message[]
let received: Message[]
let ends: (Failure | undefined)[]
let events: string[]

beforeEach(() => {
  clock = virtualClock()
  closes = 0
  isTaken = true
  ;[sent, received, ends, events] = [[], [], [], []]
  const other = createFrameReader(2 ** 26, (frame) => sent.push(decode(frame) as Message))
  const channel = {
    ...{ address: 'n2:1', dialled: true, sessionId: new Uint8Array() },
    open(handlers: ChannelHandlers) {
      wire = handlers
    },
    write(bytes: Uint8Array) {
      other.push(bytes)
      return isTaken
    },
    close: () => (closes += 1),
  }
  link = createLink(channel, clock, {
    message: (_, message) => received.push(message),
    closed: (_, failure) => ends.push(failure),
    drained: () => events.push('drained'),
    released: () => events.push('released'),
    internalError: () => events.push('internal error'),
    sent: ({ kind }, bytes) => events.push(`sent ${kind} ${bytes > 0}`),
    received: (kind) => events.push(`received ${kind}`),
  })
})

const hello: Message = {
  kind: 'hello',
  ...{ newest: 4, oldest: 4, version: '1.0.0', epoch: 'e', proof: 'p', self: self('n2') },
}
const send = (...messages: readonly Message[]) => {
  for (const message of messages) wire.data(encode(message))
}
const heartbeat = (number: number, seen = 0, heldMs = 0): Message => ({
  kind: 'heartbeat',
  number,
  seen,
  heldMs,
})
/** Lets time pass as the mesh does: tick by tick. */
function pass(ms: number): void {
  const until = clock.now() + ms
  for (let at = clock.now() + tickIntervalMs; at <= until; at += tickIntervalMs) {
    clock.passSync(at - clock.now())
    link.tick()
  }
  clock.passSync(until - clock.now())
}
const kinds = () => sent.splice(0).map(({ kind }) => kind)

describe('before hello', () => {
  test('nothing else is taken', () => {
    send({ kind: 'accept' })
    expect(received).toEqual([])
    expect(sent).toEqual([{ kind: 'bye', reason: 'a message before hello (accept)' }])
    expect(ends).toMatchObject([{ code: 'protocol' }])
    expect(closes).toBe(1)
  })

  test('the other side may say why there will be none', () => {
    send({ kind: 'bye', reason: 'another version' })
    expect(ends).toEqual([{ code: 'link_ended', reason: 'the peer ended the link: another version' }])
    expect(sent).toEqual([])
  })

  test('only short messages are taken; after it, long ones too', () => {
    send(hello, { kind: 'unknown', of: 'x'.repeat(70_000) })
    expect(ends).toEqual([])
    expect(received).toHaveLength(2)
    expect(link.peer()).toMatchObject({ epoch: 'e' })
  })

  test('a silent peer is given up as soon as after it, and no sign of life is given', () => {
    pass(2000)
    expect(ends).toEqual([])
    expect(sent).toEqual([])
    pass(500)
    expect(sent).toEqual([{ kind: 'bye', reason: 'no hello' }])
    expect(ends).toHaveLength(1)
  })
})

test('a hello that is too long ends the link', () => {
  send({ ...hello, version: 'x'.repeat(70_000) })
  expect(ends).toMatchObject([
    { code: 'protocol', reason: expect.stringContaining('where 65536 are allowed') },
  ])
})

describe('after hello', () => {
  beforeEach(() => {
    send(hello)
    received.length = 0
    events.length = 0
  })

  test('messages are handed on, and a second hello is an error', () => {
    send({ kind: 'complete' }, hello)
    expect(received).toEqual([{ kind: 'complete' }])
    expect(sent).toEqual([{ kind: 'bye', reason: 'a second hello' }])
  })

  test('one of an unknown kind is said to be unknown, and counted as other', () => {
    wire.data(writeFrame(['song', {}]))
    expect(sent).toEqual([{ kind: 'unknown', of: 'song' }])
    expect(events).toEqual(['received other', 'sent unknown true'])
    expect(received).toEqual([])
  })

  test('a sign of life is given every second', () => {
    pass(2000)
    send(heartbeat(1))
    pass(1000)
    expect(sent).toMatchObject([1, 2, 3].map((number) => ({ kind: 'heartbeat', number })))
  })

  test('no sign of life is given soon after another', () => {
    clock.passSync(749)
    link.tick()
    expect(sent).toEqual([])
    clock.passSync(1)
    link.tick()
    expect(sent).toMatchObject([{ kind: 'heartbeat' }])
    clock.passSync(250)
    link.tick()
    expect(sent).toHaveLength(1)
  })

  test('as long as the other side is received, the link lives', () => {
    for (let number = 1; number <= 20; number += 1) {
      pass(1000)
      send(heartbeat(number))
    }
    expect(ends).toEqual([])
    expect(kinds().length).toBeGreaterThanOrEqual(20)
    pass(2000)
    expect(ends).toEqual([])
    pass(500)
    expect(ends).toEqual([{ code: 'timeout', reason: 'the peer was silent for 2.5 s' }])
    expect(closes).toBe(1)
  })

  test('an agent that is late by less than the other side waits goes on', () => {
    clock.passSync(2499)
    send(heartbeat(1))
    link.tick()
    expect(ends).toEqual([])
  })

  test('after a pause in which the other side has given us up, nothing that waited for us is taken', () => {
    clock.passSync(60_000)
    send(heartbeat(1), { kind: 'complete' })
    expect(received).toEqual([])
    expect(ends).toEqual([{ code: 'overloaded', reason: 'this agent was paused for 60.0 s' }])
    expect(closes).toBe(1)
  })

  test('a challenge without a response in 2 s ends the link', () => {
    link.challenge(() => events.push('responded'))
    clock.passSync(1999)
    expect(ends).toEqual([])
    clock.passSync(1)
    expect(ends).toEqual([{ code: 'timeout', reason: 'the peer gave no response to a challenge' }])
    expect(events).not.toContain('responded')
  })

  test('a challenge is answered at once, and its response is for the challenge', () => {
    const responses: string[] = []
    link.challenge(() => responses.push('first'))
    link.challenge(() => responses.push('second'))
    expect(sent).toEqual([
      { kind: 'challenge', number: 1 },
      { kind: 'challenge', number: 2 },
    ])
    send({ kind: 'response', number: 2 }, { kind: 'response', number: 2 }, { kind: 'response', number: 7 })
    expect(responses).toEqual(['second'])
    sent.length = 0
    send({ kind: 'challenge', number: 12 })
    expect(sent).toEqual([{ kind: 'response', number: 12 }])
    expect(received).toEqual([])
  })

  test('a peer that asks and asks and takes no replies is not served without end', () => {
    isTaken = false
    const long: Message = {
      kind: 'refreshed',
      call: 1,
      failure: { code: 'timeout', reason: 'x'.repeat(2 ** 25) },
    }
    for (let n = 0; n < 3; n += 1) link.send(long)
    expect(ends).toEqual([])
    link.send(long)
    expect(ends).toMatchObject([{ code: 'overloaded' }])
  })

  test('the way there and back is measured, without the time that the other side held the answer', () => {
    expect(link.stats().roundTripMs).toBeUndefined()
    pass(1000)
    expect(sent).toMatchObject([{ kind: 'heartbeat', number: 1, seen: 0 }])
    clock.passSync(100)
    send(heartbeat(1, 1, 60))
    expect(link.stats().roundTripMs).toBe(40)
    send(heartbeat(2, 0, 0))
    expect(link.stats().roundTripMs).toBe(40)
    pass(1000)
    expect(sent.at(-1)).toMatchObject({ number: 2, seen: 2, heldMs: expect.any(Number) })
  })

  test('bytes are counted both ways', () => {
    const before = link.stats()
    link.send({ kind: 'complete' })
    send({ kind: 'complete' })
    const length = encode({ kind: 'complete' }).length
    expect(link.stats()).toMatchObject({
      sentBytes: before.sentBytes + length,
      receivedBytes: before.receivedBytes + length,
    })
  })

  test('the sender learns when to wait, and when to go on', () => {
    expect(link.isWritable()).toBe(true)
    isTaken = false
    link.send({ kind: 'complete' })
    expect(link.isWritable()).toBe(false)
    wire.drained()
    expect(link.isWritable()).toBe(true)
    expect(events).toContain('drained')
  })

  test('an end is reported once, and after it nothing is sent or taken', () => {
    link.fail({ code: 'protocol', reason: 'enough' })
    expect(kinds()).toEqual(['bye'])
    link.end('again')
    link.send({ kind: 'complete' })
    send({ kind: 'complete' })
    wire.drained()
    link.tick()
    pass(10_000)
    expect(sent).toEqual([])
    expect(received).toEqual([])
    expect(link.isWritable()).toBe(false)
    expect(ends).toEqual([{ code: 'protocol', reason: 'enough' }])
    expect(closes).toBe(1)
    expect(events).not.toContain('drained')
    wire.closed({ code: 'reset', reason: 'deleted' })
    expect(ends).toHaveLength(1)
    expect(events.at(-1)).toBe('released')
  })

  test('the rest of what came with a bye is not taken', () => {
    wire.data(Buffer.concat([encode({ kind: 'bye', reason: 'enough' }), encode({ kind: 'complete' })]))
    expect(received).toEqual([])
    expect(ends).toEqual([{ code: 'link_ended', reason: 'the peer ended the link: enough' }])
  })

  test('a channel that breaks ends the link with its failure', () => {
    wire.closed({ code: 'reset', reason: 'deleted' })
    expect(ends).toEqual([{ code: 'reset', reason: 'deleted' }])
    expect(events).toEqual(['released'])
  })
})

test('a bug here ends the link and is reported as internal', () => {
  const other = createLink(
    {
      address: 'n3:1',
      dialled: false,
      sessionId: new Uint8Array(),
      open: (handlers) => (wire = handlers),
      write: () => true,
      close() {},
    },
    clock,
    {
      ...{ drained() {}, released() {}, sent() {}, received() {} },
      message() {
        throw new TypeError('a mistake')
      },
      closed: (_, failure) => ends.push(failure),
      internalError: (_, error) => events.push(String(error)),
    },
  )
  send(hello)
  expect(events).toEqual(['TypeError: a mistake'])
  expect(ends).toMatchObject([{ code: 'internal' }])
  expect(other.isWritable()).toBe(false)
})
