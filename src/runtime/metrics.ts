// The agent's own metrics: a small registry that prints the text format.

import type { Labels } from '../model.ts'

type Kind = 'counter' | 'gauge' | 'histogram'
interface Family {
  readonly kind: Kind
  readonly help: string
  /** By what follows the family's name: a suffix or none, and the labels. */
  readonly samples: Map<string, number>
}

/** A family of our own metrics. The same labels always name the same sample. */
export interface Metric {
  add(amount: number, labels?: Labels): void
  set(value: number, labels?: Labels): void
}

/** A distribution without labels. `observe` is cheap enough for every scrape. */
export interface Histogram {
  observe(value: number): void
}

export interface Metrics {
  counter(name: string, help: string): Metric
  gauge(name: string, help: string): Metric
  /** `bounds` are the buckets' upper ends, ascending, without +Inf. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram
  /** `collect` is called at each print, for what is read off rather than counted. */
  observe(
    name: string,
    kind: 'counter' | 'gauge',
    help: string,
    collect: () => Iterable<readonly [Labels, number]>,
  ): void
  /** The page in text format 0.0.4, families in the order of their names. */
  print(): string
}

export function createMetrics(): Metrics {
  const families = new Map<string, Family>()
  const collectors: (() => void)[] = []

  function family(name: string, kind: Kind, help: string): Family {
    const made: Family = families.get(name) ?? { kind, help, samples: new Map() }
    families.set(name, made)
    return made
  }
  function metric(name: string, kind: Kind, help: string): Metric {
    const { samples } = family(name, kind, help)
    return {
      add(amount, labels = {}) {
        const at = key(labels)
        samples.set(at, (samples.get(at) ?? 0) + amount)
      },
      set: (value, labels = {}) => samples.set(key(labels), value),
    }
  }
  return {
    counter: (name, help) => metric(name, 'counter', help),
    gauge: (name, help) => metric(name, 'gauge', help),
    histogram(name, help, bounds) {
      const { samples } = family(name, 'histogram', help)
      const counts = new Array<number>(bounds.length + 1).fill(0)
      let sum = 0
      collectors.push(() => {
        for (const [suffix, value] of distribution(bounds, counts, sum)) samples.set(suffix, value)
      })
      return {
        observe(value) {
          const at = bounds.findIndex((bound) => value <= bound)
          counts[at === -1 ? bounds.length : at]! += 1
          sum += value
        },
      }
    },
    observe(name, kind, help, collect) {
      const { samples } = family(name, kind, help)
      collectors.push(() => {
        samples.clear()
        for (const [labels, value] of collect()) samples.set(key(labels), value)
      })
    },
    print() {
      for (const collect of collectors) collect()
      return [...families]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { kind, help, samples }]) => {
          const lines = [...samples].map(([labels, value]) => `${name}${labels} ${value}\n`)
          return `# HELP ${name} ${escaped(help, false)}\n# TYPE ${name} ${kind}\n${lines.join('')}`
        })
        .join('')
    },
  }
}

/** The samples of a histogram: cumulative buckets, sum and count. */
function distribution(bounds: readonly number[], counts: readonly number[], sum: number) {
  let count = 0
  const buckets = counts.map((here, at): readonly [string, number] => {
    count += here
    return [`_bucket${key({ le: at === bounds.length ? '+Inf' : String(bounds[at]) })}`, count]
  })
  return [...buckets, ['_sum', sum] as const, ['_count', count] as const]
}

function key(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value, true)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const special = /[\\\n"]/

function escaped(text: string, quotes: boolean): string {
  if (!special.test(text)) return text
  const plain = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return quotes ? plain.replaceAll('"', '\\"') : plain
}
