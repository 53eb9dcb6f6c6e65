// Versions on the owner's side and pages at rest on the peer's, held against each other.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plainPage } from '../../src/page.ts'
import { fingerprint, pack, packDelta } from '../../src/sync/pack.ts'
import { type Resting, restFull, restSteps, wake } from '../../src/sync/resting.ts'
import { createVersions, type Way } from '../../src/sync/versions.ts'
import { deltaBetween } from './deltas.ts'

const page = (seed: number) =>
  Buffer.from(
    Array.from({ length: 400 }, (_, n) => `metric_${n}{a="b"} ${n % 20 === 0 ? n * seed : n}`).join('\n'),
  )

const whole = (body: Uint8Array) => plainPage(body, { format: 'text/0.0.4', series: 1, remarks: [] })
const awake = ({ content, size }: Resting) => wake(content, size)

function take(base: Resting | undefined, number: number, body: Uint8Array, way: Way): Resting {
  const version = { number, print: way.print, size: body.length }
  return way.kind === 'full' ? restFull(version, way.packed) : restSteps(base!, version, way.packed)
}

test('a peer that takes any of the versions ends with the newest', () => {
  const taken = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(taken, (takes) => {
      const versions = createVersions()
      let rest: Resting | undefined
      for (const [at, take1] of [...takes, true].entries()) {
        versions.put('a', at + 1, whole(page(at + 1)), true)
        if (!take1) continue
        const way = versions.way('a', rest?.number ?? 0)!
        if (way.kind === 'steps') expect(way.basePrint).toBe(rest?.print)
        rest = take(rest, at + 1, page(at + 1), way)
      }
      expect(Buffer.compare(awake(rest!), page(takes.length + 1))).toBe(0)
    }),
    { numRuns: 20 },
  )
})

describe('versions', () => {
  test('give deltas to who has one of the last versions, else a full copy', () => {
    const versions = createVersions()
    for (let number = 1; number <= 30; number += 1) versions.put('a', number, whole(page(number)), true)
    expect(versions.way('a', 29)).toMatchObject({ kind: 'steps', packed: { length: 1 } })
    expect(versions.way('a', 27)).toMatchObject({ kind: 'steps', packed: { length: 3 } })
    expect(versions.way('a', 1)?.kind).toBe('full')
    expect(versions.way('a', 0)?.kind).toBe('full')
    expect(versions.way('b', 1)).toBeUndefined()
  })

  test('cost less than a packed copy, however long they run', () => {
    const versions = createVersions()
    for (let number = 1; number <= 50; number += 1) versions.put('a', number, whole(page(number)), true)
    const kept = Array.from({ length: 50 }, (_, at) => versions.way('a', at + 1)!).filter(
      (way) => way.kind === 'steps',
    )
    const bytes = Math.max(...kept.map(({ packed }) => packed.reduce((sum, { length }) => sum + length, 0)))
    expect(bytes).toBeLessThan(pack(page(50)).length)
  })

  test('of a short page are told by deltas too', () => {
    const versions = createVersions()
    for (const number of [1, 2, 3]) versions.put('a', number, whole(Buffer.from(`up ${number}`)), true)
    expect(versions.way('a', 1)).toMatchObject({ kind: 'steps', packed: { length: 2 } })
  })

  test('lead from an unchanged page to the next one', () => {
    const versions = createVersions()
    const same = whole(page(1))
    for (const number of [1, 2, 3]) versions.put('a', number, same, true)
    const rest = restFull({ number: 1, print: fingerprint(page(1)), size: same.size }, pack(page(1)))
    const received = take(rest, 3, page(1), versions.way('a', 1)!)
    expect(received.number).toBe(3)
    versions.put('a', 4, whole(page(2)), true)
    expect(Buffer.compare(awake(take(received, 4, page(2), versions.way('a', 3)!)), page(2))).toBe(0)
  })

  test('give a delta to the one that was first told in full', () => {
    const versions = createVersions()
    versions.put('a', 1, whole(page(1)), false)
    expect(versions.way('a', 0)?.kind).toBe('full')
    versions.put('a', 2, whole(page(2)), true)
    expect(versions.way('a', 1)?.kind).toBe('steps')
  })

  test('of a page that has hardly more than line ends are told in full', () => {
    const versions = createVersions()
    const many = Buffer.from('\n'.repeat(100_000))
    for (const number of [1, 2]) versions.put('a', number, whole(many), true)
    expect(versions.way('a', 1)?.kind).toBe('full')
    versions.put('a', 3, whole(page(1)), true)
    expect(versions.way('a', 2)?.kind).toBe('full')
    versions.put('a', 4, whole(page(2)), true)
    expect(versions.way('a', 3)?.kind).toBe('steps')
  })

  test('are told in full where there is no room for an outline, and by deltas again once there is', () => {
    const large = (seed: number) => Buffer.concat([page(seed), Buffer.from('\n'), page(seed + 1)])
    const room = 4 * large(1).length
    const versions = createVersions(room)
    for (let n = 0; n < 20; n += 1) versions.put(`${n}`, 1, whole(large(n)), true)
    for (let n = 0; n < 20; n += 1) versions.put(`${n}`, 2, whole(large(n + 1)), true)
    const kinds = () => Array.from({ length: 20 }, (_, n) => versions.way(`${n}`, 1)!.kind)
    expect(new Set(kinds())).toEqual(new Set(['steps', 'full']))
    expect(kinds().at(-1)).toBe('full')
    for (let n = 0; n < 19; n += 1) versions.forget(`${n}`)
    versions.put('19', 3, whole(large(7)), true)
    versions.put('19', 4, whole(large(8)), true)
    expect(versions.way('19', 3)!.kind).toBe('steps')
    for (const wanted of [false, true, false, true]) versions.put('19', 5, whole(large(9)), wanted)
    versions.put('19', 6, whole(large(8)), true)
    expect(versions.way('19', 5)!.kind).toBe('steps')
  })

  test('make no delta while nobody listens', () => {
    const versions = createVersions()
    versions.put('a', 1, whole(page(1)), false)
    versions.put('a', 2, whole(page(2)), false)
    expect(versions.way('a', 1)?.kind).toBe('full')
  })
})

describe('a page at rest', () => {
  const version = { number: 1, print: 'wrong', size: page(1).length }

  test('is refused when it is not what the owner had', () => {
    expect(() => awake(restFull(version, pack(page(1))))).toThrow('is not what its owner had')
    expect(() => awake(restFull(version, Buffer.from('garbage')))).toThrow('put together')
  })

  test('never unpacks to more than was said', () => {
    const bomb = pack(Buffer.alloc(2 ** 26))
    expect(() => awake(restFull({ ...version, size: 1000 }, bomb))).toThrow('put together')
    const full = restFull({ number: 1, print: fingerprint(page(1)), size: page(1).length }, pack(page(1)))
    const step = packDelta(Buffer.alloc(2 ** 26))
    expect(() => awake(restSteps(full, { ...version, number: 2 }, [step]))).toThrow('put together')
  })

  test('takes few steps to put together, however little each changes and however many there were', () => {
    const text = (value: number) => Buffer.from(`${page(1)}\nlast ${value}`)
    const given = (value: number) => ({
      number: value,
      print: fingerprint(text(value)),
      size: text(value).length,
    })
    let rest = restFull(given(1), pack(text(1)))
    for (let value = 2; value <= 100; value += 1) {
      rest = restSteps(rest, given(value), [packDelta(deltaBetween(text(value - 1), text(value)))])
      expect(rest.content.steps.length).toBeLessThanOrEqual(8)
    }
    const same = restSteps(rest, { ...given(100), number: 101 }, [])
    expect(same.content.steps).toBe(rest.content.steps)
    expect(same.number).toBe(101)
    expect(Buffer.compare(awake(same), text(100))).toBe(0)
    expect(() => restSteps(rest, given(101), [])).toThrow('changed without a delta')
  })

  const given = (number: number, body: Uint8Array) => ({
    number,
    print: fingerprint(body),
    size: body.length,
  })
  const follow = (base: Resting, to: Uint8Array) =>
    restSteps(base, given(base.number + 1, to), [packDelta(deltaBetween(awake(base), to))])

  test('is packed anew only when its steps come to half of it', () => {
    const first = restFull(given(1, page(1)), pack(page(1)))
    const second = follow(first, Buffer.from(`${page(1)}\nlast`))
    expect(second.content.full).toBe(first.content.full)
    expect(second.content.steps).toHaveLength(1)
    const other = Buffer.from(Array.from({ length: 400 }, (_, n) => `other_${n} ${n * n}`).join('\n'))
    const third = follow(second, other)
    expect(third.content.steps).toEqual([])
    expect(Buffer.compare(awake(third), other)).toBe(0)
  })

  test('may shrink to nothing and grow to any length', () => {
    const large = Buffer.from(Array.from({ length: 40_000 }, (_, n) => `metric_${n} ${n}`).join('\n'))
    const small = Buffer.from('metric_0 0')
    const shrunk = follow(restFull(given(1, large), pack(large)), small)
    expect(Buffer.compare(awake(shrunk), small)).toBe(0)
    const grown = follow(shrunk, large)
    expect(Buffer.compare(awake(grown), large)).toBe(0)
  })
})
