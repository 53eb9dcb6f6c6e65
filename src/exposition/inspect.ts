// Validation: takes what Prometheus 3 takes and refuses what it refuses, with line, column and reason.

import type { Format } from '../model.ts'
import { formatOf, isOpenMetrics, quotingOf } from './formats.ts'
import { watch } from './remarks.ts'
import { placeOf } from './scan/place.ts'
import { readerOf } from './scan/reader.ts'
import { Refused } from './scan/refused.ts'
import { Kind, Scan } from './scan/scan.ts'

/** What a page may not exceed. */
export interface Limits {
  readonly maxSeries: number
  /** Of one sample or metadata, in bytes. */
  readonly maxLine: number
}

export interface Valid {
  readonly ok: true
  readonly format: Format
  readonly series: number
  readonly remarks: readonly string[]
  /** The page as it is to be used, where Prometheus wouldn't take it as it came. */
  readonly mended?: Uint8Array
}

export interface Invalid {
  readonly ok: false
  readonly line: number
  readonly column: number
  readonly reason: string
}

/**
 * Reads the page as what its Content-Type says. Without one that is known, it is read as text, and if it isn't
 * that, as OpenMetrics: Prometheus 3 would refuse it for the missing type, but we send on the right one.
 */
export function inspect(body: Uint8Array, contentType: string | undefined, limits: Limits): Valid | Invalid {
  const said = formatOf(contentType)
  if (said === 'protobuf')
    return { ok: false, line: 1, column: 1, reason: 'protobuf, which was not asked for' }
  if (said) return inspectAs(said, body, limits)
  const text = inspectAs('text/0.0.4', body, limits)
  const found = text.ok ? text : inspectAs('openmetrics/1.0.0', body, limits)
  if (!found.ok) return text
  const what = contentType
    ? `the Content-Type ${JSON.stringify(contentType.slice(0, 80))}`
    : 'no Content-Type'
  return { ...found, remarks: [...found.remarks, `${what}, for which Prometheus 3 would refuse the page`] }
}

function inspectAs(format: Format, body: Uint8Array, limits: Limits): Valid | Invalid {
  const found = pass(format, body, limits)
  if (found.ok || !body.includes(0x0d)) return found
  const mended = withoutReturns(body)
  const again = pass(format, mended, limits)
  // what is wrong beside the line ends
  if (!again.ok) return again
  return {
    ...again,
    mended,
    remarks: [...again.remarks, 'lines end in CR LF, which Prometheus would refuse'],
  }
}

function pass(format: Format, body: Uint8Array, limits: Limits): Valid | Invalid {
  if (body.length === 0) return { ok: true, format, series: 0, remarks: [] }
  const scan = new Scan(body, isOpenMetrics(format))
  try {
    return { ok: true, ...readAll(scan, format, limits) }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { ok: false, ...placeOf(body, error.position), reason: error.message }
  }
}

function readAll(scan: Scan, format: Format, limits: Limits): Omit<Valid, 'ok'> {
  const next = readerOf(format)
  const watched = watch(scan, next)
  let series = 0
  let quoted = false
  for (let kind = next(scan); kind !== Kind.end; kind = next(scan)) {
    if (scan.at - scan.start > limits.maxLine)
      throw new Refused(scan.start, `longer than ${limits.maxLine} bytes`)
    quoted ||= scan.quoted
    if (kind === Kind.sample) {
      if (++series > limits.maxSeries) throw new Refused(scan.start, `more than ${limits.maxSeries} series`)
      watched.sample()
    } else if (kind === Kind.type) watched.type()
  }
  // names in quotes make it what only a reader of 1.0.0 understands, whatever was said
  return { format: quoted ? quotingOf(format) : format, series, remarks: watched.remarks() }
}

/** The page with its lines ended by LF alone. */
function withoutReturns(body: Uint8Array): Uint8Array {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
  return Buffer.from(text.replaceAll('\r\n', '\n').replace(/\r$/, ''), 'latin1')
}
