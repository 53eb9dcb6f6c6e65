import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProbeResult } from '../../src/model.ts'
import {
  entryOf,
  merge,
  ofPreviousEpoch,
  type PeerRecord,
  type RecordUpdate,
  type TargetListing,
} from '../../src/store/peer-record.ts'
import { endpoint, found, snapshot, target } from './samples.ts'

const nothing: PeerRecord = { history: [] }
const listing = (number: number, generation = 1, more: Partial<TargetListing> = {}): RecordUpdate => ({
  ...{ kind: 'listing', number },
  value: {
    target: target('a', { image: `app:${number}` }),
    probeResult: found,
    endpoint,
    generation,
    ...more,
  },
})
const show = (number: number): RecordUpdate => ({ kind: 'snapshot', number, value: snapshot(number) })
const merged = (updates: readonly RecordUpdate[], start = nothing) => updates.reduce(merge, start)
const entry = (...updates: readonly RecordUpdate[]) => entryOf('n2', merged(updates))

test('repeated and older updates change nothing', () => {
  const updates = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 2, max: 20 })), { maxLength: 20 })
  fc.assert(
    fc.property(updates, (given) => {
      const all = [listing(1), ...given.map(([isListing, n]) => (isListing ? listing(n) : show(n)))]
      const record = merged(all)
      for (const update of all) expect(merge(record, update)).toBe(record)
    }),
  )
})

test('the newest of each part stays', () => {
  const record = merged([listing(1), show(3), listing(4), show(2), listing(2)])
  expect(record).toMatchObject({ listing: { number: 4 }, snapshot: { number: 3 }, page: { number: 3 } })
})

test('a failure replaces the snapshot, not the page on which the next delta builds', () => {
  const failure = { code: 'connection_refused', reason: 'no' } as const
  const failed: RecordUpdate = {
    kind: 'snapshot',
    number: 3,
    value: { ok: false, at: 0, durationMs: 1, failure },
  }
  const record = merged([listing(1), show(2), failed])
  expect(record).toMatchObject({ snapshot: { number: 3, value: { ok: false } }, page: { number: 2 } })
})

test('a repacked page replaces the same page, and no other', () => {
  const { page } = merged([listing(1), show(2)])
  const value = { ...page!.value, series: 77 }
  const record = merged([listing(1), show(2), { kind: 'repacked', number: 2, value }])
  expect(entryOf('n2', record)?.snapshot).toMatchObject({ ok: true, page: { series: 77 } })
  const before = merged([listing(1), show(3)])
  expect(merge(before, { kind: 'repacked', number: 2, value })).toBe(before)
})

test('a page that can’t be unpacked is dropped, so that no delta builds on it', () => {
  const record = merged([listing(1), show(2), { kind: 'unusable' }])
  expect(record).not.toHaveProperty('page')
  expect(entryOf('n2', record)).not.toHaveProperty('snapshot')
})

test('an entry has exactly what was sent', () => {
  const searching = { probeResult: { kind: 'searching' } } as const
  const bare: RecordUpdate = {
    kind: 'listing',
    number: 1,
    value: { target: target('a'), ...searching, generation: 1 },
  }
  expect(entry(bare)).toStrictEqual({ owner: 'n2', target: target('a'), ...searching, history: [] })
  const ended = { at: 7, exitCode: 1, removed: false }
  expect(entry(listing(1), listing(2, 1, { ended }), show(3))).toStrictEqual({
    ...{ owner: 'n2', target: target('a', { image: 'app:2' }), probeResult: found, endpoint },
    ...{ snapshot: snapshot(3), history: [{ durationMs: 3, ok: true, bodyBytes: 5 }], ended },
  })
})

describe('a container that comes back under its id', () => {
  test('has no snapshot of before, whatever arrives late', () => {
    for (const updates of [
      [listing(1), show(2), listing(4, 4)],
      [listing(4, 4), show(2)],
    ])
      expect(entry(...updates)).not.toHaveProperty('snapshot')
    expect(entry(listing(1), show(2), listing(4, 4), show(5))).toMatchObject({ snapshot: { at: 5 } })
  })
})

test('a snapshot without a listing is ignored', () => {
  expect(merge(nothing, show(1))).toBe(nothing)
  expect(entryOf('n2', nothing)).toBeUndefined()
})

describe('of the owner’s previous epoch', () => {
  const none = { kind: 'not_found', failure: { code: 'connection_refused', reason: 'refused' } } as const
  const previous = ofPreviousEpoch('n2', merged([listing(98, 98), show(99)]))
  const next = (probeResult: ProbeResult) =>
    merge(previous, {
      kind: 'listing',
      number: 1,
      value: { target: target('a'), probeResult, generation: 1 },
    })

  test('everything stays until the present one has sent its own, however small its numbers are', () => {
    expect(entryOf('n2', previous)).toMatchObject({ target: { image: 'app:98' }, snapshot: { at: 99 } })
    const listed = next({ kind: 'searching' })
    expect(entryOf('n2', listed)).toMatchObject({ probeResult: { kind: 'searching' }, snapshot: { at: 99 } })
    expect(entryOf('n2', merge(listed, show(2)))).toMatchObject({ snapshot: { at: 2 } })
  })

  test('the snapshot stays only until the container runs again', () => {
    const restarted = merge(next(found), listing(2, 2))
    expect(entryOf('n2', restarted)).toMatchObject({ target: { image: 'app:2' } })
    expect(entryOf('n2', restarted)).not.toHaveProperty('snapshot')
  })

  test('the endpoint stays only while the present one searches', () => {
    expect(entryOf('n2', next({ kind: 'searching' }))).toMatchObject({ endpoint })
    expect(entryOf('n2', next(none))).not.toHaveProperty('endpoint')
  })

  test('the history is continued', () => {
    const shown = merge(next(found), {
      kind: 'snapshot',
      number: 2,
      value: { ...snapshot(9), durationMs: 9 },
    })
    expect(entryOf('n2', shown)?.history.map(({ durationMs }) => durationMs)).toEqual([3, 9])
  })

  test('no page is left on which a delta could build', () => {
    expect(previous).not.toHaveProperty('page')
    expect(ofPreviousEpoch('n2', nothing)).toStrictEqual({ history: [] })
  })
})
