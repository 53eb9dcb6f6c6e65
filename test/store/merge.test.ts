import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entryOf, type Heard, merge, type Saying } from '../../src/store/merge.ts'
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
