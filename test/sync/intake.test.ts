// What one peer tells, on its way into the store.

import { beforeEach, describe, expect, test } from 'vitest'
import { createStore, type Store } from '../../src/store/store.ts'
import { bodyOf } from '../../src/sync/body.ts'
import { makeDelta } from '../../src/sync/delta.ts'
import { createIntake, type Intake } from '../../src/sync/intake.ts'
import type { ListingMessage, PageMessage } from '../../src/sync/messages.ts'
import { lineAfter } from '../../src/sync/outline.ts'
import { fingerprint, pack, packDelta } from '../../src/sync/pack.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { endpoint, found, self, target } from '../store/samples.ts'
import { deltaBetween, outlined } from './deltas.ts'

let clock: VirtualClock
let store: Store
let intake: Intake
let delays: number[]

beforeEach(() => {
  clock = virtualClock()
  store = createStore({ clock, forgetAfter: 300_000, version: '1.0.0' })
  store.identify(self())
  up('e1')
  delays = []
  intake = createIntake({ node: 'n2', store: store.peers, clock, visible: (delay) => delays.push(delay) })
})

const up = (epoch: string) => store.peers.up({ self: self('n2'), version: '1.0.0', epoch })
const body = (value: number) =>
  Buffer.from(Array.from({ length: 50 }, (_, n) => `metric_${n} ${n === 7 ? value : n}`).join('\n'))

const listing = (born: number, more: Partial<ListingMessage> = {}): ListingMessage => ({
  kind: 'listing',
  number: born,
  born,
  target: target('a', { node: 'n2' }),
  finding: found,
  endpoint,
  ...more,
})
const page = (born: number, number: number, value: number, base?: [number, number]): PageMessage => ({
  kind: 'page',
  ...{ born, number, age: 40, took: 5, series: 50, format: 'text/0.0.4', remarks: [] },
  size: body(value).length,
  print: fingerprint(body(value)),
  ...(base && { base: { number: base[0], print: fingerprint(body(base[1])) } }),
  parts: [base ? packDelta(deltaBetween(body(base[1]), body(value))) : pack(body(value))],
})
const failure = (born: number, number: number) =>
  ({ kind: 'failure', born, number, age: 40, took: 5, trouble: { code: 'refused', reason: 'no' } }) as const

const take = (...messages: readonly Parameters<Intake['take']>[1][]) =>
  messages.map((message) => intake.take('e1', message))
const entry = (id = 'a') => store.entry('n2', id)
const text = (id = 'a') => {
  const snapshot = entry(id)?.snapshot
  return snapshot?.ok ? Buffer.from(bodyOf(snapshot.page)).toString() : snapshot?.trouble.code
}

describe('a listing', () => {
  test('is what is seen of the target', () => {
    take(listing(1))
    expect(entry()).toStrictEqual({
      owner: 'n2',
      target: target('a', { node: 'n2' }),
      finding: found,
      endpoint,
      history: [],
    })
  })

  test('without an endpoint gives none', () => {
    const { endpoint: _, ...bare } = listing(1, { finding: { kind: 'searching' } })
    take(bare)
    expect(entry()).not.toHaveProperty('endpoint')
  })

  test('tells how long ago it ended: our clock says when that was', () => {
    take(listing(1, { ended: { age: 3000, exitCode: 2, removed: true } }))
    expect(entry()?.ended).toEqual({ at: clock.now() - 3000, exitCode: 2, removed: true })
  })

  test('of another node’s container is refused', () => {
    expect(() => take(listing(1, { target: target('a', { node: 'n3' }) }))).toThrow('not its own')
  })
})

describe('a page', () => {
  beforeEach(() => {
    take(listing(1))
  })

  test('is shown with its age and duration', () => {
    expect(take(page(1, 2, 1))).toEqual([undefined])
    expect(entry()?.snapshot).toMatchObject({ ok: true, at: clock.now() - 40, took: 5, page: { series: 50 } })
    expect(text()).toBe(body(1).toString())
  })

  test('that follows by a difference is measured: how long it took to get here', () => {
    take(page(1, 2, 1))
    expect(delays).toEqual([])
    expect(take(page(1, 3, 2, [2, 1]))).toEqual([undefined])
    expect(text()).toBe(body(2).toString())
    expect(delays).toEqual([40])
  })

  test('that builds on what is not here is asked for in full, and what is here stays', () => {
    take(page(1, 2, 1))
    expect(take(page(1, 9, 3, [8, 2]))).toEqual([{ kind: 'lacks', born: 1 }])
    expect(take({ ...page(1, 9, 3, [2, 1]), base: { number: 2, print: 'another' } })).toEqual([
      { kind: 'lacks', born: 1 },
    ])
    const { parts } = page(1, 9, 3)
    for (const wrong of [[], [...parts, ...parts]])
      expect(take({ ...page(1, 9, 3), parts: wrong })).toEqual([{ kind: 'lacks', born: 1 }])
    expect(text()).toBe(body(1).toString())
    expect(delays).toEqual([])
    expect(take(page(1, 9, 3))).toEqual([undefined])
    expect(text()).toBe(body(3).toString())
  })

  /** As the owner would make it if two heads, of the lines that differ, hashed alike. */
  function collided(from: Uint8Array, to: Uint8Array): Uint8Array {
    const [old, fresh] = [outlined(from), outlined(to)]
    for (let line = 0; line < old.length; line = lineAfter(old, line))
      old.set(fresh.subarray(line, line + 2), line)
    return packDelta(makeDelta(old, fresh, to))
  }

  /** The page in which a series has another name, told so, and the same again with other values. */
  const renamed = (value: number) => Buffer.from(body(value).toString().replace('metric_9', 'matric_9'))
  function wrong(): PageMessage {
    const print = fingerprint(renamed(1))
    return { ...page(1, 3, 1, [2, 1]), print, parts: [collided(body(1), renamed(1))] }
  }
  function afterWrong(number: number): PageMessage {
    const [from, to] = [renamed(number - 3), renamed(number - 2)]
    const base = { number: number - 1, print: fingerprint(from) }
    const parts = [packDelta(deltaBetween(from, to))]
    return { ...page(1, number, number - 2), print: fingerprint(to), base, parts }
  }

  test('of which the delta is wrong, since two series hash alike, is not shown, and is soon asked for in full', () => {
    take(page(1, 2, 1), wrong())
    expect(() => text()).toThrow('is not what its owner had')
    let number = 4
    while (take(afterWrong(number))[0] === undefined && number < 20) {
      expect(() => text()).toThrow('is not what its owner had')
      number += 1
    }
    expect(take(afterWrong(number))).toEqual([{ kind: 'lacks', born: 1 }])
    expect(number).toBeLessThan(15)
    take(page(1, number, 2))
    expect(text()).toBe(body(2).toString())
  })

  test('of which the delta is wrong is followed by one in full, also where nobody wants to see it', () => {
    take(page(1, 2, 1), wrong())
    const answers = Array.from({ length: 10 }, (_, n) => take(afterWrong(n + 4)))
    expect(answers.flat()).toContainEqual({ kind: 'lacks', born: 1 })
    expect(() => text()).toThrow('is not what its owner had')
  })

  test('that is no newer is ignored, and nothing builds on it', () => {
    take(page(1, 5, 5))
    expect(take(page(1, 3, 3), page(1, 5, 6))).toEqual([undefined, undefined])
    expect(text()).toBe(body(5).toString())
    expect(take(page(1, 6, 6, [5, 5]))).toEqual([undefined])
    expect(text()).toBe(body(6).toString())
  })

  test('of nothing that was listed is ignored, and so are its failure and its end', () => {
    expect(take(page(7, 9, 1), failure(7, 9), { kind: 'gone', born: 7 })).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(entry()).toBeDefined()
    expect(entry()).not.toHaveProperty('snapshot')
  })

  test('may build on the one before a failure', () => {
    take(page(1, 2, 1), failure(1, 3))
    expect(entry()?.snapshot).toEqual({
      ok: false,
      at: clock.now() - 40,
      took: 5,
      trouble: { code: 'refused', reason: 'no' },
    })
    take(page(1, 4, 2, [2, 1]))
    expect(text()).toBe(body(2).toString())
  })
})

describe('a digest', () => {
  test('says by numbers what is held: listing, snapshot, and the page that others build on', () => {
    expect(intake.digest('e1')).toEqual({ kind: 'digest', epoch: 'e1', held: [] })
    take(listing(1, { number: 4 }), page(1, 2, 1), failure(1, 3))
    expect(intake.digest('e1')).toEqual({ kind: 'digest', epoch: 'e1', held: [[1, 4, 3, 2]] })
  })

  test('names no page where only a failure was told', () => {
    take(listing(1), failure(1, 3))
    expect(intake.digest('e1').held).toEqual([[1, 1, 3, 0]])
  })

  test('of another epoch is empty, and numbers of the former one mean nothing from then on', () => {
    take(listing(1), page(1, 2, 1))
    up('e2')
    expect(intake.digest('e2')).toEqual({ kind: 'digest', epoch: 'e2', held: [] })
    expect(intake.take('e2', page(1, 3, 2, [2, 1]))).toBeUndefined()
    expect(text()).toBe(body(1).toString())
    intake.take('e2', listing(1))
    expect(intake.take('e2', page(1, 3, 2, [2, 1]))).toEqual({ kind: 'lacks', born: 1 })
    intake.take('e2', page(1, 2, 3))
    expect(text()).toBe(body(3).toString())
  })

  test('of another epoch lets its numbers name other targets', () => {
    take(listing(1), page(1, 2, 1))
    up('e2')
    intake.digest('e2')
    intake.take('e2', listing(1, { target: target('b', { node: 'n2' }) }))
    intake.take('e2', listing(2))
    intake.take('e2', page(1, 3, 3))
    expect(text('b')).toBe(body(3).toString())
  })

  test('a message of the next epoch counts without one', () => {
    take(listing(1), page(1, 2, 1))
    up('e2')
    intake.take('e2', listing(5, { target: target('b', { node: 'n2' }) }))
    expect(intake.take('e2', page(1, 6, 2, [2, 1]))).toBeUndefined()
    intake.take('e2', { kind: 'whole' })
    expect(entry()).toBeUndefined()
    expect(entry('b')).toBeDefined()
  })
})

describe('another life of a container', () => {
  test('takes nothing from the one before', () => {
    take(listing(1), page(1, 2, 1), listing(4))
    expect(entry()).not.toHaveProperty('snapshot')
    expect(take(page(1, 5, 2, [2, 1]), page(4, 5, 2, [2, 1]))).toEqual([
      undefined,
      { kind: 'lacks', born: 4 },
    ])
    expect(take({ kind: 'gone', born: 1 }, page(1, 5, 2))).toEqual([undefined, undefined])
    expect(entry()).not.toHaveProperty('snapshot')
    take(page(4, 6, 3))
    expect(text()).toBe(body(3).toString())
  })

  test('ends as the one that it is', () => {
    take(listing(1), { kind: 'gone', born: 1 })
    expect(entry()).toBeUndefined()
    take(listing(1, { number: 2 }))
    expect(entry()).toBeUndefined()
  })

  test('that the store has let go of is held no longer: its page is asked for in full', () => {
    take(listing(1), page(1, 2, 1))
    intake.forget('a')
    intake.forget('never heard of')
    take(listing(1, { number: 3 }))
    expect(take(page(1, 4, 2, [2, 1]))).toEqual([{ kind: 'lacks', born: 1 }])
  })

  test('that the store refuses, or has let go of, is not held', () => {
    take(listing(1), page(1, 2, 1))
    expect(intake.snapshotOf('e1', 'a')).toBe(2)
    expect(intake.snapshotOf('e2', 'a')).toBe(0)
    up('e2')
    take(page(1, 3, 2))
    expect(intake.digest('e1').held).toEqual([])
    expect(intake.snapshotOf('e1', 'a')).toBe(0)
    up('e1')
    take(listing(1, { number: 4 }), { kind: 'gone', born: 1 }, listing(1, { number: 5 }))
    expect(entry()).toBeUndefined()
    expect(intake.digest('e1').held).toEqual([])
  })

  test('goes on through any number of listings', () => {
    take(listing(1), page(1, 2, 1), listing(1, { number: 3 }))
    expect(take(page(1, 4, 2, [2, 1]))).toEqual([undefined])
    expect(text()).toBe(body(2).toString())
  })
})
