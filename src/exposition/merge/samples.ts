// The samples of a merge as they are written, one after the other, each series once.

import type { Format } from '../../model.ts'
import { isOpenMetrics } from '../formats.ts'
import { keyOf } from '../key.ts'
import { readerOf } from '../scan/reader.ts'
import { Scan } from '../scan/scan.ts'
import { Table } from '../table.ts'
import { counted } from '../words.ts'
import { Output } from './output.ts'
import type { WriteSample } from './sample.ts'

export interface Samples {
  /** Writes the sample on which the scan stands, unless its series was written before. */
  add(scan: Scan, write: WriteSample, labelHash: number, ranges: number[]): void
  /** Writes what the ranges stand for. */
  print(ranges: readonly number[], target: Output): void
  readonly size: number
  count(): number
  remarks(): string[]
}

const bytesPerSeries = 96

export function createSamples(format: Format, expected: number): Samples {
  const out = new Output(expected)
  const table = new Table(expected / bytesPerSeries)
  const openMetrics = isOpenMetrics(format)
  const next = readerOf(format)
  let count = 0
  let repeated = 0
  let firstRepeated = ''
  let unsayable = 0

  function reread(position: number): Scan {
    const scan = new Scan(out.bytes, openMetrics, true)
    scan.at = position
    next(scan)
    return scan
  }

  /** Whether the sample written at `position` is the first of its series. */
  function isFirst(position: number, seriesHash: number): boolean {
    return (
      table.add(seriesHash, position, (earlier) => keyOf(reread(earlier)) === keyOf(reread(position))) < 0
    )
  }

  return {
    add(scan, write, labelHash, ranges) {
      const from = out.length
      const outcome = write(scan, out)
      if (outcome === 'left out') {
        unsayable++
        return
      }
      const hash = outcome === 'anew' ? reread(from).hash : (scan.hash + labelHash) | 0
      if (!isFirst(from, hash)) {
        if (repeated++ === 0) firstRepeated = reread(from).series
        out.length = from
        return
      }
      count++
      if (ranges.at(-1) === from) ranges[ranges.length - 1] = out.length
      else ranges.push(from, out.length)
    },

    print(ranges, target) {
      for (let at = 0; at < ranges.length; at += 2) target.appendOf(out, ranges[at]!, ranges[at + 1]!)
    },

    get size() {
      return out.length
    },

    count: () => count,

    remarks() {
      const remarks: string[] = []
      if (repeated > 0)
        remarks.push(
          `${counted(repeated, 'sample repeats a series and is', 'samples repeat a series and are')} left out, such as ${firstRepeated}`,
        )
      if (unsayable > 0)
        remarks.push(
          `${counted(unsayable, 'sample is', 'samples are')} left out, with a timestamp that text cannot say`,
        )
      return remarks
    },
  }
}
