// Validation of what a container answered, by its Content-Type.

import type { PageFacts } from '../model.ts'
import type { ExpositionFormat, Invalid, Limits } from './format.ts'
import { announcedFormat, formatsToTry, kindOf, utf8VariantOf } from './formats.ts'

/** The format is one that has quotes if there are any, whatever was announced. */
export interface Inspected extends PageFacts {
  readonly ok: true
  /** The metrics as they are to be used, where Prometheus wouldn't accept them as they came. */
  readonly normalized?: Uint8Array
}

/**
 * Reads the body as what its Content-Type names. Without one that is known, it is read as text, and if it isn't
 * that, as OpenMetrics: Prometheus 3 would refuse it for the missing type, but we send on the right one.
 */
export function inspect(
  body: Uint8Array,
  contentType: string | undefined,
  limits: Limits,
): Inspected | Invalid {
  const announced = announcedFormat(contentType)
  if (announced) return inspectAs(announced, body, limits)
  let first: Invalid | undefined
  for (const format of formatsToTry) {
    const found = inspectAs(format, body, limits)
    if (found.ok) return { ...found, remarks: [...found.remarks, missingType(contentType)] }
    first ??= found
  }
  return first!
}

function missingType(contentType: string | undefined): string {
  const what = contentType
    ? `the Content-Type ${JSON.stringify(contentType.slice(0, 80))}`
    : 'no Content-Type'
  return `${what}, for which Prometheus 3 would refuse the metrics`
}

function inspectAs(format: ExpositionFormat, body: Uint8Array, limits: Limits): Inspected | Invalid {
  const found = validated(format, body, limits)
  if (found.ok || kindOf(format.name) === 'protobuf' || !body.includes(0x0d)) return found
  const normalized = withoutReturns(body)
  const again = validated(format, normalized, limits)
  // what is wrong beside the line ends
  if (!again.ok) return again
  const remark = 'lines end in CR LF, which Prometheus would refuse'
  return { ...again, normalized, remarks: [...again.remarks, remark] }
}

function validated(format: ExpositionFormat, body: Uint8Array, limits: Limits): Inspected | Invalid {
  const found = format.grammar.validate(body, limits)
  if (!found.ok) return found
  const { series, hasUtf8Names } = found
  if (!hasUtf8Names) return { ok: true, format: format.name, series, remarks: [] }
  return { ok: true, format: utf8VariantOf(format).name, hasUtf8Names, series, remarks: [] }
}

/** The body with its lines ended by LF alone. */
function withoutReturns(body: Uint8Array): Uint8Array {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
  return Buffer.from(text.replaceAll('\r\n', '\n').replace(/\r$/, ''), 'latin1')
}
