// What passes in Prometheus but deserves to be known: found on the way, with no object a series. Positions
// in the page stand for what was there, which is only read again where two hash alike.

import { keyOf } from './key.ts'
import { Part, wholeHashOf } from './scan/hash.ts'
import { placeOf } from './scan/place.ts'
import { type Kind, type MetricType, Scan } from './scan/scan.ts'
import { Table } from './table.ts'
import { counted } from './words.ts'

export interface Watch {
  /** To be called on each sample. */
  sample(): void
  /** To be called on each TYPE line. */
  type(): void
  remarks(): string[]
}

const bytesPerSeries = 96

export function watch(scan: Scan, next: (scan: Scan) => Kind): Watch {
  const series = new Table(scan.body.length / bytesPerSeries)
  const families = new Table(64)
  /** Of each family that has a type: which, and where it says so. */
  const types: MetricType[] = []
  const places: number[] = []
  const again = new Scan(scan.body, scan.strict, scan.utf8)
  const duplicates = { count: 0, first: 0, second: 0 }
  const conflicts = { count: 0, first: '' }
  const line = (position: number) => placeOf(scan.body, position).line

  function reread(position: number): Scan {
    again.at = position
    next(again)
    return again
  }

  const isSameSeries = (first: number) => keyOf(reread(first)) === keyOf(scan)
  const isSameFamily = (known: number) => reread(places[known]!).name === scan.name

  return {
    sample() {
      const first = series.add(scan.hash, scan.start, isSameSeries)
      if (first >= 0 && duplicates.count++ === 0) Object.assign(duplicates, { first, second: scan.start })
    },

    type() {
      const { start, type, view, nameStart, nameEnd } = scan
      const hash = wholeHashOf(view, start + nameStart, start + nameEnd, Part.name)
      const known = families.add(hash, types.length, isSameFamily)
      if (known < 0) {
        types.push(type)
        places.push(start)
      } else if (types[known] !== type && conflicts.count++ === 0)
        conflicts.first = `${scan.name} is ${types[known]} in line ${line(places[known]!)} and ${type} in line ${line(start)}`
    },

    remarks() {
      const remarks: string[] = []
      if (duplicates.count > 0) {
        const { first, second } = duplicates
        remarks.push(
          `${counted(duplicates.count, 'sample repeats a series', 'samples repeat a series')} (line ${line(second)} that of line ${line(first)}): Prometheus keeps the first`,
        )
      }
      if (conflicts.count > 0)
        remarks.push(
          `${counted(conflicts.count, 'type contradicts', 'types contradict')} an earlier one: ${conflicts.first}`,
        )
      return remarks
    },
  }
}
