// The samples of a merge as they are written, one after the other, each series once.

import type { Format } from '../../model.ts'
import { isOpenMetrics } from '../formats.ts'
import { keyOf } from '../key.ts'
import { Repeats } from '../repeats.ts'
import { readerOf } from '../scan/reader.ts'
import { Scan } from '../scan/scan.ts'
import { counted } from '../words.ts'
import type { Family } from './families.ts'
import { Output } from './output.ts'
import type { WriteSample } from './sample.ts'

export interface Samples {
  /** Writes the sample on which the scan stands. */
  add(scan: Scan, write: WriteSample, labelHash: number, family: Family): void
  /** Of series written more than once only the first stays. To be called when all are added, before they are printed. */
  leaveOutRepeated(): void
  /** Writes what the ranges stand for. */
  print(ranges: readonly number[], target: Output): void
  size(): number
  count(): number
  remarks(): string[]
}

const bytesPerSeries = 96

export function createSamples(format: Format, expected: number): Samples {
  const out = new Output(expected)
  const written = new Repeats(expected / bytesPerSeries)
  const openMetrics = isOpenMetrics(format)
  const next = readerOf(format)
  /** Where the lines begin and end that are left out: from, to, from, to, … */
  const repeated: number[] = []
  let count = 0
  let firstRepeated = ''
  let unsayable = 0

  const rereader = () => new Scan(out.bytes, openMetrics, true)
  function reread(scan: Scan, position: number): Scan {
    scan.at = position
    next(scan)
    return scan
  }

  return {
    add(scan, write, labelHash, family) {
      const { ranges } = family
      const from = out.length
      const outcome = write(scan, out, family)
      if (outcome === 'left out') {
        unsayable++
        return
      }
      count++
      written.add(outcome === 'anew' ? reread(rereader(), from).hash : scan.hash ^ labelHash, from)
      if (ranges.at(-1) === from) ranges[ranges.length - 1] = out.length
      else ranges.push(from, out.length)
    },

    leaveOutRepeated() {
      const scan = rereader()
      const keyAt = (position: number) => keyOf(reread(scan, position))
      const isSame = (first: number, again: number) => keyAt(first) === keyAt(again)
      written.find(isSame, (_, again) => {
        const { series, at } = reread(scan, again)
        if (repeated.length === 0) firstRepeated = series
        repeated.push(again, at)
      })
      count -= repeated.length / 2
    },

    print(ranges, target) {
      for (let at = 0; at < ranges.length; at += 2) {
        let from = ranges[at]!
        const to = ranges[at + 1]!
        for (let next = firstFrom(repeated, from); repeated[next]! < to; next += 2) {
          target.appendOf(out, from, repeated[next]!)
          from = repeated[next + 1]!
        }
        target.appendOf(out, from, to)
      }
    },

    size: () => out.length,

    count: () => count,

    remarks() {
      const remarks: string[] = []
      if (repeated.length > 0)
        remarks.push(
          `${counted(repeated.length / 2, 'sample repeats a series and is', 'samples repeat a series and are')} left out, such as ${firstRepeated}`,
        )
      if (unsayable > 0)
        remarks.push(
          `${counted(unsayable, 'sample is', 'samples are')} left out, with a timestamp that text cannot say`,
        )
      return remarks
    },
  }
}

/** Of ranges in their order, the place of the first that doesn't begin before `position`. */
function firstFrom(ranges: readonly number[], position: number): number {
  let [low, high] = [0, ranges.length / 2]
  while (low < high) {
    const middle = (low + high) >> 1
    if (ranges[2 * middle]! < position) low = middle + 1
    else high = middle
  }
  return 2 * low
}
