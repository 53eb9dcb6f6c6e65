// What passes in Prometheus but deserves to be known: found on the way, with no object a series. Positions
// in the page stand for what was there, which is only read again where two hash alike.

import { keyOf } from './key.ts'
import { Repeats } from './repeats.ts'
import { Part, wholeHashOf } from './scan/hash.ts'
import { placeOf } from './scan/place.ts'
import { lastNameHash } from './scan/plain.ts'
import { type Kind, Scan } from './scan/scan.ts'
import { counted } from './words.ts'

export interface Watch {
  /** To be called on each sample. */
  sample(): void
  /** To be called on each TYPE line. */
  type(): void
  remarks(): string[]
}

const bytesPerSeries = 96
const bytesPerFamily = 512

export function watch(scan: Scan, next: (scan: Scan) => Kind): Watch {
  const series = new Repeats(scan.body.length / bytesPerSeries)
  const families = new Repeats(scan.body.length / bytesPerFamily)
  let again: Scan | undefined
  const line = (position: number) => placeOf(scan.body, position).line

  function reread(position: number): Scan {
    again ??= new Scan(scan.body, scan.strict, scan.utf8)
    again.at = position
    next(again)
    return again
  }

  const keyAt = (position: number) => keyOf(reread(position))
  const isSameSeries = (first: number, second: number) => keyAt(first) === keyAt(second)
  const nameAt = (position: number) => reread(position).name
  const isSameFamily = (first: number, second: number) => nameAt(first) === nameAt(second)
  const typeAt = (position: number) => reread(position).type

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
    const told = (position: number) => `${typeAt(position)} in line ${line(position)}`
    families.find(isSameFamily, (first, second) => {
      if (typeAt(first) === typeAt(second) || count++ > 0) return
      example = `${nameAt(first)} is ${told(first)} and ${told(second)}`
    })
    if (count === 0) return []
    return [`${counted(count, 'type contradicts', 'types contradict')} an earlier one: ${example}`]
  }

  return {
    sample() {
      series.add(scan.hash, scan.start)
    },
    type() {
      const { start, view, nameStart, nameEnd } = scan
      const hash = scan.quoted
        ? wholeHashOf(view, start + nameStart, start + nameEnd, Part.name)
        : lastNameHash(scan)
      families.add(hash, start)
    },
    remarks: () => [...duplicates(), ...conflicts()],
  }
}
