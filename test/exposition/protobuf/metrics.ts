// Protobuf metrics in a form in which they can be compared.

import type { Label } from '../../../src/exposition/family.ts'
import type { JudgedFamily } from './judge.ts'

/** Each metric with its family's name and type, without empty labels and the timestamp 0, which are none, in any order. */
export function metricsOf(
  all: readonly JudgedFamily[],
  relabel = (labels: readonly Label[]) => labels,
): string[] {
  const shown = (_: string, value: unknown) => (typeof value === 'number' ? String(value) : value)
  return all
    .flatMap(({ name, type = 'COUNTER', metric = [] }) =>
      metric.map(({ label = [], timestampMs = 0, ...rest }) => {
        const labels = label.map(({ name = '', value = '' }) => ({ name, value }))
        const full = relabel(labels.filter(({ value }) => value !== ''))
        const time = Number(timestampMs) === 0 ? {} : { timestampMs }
        return JSON.stringify({ name, type, labels: full, ...rest, ...time }, shown)
      }),
    )
    .sort()
}
