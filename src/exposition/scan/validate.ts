// Validation, for both grammars: what Prometheus 3 refuses is refused, with line, column and reason; what it accepts
// although something is wrong gets a remark.

import type { MetricType } from '../family.ts'
import type { Invalid, Limits, Valid } from '../format.ts'
import { createDuplicates } from './duplicates.ts'
import type { Syntax } from './parse.ts'
import { lineAndColumn, MetricsError } from './position.ts'
import { EntryKind, Scan } from './scan.ts'

export function validate(body: Uint8Array, limits: Limits, syntax: Syntax): Valid | Invalid {
  if (body.length === 0) return { ok: true, series: 0, quoted: false, remarks: [] }
  try {
    return readAll(new Scan(body, syntax.strict), limits, syntax)
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error
    return { ok: false, ...lineAndColumn(body, error.position), reason: error.message }
  }
}

function readAll(scan: Scan, { maxSeries, maxLineBytes }: Limits, syntax: Syntax): Valid {
  const { next } = syntax
  const duplicates = createDuplicates(scan, syntax)
  const types = createTypes(scan)
  let series = 0
  let quoted = false
  for (let kind = next(scan); kind !== EntryKind.end; kind = next(scan)) {
    if (scan.at - scan.start > maxLineBytes)
      throw new MetricsError(scan.start, `longer than ${maxLineBytes} bytes`)
    quoted ||= scan.quoted
    if (kind === EntryKind.sample) {
      if (++series > maxSeries) throw new MetricsError(scan.start, `more than ${maxSeries} series`)
      duplicates.add()
    } else if (kind === EntryKind.type) types.add()
  }
  return { ok: true, series, quoted, remarks: [...duplicates.remarks(), ...types.remarks()] }
}

export function hasQuotedNames(body: Uint8Array, { next, strict }: Syntax): boolean {
  if (body.length === 0) return false
  const scan = new Scan(body, strict)
  while (next(scan) !== EntryKind.end) if (scan.quoted) return true
  return false
}

/** Types that contradict each other: Prometheus keeps all samples. */
function createTypes(scan: Scan) {
  const first = new Map<string, { readonly type: MetricType; readonly position: number }>()
  const at = (position: number) => `in line ${lineAndColumn(scan.body, position).line}`
  let count = 0
  let example = ''
  return {
    add(): void {
      const { type, start } = scan
      const name = scan.name()
      const before = first.get(name)
      if (!before) first.set(name, { type, position: start })
      else if (before.type !== type && count++ === 0)
        example = `${name} is ${before.type} ${at(before.position)} and ${type} ${at(start)}`
    },
    remarks: () =>
      count === 0
        ? []
        : [`${count} ${count === 1 ? 'type contradicts' : 'types contradict'} an earlier one: ${example}`],
  }
}
