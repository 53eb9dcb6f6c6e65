// What Prometheus accepts although something is wrong: samples that repeat a series, of which it keeps the first, and
// types that contradict each other.
//
// Nearly no metrics repeat a series, so that all samples are compared by a hash, and only those that hash alike by the
// series itself.

import { randomInt } from 'node:crypto'
import type { MetricType, Sample } from './family.ts'
import { createFirstPositions } from './first-positions.ts'

/** What identifies a sample. */
export type Series = Pick<Sample, 'name' | 'labels' | 'timestampMs'>

/** Samples are named by their positions in the body. */
export function createDuplicateFinder(seriesAt: (position: number) => Series) {
  const byHash = createFirstPositions()
  /** The same by the series, of those whose hash is that of others. */
  const bySeries = new Map<string, number>()
  let count = 0
  let example: readonly [number, number] = [0, 0]

  /** Where the series first occurs. */
  function firstOf(position: number): number {
    const series = seriesKey(seriesAt(position))
    const first = bySeries.get(series) ?? position
    bySeries.set(series, first)
    return first
  }

  return {
    /** `hash` is the same for all ways to write a series. */
    add(hash: number, position: number): void {
      const known = byHash.add(hash, position)
      if (known === undefined) return
      firstOf(known)
      const first = firstOf(position)
      if (first !== position && count++ === 0) example = [first, position]
    },
    /** How many there are, and one of them with what it repeats. */
    found: () => ({ count, example }),
  }
}

/** Declarations are named by their positions in the body, which `describePosition` describes for people. */
export function createTypeConflictFinder(
  declarationAt: (position: number) => { readonly name: string; readonly type: MetricType },
  describePosition: (position: number) => string,
) {
  const byHash = createFirstPositions()
  let count = 0
  let example = ''
  return {
    /** `hash` is that of the name. */
    add(hash: number, position: number): void {
      const known = byHash.add(hash, position)
      if (known === undefined) return
      const [first, again] = [declarationAt(known), declarationAt(position)]
      if (first.name === again.name && first.type !== again.type && count++ === 0)
        example = `${first.name} is ${first.type}${describePosition(known)} and ${again.type}${describePosition(position)}`
    },
    remarks: () =>
      count === 0
        ? []
        : [`${count} ${count === 1 ? 'type contradicts' : 'types contradict'} an earlier one: ${example}`],
  }
}

/** The same for all ways to write a series and its timestamp, for the same labels in any order. */
export function seriesKey({ name, labels, timestampMs }: Series): string {
  const sorted = isSorted(labels) ? labels : labels.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  // each with its length, since separators could be in a value as well; joined, since a string that is added to is stored in
  // many small parts
  const parts: unknown[] = [timestampMs, name.length, name]
  for (const { name, value } of sorted) parts.push(name.length, name, value.length, value)
  return parts.join(' ')
}

function isSorted(labels: Sample['labels']): boolean {
  for (let i = 1; i < labels.length; i++) if (labels[i - 1]!.name > labels[i]!.name) return false
  return true
}

/** Differs from start to start. */
export const hashSeed = randomInt(2 ** 31)

export function hashOfBytes(body: Uint8Array, from: number, to: number, before: number): number {
  let hash = before
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ body[i]!, 0x9e3779b1)
  return mixed(hash)
}

/** Spreads what the last bytes of a text make of its hash. */
export function mixed(hash: number): number {
  const spread = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return spread ^ (spread >>> 13)
}
