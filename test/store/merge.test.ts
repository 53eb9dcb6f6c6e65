import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Finding } from '../../src/model.ts'
import { entryOf, type Heard, type Listing, merge, type Saying } from '../../src/store/merge.ts'
import { endpoint, found, snapshot, target } from './samples.ts'

/** A random but consistent life of one target, as its owner numbers it. */
const life = fc
  .array(fc.constantFrom('listing', 'snapshot', 'gone'), { minLength: 1, maxLength: 12 })
  .map((kinds) => {
    let born = 0
    return kinds.flatMap((kind, at): Saying[] => {
      const number = at + 1
      const alive = born > 0
      if (kind === 'listing' || !alive) {
        born ||= number
        const listing = { target: target('a', { image: `app:${number}` }), finding: found, endpoint, born }
        return [{ kind: 'listing', id: 'a', number, listing }]
      }
      if (kind === 'snapshot') return [{ kind, id: 'a', number, snapshot: snapshot(number) }]
      const over = born
      born = 0
      return [{ kind: 'gone', id: 'a', born: over }]
    })
  })

/** The sayings in any order, some of them several times. */
const shuffled = life.chain((sayings) =>
  fc.tuple(
    fc.constant(sayings),
    fc
      .array(fc.constantFrom(...sayings), { maxLength: 12 })
      .chain((again) =>
        fc.shuffledSubarray([...sayings, ...again], { minLength: sayings.length + again.length }),
      ),
  ),
)

const hear = (sayings: readonly Saying[], start?: Heard) =>
  sayings.reduce<Heard | undefined>((heard, saying) => merge('n2', heard, 'e1', saying), start)
const seen = (heard: Heard | undefined) => {
  const { history, ...entry } = (heard && entryOf('n2', heard)) ?? { history: [] }
  return entry
}

test('order and repetition do no harm', () => {
  fc.assert(
    fc.property(shuffled, ([inOrder, mixed]) => {
      expect(seen(hear(mixed))).toEqual(seen(hear(inOrder)))
    }),
  )
})

test('loss is made good by the newest of each part', () => {
  fc.assert(
    fc.property(life, fc.infiniteStream(fc.boolean()), (sayings, keeps) => {
      const newest = (kinds: readonly string[]) => sayings.findLast(({ kind }) => kinds.includes(kind))
      const repair = [newest(['listing', 'gone']), newest(['snapshot'])].filter(
        (saying) => saying !== undefined,
      )
      const some = sayings.filter(() => keeps.next().value)
      expect(seen(hear([...some, ...repair]))).toEqual(seen(hear(sayings)))
    }),
  )
})

test('what is no news changes nothing at all', () => {
  fc.assert(
    fc.property(life, (sayings) => {
      const heard = hear(sayings)
      for (const saying of sayings) expect(merge('n2', heard, 'e1', saying)).toBe(heard)
    }),
  )
})

test('a new epoch wins part by part, however small its numbers are', () => {
  const former = hear([
    {
      kind: 'listing',
      id: 'a',
      number: 98,
      listing: { target: target('a'), finding: found, endpoint, born: 98 },
    },
    { kind: 'snapshot', id: 'a', number: 99, snapshot: snapshot(99) },
  ])
  const searching = { target: target('a'), finding: { kind: 'searching' }, born: 1 } as const
  const listed = merge('n2', former, 'e2', { kind: 'listing', id: 'a', number: 1, listing: searching })
  expect(entryOf('n2', listed)).toMatchObject({
    finding: { kind: 'searching' },
    endpoint,
    snapshot: { at: 99 },
  })
  const shown = merge('n2', listed, 'e2', { kind: 'snapshot', id: 'a', number: 2, snapshot: snapshot(2) })
  expect(entryOf('n2', shown)).toMatchObject({ snapshot: { at: 2 } })
})

describe('lives of one container, told apart by the number of their first listing', () => {
  const listing = (born: number, number = born, more: Partial<Listing> = {}): Saying => ({
    kind: 'listing',
    id: 'a',
    number,
    listing: { target: target('a', { image: `app:${number}` }), finding: found, endpoint, born, ...more },
  })
  const shown = (number: number): Saying => ({
    kind: 'snapshot',
    id: 'a',
    number,
    snapshot: snapshot(number),
  })
  const gone = (born: number): Saying => ({ kind: 'gone', id: 'a', born })
  const entry = (...sayings: readonly Saying[]) => {
    const heard = hear(sayings)
    return heard && entryOf('n2', heard)
  }

  test('a page of the former life is not shown in the present one', () => {
    expect(entry(listing(1), shown(2), gone(1), listing(4))).toMatchObject({ target: { image: 'app:4' } })
    for (const late of [
      [listing(4), shown(2)],
      [shown(2), listing(4)],
      [listing(1), shown(2), listing(4)],
    ])
      expect(entry(...late)).not.toHaveProperty('snapshot')
    expect(entry(listing(4), shown(5))).toMatchObject({ snapshot: { at: 5 } })
  })

  test('the end of the former life doesn’t end the present one, nor does anything late bring it back', () => {
    expect(entry(listing(4), gone(1))).toMatchObject({ target: { image: 'app:4' } })
    expect(entry(listing(4), listing(1, 3))).toMatchObject({ target: { image: 'app:4' } })
    expect(entry(listing(1), listing(4), gone(4), listing(1, 3))).toBeUndefined()
    expect(entry(listing(1), gone(1), listing(1, 3))).toBeUndefined()
  })

  test('an end that comes before all else is remembered', () => {
    expect(entry(gone(1), listing(1, 2))).toBeUndefined()
    expect(entry(gone(1), shown(2))).toBeUndefined()
    expect(entry(gone(1), listing(3))).toMatchObject({ target: { image: 'app:3' } })
  })

  test('an entry has what was said, and no more', () => {
    const searching = { finding: { kind: 'searching' } } as const
    const bare = { target: target('a'), ...searching, born: 1 }
    expect(entry({ kind: 'listing', id: 'a', number: 1, listing: bare })).toStrictEqual({
      owner: 'n2',
      target: target('a'),
      ...searching,
      history: [],
    })
    const ended = { at: 7, exitCode: 1, removed: false }
    expect(entry(listing(1, 2, { ended }), shown(3))).toStrictEqual({
      owner: 'n2',
      target: target('a', { image: 'app:2' }),
      finding: found,
      endpoint,
      snapshot: snapshot(3),
      history: [{ took: 3, ok: true }],
      ended,
    })
  })
})

describe('of the owner’s former epoch', () => {
  const none = { kind: 'none', trouble: { code: 'refused', reason: 'refused' } } as const
  const former = hear([
    {
      kind: 'listing',
      id: 'a',
      number: 1,
      listing: { target: target('a'), finding: found, endpoint, born: 1 },
    },
    { kind: 'snapshot', id: 'a', number: 2, snapshot: snapshot(2) },
  ])!
  const next = (finding: Finding) =>
    merge('n2', former, 'e2', {
      kind: 'listing',
      id: 'a',
      number: 1,
      listing: { target: target('a'), finding, born: 1 },
    })

  test('the endpoint stands while the present one searches, and no longer', () => {
    expect(entryOf('n2', next({ kind: 'searching' }))).toMatchObject({ endpoint })
    expect(entryOf('n2', next(none))).not.toHaveProperty('endpoint')
  })

  test('the history goes on', () => {
    const shown = merge('n2', next(found), 'e2', {
      kind: 'snapshot',
      id: 'a',
      number: 2,
      snapshot: { ...snapshot(9), took: 9 },
    })
    expect(entryOf('n2', shown)?.history.map(({ took }) => took)).toEqual([3, 9])
  })

  test('nothing stands once the present one says that it is gone', () => {
    const over = merge('n2', former, 'e2', { kind: 'gone', id: 'a', born: 3 })
    expect(entryOf('n2', over)).toBeUndefined()
    expect(over).not.toHaveProperty('former')
  })

  test('nothing is made up where there was nothing', () => {
    const heard = merge('n2', undefined, 'e2', {
      kind: 'snapshot',
      id: 'a',
      number: 1,
      snapshot: snapshot(1),
    })
    expect(heard).not.toHaveProperty('former')
    expect(entryOf('n2', heard)).toBeUndefined()
  })
})
