// Validation of protobuf: what Prometheus 3 refuses is refused; what it accepts although something is wrong gets a
// remark.

import {
  createDuplicateFinder,
  createTypeConflictFinder,
  hashOfBytes,
  hashSeed,
  mixed,
  type Series,
} from '../duplicates.ts'
import type { MetricType } from '../family.ts'
import type { Invalid, Limits, Valid } from '../format.ts'
import { classOf, LABEL_PART, LABEL_START, METRIC_PART, METRIC_START } from '../scan/bytes.ts'
import { excerpt, MetricsError } from '../scan/position.ts'
import { printSeries } from '../scan/print.ts'
import { type FamilyParts, metricTypes, readFamily } from './family.ts'
import { checkName, FAMILY, histogramOf, LABEL, METRIC, metric, readField, readMetric } from './messages.ts'
import { countParts, emptyCounts, hasParts, type PartCounts, readParts, seriesCountOf } from './metric.ts'
import { checkNative, isNative } from './native.ts'
import { WireReader } from './wire.ts'

export function validate(body: Uint8Array, limits: Limits): Valid | Invalid {
  const checker = createChecker(body, limits)
  try {
    return checker.checkAll()
  } catch (error) {
    if (!(error instanceof MetricsError)) throw error
    // to a binary format the place is a byte
    return { ok: false, line: 1, column: error.position + 1, reason: error.message + checker.positionText() }
  }
}

/** A label that Prometheus makes itself: a second one of the name would cost all the metrics. */
interface MadeLabel {
  readonly name: string
  readonly hash: number
}

const madeLabel = (name: string): MadeLabel => ({
  name,
  hash: hashOfBytes(Buffer.from(name), 0, name.length, hashSeed),
})
const nameLabel = madeLabel('__name__')
const madeLabels: Readonly<Partial<Record<MetricType, MadeLabel>>> = {
  summary: madeLabel('quantile'),
  histogram: madeLabel('le'),
  gaugehistogram: madeLabel('le'),
}

/** Of so few labels it is quickest to compare all. */
const few = 32

function createChecker(body: Uint8Array, { maxSeries, maxLineBytes }: Limits) {
  const reader = new WireReader(body)
  const bytes = reader.body
  const again = createAgainReader(body)
  const duplicates = createDuplicateFinder(again.seriesAt)
  const typeConflicts = createTypeConflictFinder(again.declarationAt, () => '')
  let series = 0
  let hasUtf8Names = false
  let family: FamilyParts | undefined

  // of the text that was hashed last: the classes that all of its bytes have
  let classes = 0
  // of the metric that is being read
  let counts: PartCounts | undefined
  let labelsHash = 0
  const nameHashes = new Int32Array(few)
  let labelCount = 0
  let mayRepeatLabel = false

  function checkAll(): Valid {
    for (let next = readFamily(reader); next; next = readFamily(reader)) {
      // Prometheus doesn't check a family without metrics
      if (next.metricsStart !== undefined) checkFamily(next)
      family = undefined
      reader.at = next.end
    }
    return { ok: true, series, hasUtf8Names, remarks: [...duplicateRemarks(), ...typeConflicts.remarks()] }
  }

  function duplicateRemarks(): string[] {
    const { count, example } = duplicates.found()
    if (count === 0) return []
    const what = count === 1 ? '1 metric repeats' : `${count} metrics repeat`
    return [
      `${what} the series of others, such as ${printSeries(again.seriesAt(example[1]))}: Prometheus keeps the first`,
    ]
  }

  function checkFamily(checked: FamilyParts): void {
    const { start: familyStart, end: familyEnd, name, help, unit } = checked
    if (name.start === name.end) throw new MetricsError(familyStart, 'a family without a name')
    family = checked
    const nameHash = hashText(name.start, name.end, hashSeed)
    if (!isPlain(name.start, METRIC_START, METRIC_PART)) {
      hasUtf8Names = true
      checkName(reader, name.start, name.end, 'the name')
    }
    if (help) checkText(help.start, help.end, 'the help text')
    if (unit) checkText(unit.start, unit.end, 'the unit')
    const type = metricTypes[checked.type]
    if (type === undefined) throw new MetricsError(familyStart, `no type has the number ${checked.type}`)
    typeConflicts.add(nameHash, familyStart)
    reader.at = checked.metricsStart ?? familyEnd
    for (let at = reader.at; reader.next(familyEnd); at = reader.at) {
      if (reader.field !== FAMILY.metric) {
        reader.skip(familyEnd)
        continue
      }
      const end = reader.message(familyEnd)
      const start = reader.at
      if (end - start > maxLineBytes) throw new MetricsError(start, `longer than ${maxLineBytes} bytes`)
      counts = hasParts(type) ? emptyCounts() : undefined
      checkMetric(start, end, madeLabels[type])
      series += seriesOf(type, start, end)
      if (series > maxSeries) throw new MetricsError(start, `more than ${maxSeries} series`)
      duplicates.add(nameHash ^ labelsHash, at)
      reader.at = end
    }
  }

  function checkText(start: number, end: number, what: string): void {
    if (end - start > maxLineBytes) throw new MetricsError(start, `longer than ${maxLineBytes} bytes`)
    if (!reader.isUtf8(start, end)) throw new MetricsError(start, `${what} is not valid UTF-8`)
  }

  function checkMetric(start: number, end: number, made: MadeLabel | undefined): void {
    labelsHash = 0
    labelCount = 0
    mayRepeatLabel = false
    while (reader.next(end))
      if (reader.field === METRIC.label) checkLabel(reader.message(end), made)
      else if (counts) countParts(reader, end, counts)
      else readField(reader, end, metric)
    if (mayRepeatLabel) checkLabelNames(start, end)
  }

  function checkLabel(end: number, made: MadeLabel | undefined): void {
    let nameStart = reader.at
    let nameEnd = nameStart
    let valueStart = nameStart
    let valueEnd = nameStart
    const start = reader.at
    while (reader.next(end)) {
      if (reader.field === LABEL.name) {
        nameEnd = reader.message(end)
        nameStart = reader.at
        reader.at = nameEnd
      } else if (reader.field === LABEL.value) {
        valueEnd = reader.message(end)
        valueStart = reader.at
        reader.at = valueEnd
      } else reader.skip(end)
    }
    if (nameStart === nameEnd) throw new MetricsError(start, "a label's name is empty")
    const nameHash = hashText(nameStart, nameEnd, hashSeed)
    if (!isPlain(nameStart, LABEL_START, LABEL_PART)) {
      hasUtf8Names = true
      checkName(reader, nameStart, nameEnd, "a label's name")
    }
    for (let at = 0; at < labelCount; at++) if (nameHashes[at] === nameHash) mayRepeatLabel = true
    if (labelCount === few) mayRepeatLabel = true
    else nameHashes[labelCount++] = nameHash
    if (nameHash === nameLabel.hash) checkMade(nameLabel, nameStart, nameEnd)
    if (nameHash === made?.hash) checkMade(made, nameStart, nameEnd)
    if (valueStart === valueEnd) return
    labelsHash ^= hashText(valueStart, valueEnd, nameHash)
    if (classes === 0 && !reader.isUtf8(valueStart, valueEnd))
      throw new MetricsError(valueStart, "a label's value is not valid UTF-8")
  }

  function checkMade({ name }: MadeLabel, start: number, end: number): void {
    if (reader.textOf(start, end) === name) throw new MetricsError(start, `the label ${name} occurs twice`)
  }

  /** The hash of a text, and in the same loop what all of its bytes may be. */
  function hashText(from: number, to: number, before: number): number {
    let hash = before
    classes = METRIC_PART | LABEL_PART
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      classes &= classOf[byte]!
      hash = Math.imul(hash ^ byte, 0x9e3779b1)
    }
    return mixed(hash)
  }

  /** Whether the name that was hashed last needs no quotes. */
  const isPlain = (from: number, first: number, part: number) =>
    (classes & part) !== 0 && (classOf[bytes[from]!]! & first) !== 0

  /** Two labels of one name cost all the metrics. */
  function checkLabelNames(start: number, end: number): void {
    const names = new Set<string>()
    reader.at = start
    for (const { name } of readMetric(reader, end).label) {
      if (names.has(name)) throw new MetricsError(start, `the label ${name} occurs twice`)
      names.add(name)
    }
  }

  function seriesOf(type: MetricType, start: number, end: number): number {
    if (!counts) return 1
    if (type === 'summary' || !counts.mayBeNative) return seriesCountOf(type, counts, false)
    reader.at = start
    const histogram = histogramOf(readMetric(reader, end))
    const native = isNative(histogram)
    if (native) checkNative(histogram, start)
    return seriesCountOf(type, counts, native)
  }

  return {
    checkAll,
    /** In which family the checks ended, for a message. */
    positionText: () =>
      family ? `, in the family ${excerpt(bytes, family.name.start, family.name.end)}` : '',
  }
}

/** Reads again what was read before, by its position: each family once. */
function createAgainReader(body: Uint8Array) {
  const scanner = new WireReader(body)
  const reader = new WireReader(body)
  /** Those before the scanner. */
  const families: FamilyParts[] = []

  function familyAt(position: number): FamilyParts {
    while (scanner.at <= position) families.push(readFamily(scanner)!)
    let [low, high] = [0, families.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (families[middle]!.start <= position) low = middle
      else high = middle - 1
    }
    return families[low]!
  }

  const nameOf = ({ name }: FamilyParts) => reader.textOf(name.start, name.end)

  return {
    declarationAt(position: number): { readonly name: string; readonly type: MetricType } {
      const family = familyAt(position)
      return { name: nameOf(family), type: metricTypes[family.type]! }
    },
    /** That of the metric whose field begins at the position. */
    seriesAt(position: number): Series {
      const family = familyAt(position)
      reader.at = position
      reader.next(family.end)
      const { labels, timestampMs } = readParts(reader, reader.message(family.end))
      return { name: nameOf(family), labels, timestampMs }
    },
  }
}
