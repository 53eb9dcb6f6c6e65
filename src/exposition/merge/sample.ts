// Writing one sample: as it came where that will do, with a label put in; else put together anew.

import { isOpenMetrics, type Offer } from '../formats.ts'
import { withLabel } from '../key.ts'
import { COMMA, NEWLINE, SPACE } from '../scan/bytes.ts'
import { escaped, unescaped } from '../scan/escapes.ts'
import { type Label, labelsOf } from '../scan/labels.ts'
import type { Scan } from '../scan/scan.ts'
import { plainLabel, plainMetric, written } from './names.ts'
import type { Output } from './output.ts'
import { millisecondsOf, secondsOf } from './times.ts'

/** `anew`: the sample says more than the label differently. `left out`: the target has no way to say it. */
export type Outcome = 'as it came' | 'anew' | 'left out'

/** Writes the sample on which the scan stands, with a newline at its end. */
export type WriteSample = (scan: Scan, out: Output) => Outcome

/** What writes the samples of one page, which is OpenMetrics or not. */
export function sampleWriter(openMetrics: boolean, to: Offer, label?: Label): WriteSample {
  const same = openMetrics === isOpenMetrics(to.format)
  const mayQuote = to.escaping === 'allow-utf-8'
  const name = label && Buffer.from(label.name)
  const inserted = label && `${written(label.name, plainLabel, to.escaping)}="${escaped(label.value)}"`

  function mustBeAnew(scan: Scan): boolean {
    if (scan.quoted && !mayQuote) return true
    if (!same && !openMetrics && !isTight(scan)) return true
    return name !== undefined && scan.hasLabel(name, scan.count)
  }

  function writeTail(scan: Scan, out: Output): boolean {
    out.put(SPACE)
    out.copy(scan, scan.valueStart, scan.valueEnd)
    if (scan.timeEnd > scan.timeStart) {
      const time = timeFor(scan.text(scan.timeStart, scan.timeEnd))
      if (time === undefined) return false
      out.write(` ${time}`)
    }
    if (same && scan.exemplarEnd > scan.exemplarStart && (mayQuote || !hasQuotedLabel(scan))) {
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

  return (scan, out) => {
    const anew = mustBeAnew(scan)
    if (same && !anew) {
      copyWith(inserted, scan, out, scan.at - scan.start)
      out.endLine()
      return 'as it came'
    }
    const before = out.length
    if (anew) out.write(seriesAnew(scan, to, label))
    else copyWith(inserted, scan, out, seriesEnd(scan))
    const timed = scan.timeEnd > scan.timeStart
    if (writeTail(scan, out)) return anew || timed ? 'anew' : 'as it came'
    out.length = before
    return 'left out'
  }
}

const seriesEnd = (scan: Scan) => (scan.braceStart > 0 ? scan.braceEnd + 1 : scan.nameEnd)

/** Copies the line up to `end`, with a further label in it. */
function copyWith(label: string | undefined, scan: Scan, out: Output, end: number): void {
  let from = 0
  if (label !== undefined) {
    const [at, text] = placeFor(label, scan)
    out.copy(scan, 0, at)
    out.write(text)
    from = at
  }
  out.copy(scan, from, end)
}

/** The label comes first, but for a metric's name in quotes, which has to. */
function placeFor(label: string, scan: Scan): [at: number, text: string] {
  if (scan.braceStart === 0) return [scan.nameEnd, `{${label}}`]
  const nameFirst = scan.nameStart > 0 && (scan.count === 0 || scan.nameStart < scan.labels[0]!)
  if (nameFirst) return [scan.nameEnd + 1, `,${label}`]
  return [scan.braceStart, scan.count > 0 ? `${label},` : label]
}

/** Whether the series is written without blanks, missing commas and newlines: in the way of both formats. */
function isTight(scan: Scan): boolean {
  if (scan.multiline || scan.quoted) return false
  if (scan.braceStart === 0) return true
  let at = scan.braceStart
  if (at !== scan.nameEnd + 1) return false
  for (let label = 0; label < 4 * scan.count; label += 4) {
    if (scan.labels[label] !== at || scan.labels[label + 2] !== scan.labels[label + 1]! + 2) return false
    const comma = scan.labels[label + 3]! + 1
    if (comma === scan.braceEnd) return true
    if (scan.body[scan.start + comma] !== COMMA) return false
    at = comma + 1
  }
  return at === scan.braceEnd
}

function seriesAnew(scan: Scan, { escaping }: Offer, label?: Label): string {
  const labels = labelsOf(scan)
  const names = new Set<string>()
  const parts = (label ? withLabel(labels, label) : labels).map(({ name, value }) => {
    // escaped names can come to be the same, and two labels of one name would cost the page
    let free = written(name, plainLabel, escaping)
    while (names.has(free)) free += '_'
    names.add(free)
    return `${free}="${escaped(value)}"`
  })
  const name = written(unescaped(scan.name), plainMetric, escaping)
  if (name.startsWith('"')) return `{${[name, ...parts].join()}}`
  return parts.length === 0 ? name : `${name}{${parts.join()}}`
}

const hasQuotedLabel = (scan: Scan) => /[{,]"/.test(scan.text(scan.exemplarStart, scan.exemplarEnd))
