// What passes in Prometheus but deserves to be known: found on the way, with no object a series. Positions
// in the page stand for what was there, which is only read again where two hash alike.

import { keyOf } from './key.ts'
import { Repeats } from './repeats.ts'
import { Part, wholeHashOf } from './scan/hash.ts'
import { placeOf } from './scan/place.ts'
import { type Kind, type MetricType, Scan } from './scan/scan.ts'
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
  const series = new Repeats(scan.body.length / bytesPerSeries)
  const families = new Repeats(64)
  /** Of each TYPE line: which type, and where it says so. */
  const types: MetricType[] = []
  const places: number[] = []
  const again = new Scan(scan.body, scan.strict, scan.utf8)
  const line = (position: number) => placeOf(scan.body, position).line

  function reread(position: number): Scan {
    again.at = position
    next(again)
    return again
  }

  const keyAt = (position: number) => keyOf(reread(position))
  const isSameSeries = (first: number, second: number) => keyAt(first) === keyAt(second)
  const nameOf = (type: number) => reread(places[type]!).name
  const isSameFamily = (first: number, second: number) => nameOf(first) === nameOf(second)

  function duplicates(): string[] {
    let count = 0
    let [first, second] = [0, 0]
    series.find(isSameSeries, (one, other) => {
      if (count++ === 0) [first, second] = [one, other]
    })
    if (count === 0) return []
    const told = counted(count, 'sample repeats a series', 'samples repeat a series')
    return [`${told} (line ${line(second)} that of line ${line(first)}): Prometheus keeps the first`]
  }

  function conflicts(): string[] {
    let count = 0
    let example = ''
    const told = (type: number) => `${types[type]} in line ${line(places[type]!)}`
    families.find(isSameFamily, (first, second) => {
      if (types[first] === types[second] || count++ > 0) return
      example = `${nameOf(first)} is ${told(first)} and ${told(second)}`
    })
    if (count === 0) return []
    return [`${counted(count, 'type contradicts', 'types contradict')} an earlier one: ${example}`]
  }

  return {
    sample() {
      series.add(scan.hash, scan.start)
    },
    type() {
      const { start, type, view, nameStart, nameEnd } = scan
      families.add(wholeHashOf(view, start + nameStart, start + nameEnd, Part.name), types.length)
      types.push(type)
      places.push(start)
    },
    remarks: () => [...duplicates(), ...conflicts()],
  }
}
