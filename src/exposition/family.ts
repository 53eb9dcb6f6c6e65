// What metrics mean, whichever format they come in: what each format is parsed to and printed from.

/** `unknown` is OpenMetrics' word for what the text format calls untyped. */
export type MetricType =
  | 'counter'
  | 'gauge'
  | 'histogram'
  | 'summary'
  | 'unknown'
  | 'info'
  | 'stateset'
  | 'gaugehistogram'

export interface Label {
  readonly name: string
  readonly value: string
}

/**
 * All samples of one metric. A counter has the name that its samples have (`requests_total`), so that the same counter
 * from the text format and from OpenMetrics is one family.
 */
export interface Family extends Declared {
  readonly samples: readonly Sample[]
}

/** What metadata declares of a family. */
export interface Declared {
  readonly name: string
  readonly type: MetricType | undefined
  readonly help: string | undefined
  readonly unit: string | undefined
}

/**
 * One series with its value, as Prometheus stores it: a classic histogram or a summary is several, which differ in the ends
 * of their names (`_bucket`, `_sum`, `_count`, `_created`). A native histogram would be one, with a field of its own.
 */
export interface Sample {
  readonly name: string
  /** None is empty, no name is there twice. */
  readonly labels: readonly Label[]
  /** Spelt as the text formats do: no digit is lost between them. */
  readonly value: string
  readonly timestampMs: bigint | undefined
  readonly exemplar: Exemplar | undefined
}

export interface Exemplar {
  readonly labels: readonly Label[]
  readonly value: string
  readonly timestampMs: bigint | undefined
}
