// Refresh requests over one link, both ways.

import { beforeEach, describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import type { Message } from '../../src/sync/messages.ts'
import { createRefreshes, type Refreshes } from '../../src/sync/refreshes.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'

let clock: VirtualClock
let refreshes: Refreshes
let sent: (Message | string)[]
/** What has come in of the peer's targets, by id. */
let stored: Map<string, number>
/** What we have of our own targets. */
let own: number | undefined | 'never'
let scrapes: { budget: number; end: (error?: unknown) => void }[]

beforeEach(() => {
  clock = virtualClock()
  sent = []
  scrapes = []
  stored = new Map([['a', 5]])
  own = 7
  refreshes = createRefreshes({
    clock,
    send: (message) => void sent.push(message),
    async flush(id) {
      sent.push(`what is due of ${id}`)
      return own === 'never' ? new Promise(() => {}) : own
    },
    storedNumber: (id) => stored.get(id) ?? 0,
    refreshOwn: (_, budget) =>
      new Promise<void>((resolve, reject) => {
        scrapes.push({ budget, end: (error) => (error ? reject(error) : resolve()) })
      }),
  })
})

/** What a promise has come to by now: `open`, `done`, or a code. */
async function stateOf(requested: Promise<void>): Promise<string> {
  return Promise.race([
    requested.then(
      () => 'done',
      (error) => error.code ?? error.message,
    ),
    clock.pass(0).then(() => 'open'),
  ])
}
const settled = (requested: Promise<void>) => requested.catch(() => {})

describe('a request', () => {
  test('sends a request with what is left of the budget on arrival, and waits for its own reply', async () => {
    const [a, b] = [refreshes.request('a', 1000), refreshes.request('b', 5)]
    expect(sent).toEqual([
      { kind: 'refresh', call: 1, id: 'a', timeoutMs: 990 },
      { kind: 'refresh', call: 2, id: 'b', timeoutMs: 0 },
    ])
    stored.set('b', 3)
    refreshes.replied({ call: 2, number: 3 })
    expect(await stateOf(b)).toBe('done')
    expect(await stateOf(a)).toBe('open')
    refreshes.replied({ call: 2, number: 3 })
    refreshes.replied({ call: 77, failure: { code: 'timeout', reason: 'no such request' } })
    refreshes.replied({ call: 1, failure: { code: 'connection_refused', reason: 'no', hint: 'start it' } })
    await expect(a).rejects.toMatchObject({ code: 'connection_refused', message: 'no', hint: 'start it' })
  })

  test('is done only once what the reply names has come in, or something newer', async () => {
    const [a, b] = [refreshes.request('a', 1000), refreshes.request('b', 1000)]
    settled(b)
    refreshes.replied({ call: 1, number: 6 })
    refreshes.replied({ call: 2, number: 6 })
    stored.set('a', 5)
    refreshes.snapshotStored()
    expect([await stateOf(a), await stateOf(b)]).toEqual(['open', 'open'])
    stored.set('a', 8)
    refreshes.snapshotStored()
    expect([await stateOf(a), await stateOf(b)]).toEqual(['done', 'open'])
    await clock.pass(1000)
    await expect(b).rejects.toMatchObject({
      code: 'owner_lost',
      message: expect.stringMatching(/did not arrive/),
    })
  })

  test('is not done by a reply that names nothing', async () => {
    const requested = refreshes.request('a', 1000)
    settled(requested)
    refreshes.replied({ call: 1 })
    expect(await stateOf(requested)).toBe('owner_lost')
  })

  test('ends with its budget, and a reply that comes later means nothing', async () => {
    const requested = refreshes.request('a', 1000)
    settled(requested)
    await clock.pass(999)
    expect(await stateOf(requested)).toBe('open')
    await clock.pass(2)
    expect(await stateOf(requested)).toBe('timeout')
    refreshes.replied({ call: 1, number: 5 })
  })

  test('is shared by those that come within 5 ms and can wait as long, and by no others', async () => {
    const requested = [refreshes.request('a', 1000)]
    await clock.pass(5)
    requested.push(refreshes.request('a', 995), refreshes.request('a', 500), refreshes.request('b', 995))
    await clock.pass(5)
    requested.push(refreshes.request('a', 990))
    expect(sent).toMatchObject([
      { call: 1, id: 'a' },
      { call: 2, id: 'a', timeoutMs: 490 },
      { call: 3, id: 'b' },
      { call: 4, id: 'a' },
    ])
    refreshes.replied({ call: 1, number: 5 })
    for (const one of requested.slice(2)) settled(one)
    expect(await Promise.all(requested.slice(0, 3).map(stateOf))).toEqual(['done', 'done', 'open'])
  })

  test('ends with the link, and on a link that is gone at once', async () => {
    const requested = refreshes.request('a', 1000)
    refreshes.close({ code: 'timeout', reason: 'silent' })
    await expect(requested).rejects.toMatchObject({ code: 'owner_lost', message: 'silent' })
    sent.length = 0
    expect(await stateOf(refreshes.request('a', 1000))).toBe('owner_lost')
    expect(sent).toEqual([])
  })

  test('is bounded, and one that has ended makes room for another', async () => {
    const requested = Array.from({ length: 2000 }, (_, at) => refreshes.request(`a${at}`, 1000))
    for (const one of requested) settled(one)
    expect(await stateOf(refreshes.request('a', 1000))).toBe('overloaded')
    refreshes.replied({ call: 1, number: 0 })
    await clock.pass(0)
    const another = refreshes.request('a', 1000)
    settled(another)
    expect(await stateOf(another)).toBe('open')
    expect(sent).toHaveLength(2001)
  })
})

describe('serving a request', () => {
  test('the reply comes after the new snapshot', async () => {
    refreshes.serve({ call: 7, id: 'a', timeoutMs: 500 })
    await clock.pass(0)
    expect(scrapes).toMatchObject([{ budget: 500 }])
    expect(sent).toEqual([])
    scrapes[0]!.end()
    await clock.pass(0)
    expect(sent).toEqual(['what is due of a', { kind: 'refreshed', call: 7, number: 7 }])
  })

  test('of a container whose snapshot was dropped meanwhile a new one is to be requested', async () => {
    own = undefined
    refreshes.serve({ call: 7, id: 'a', timeoutMs: 500 })
    scrapes[0]!.end()
    await clock.pass(0)
    expect(sent.at(-1)).toMatchObject({ kind: 'refreshed', call: 7, failure: { code: 'searching' } })
  })

  test('sends why there is no new snapshot', async () => {
    refreshes.serve({ call: 7, id: 'a', timeoutMs: 500 })
    scrapes[0]!.end(new ProxyError('connection_refused', 'nobody listens'))
    await clock.pass(0)
    expect(sent.at(-1)).toEqual({
      kind: 'refreshed',
      call: 7,
      failure: { code: 'connection_refused', reason: 'nobody listens' },
    })
  })

  test('what can’t be sent within the budget is as good as not here, and frees its place', async () => {
    own = 'never'
    for (let call = 0; call < 2000; call += 1) refreshes.serve({ call, id: 'a', timeoutMs: 500 })
    await clock.pass(100)
    for (const { end } of scrapes) end()
    await clock.pass(399)
    expect(sent.filter((one) => typeof one !== 'string')).toEqual([])
    await clock.pass(1)
    expect(sent.at(-1)).toMatchObject({ kind: 'refreshed', call: 1999, failure: { code: 'owner_lost' } })
    refreshes.serve({ call: 2000, id: 'a', timeoutMs: 500 })
    expect(scrapes).toHaveLength(2001)
  })

  test('with the link gone nothing is sent', async () => {
    refreshes.serve({ call: 7, id: 'a', timeoutMs: 500 })
    refreshes.close({ code: 'reset', reason: 'deleted' })
    scrapes[0]!.end()
    await clock.pass(0)
    expect(sent).toEqual([])
  })

  test('is bounded, and one that has ended makes room for another', async () => {
    for (let call = 0; call < 2001; call += 1) refreshes.serve({ call, id: 'a', timeoutMs: 500 })
    await clock.pass(0)
    expect(scrapes).toHaveLength(2000)
    expect(sent.at(-1)).toMatchObject({ kind: 'refreshed', call: 2000, failure: { code: 'overloaded' } })
    scrapes[0]!.end()
    await clock.pass(0)
    refreshes.serve({ call: 2001, id: 'a', timeoutMs: 500 })
    expect(scrapes).toHaveLength(2001)
  })
})
