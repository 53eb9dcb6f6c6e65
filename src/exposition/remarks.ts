// What passes in Prometheus but deserves to be known: found on the way, with no object a series. Positions
// in the page stand for what was there, which is only read again where two hash alike.

import { keyOf } from './key.ts'
import { hashOf, Part } from './scan/hash.ts'
import { placeOf } from './scan/place.ts'
import { type Kind, type MetricType, Scan } from './scan/scan.ts'
import { nextHash, Table } from './table.ts'
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

  return {
    sample() {
      for (let hash = scan.hash; ; hash = nextHash(hash)) {
        const first = series.insert(hash, scan.start)
        if (first < 0) return
        if (keyOf(reread(first)) !== keyOf(scan)) continue
        if (duplicates.count++ === 0) Object.assign(duplicates, { first, second: scan.start })
        return
      }
    },

    type() {
      const { start, type, view, nameStart, nameEnd } = scan
      for (let hash = hashOf(view, start + nameStart, start + nameEnd, Part.name); ; hash = nextHash(hash)) {
        const known = families.insert(hash, types.length)
        if (known < 0) {
          types.push(type)
          places.push(start)
          return
        }
        if (reread(places[known]!).name !== scan.name) continue
        if (types[known] !== type && conflicts.count++ === 0)
          conflicts.first = `${scan.name} is ${types[known]} in line ${line(places[known]!)} and ${type} in line ${line(start)}`
        return
      }
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
