// What the agent tells of itself: its log and its own metrics. Both are made here and passed on.

import { channel } from 'node:diagnostics_channel'
import { pino } from 'pino'
import { createLogStream } from './log-stream.ts'
import { visibleJson } from './terminal.ts'

/** The part of a logger that modules use. State changes are logged, repetitions are not. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** The one way of every internal error: an exception that nothing expected, so a bug. The line has its stack. */
  internal(error: unknown, where: Where, fields?: object): void
}

/** Where an internal error was caught: the label of its metric, so a closed list. */
export const wheres = [
  ...(['discovery', 'probe', 'scrape', 'store', 'sync', 'request', 'rules'] as const),
  ...(['timer', 'process'] as const),
] as const
export type Where = (typeof wheres)[number]

/** The message of its line in the log, and nobody else's. */
export const internalError = 'internal error'

/** Each internal error of this process, whatever the log level: tests listen, so that none passes unnoticed. */
export const internalErrors = channel('app-metrics-proxy.internal-error')

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** JSON on the standard output, a line each; `write` takes the lines instead. */
export function createLog(level: LogLevel, write: (line: string) => void = createLogStream()): Log {
  const hooks = { streamWrite: visibleJson }
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks }
  const lines = pino(options, { write })
  return {
    debug: (fields, message) => lines.debug(fields, message),
    info: (fields, message) => lines.info(fields, message),
    warn: (fields, message) => lines.warn(fields, message),
    error: (fields, message) => lines.error(fields, message),
    internal(error, where, fields) {
      lines.error({ err: error, where, ...fields }, internalError)
      internalErrors.publish(error)
    },
  }
}

type Labels = Readonly<Record<string, string>>
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
