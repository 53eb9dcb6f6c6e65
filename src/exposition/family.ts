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
export interface Family {
  readonly name: string
  /** Undefined if nobody has declared one. */
  readonly type: MetricType | undefined
  readonly help: string | undefined
  readonly unit: string | undefined
  readonly samples: readonly Sample[]
}

/**
 * One series with its value, as Prometheus stores it: a classic histogram or a summary is several, told apart by the ends
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
