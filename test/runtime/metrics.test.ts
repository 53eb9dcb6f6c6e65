import { expect, test } from 'vitest'
import { createMetrics } from '../../src/runtime/metrics.ts'

test('counters, gauges, histograms and values that are read are printed in one text', () => {
  const metrics = createMetrics()
  const seen = metrics.counter('seen_total', 'Seen.')
  seen.add(1)
  seen.add(2, { what: 'a "b"\\\n' })
  metrics.gauge('level', 'A level.').set(4)
  metrics.registerCollector('read_off', 'gauge', 'Read off.', () => [[{ of: 'x' }, 5]])
  const took = metrics.histogram('took_seconds', 'Took.', [0.1, 1])
  for (const value of [0.1, 0.5, 2]) took.observe(value)
  expect(metrics.print()).toBe(`# HELP level A level.
# TYPE level gauge
level 4
# HELP read_off Read off.
# TYPE read_off gauge
read_off{of="x"} 5
# HELP seen_total Seen.
# TYPE seen_total counter
seen_total 1
seen_total{what="a \\"b\\"\\\\\\n"} 2
# HELP took_seconds Took.
# TYPE took_seconds histogram
took_seconds_bucket{le="0.1"} 1
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 3
took_seconds_sum 2.6
took_seconds_count 3
`)
})
