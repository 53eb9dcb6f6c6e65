// Validation, for both grammars: what Prometheus 3 refuses is refused, with line, column and reason; what it accepts
// although something is wrong gets a remark.

import { createDuplicateFinder, createTypeConflictFinder, hashOfBytes, hashSeed } from '../duplicates.ts'
import type { Invalid, Limits, Valid } from '../format.ts'
import { type Syntax, sampleOf } from './parse.ts'
import { lineAndColumn, MetricsError } from './position.ts'
import { EntryKind, Scan } from './scan.ts'

export function validate(body: Uint8Array, limits: Limits, syntax: Syntax): Valid | Invalid {
  if (body.length === 0) return { ok: true, series: 0, hasUtf8Names: false, remarks: [] }
  try {
    return readAll(new Scan(body, syntax.strict), limits, syntax)
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error
    return { ok: false, ...lineAndColumn(body, error.position), reason: error.message }
  }
}

function readAll(scan: Scan, { maxSeries, maxLineBytes }: Limits, syntax: Syntax): Valid {
  const { next } = syntax
  const lineOf = (position: number) => lineAndColumn(scan.body, position).line
  let again: Scan | undefined
  function readAgain(position: number): Scan {
    again ??= new Scan(scan.body, scan.strict)
    again.at = position
    next(again)
    return again
  }
  const duplicates = createDuplicateFinder((position) => sampleOf(readAgain(position), syntax))
  const typeConflicts = createTypeConflictFinder(
    (position) => {
      const declaration = readAgain(position)
      return { name: declaration.name(), type: declaration.type }
    },
    (position) => ` in line ${lineOf(position)}`,
  )
  let series = 0
  let hasUtf8Names = false
  for (let kind = next(scan); kind !== EntryKind.end; kind = next(scan)) {
    if (scan.at - scan.start > maxLineBytes)
      throw new MetricsError(scan.start, `longer than ${maxLineBytes} bytes`)
    hasUtf8Names ||= scan.quoted
    if (kind === EntryKind.sample) {
      if (++series > maxSeries) throw new MetricsError(scan.start, `more than ${maxSeries} series`)
      duplicates.add(hashOf(scan), scan.start)
    } else if (kind === EntryKind.type) typeConflicts.add(hashOfName(scan), scan.start)
  }
  return { ok: true, series, hasUtf8Names, remarks: [...duplicateRemarks(), ...typeConflicts.remarks()] }

  function duplicateRemarks(): string[] {
    const { count, example } = duplicates.found()
    if (count === 0) return []
    const [first, second] = example.map(lineOf)
    const what = count === 1 ? '1 sample repeats a series' : `${count} samples repeat a series`
    return [`${what} (line ${second} that of line ${first}): Prometheus keeps the first`]
  }
}

/** The labels' hashes are put together by exclusive or, which makes the same of any order. */
function hashOf(scan: Scan): number {
  if (scan.escaped) return hashOfEscaped(scan)
  const { body, labels, labelCount } = scan
  let hash = hashOfName(scan)
  for (let at = 0; at < 4 * labelCount; at += 4) {
    const [valueStart, valueEnd] = [labels[at + 2]!, labels[at + 3]!]
    if (valueStart === valueEnd) continue
    const name = hashOfBytes(body, labels[at]!, labels[at + 1]!, hashSeed)
    hash ^= hashOfBytes(body, valueStart, valueEnd, name)
  }
  return hash
}

const hashOfName = (scan: Scan) =>
  scan.escaped
    ? hashOfText(scan.name(), hashSeed)
    : hashOfBytes(scan.body, scan.nameStart, scan.nameEnd, hashSeed)

/** What is written in another way than most is first made what it means. */
function hashOfEscaped(scan: Scan): number {
  let hash = hashOfName(scan)
  for (const { name, value } of scan.labelsOfSample()) hash ^= hashOfText(value, hashOfText(name, hashSeed))
  return hash
}

function hashOfText(text: string, before: number): number {
  const bytes = Buffer.from(text)
  return hashOfBytes(bytes, 0, bytes.length, before)
}
