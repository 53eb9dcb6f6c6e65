// How much memory the pages of this node's targets take.

import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { type Change, plainPage, type Snapshot, streamId } from '../../src/model.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { virtualClock } from '../helpers/clock.ts'
import { self, target } from './samples.ts'

const mebi = 2 ** 20
const ids = ['a', 'b', 'c', ...Array.from({ length: 11 }, (_, n) => `small${n}`)]
let store: Store

function open(maxOwnPageBytes: number): void {
  store = createStore({ clock: virtualClock(), forgetAfterMs: 300_000, version: 'test', maxOwnPageBytes })
  store.identify(self())
  list(...ids)
}

beforeEach(() => open(2 * mebi))

const list = (...listed: readonly string[]) => store.replaceTargets(listed.map((id) => target(id)))

const snapshotOf = (bytes: number): Snapshot => ({
  ...{ ok: true, at: 5, durationMs: 1 },
  page: plainPage(new Uint8Array(bytes), { format: 'text/0.0.4', series: 1, remarks: [] }),
})

const failed: Snapshot = {
  ...{ ok: false, at: 5, durationMs: 1 },
  failure: { code: 'connection_refused', reason: 'no' },
}

/** Whether there was room for a page of this size. */
const put = (id: string, bytes: number) => store.putSnapshot(id, snapshotOf(bytes)).ok

test('large pages together take half of the budget, small ones all of it', () => {
  open(20 * mebi)
  expect(['a', 'b'].map((id) => put(id, 5 * mebi))).toEqual([true, true])
  expect(put('c', 2 * mebi)).toBe(false)
  for (let n = 0; n < 10; n += 1) expect(put(`small${n}`, mebi)).toBe(true)
  expect(put('small10', mebi)).toBe(false)
})

test('a page replaces the previous one, and a container that is gone takes none', () => {
  open(20 * mebi)
  expect([put('a', 10 * mebi), put('a', 9 * mebi), put('b', 2 * mebi)]).toEqual([true, true, false])
  expect([put('a', 5), put('b', 9 * mebi)]).toEqual([true, true])
  list('a', 'c')
  expect(put('c', 10 * mebi)).toBe(true)
})

test('a container that was removed while it was read takes none: nothing would ever free it', () => {
  expect(put('a', mebi)).toBe(true)
  list('b', 'c')
  expect(put('a', mebi)).toBe(true)
  expect(store.entry('n1', 'a')).toBeUndefined()
  expect(['b', 'c'].map((id) => put(id, mebi))).toEqual([true, true])
})

test('the last page of a target that fails is counted until its next one, or until it is gone', () => {
  for (const id of ['a', 'b']) put(id, mebi)
  store.putSnapshot('a', failed)
  expect(put('c', mebi)).toBe(false)
  expect([put('a', 0), put('c', mebi)]).toEqual([true, true])
  store.putSnapshot('b', failed)
  list('a', 'c', 'small0')
  expect(put('small0', mebi)).toBe(true)
})

test('a page that has no room leaves the one before counted', () => {
  expect([put('a', mebi), put('a', 3 * mebi), put('b', mebi), put('c', 1)]).toEqual([
    true,
    false,
    true,
    false,
  ])
})

test('a snapshot whose page has no room is stored as a failure that says so', () => {
  const changes: Change[] = []
  store.subscribe((change) => changes.push(change))
  const failure = {
    code: 'overloaded',
    reason: 'the metrics of this node’s containers together take too much memory',
    hint: expect.stringContaining('memory limit'),
  }
  const stored = store.putSnapshot('a', snapshotOf(1.5 * mebi), new Uint8Array(5))
  expect(stored).toEqual({ ok: false, at: 5, durationMs: 1, failure })
  expect(store.entry('n1', 'a')).toMatchObject({ snapshot: stored, history: [{ ok: false }] })
  expect(changes).toMatchObject([{ kind: 'entry', entry: { snapshot: stored } }])
  expect(changes[0]).not.toHaveProperty('unpacked')
  const small = snapshotOf(10)
  expect(store.putSnapshot('a', small)).toBe(small)
  expect(store.entry('n1', 'a')?.snapshot).toBe(small)
})

test('all of it is free again once all are gone, whatever happened', () => {
  const id = fc.constantFrom('a', 'b', streamId('a', 'protobuf'))
  const step = fc.oneof(
    fc.record({ kind: fc.constant('put'), id, bytes: fc.integer({ min: 0, max: 5000 }) }),
    fc.record({ kind: fc.constantFrom('fail', 'find', 'list', 'remove', 'openStream', 'closeStream'), id }),
    fc.record({ kind: fc.constant('rename') }),
  )
  function play({ kind, id = '', bytes = 0 }: { kind: string; id?: string; bytes?: number }): void {
    if (kind === 'put') put(id, bytes)
    else if (kind === 'fail') store.putSnapshot(id, failed)
    else if (kind === 'find') store.putProbeResult(id, { kind: 'searching' })
    else if (kind === 'list') list('a', 'b')
    else if (kind === 'remove') list(...['a', 'b'].filter((one) => one !== id))
    else if (kind === 'openStream') store.openStream('a')
    else if (kind === 'closeStream') store.closeStream('a')
    else if (kind === 'rename') store.identify(self(store.ownNode.self().node === 'n1' ? 'n2' : 'n1'))
  }
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
      open(8000)
      list('a', 'b')
      for (const one of steps) play(one)
      list()
      expect([...store.entries()]).toEqual([])
      list(...ids)
      expect([...'abc'].map((one) => put(one, 2666))).toEqual([true, true, true])
      expect([put('small0', 2), put('small0', 3)]).toEqual([true, false])
    }),
  )
})
