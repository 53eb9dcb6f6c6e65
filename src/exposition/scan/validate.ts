// Validation, for both grammars: what Prometheus 3 refuses is refused, with line, column and reason.

import type { Invalid, Limits, Valid } from '../format.ts'
import { nextOf, type Syntax } from './parse.ts'
import { lineAndColumn, MetricsError } from './position.ts'
import { EntryKind, Scan } from './scan.ts'

export function validate(body: Uint8Array, limits: Limits, syntax: Syntax): Valid | Invalid {
  const { maxSeries, maxLineBytes } = limits
  let series = 0
  let hasUtf8Names = false
  try {
    const scan = new Scan(body, syntax.strict)
    for (let kind = nextOf(scan, syntax); kind !== EntryKind.end; kind = nextOf(scan, syntax)) {
      if (scan.at - scan.start > maxLineBytes)
        throw new MetricsError(scan.start, `longer than ${maxLineBytes} bytes`)
      hasUtf8Names ||= scan.quoted
      if (kind === EntryKind.sample && ++series > maxSeries)
        throw new MetricsError(scan.start, `more than ${maxSeries} series`)
    }
    return { ok: true, series, hasUtf8Names }
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error
    return { ok: false, ...lineAndColumn(body, error.position), reason: error.message }
  }
}
