// A message MetricFamily: where its parts are.

import type { MetricType } from '../family.ts'
import { MetricsError } from '../scan/position.ts'
import { FAMILY } from './messages.ts'
import { VARINT, type WireReader } from './wire.ts'

/** The types by their numbers. */
export const metricTypes: readonly MetricType[] = [
  'counter',
  'gauge',
  'summary',
  'unknown',
  'histogram',
  'gaugehistogram',
]

interface TextRange {
  readonly start: number
  readonly end: number
}

/** Where a family's parts are in the body. */
export interface FamilyParts {
  readonly start: number
  readonly end: number
  readonly name: TextRange
  readonly help: TextRange | undefined
  readonly unit: TextRange | undefined
  readonly type: number
  /** Where the first field is that is a metric; undefined if there is none. */
  readonly metricsStart: number | undefined
}

const maxLengthBytes = 5

/** The next family of the body; undefined at its end. Fields may come in any order, and the last of each counts. */
export function readFamily(reader: WireReader): FamilyParts | undefined {
  const start = reader.at
  if (start >= reader.body.length) return undefined
  const end = reader.bytes(reader.body.length)
  if (reader.at - start > maxLengthBytes) throw new MetricsError(start, 'a length of more than 35 bits')
  let name: TextRange = { start, end: start }
  let help: TextRange | undefined
  let unit: TextRange | undefined
  let type = 0
  let metricsStart: number | undefined
  for (let from = reader.at; reader.next(end); from = reader.at) {
    const { field } = reader
    if (field === FAMILY.name) name = skipText(reader, end)
    else if (field === FAMILY.help) help = skipText(reader, end)
    else if (field === FAMILY.unit) unit = skipText(reader, end)
    else if (field === FAMILY.metric) {
      metricsStart ??= from
      reader.at = reader.message(end)
    } else if (field === FAMILY.type) {
      reader.expect(VARINT)
      type = reader.uint32(end)
    } else reader.skip(end)
  }
  return { start, end, name, help, unit, type, metricsStart }
}

function skipText(reader: WireReader, end: number): TextRange {
  const until = reader.message(end)
  const start = reader.at
  reader.at = until
  return { start, end: until }
}
