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

export const isHistogram = (type: MetricType | undefined): boolean =>
  type === 'histogram' || type === 'gaugehistogram'

export interface Label {
  readonly name: string
  readonly value: string
}

/**
 * All samples of one metric. A counter has the name that its samples have (`requests_total`), so that the same counter
 * from the text format and from OpenMetrics is one family.
 */
export interface Family extends FamilyMetadata {
  readonly samples: readonly Sample[]
}

/** What metadata declares of a family. */
export interface FamilyMetadata {
  readonly name: string
  readonly type: MetricType | undefined
  readonly help: string | undefined
  readonly unit: string | undefined
}

/**
 * One series with its value, as Prometheus stores it: a classic histogram or a summary is several, which differ in the ends
 * of their names (`_bucket`, `_sum`, `_count`, `_created`).
 */
export interface Sample {
  readonly name: string
  /** None is empty, no name occurs twice. */
  readonly labels: readonly Label[]
  /** As the text formats write it: no digit is lost between them. */
  readonly value: string
  readonly timestampMs: bigint | undefined
  readonly exemplar: Exemplar | undefined
  /** Set only on the way from protobuf to protobuf, in place of the value and the exemplar. */
  readonly encoded: EncodedMetric | undefined
}

/**
 * A metric of protobuf as it came, which is one series or several: a native histogram, created timestamps and what a later
 * version adds stay untouched. Only its labels and its timestamp are those of the sample.
 */
export interface EncodedMetric {
  /** That of its family, which defines how the fields are read, whatever a merge makes of the family. */
  readonly type: MetricType
  readonly isNative: boolean
  /** How many series Prometheus makes of it. */
  readonly series: number
  /** The fields of the message Metric but for labels and timestamp. */
  readonly fields: Uint8Array
}

export interface Exemplar {
  readonly labels: readonly Label[]
  readonly value: string
  readonly timestampMs: bigint | undefined
}
