// The agent's own metrics: a small registry, printed in the text format.

import { type Labels, type MetricsPage, plainPage } from '../model.ts'

interface OwnFamily {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** The key is what follows the family's name: a suffix or none, and the labels. */
  readonly samples: Map<string, number>
}

/** A counter or gauge. The same labels always identify the same sample. */
export interface Metric {
  add(amount: number, labels?: Labels): void
  set(value: number, labels?: Labels): void
}

/** A histogram without labels. */
export interface Histogram {
  observe(value: number): void
}

export interface Metrics {
  counter(name: string, help: string): Metric
  gauge(name: string, help: string): Metric
  /** `buckets` are upper bounds, ascending, without +Inf. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram
  /** For values that are read rather than counted: `collect` is called by each `print`. */
  registerCollector(
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    collect: () => Iterable<readonly [Labels, number]>,
  ): void
  /** Text format 0.0.4, sorted by family name. */
  print(): string
}

export function createMetrics(): Metrics {
  const families = new Map<string, OwnFamily>()
  const collectors: (() => void)[] = []

  function samplesOf(name: string, type: OwnFamily['type'], help: string): Map<string, number> {
    const family = families.get(name) ?? { type, help, samples: new Map() }
    families.set(name, family)
    return family.samples
  }

  function metric(name: string, type: OwnFamily['type'], help: string): Metric {
    const samples = samplesOf(name, type, help)
    return {
      add(amount, labels = {}) {
        const key = printLabels(labels)
        samples.set(key, (samples.get(key) ?? 0) + amount)
      },
      set: (value, labels = {}) => samples.set(printLabels(labels), value),
    }
  }

  return {
    counter: (name, help) => metric(name, 'counter', help),
    gauge: (name, help) => metric(name, 'gauge', help),
    histogram(name, help, buckets) {
      const samples = samplesOf(name, 'histogram', help)
      const bounds = [...buckets, Number.POSITIVE_INFINITY]
      const counts = bounds.map(() => 0)
      let sum = 0
      collectors.push(() => {
        let count = 0
        for (const [index, bound] of bounds.entries()) {
          count += counts[index]!
          const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound)
          samples.set(`_bucket${printLabels({ le })}`, count)
        }
        samples.set('_sum', sum).set('_count', count)
      })
      return {
        observe(value) {
          counts[bounds.findIndex((bound) => value <= bound)]! += 1
          sum += value
        },
      }
    },
    registerCollector(name, type, help, collect) {
      const samples = samplesOf(name, type, help)
      collectors.push(() => {
        samples.clear()
        for (const [labels, value] of collect()) samples.set(printLabels(labels), value)
      })
    },
    print() {
      for (const collect of collectors) collect()
      return [...families]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { type, help, samples }]) => {
          const lines = [...samples].map(([key, value]) => `${name}${key} ${numberText(value)}\n`)
          return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`
        })
        .join('')
    },
  }
}

/** What `print` returns, as metrics that are served or scraped. */
export function pageOf(metrics: Metrics): MetricsPage {
  const text = metrics.print()
  // lines end with \n alone: a label's value may hold what else ends a line for a regular expression
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  return plainPage(Buffer.from(text), { format: 'text/0.0.4', series, remarks: [] })
}

function printLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escapeHelp(value).replaceAll('"', '\\"')}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const numberText = (value: number) => (value === Number.POSITIVE_INFINITY ? '+Inf' : `${value}`)

const escapeHelp = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
