// Refresh requests over one link, both ways.

import { beforeEach, describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { type Calls, createCalls } from '../../src/sync/calls.ts'
import type { Message } from '../../src/sync/messages.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'

let clock: VirtualClock
let calls: Calls
let sent: (Message | string)[]
/** What has come in of the peer's targets, by id. */
let held: Map<string, number>
/** What we have of our own targets. */
let own: number | undefined
let scrapes: { budget: number; signal: AbortSignal; end: (error?: unknown) => void }[]

beforeEach(() => {
  clock = virtualClock()
  sent = []
  scrapes = []
  held = new Map([['a', 5]])
  own = 7
  calls = createCalls({
    clock,
    send: (message) => sent.push(message),
    async flush(id) {
      sent.push(`what is due of ${id}`)
      return own
    },
    held: (id) => held.get(id) ?? 0,
    refreshOwn: (_, budget, signal) =>
      new Promise<void>((resolve, reject) => {
        scrapes.push({ budget, signal, end: (error) => (error ? reject(error) : resolve()) })
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  })
})

/** What a promise has come to by now: `open`, `done`, or a code. */
async function stateOf(asked: Promise<void>): Promise<string> {
  return Promise.race([
    asked.then(
      () => 'done',
      (error) => error.code ?? error.message,
    ),
    clock.pass(0).then(() => 'open'),
  ])
}
const settled = (asked: Promise<void>) => asked.catch(() => {})

describe('asking', () => {
  test('sends a request with what is left of the budget on arrival, and waits for its own reply', async () => {
    const [a, b] = [calls.ask('a', 1000), calls.ask('b', 5)]
    expect(sent).toEqual([
      { kind: 'refresh', call: 1, id: 'a', budget: 990 },
      { kind: 'refresh', call: 2, id: 'b', budget: 0 },
    ])
    held.set('b', 3)
    calls.settle({ call: 2, number: 3 })
    expect(await stateOf(b)).toBe('done')
    expect(await stateOf(a)).toBe('open')
    calls.settle({ call: 2, number: 3 })
    calls.settle({ call: 77, trouble: { code: 'timeout', reason: 'nobody asked' } })
    calls.settle({ call: 1, trouble: { code: 'refused', reason: 'no', hint: 'start it' } })
    await expect(a).rejects.toMatchObject({ code: 'refused', message: 'no', hint: 'start it' })
  })

  test('is done only once what the reply names has come in, or something newer', async () => {
    const [a, b] = [calls.ask('a', 1000), calls.ask('b', 1000)]
    settled(b)
    calls.settle({ call: 1, number: 6 })
    calls.settle({ call: 2, number: 6 })
    held.set('a', 5)
    calls.received()
    expect([await stateOf(a), await stateOf(b)]).toEqual(['open', 'open'])
    held.set('a', 8)
    calls.received()
    expect([await stateOf(a), await stateOf(b)]).toEqual(['done', 'open'])
    await clock.pass(1000)
    await expect(b).rejects.toMatchObject({
      code: 'owner_lost',
      message: expect.stringMatching(/did not arrive/),
    })
  })

  test('is not done by a reply that names nothing', async () => {
    const asked = calls.ask('a', 1000)
    settled(asked)
    calls.settle({ call: 1 })
    expect(await stateOf(asked)).toBe('owner_lost')
  })

  test('ends with its budget, and a reply that comes later means nothing', async () => {
    const asked = calls.ask('a', 1000)
    settled(asked)
    await clock.pass(999)
    expect(await stateOf(asked)).toBe('open')
    await clock.pass(2)
    expect(await stateOf(asked)).toBe('timeout')
    calls.settle({ call: 1, number: 5 })
  })

  test('ends with its signal, for its reason; with one that has ended nothing is sent', async () => {
    const stopping = new AbortController()
    const asked = calls.ask('a', 1000, stopping.signal)
    stopping.abort(new ProxyError('stopping', 'we stop'))
    expect(await stateOf(asked)).toBe('stopping')
    sent.length = 0
    expect(await stateOf(calls.ask('a', 1000, stopping.signal))).toBe('stopping')
    expect(sent).toEqual([])
  })

  test('ends with the link, and on a link that is gone at once', async () => {
    const asked = calls.ask('a', 1000)
    calls.close({ code: 'timeout', reason: 'silent' })
    await expect(asked).rejects.toMatchObject({ code: 'owner_lost', message: 'silent' })
    sent.length = 0
    expect(await stateOf(calls.ask('a', 1000))).toBe('owner_lost')
    expect(sent).toEqual([])
  })

  test('is bounded, and one that has ended makes room for another', async () => {
    const asked = Array.from({ length: 2000 }, () => calls.ask('a', 1000))
    for (const one of asked) settled(one)
    expect(await stateOf(calls.ask('a', 1000))).toBe('overloaded')
    calls.settle({ call: 1, number: 5 })
    await clock.pass(0)
    const another = calls.ask('a', 1000)
    settled(another)
    expect(await stateOf(another)).toBe('open')
    expect(sent).toHaveLength(2001)
  })
})

describe('answering', () => {
  test('the reply comes after the new snapshot', async () => {
    calls.answer(7, 'a', 500)
    await clock.pass(0)
    expect(scrapes).toMatchObject([{ budget: 500 }])
    expect(sent).toEqual([])
    scrapes[0]!.end()
    await clock.pass(0)
    expect(sent).toEqual(['what is due of a', { kind: 'refreshed', call: 7, number: 7 }])
  })

  test('a container that was removed meanwhile is reported as such', async () => {
    own = undefined
    calls.answer(7, 'a', 500)
    scrapes[0]!.end()
    await clock.pass(0)
    expect(sent.at(-1)).toMatchObject({ kind: 'refreshed', call: 7, trouble: { code: 'stopped' } })
  })

  test('tells why there is none', async () => {
    calls.answer(7, 'a', 500)
    scrapes[0]!.end(new ProxyError('refused', 'nobody listens'))
    await clock.pass(0)
    expect(sent.at(-1)).toEqual({
      kind: 'refreshed',
      call: 7,
      trouble: { code: 'refused', reason: 'nobody listens' },
    })
  })

  test('a scrape that doesn’t end by itself is ended, a moment after its budget', async () => {
    calls.answer(7, 'a', 500)
    await clock.pass(599)
    expect(sent).toEqual([])
    expect(scrapes[0]!.signal.aborted).toBe(false)
    await clock.pass(2)
    expect(sent.at(-1)).toMatchObject({ kind: 'refreshed', trouble: { code: 'timeout' } })
    expect(sent.at(-1)).toMatchObject({ trouble: { reason: 'the owner had no new snapshot in time' } })
  })

  test('with the link gone the scrape is ended, and nothing is sent', async () => {
    calls.answer(7, 'a', 500)
    calls.close({ code: 'reset', reason: 'gone' })
    await clock.pass(1000)
    expect(scrapes[0]!.signal.aborted).toBe(true)
    expect(sent).toEqual([])
  })

  test('is bounded, and one that has ended makes room for another', async () => {
    for (let call = 0; call < 2001; call += 1) calls.answer(call, 'a', 500)
    await clock.pass(0)
    expect(scrapes).toHaveLength(2000)
    expect(sent.at(-1)).toMatchObject({ kind: 'refreshed', call: 2000, trouble: { code: 'overloaded' } })
    scrapes[0]!.end()
    await clock.pass(0)
    calls.answer(2001, 'a', 500)
    expect(scrapes).toHaveLength(2001)
  })
})
