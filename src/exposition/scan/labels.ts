// A sample's labels as strings: for the few places that look at more than bytes.

import { unescaped } from './escapes.ts'
import type { Scan } from './scan.ts'

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
