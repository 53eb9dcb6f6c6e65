// A sample's labels as strings: for the few places that look at more than bytes.

import { unescaped } from './escapes.ts'
import type { Scan } from './scan.ts'

export interface Label {
  readonly name: string
  readonly value: string
}

/** As Prometheus has them: an empty label is none. */
export function labelsOf(scan: Scan): Label[] {
  const labels: Label[] = []
  for (let at = 0; at < 4 * scan.count; at += 4) {
    const [nameStart, nameEnd, valueStart, valueEnd] = scan.labels.subarray(at, at + 4)
    if (valueStart === valueEnd) continue
    labels.push({
      name: unescaped(scan.text(nameStart!, nameEnd!)),
      value: unescaped(scan.text(valueStart!, valueEnd!)),
    })
  }
  return labels
}
