// What Prometheus accepts although something is wrong: samples that repeat a series, of which it keeps the first, and
// types that contradict each other. A merge resolves both. In the metrics of one container they stay, and are looked for
// only when somebody reads these, not at each scrape.

import type { Family, MetricType, Sample } from './family.ts'
import { printSeries } from './scan/print.ts'

/** The same for all ways to write a series and its timestamp, for the same labels in any order. */
export function seriesKey({
  name,
  labels,
  timestampMs,
}: Pick<Sample, 'name' | 'labels' | 'timestampMs'>): string {
  const sorted = isSorted(labels) ? labels : labels.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  // each with its length, since separators could be in a value as well; joined, since a string that is added to is stored in
  // many small parts
  const parts: unknown[] = [timestampMs, name.length, name]
  for (const { name, value } of sorted) parts.push(name.length, name, value.length, value)
  return parts.join(' ')
}

function isSorted(labels: Sample['labels']): boolean {
  for (let i = 1; i < labels.length; i++) if (labels[i - 1]!.name > labels[i]!.name) return false
  return true
}

export function createRepeatFinder() {
  const known = new Set<string>()
  let count = 0
  let example = ''
  return {
    /** Whether no sample before has the same series. */
    isFirst(sample: Sample): boolean {
      const before = known.size
      known.add(seriesKey(sample))
      if (known.size > before) return true
      if (count++ === 0) example = printSeries(sample)
      return false
    },
    remarks: () =>
      count === 0
        ? []
        : [
            `${count} ${count === 1 ? 'sample repeats' : 'samples repeat'} a series, such as ${example}: the first is kept`,
          ],
  }
}

export function createConflictFinder() {
  const repeats = createRepeatFinder()
  const types = new Map<string, MetricType>()
  let count = 0
  let example = ''
  return {
    add({ name, type, samples }: Family): void {
      for (const sample of samples) repeats.isFirst(sample)
      const before = types.get(name)
      if (type !== undefined) types.set(name, type)
      if (before !== undefined && type !== undefined && type !== before && count++ === 0)
        example = `${name} is ${before} and ${type}`
    },
    remarks: () => [
      ...repeats.remarks(),
      ...(count === 0
        ? []
        : [`${count} ${count === 1 ? 'type contradicts' : 'types contradict'} an earlier one: ${example}`]),
    ],
  }
}
