// Writing one sample: as it came where that will do, with a label put in; else put together anew.

import { isOpenMetrics, type Offer } from '../formats.ts'
import { withLabel } from '../key.ts'
import { NEWLINE, SPACE } from '../scan/bytes.ts'
import { escaped, unescaped } from '../scan/escapes.ts'
import { type Label, labelsOf } from '../scan/labels.ts'
import type { Scan } from '../scan/scan.ts'
import type { Family } from './families.ts'
import { plainLabel, plainMetric, told, toldSample, written } from './names.ts'
import type { Output } from './output.ts'
import { millisecondsOf, secondsOf } from './times.ts'

/** `anew`: the series or its time is written differently. `left out`: the target has no way to say it. */
export type Outcome = 'as it came' | 'anew' | 'left out'

/** Writes the sample of the family on which the scan stands, with a newline at its end. */
export type WriteSample = (scan: Scan, out: Output, family: Family) => Outcome

/**
 * What writes the samples of one page, which is OpenMetrics or not. A series that is written in the plain way
 * is copied; any other is written in the plain way, which is what the oldest readers understand. The label's name
 * must be as the asker is told it.
 */
export function sampleWriter(openMetrics: boolean, to: Offer, label?: Label): WriteSample {
  const same = openMetrics === isOpenMetrics(to.format)
  const mayQuote = to.escaping === 'allow-utf-8'
  const name = label && Buffer.from(label.name)
  const insert = label && insertOf(label)

  function writeTail(scan: Scan, out: Output): boolean {
    out.put(SPACE)
    out.copy(scan, scan.valueStart, scan.valueEnd)
    if (scan.timeEnd > scan.timeStart) {
      const time = timeFor(scan.text(scan.timeStart, scan.timeEnd))
      if (time === undefined) return false
      out.write(` ${time}`)
    }
    if (same && hasExemplar(scan) && (mayQuote || !hasQuotedLabel(scan))) {
      out.put(SPACE)
      out.copy(scan, scan.exemplarStart, scan.exemplarEnd)
    }
    out.put(NEWLINE)
    return true
  }

  function timeFor(time: string): string | undefined {
    if (same) return time
    return openMetrics ? millisecondsOf(time) : secondsOf(time)
  }

  return (scan, out, family) => {
    const copied = scan.plain && (same || !scan.blanks)
    const anew = !copied || (name !== undefined && scan.hasLabel(name, scan.count))
    if (same && !anew && !scan.quoted && hasPlainTail(scan)) {
      copyWith(insert, scan, out, scan.at - scan.start)
      return 'as it came'
    }
    const before = out.length
    if (anew) out.write(seriesAnew(scan, to, family.key, label))
    else copyWith(insert, scan, out, seriesEnd(scan))
    const timed = scan.timeEnd > scan.timeStart
    if (writeTail(scan, out)) return anew || timed ? 'anew' : 'as it came'
    out.length = before
    return 'left out'
  }
}

const hasExemplar = (scan: Scan) => scan.exemplarEnd > scan.exemplarStart
const value = /="(\\.|[^"\\])*"/gs
const hasQuotedLabel = (scan: Scan) =>
  scan.text(scan.exemplarStart, scan.exemplarEnd).replaceAll(value, '=').includes('"')

/** Whether single blanks part what stands after the series, and a newline ends it. */
function hasPlainTail(scan: Scan): boolean {
  let length = 1 + scan.valueEnd - scan.valueStart
  if (scan.timeEnd > scan.timeStart) length += 1 + scan.timeEnd - scan.timeStart
  if (hasExemplar(scan)) length += 1 + scan.exemplarEnd - scan.exemplarStart
  const ended = scan.body[scan.at - 1] === NEWLINE
  return ended && scan.at - scan.start === seriesEnd(scan) + length + 1
}

const seriesEnd = (scan: Scan) => (scan.braceStart > 0 ? scan.braceEnd + 1 : scan.nameEnd)

/** The label as bytes, as it is put into a series: alone, or before other labels. */
interface Insert {
  readonly alone: Piece
  readonly inBraces: Piece
  readonly first: Piece
}

interface Piece {
  readonly bytes: Uint8Array
  readonly view: DataView
}

function insertOf({ name, value }: Label): Insert {
  const text = `${written(name, plainLabel)}="${escaped(value)}"`
  return { alone: pieceOf(`{${text}}`), inBraces: pieceOf(text), first: pieceOf(`${text},`) }
}

function pieceOf(text: string): Piece {
  const bytes = Uint8Array.from(Buffer.from(text))
  return { bytes, view: new DataView(bytes.buffer) }
}

/** Copies the plain line up to `end`, with a further label at the head of the others, and without a needless comma. */
function copyWith(insert: Insert | undefined, scan: Scan, out: Output, end: number): void {
  const braces = scan.braceStart > 0
  const at = braces ? scan.braceStart : scan.nameEnd
  if (insert) {
    const { bytes, view } = !braces ? insert.alone : scan.count > 0 ? insert.first : insert.inBraces
    out.copy(scan, 0, at)
    out.append(bytes, view, 0, bytes.length)
  }
  const from = insert ? at : 0
  if (scan.comma) {
    out.copy(scan, from, scan.braceEnd - 1)
    out.copy(scan, scan.braceEnd, end)
  } else out.copy(scan, from, end)
}

function seriesAnew(scan: Scan, { escaping }: Offer, family: string, label?: Label): string {
  const labels = labelsOf(scan)
  const names = new Set<string>()
  const parts = (label ? withLabel(labels, label) : labels).map(({ name, value }) => {
    // escaped names can come to be the same, and two labels of one name would cost the page
    let free = told(name, plainLabel, escaping)
    while (names.has(free)) free += '_'
    names.add(free)
    return `${written(free, plainLabel)}="${escaped(value)}"`
  })
  const name = written(toldSample(unescaped(scan.name), family, escaping), plainMetric)
  if (name.startsWith('"')) return `{${[name, ...parts].join()}}`
  return parts.length === 0 ? name : `${name}{${parts.join()}}`
}
