// What a page means: the samples that Prometheus would take from it.

import type { Exposition } from '../../../src/exposition/formats.ts'
import { nextInOpenMetrics } from '../../../src/exposition/openmetrics/grammar.ts'
import { floatOf } from '../../../src/exposition/scan/number.ts'
import { EntryKind, Scan } from '../../../src/exposition/scan/scan.ts'
import { nextInText } from '../../../src/exposition/text/grammar.ts'

export interface Meant {
  /** The name and the labels that aren't empty, sorted. */
  readonly series: string
  readonly value: number
  /** In milliseconds. */
  readonly time: number | undefined
}

export function samplesOf({ format, body }: Exposition): Meant[] {
  const openMetrics = format.startsWith('openmetrics/')
  const found: Meant[] = []
  if (body.length === 0) return found
  const next = openMetrics ? nextInOpenMetrics : nextInText
  const scan = new Scan(body, openMetrics)
  for (let kind = next(scan); kind !== EntryKind.end; kind = next(scan)) {
    if (kind !== EntryKind.sample) continue
    const labels = scan.labelsOfSample().map(({ name, value }): [string, string] => [name, value])
    const time = scan.text(scan.timeStart, scan.timeEnd)
    found.push({
      series: seriesOf([['__name__', scan.name()], ...labels]),
      value: floatOf(scan.text(scan.valueStart, scan.valueEnd)),
      time: time === '' ? undefined : openMetrics ? Math.trunc(floatOf(time) * 1000) : Number(time),
    })
  }
  return found
}

/** One string for a label set, however it is ordered. Prometheus 3 writes `le` and `quantile` anew: 1 as 1.0. */
export function seriesOf(labels: Iterable<readonly [string, string]>): string {
  const named = [...labels]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [name, canonical(name, value)])
    .sort(([a], [b]) => (a! < b! ? -1 : 1))
  return JSON.stringify(named)
}

export function canonical(name: string, value: string): string {
  const isBound = (name === 'le' || name === 'quantile') && value.trim() !== ''
  const number = isBound ? Number(value) : Number.NaN
  return Number.isNaN(number) ? value : String(number)
}
