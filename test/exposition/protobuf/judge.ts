// The judge: protobufjs with the messages of Prometheus' metrics.proto, which encodes and decodes independently of the
// engine, and what Prometheus 3 makes of what it decodes.

import protobuf from 'protobufjs'
import { type Meant, seriesOf } from '../corpus/meaning.ts'
import { exposition } from '../pages.ts'

const { root } = protobuf.parse(`
syntax = "proto2";
package io.prometheus.client;
message LabelPair { optional string name = 1; optional string value = 2; }
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5; }
message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
message Gauge { optional double value = 1; }
message Counter { optional double value = 1; optional Exemplar exemplar = 2; optional Timestamp created_timestamp = 3; }
message Quantile { optional double quantile = 1; optional double value = 2; }
message Summary {
  optional uint64 sample_count = 1;
  optional double sample_sum = 2;
  repeated Quantile quantile = 3;
  optional Timestamp created_timestamp = 4;
}
message Untyped { optional double value = 1; }
message Histogram {
  optional uint64 sample_count = 1;
  optional double sample_count_float = 4;
  optional double sample_sum = 2;
  repeated Bucket bucket = 3;
  optional sint32 schema = 5;
  optional double zero_threshold = 6;
  optional uint64 zero_count = 7;
  optional double zero_count_float = 8;
  repeated BucketSpan negative_span = 9;
  repeated sint64 negative_delta = 10;
  repeated double negative_count = 11;
  repeated BucketSpan positive_span = 12;
  repeated sint64 positive_delta = 13;
  repeated double positive_count = 14;
  optional Timestamp created_timestamp = 15;
  repeated Exemplar exemplars = 16;
}
message Bucket {
  optional uint64 cumulative_count = 1;
  optional double upper_bound = 2;
  optional Exemplar exemplar = 3;
  optional double cumulative_count_float = 4;
}
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
message Metric {
  repeated LabelPair label = 1;
  optional Gauge gauge = 2;
  optional Counter counter = 3;
  optional Summary summary = 4;
  optional Untyped untyped = 5;
  optional int64 timestamp_ms = 6;
  optional Histogram histogram = 7;
}
message MetricFamily {
  optional string name = 1;
  optional string help = 2;
  optional MetricType type = 3;
  repeated Metric metric = 4;
  optional string unit = 5;
}
`)
const MetricFamily = root.lookupType('io.prometheus.client.MetricFamily')

export interface JudgedLabel {
  readonly name?: string
  readonly value?: string
}
export interface JudgedTime {
  readonly seconds?: number
  readonly nanos?: number
}
export interface JudgedExemplar {
  readonly label?: readonly JudgedLabel[]
  readonly value?: number
  readonly timestamp?: JudgedTime
}
export interface JudgedBucket {
  readonly cumulativeCount?: number
  readonly cumulativeCountFloat?: number
  readonly upperBound?: number
  readonly exemplar?: JudgedExemplar
}
export interface JudgedSpan {
  readonly offset?: number
  readonly length?: number
}
export interface JudgedHistogram {
  readonly sampleCount?: number
  readonly sampleCountFloat?: number
  readonly sampleSum?: number
  readonly bucket?: readonly JudgedBucket[]
  readonly schema?: number
  readonly zeroThreshold?: number
  readonly zeroCount?: number
  readonly zeroCountFloat?: number
  readonly negativeSpan?: readonly JudgedSpan[]
  readonly negativeDelta?: readonly number[]
  readonly negativeCount?: readonly number[]
  readonly positiveSpan?: readonly JudgedSpan[]
  readonly positiveDelta?: readonly number[]
  readonly positiveCount?: readonly number[]
  readonly createdTimestamp?: JudgedTime
  readonly exemplars?: readonly JudgedExemplar[]
}
export interface JudgedMetric {
  readonly label?: readonly JudgedLabel[]
  readonly gauge?: { readonly value?: number }
  readonly counter?: {
    readonly value?: number
    readonly exemplar?: JudgedExemplar
    readonly createdTimestamp?: JudgedTime
  }
  readonly summary?: {
    readonly sampleCount?: number
    readonly sampleSum?: number
    readonly quantile?: readonly { readonly quantile?: number; readonly value?: number }[]
    readonly createdTimestamp?: JudgedTime
  }
  readonly untyped?: { readonly value?: number }
  readonly timestampMs?: number
  readonly histogram?: JudgedHistogram
}
export type JudgedType = 'COUNTER' | 'GAUGE' | 'SUMMARY' | 'UNTYPED' | 'HISTOGRAM' | 'GAUGE_HISTOGRAM'
export interface JudgedFamily {
  readonly name?: string
  readonly help?: string
  readonly type?: JudgedType
  readonly metric?: readonly JudgedMetric[]
  readonly unit?: string
}

export function encoded(families: readonly JudgedFamily[]): Buffer {
  return Buffer.concat(
    families.map((family) => MetricFamily.encodeDelimited(MetricFamily.fromObject(family)).finish()),
  )
}

/** Throws for what protobufjs doesn't decode. */
export function decoded(body: Uint8Array): JudgedFamily[] {
  const reader = protobuf.Reader.create(body)
  const found: JudgedFamily[] = []
  while (reader.pos < reader.len)
    found.push(MetricFamily.toObject(MetricFamily.decodeDelimited(reader), { enums: String, longs: Number }))
  return found
}

export const protobufPage = (families: readonly JudgedFamily[]) => exposition('protobuf', encoded(families))

export const isNative = ({ histogram = {} }: JudgedMetric): boolean =>
  (histogram.positiveSpan ?? []).length > 0 ||
  (histogram.negativeSpan ?? []).length > 0 ||
  (histogram.zeroThreshold ?? 0) > 0 ||
  (histogram.zeroCount ?? 0) > 0

/** The series that Prometheus makes of it, but for native histograms; of these what expfmt writes as text. */
export function samplesOfFamilies(families: readonly JudgedFamily[]): Meant[] {
  return families.flatMap(({ name = '', type = 'COUNTER', metric = [] }) =>
    metric.flatMap((one) => samplesOfMetric(name, type, one)),
  )
}

function samplesOfMetric(name: string, type: JudgedType, metric: JudgedMetric): Meant[] {
  const labels = (metric.label ?? []).map(({ name = '', value = '' }) => [name, value] as const)
  const sample = (suffix: string, value: number, ...more: readonly (readonly [string, string])[]): Meant => ({
    series: seriesOf([['__name__', name + suffix], ...labels, ...more]),
    value,
    time: metric.timestampMs || undefined,
  })
  switch (type) {
    case 'COUNTER':
      return [sample('', metric.counter?.value ?? 0)]
    case 'GAUGE':
      return [sample('', metric.gauge?.value ?? 0)]
    case 'UNTYPED':
      return [sample('', metric.untyped?.value ?? 0)]
    case 'SUMMARY': {
      const { quantile = [], sampleSum = 0, sampleCount = 0 } = metric.summary ?? {}
      return [
        ...quantile.map(({ quantile = 0, value = 0 }) => sample('', value, ['quantile', bound(quantile)])),
        sample('_sum', sampleSum),
        sample('_count', sampleCount),
      ]
    }
    default: {
      const { bucket = [], sampleSum = 0, ...counts } = metric.histogram ?? {}
      const count = floatOr(counts.sampleCountFloat, counts.sampleCount)
      const infinity = bucket.findIndex(({ upperBound }) => upperBound === Infinity)
      const buckets =
        infinity < 0
          ? [...bucket, { upperBound: Infinity, cumulativeCount: count }]
          : bucket.slice(0, infinity + 1)
      return [
        ...buckets.map(({ upperBound = 0, cumulativeCount = 0, ...float }: JudgedBucket) =>
          sample('_bucket', floatOr(float.cumulativeCountFloat, cumulativeCount), ['le', bound(upperBound)]),
        ),
        sample('_sum', sampleSum),
        sample('_count', count),
      ]
    }
  }
}

const bound = (value: number) => (value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value))

const floatOr = (float = 0, integer = 0) => (float === 0 ? integer : float)
