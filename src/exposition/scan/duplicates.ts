// Samples that repeat a series: Prometheus keeps the first. Nearly no metrics have any, so that all samples are compared
// by a hash, and only those that hash alike by the series itself.

import { randomInt } from 'node:crypto'
import type { Sample } from '../family.ts'
import { createFirstPositions } from './first-positions.ts'
import { type Syntax, sampleOf } from './parse.ts'
import { lineAndColumn } from './position.ts'
import { Scan } from './scan.ts'

/** Differs from start to start. */
export const hashSeed = randomInt(2 ** 31)

export function createDuplicates(scan: Scan, syntax: Syntax) {
  const byHash = createFirstPositions()
  /** The same by the series, of those whose hash is that of others. */
  const bySeries = new Map<string, number>()
  let again: Scan | undefined
  let count = 0
  let example: readonly [number, number] = [0, 0]

  function seriesAt(position: number): string {
    again ??= new Scan(scan.body, scan.strict)
    again.at = position
    syntax.next(again)
    return seriesKey(sampleOf(again, syntax))
  }

  return {
    /** Adds the sample at which the scan is. */
    add(): void {
      const { start } = scan
      const hash = hashOf(scan)
      const known = byHash.add(hash, start)
      if (known === undefined) return
      const first = seriesAt(known)
      if (!bySeries.has(first)) bySeries.set(first, known)
      const series = seriesAt(start)
      const before = bySeries.get(series)
      if (before === undefined) bySeries.set(series, start)
      else if (count++ === 0) example = [before, start]
    },
    remarks(): string[] {
      if (count === 0) return []
      const [first, second] = example.map((position) => lineAndColumn(scan.body, position).line)
      const what = count === 1 ? '1 sample repeats a series' : `${count} samples repeat a series`
      return [`${what} (line ${second} that of line ${first}): Prometheus keeps the first`]
    },
  }
}

/** What identifies a sample. */
export type Series = Pick<Sample, 'name' | 'labels' | 'timestampMs'>

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

/** The labels' hashes are put together by exclusive or, which makes the same of any order. */
function hashOf(scan: Scan): number {
  if (scan.escaped) return hashOfEscaped(scan)
  const { body, labels, labelCount } = scan
  let hash = hashOfBytes(body, scan.nameStart, scan.nameEnd, hashSeed)
  for (let at = 0; at < 4 * labelCount; at += 4) {
    const [valueStart, valueEnd] = [labels[at + 2]!, labels[at + 3]!]
    if (valueStart === valueEnd) continue
    const name = hashOfBytes(body, labels[at]!, labels[at + 1]!, hashSeed)
    hash ^= hashOfBytes(body, valueStart, valueEnd, name)
  }
  return hash
}

/** What is written in another way than most is first made what it means. */
function hashOfEscaped(scan: Scan): number {
  const hashOfText = (text: string, before: number) => {
    const bytes = Buffer.from(text)
    return hashOfBytes(bytes, 0, bytes.length, before)
  }
  return scan
    .labelsOfSample()
    .reduce(
      (hash, { name, value }) => hash ^ hashOfText(value, hashOfText(name, hashSeed)),
      hashOfText(scan.name(), hashSeed),
    )
}

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
