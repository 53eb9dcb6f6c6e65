// Metrics that repeat the series of others, and families that contradict each other's types. Prometheus keeps the first
// of such series, so that they are nothing but worth a remark.

import type { MetricType } from '../family.ts'
import { type Series, seriesKey } from '../scan/duplicates.ts'
import { createFirstPositions } from '../scan/first-positions.ts'
import { printSeries } from '../scan/print.ts'
import { readMetric } from './metric.ts'
import type { FamilyParts } from './schema.ts'
import { WireReader } from './wire.ts'

export function createRepeats(body: Uint8Array) {
  const byHash = createFirstPositions()
  /** The series of those whose hash is that of others. */
  const series = new Set<string>()
  const familiesSoFar: FamilyParts[] = []
  let again: WireReader | undefined
  let count = 0
  let example = ''

  function seriesAt(metric: number): Series {
    again ??= new WireReader(body)
    const { name, metrics } = familyAt(metric)
    const { labels, timestampMs } = readMetric(again, metric, metrics[metrics.indexOf(metric) + 1]!)
    return { name: again.textOf(name.start, name.end), labels, timestampMs }
  }

  /** The last family that begins before the metric. */
  function familyAt(metric: number): FamilyParts {
    let [low, high] = [0, familiesSoFar.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (familiesSoFar[middle]!.start < metric) low = middle
      else high = middle - 1
    }
    return familiesSoFar[low]!
  }

  return {
    /** The family of the metrics that are added next. */
    begin(family: FamilyParts): void {
      familiesSoFar.push(family)
    },
    /** Adds the metric that begins there. */
    add(hash: number, metric: number): void {
      const known = byHash.add(hash, metric)
      if (known === undefined) return
      series.add(seriesKey(seriesAt(known)))
      const before = series.size
      const found = seriesAt(metric)
      series.add(seriesKey(found))
      if (series.size === before && count++ === 0) example = printSeries(found)
    },
    remarks(): string[] {
      if (count === 0) return []
      const what = count === 1 ? '1 metric repeats' : `${count} metrics repeat`
      return [`${what} the series of others, such as ${example}: Prometheus keeps the first`]
    },
  }
}

export function createTypes() {
  const first = new Map<string, MetricType>()
  let count = 0
  let example = ''
  return {
    add(name: string, type: MetricType): void {
      const before = first.get(name)
      if (before === undefined) first.set(name, type)
      else if (before !== type && count++ === 0) example = `${name} is ${before} and ${type}`
    },
    remarks(): string[] {
      if (count === 0) return []
      return [`${count} ${count === 1 ? 'type contradicts' : 'types contradict'} an earlier one: ${example}`]
    },
  }
}
