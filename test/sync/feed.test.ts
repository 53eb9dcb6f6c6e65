// What one peer is sent: exactly what it hasn't got, and nothing twice.

import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import type { MetricsPage } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { createFeed, type Feed } from '../../src/sync/feed.ts'
import type { Message } from '../../src/sync/messages.ts'
import { createPagePacker, type PagePacker } from '../../src/sync/page-packer.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { endpoint, found, self, snapshot, target } from '../store/samples.ts'

let clock: VirtualClock
let store: Store
let packer: PagePacker
let feed: Feed
let failed: string[]

beforeEach(() => {
  clock = virtualClock()
  store = createStore({ clock, forgetAfterMs: 300_000, version: '1.0.0' })
  store.identify(self())
  packer = createPagePacker(() => {})
  failed = []
  feed = createFeed({ ownNode: store.ownNode, packer, clock, failed: (id) => failed.push(id) })
})

const lines = (value: number) =>
  Array.from({ length: 50 }, (_, n) => `metric_${n} ${n === 7 ? value : n}`).join('\n')

/** As the mesh does at each change. */
function show(id: string, value: number): void {
  put(id, Buffer.from(lines(value)))
}
function put(id: string, body: Uint8Array, wanted = true): void {
  putPage(id, plainPage(body, { format: 'text/0.0.4', series: 1, remarks: [] }), wanted)
}
function putPage(id: string, page: MetricsPage, wanted = true): void {
  const scrape = { ok: true, at: clock.now(), durationMs: 3, page } as const
  store.putSnapshot(id, scrape)
  packer.put(id, store.ownNode.entry(id)!.snapshotNumber, scrape, wanted)
  feed.mark(id)
}
function fail(id: string): void {
  const failure = { code: 'connection_refused', reason: 'refused' } as const
  store.putSnapshot(id, { ok: false, at: clock.now(), durationMs: 1, failure })
  feed.mark(id)
}
type Row = readonly [string, number, number, number]
const known = (id: string): Row => {
  const { listingNumber, snapshotNumber } = store.ownNode.entry(id)!
  return [id, listingNumber, snapshotNumber, snapshotNumber]
}
const start = (...records: readonly Row[]) => feed.start({ kind: 'digest', records })
/** All that is due, as it goes over the wire. */
function newMessages(): Message[] {
  const all: Message[] = []
  for (let id = feed.due(); id !== undefined; id = feed.due()) all.push(...feed.next(id))
  return all
}
/** In short: a page is `page`, or `delta` with the number of its base. */
const inShort = (messages: readonly Message[]) =>
  messages.map((one) => (one.kind === 'page' && one.base > 0 ? `delta to ${one.base}` : one.kind))

describe('a peer that has nothing', () => {
  test('is sent each target, and its page in full', () => {
    store.replaceTargets([target('a'), target('b')])
    store.putProbeResult('a', found)
    show('a', 1)
    expect(start()).toEqual([])
    const { generation, listingNumber, snapshotNumber } = store.ownNode.entry('a')!
    clock.passSync(700)
    expect(newMessages()).toMatchObject([
      {
        kind: 'listing',
        generation,
        number: listingNumber,
        target: target('a'),
        probeResult: found,
        endpoint,
      },
      {
        ...{ kind: 'page', id: 'a', number: snapshotNumber, ageMs: 700, durationMs: 3, series: 1, base: 0 },
        frames: [{ size: lines(1).length }],
      },
      { kind: 'listing', target: target('b') },
    ])
  })

  test('is sent nothing before it has sent its digest', () => {
    store.replaceTargets([target('a')])
    show('a', 1)
    expect(feed.due()).toBeUndefined()
    start()
    expect(feed.due()).toBe('a')
  })

  test('is sent what has no endpoint and has not ended without these', () => {
    store.replaceTargets([target('a')])
    start()
    const [listing] = newMessages()
    expect(listing).not.toHaveProperty('endpoint')
    expect(listing).not.toHaveProperty('ended')
  })

  test('is sent how long ago something ended, and with what', () => {
    store.replaceTargets([target('a')])
    store.putProbeResult('a', found)
    store.replaceTargets([target('a', { state: 'stopped', exitCode: 3 })])
    clock.passSync(2500)
    start()
    expect(newMessages()[0]).toMatchObject({
      kind: 'listing',
      ended: { ageMs: 2500, exitCode: 3, removed: false },
    })
  })
})

describe('a peer that has', () => {
  beforeEach(() => {
    store.replaceTargets([target('a')])
    show('a', 1)
  })

  test('all is sent nothing', () => {
    expect(start(known('a'))).toEqual([])
    expect(newMessages()).toEqual([])
  })

  test.each(['listing', 'snapshot'])('a newer %s than was ever sent drops all, and is sent all', (part) => {
    store.replaceTargets([target('a'), target('b')])
    show('b', 1)
    const [id, listing, snapshot, page] = known('b')
    const digest: Row =
      part === 'listing' ? [id, listing + 5, snapshot, page] : [id, listing, snapshot + 5, snapshot + 5]
    expect(start(known('a'), digest)).toEqual([
      { kind: 'deleted', id: 'a' },
      { kind: 'deleted', id: 'b' },
    ])
    expect(feed.sent('a')).toBe(0)
    expect(inShort(newMessages())).toEqual(['listing', 'page', 'listing', 'page'])
  })

  test('the page before the newest is sent the difference only', () => {
    const before = known('a')
    show('a', 2)
    start(before)
    expect(inShort(newMessages())).toEqual([`delta to ${before[3]}`])
  })

  test('the newest failure, and the page before it, is sent the next page as a difference', () => {
    const page = known('a')[3]
    fail('a')
    const [id, listing, failure] = known('a')
    start([id, listing, failure, page])
    expect(newMessages()).toEqual([])
    show('a', 2)
    expect(inShort(newMessages())).toEqual([`delta to ${page}`])
  })

  test('an older listing is sent the new one, not the page', () => {
    const before = known('a')
    store.putProbeResult('a', found)
    start(before)
    expect(inShort(newMessages())).toEqual(['listing'])
  })

  test('what is there no more is sent to drop it', () => {
    const before = known('a')
    store.replaceTargets([])
    expect(start(before)).toEqual([{ kind: 'deleted', id: 'a' }])
    expect(newMessages()).toEqual([])
  })

  test('a snapshot of a former generation has nothing that was never sent', () => {
    show('a', 2)
    const former = known('a')
    store.replaceTargets([])
    store.replaceTargets([target('a'), target('b')])
    show('b', 1)
    expect(feed.isForeign({ kind: 'digest', records: [former, known('b')] })).toBe(false)
    start(former, known('b'))
    expect(inShort(newMessages())).toEqual(['listing'])
  })

  test('a snapshot from after the former generation was never sent, either: it is of a copy of this process', () => {
    const [id, listing] = known('a')
    store.replaceTargets([])
    store.replaceTargets([target('a')])
    const later = store.ownNode.entry('a')!.generation + 1
    const digest: Row = [id, listing, later, later]
    expect(feed.isForeign({ kind: 'digest', records: [digest] })).toBe(true)
    expect(start(digest)).toEqual([{ kind: 'deleted', id: 'a' }])
  })

  test('a former generation of the same container gets the present one in full', () => {
    const before = known('a')
    store.replaceTargets([])
    store.replaceTargets([target('a')])
    show('a', 2)
    expect(start(before)).toEqual([])
    expect(inShort(newMessages())).toEqual(['listing', 'page'])
  })
})

describe('while the link is up', () => {
  beforeEach(() => {
    store.replaceTargets([target('a')])
    show('a', 1)
    start()
    newMessages()
  })

  test('each change is sent once', () => {
    const { snapshotNumber: page } = store.ownNode.entry('a')!
    show('a', 2)
    expect(inShort(newMessages())).toEqual([`delta to ${page}`])
    feed.mark('a')
    expect(newMessages()).toEqual([])
  })

  test('a page that follows two failures is a difference to the last one that was sent', () => {
    const { snapshotNumber: page } = store.ownNode.entry('a')!
    fail('a')
    expect(newMessages()).toMatchObject([{ kind: 'failure', failure: { code: 'connection_refused' } }])
    fail('a')
    expect(inShort(newMessages())).toEqual(['failure'])
    show('a', 2)
    expect(inShort(newMessages())).toEqual([`delta to ${page}`])
  })

  test('of many pages that nobody could send only the newest is sent', () => {
    for (let value = 2; value < 5; value += 1) show('a', value)
    expect(newMessages()).toMatchObject([{ kind: 'page', number: store.ownNode.entry('a')!.snapshotNumber }])
    expect(feed.due()).toBeUndefined()
  })

  test('what is withdrawn is sent once', () => {
    store.replaceTargets([])
    feed.mark('a')
    expect(newMessages()).toEqual([{ kind: 'deleted', id: 'a' }])
    feed.mark('a')
    expect(newMessages()).toEqual([])
  })

  test('what came and went before it was sent is never sent', () => {
    store.replaceTargets([target('a'), target('b')])
    store.replaceTargets([target('a')])
    feed.mark('b')
    expect(newMessages()).toEqual([])
  })

  test('a container that came back before its end was sent is another generation: nothing builds on the former', () => {
    const former = store.ownNode.entry('a')!
    store.replaceTargets([])
    store.replaceTargets([target('a')])
    const { generation } = store.ownNode.entry('a')!
    expect(generation).toBeGreaterThan(former.generation)
    show('a', 2)
    expect(packer.get('a', former.snapshotNumber)!.base).toBe(former.snapshotNumber)
    const messages = newMessages()
    expect(inShort(messages)).toEqual(['listing', 'page'])
    expect(messages[0]).toMatchObject({ generation })
  })

  test('nor does a page that comes later in that generation', () => {
    store.replaceTargets([])
    store.replaceTargets([target('a')])
    feed.mark('a')
    expect(inShort(newMessages())).toEqual(['listing'])
    show('a', 2)
    expect(inShort(newMessages())).toEqual(['page'])
  })

  test('what the peer couldn’t put together is sent in full, that one only', () => {
    store.replaceTargets([target('a'), target('b')])
    show('b', 1)
    newMessages()
    feed.resend('a')
    expect(newMessages()).toMatchObject([{ kind: 'page', number: store.ownNode.entry('a')!.snapshotNumber }])
    feed.resend('unknown')
    expect(newMessages()).toEqual([])
  })

  test('a second digest counts, not what was sent before it', () => {
    start()
    expect(inShort(newMessages())).toEqual(['listing', 'page'])
  })

  test('a page without a version to build on waits for the next', () => {
    packer.delete('a')
    store.putSnapshot('a', snapshot(clock.now()))
    feed.mark('a')
    expect(newMessages()).toEqual([])
  })

  test('a page beyond what a message holds is sent as a failure, with the hint', async () => {
    put('a', randomBytes(2 ** 26), false)
    expect(newMessages()).toEqual([])
    await packer.idle('a')
    feed.mark('a')
    expect(newMessages()).toMatchObject([
      { kind: 'failure', failure: { code: 'too_large', hint: expect.stringContaining('MAX_BODY') } },
    ])
    put('a', Buffer.from(lines(2)), false)
    expect(inShort(newMessages())).toEqual(['page'])
  })

  test('a page that cannot be read is a failure of that target alone', () => {
    store.replaceTargets([target('a'), target('b')])
    const content = { kind: 'gzip', bytes: Buffer.from('no gzip') } as const
    putPage('a', {
      ...plainPage(Buffer.from(lines(2)), { format: 'text/0.0.4', series: 1, remarks: [] }),
      content,
    })
    show('b', 2)
    expect(newMessages()).toMatchObject([
      { kind: 'failure', failure: { code: 'internal', reason: expect.stringContaining('other nodes') } },
      { kind: 'listing' },
      { kind: 'page', number: store.ownNode.entry('b')!.snapshotNumber },
    ])
    expect(failed).toEqual(['a'])
    show('a', 3)
    expect(inShort(newMessages())).toEqual(['page'])
  })
})
