// A series as one string: the same for all ways to write it, for the same labels in any order.

import { unescaped } from './scan/escapes.ts'
import type { Scan } from './scan/scan.ts'

export interface Label {
  readonly name: string
  readonly value: string
}

export function labelsOf(scan: Scan): Label[] {
  return Array.from({ length: scan.count }, (_, at) => {
    const [nameStart, nameEnd, valueStart, valueEnd] = scan.labels.subarray(4 * at, 4 * at + 4)
    return {
      name: unescaped(scan.text(nameStart!, nameEnd!)),
      value: unescaped(scan.text(valueStart!, valueEnd!)),
    }
  })
}

/** With the timestamp, since samples of one series at several times are no duplicates. */
export function keyOf(scan: Scan): string {
  const labels = labelsOf(scan)
    .filter(({ value }) => value !== '')
    .map(({ name, value }) => [name, value])
    .sort(([a], [b]) => (a! < b! ? -1 : 1))
  return JSON.stringify([unescaped(scan.name), scan.text(scan.timeStart, scan.timeEnd), ...labels])
}
