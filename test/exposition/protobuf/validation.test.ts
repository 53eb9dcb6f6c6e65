import { describe, expect, test } from 'vitest'
import { inspect } from '../../../src/exposition/inspect.ts'
import { encoded, type JudgedFamily, type JudgedHistogram, type JudgedMetric } from './judge.ts'

const limits = { maxSeries: 1000, maxLineBytes: 10_000 }
const type = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited'
const inspected = (body: Uint8Array) => inspect(body, type, limits)
const hex = (bytes: string) => Buffer.from(bytes.replaceAll(' ', ''), 'hex')

const gauge = (...labels: readonly (readonly [string, string])[]): JudgedMetric => ({
  label: labels.map(([name, value]) => ({ name, value })),
  gauge: { value: 1 },
})
const gauges = (...metric: readonly JudgedMetric[]): JudgedFamily => ({ name: 'a', type: 'GAUGE', metric })
const histograms = (...all: readonly JudgedHistogram[]): JudgedFamily => ({
  name: 'h',
  type: 'HISTOGRAM',
  metric: all.map((histogram, at) => ({ label: [{ name: 'at', value: `${at}` }], histogram })),
})
/** Two buckets above zero with 2 and 3 observations, one below with 1, and 4 about zero. */
const native: JudgedHistogram = {
  sampleCount: 10,
  sampleSum: 7,
  schema: 3,
  zeroThreshold: 0.001,
  zeroCount: 4,
  positiveSpan: [{ offset: -2, length: 2 }],
  positiveDelta: [2, 1],
  negativeSpan: [{ offset: 5, length: 1 }],
  negativeDelta: [1],
}
const float: JudgedHistogram = {
  sampleCountFloat: 10.5,
  schema: 0,
  zeroThreshold: 0.001,
  zeroCountFloat: 4.5,
  positiveSpan: [{ offset: 0, length: 2 }],
  positiveCount: [2, 4],
}

describe('accepts', () => {
  test.each<[string, readonly JudgedFamily[], number]>([
    ['nothing', [], 0],
    [
      'each type',
      [
        { name: 'c_total', type: 'COUNTER', metric: [{ counter: { value: 1 } }] },
        gauges(gauge()),
        {
          name: 's',
          type: 'SUMMARY',
          metric: [{ summary: { sampleCount: 1, sampleSum: 2, quantile: [{ quantile: 0.5, value: 2 }] } }],
        },
        { name: 'u', type: 'UNTYPED', metric: [{ untyped: { value: 1 } }] },
        histograms({ sampleCount: 1, sampleSum: 1, bucket: [{ upperBound: 1, cumulativeCount: 1 }] }),
        { name: 'g', type: 'GAUGE_HISTOGRAM', metric: [{ histogram: native }] },
      ],
      1 + 1 + 3 + 1 + 4 + 1,
    ],
    [
      'metrics without a value, which are 0',
      [
        { name: 'a', type: 'SUMMARY', metric: [{}] },
        { name: 'h', type: 'HISTOGRAM', metric: [{}] },
      ],
      2 + 3,
    ],
    [
      'a bucket without an upper bound',
      [histograms({ bucket: [{ upperBound: 1 }, { upperBound: Infinity }, { upperBound: 2 }] })],
      4,
    ],
    ['a native histogram', [histograms(native)], 1],
    [
      'a native histogram with classic buckets',
      [histograms({ ...native, bucket: [{ upperBound: 1 }] })],
      1 + 4,
    ],
    ['a native histogram of floats', [histograms(float)], 1],
    ['an empty native histogram', [histograms({ positiveSpan: [{ offset: 0, length: 0 }] })], 1],
    [
      'a native histogram whose observations are in part no numbers',
      [histograms({ ...native, sampleCount: 11, sampleSum: Number.NaN })],
      1,
    ],
    [
      'spans of nothing',
      [
        histograms({
          ...native,
          positiveSpan: [
            { offset: -2, length: 1 },
            { offset: -3, length: 0 },
            { offset: 3, length: 1 },
          ],
        }),
      ],
      1,
    ],
    ['names and labels that need quotes', [{ name: 'a.b', metric: [gauge(['ü', 'ü€😀'])] }], 1],
    ['labels in any order', [gauges(gauge(['c', '1'], ['b', '2']))], 1],
    ['a family without metrics, which is not checked', [{ name: '' }, { type: 'GAUGE' }], 0],
    ['a family in two messages', [gauges(gauge(['b', '1'])), gauges(gauge(['b', '2']))], 2],
    ['a unit', [{ name: 'a_s_total', unit: 's', metric: [{ counter: { value: 1 } }] }], 1],
    ['one series at two times', [gauges({ ...gauge(), timestampMs: 1 }, { ...gauge(), timestampMs: 2 })], 2],
  ])('%s', (_, families, series) => {
    expect(inspected(encoded(families))).toMatchObject({ ok: true, format: 'protobuf', series, remarks: [] })
  })

  test.each([
    [
      'unknown fields of all kinds',
      '720a01611801224b122909000000000000f03fa001ac02a9010000000000000000b2010378797abd0100000000c3010805c401a001ac02a9010000000000000000b2010378797abd0100000000c3010805c401a001ac02a9010000000000000000b2010378797abd0100000000c3010805c401',
    ],
    ['fields in any order, of which the last counts', '15220b120909000000000000f03f18010a01780a0161'],
    ['buckets one by one', '150a01611804220e3a0c080562040800100268046802'],
    ['buckets in one field', '150a01611804220e3a0c08056204080010026a020402'],
    ['a histogram in two parts', '170a0161180422103a0808056204080010023a046a020402'],
  ])('%s', (_, bytes) => {
    expect(inspected(hex(bytes))).toMatchObject({ ok: true, series: 1, remarks: [] })
  })
})

describe('refuses', () => {
  test.each<[string, readonly JudgedFamily[], string]>([
    ['a family without a name', [{ metric: [gauge()] }], 'a family without a name'],
    [
      'a label without a name',
      [gauges({ label: [{ value: 'x' }] })],
      'a label\'s name is empty, in the family "a"',
    ],
    ['a label twice', [gauges(gauge(['b', '1'], ['b', '2']))], 'the label b occurs twice, in the family "a"'],
    [
      'a label twice, apart',
      [gauges(gauge(['c', '1'], ['b', '2'], ['c', '3']))],
      'the label c occurs twice, in the family "a"',
    ],
    [
      'the name as a label',
      [gauges(gauge(['__name__', 'b']))],
      'the label __name__ occurs twice, in the family "a"',
    ],
    [
      'le at a histogram',
      [{ name: 'h', type: 'HISTOGRAM', metric: [{ label: [{ name: 'le', value: '1' }] }] }],
      'the label le occurs twice, in the family "h"',
    ],
    [
      'quantile at a summary',
      [{ name: 's', type: 'SUMMARY', metric: [{ label: [{ name: 'quantile', value: '1' }] }] }],
      'the label quantile occurs twice, in the family "s"',
    ],
    [
      'more buckets than spans',
      [histograms({ ...native, positiveDelta: [2, 1, 0] })],
      'spans for 2 buckets, but 3 buckets, in the family "h"',
    ],
    [
      'fewer buckets than spans, at which Prometheus panics',
      [histograms({ ...native, negativeDelta: [] })],
      'spans for 1 buckets, but 0 buckets, in the family "h"',
    ],
    [
      'integers in a histogram of floats',
      [histograms({ ...native, sampleCountFloat: 10 })],
      'spans for 2 buckets, but 0 buckets, in the family "h"',
    ],
    [
      'spans that overlap',
      [
        histograms({
          ...native,
          positiveSpan: [
            { offset: 3, length: 1 },
            { offset: -1, length: 1 },
          ],
        }),
      ],
      'spans that overlap, in the family "h"',
    ],
    [
      'a negative bucket',
      [histograms({ ...native, positiveDelta: [2, -3] })],
      'a bucket with a negative count, in the family "h"',
    ],
    [
      'a negative bucket of floats',
      [histograms({ ...float, positiveCount: [2, -1] })],
      'a bucket with a negative count, in the family "h"',
    ],
    [
      'a negative count of floats',
      [histograms({ ...float, sampleCountFloat: -1 })],
      'a negative count, in the family "h"',
    ],
    [
      'a count that is not that of the buckets',
      [histograms({ ...native, sampleCount: 11 })],
      'a count of 11, but 10 in the buckets, in the family "h"',
    ],
    [
      'a count below that of the buckets, where some are no numbers',
      [histograms({ ...native, sampleCount: 9, sampleSum: Number.NaN })],
      'a count of 9, but 10 in the buckets, in the family "h"',
    ],
    [
      'custom buckets, which have no form in protobuf',
      [histograms({ ...native, schema: -53 })],
      'no schema has the number -53, in the family "h"',
    ],
    [
      'too low a schema',
      [histograms({ ...native, schema: -5 })],
      'no schema has the number -5, in the family "h"',
    ],
    [
      'too high a schema',
      [histograms({ ...native, schema: 9 })],
      'no schema has the number 9, in the family "h"',
    ],
    [
      'too many series',
      [gauges(...Array.from({ length: 1001 }, (_, at) => gauge(['b', `${at}`])))],
      'more than 1000 series, in the family "a"',
    ],
    [
      'too long a metric',
      [gauges(gauge(['b', 'x'.repeat(10_000)]))],
      'longer than 10000 bytes, in the family "a"',
    ],
    [
      'too long a help text',
      [{ ...gauges(gauge()), help: 'x'.repeat(10_001) }],
      'longer than 10000 bytes, in the family "a"',
    ],
  ])('%s', (_, families, reason) => {
    expect(inspected(encoded(families))).toMatchObject({ ok: false, reason })
  })

  test.each([
    [
      'a wrong wire type',
      '090a0161180122021001',
      10,
      'field 2 has the wire type 0 instead of 2, in the family "a"',
    ],
    [
      'the end of a group that has not begun',
      '130a01611801220b120909000000000000f03f4c',
      21,
      'a field with the wire type 4',
    ],
    [
      'a field with the number 0',
      '140a01611801220b120909000000000000f03f0000',
      20,
      'a field with an impossible number',
    ],
    [
      'a wire type that does not exist',
      '130a01611801220b120909000000000000f03f4e',
      21,
      'a field with the wire type 6',
    ],
    ['a group without an end', '130a01611801220b120909000000000000f03f4b', 21, 'a group without an end'],
    [
      'a type that does not exist',
      '120a01611809220b120909000000000000f03f',
      1,
      'no type has the number 9, in the family "a"',
    ],
    [
      'a name that is not UTF-8',
      '130a0261ff1801220b120909000000000000f03f',
      4,
      'the name is not valid UTF-8, in the family "a�"',
    ],
    [
      'a help text that is not UTF-8',
      '150a01611201c31801220b120909000000000000f03f',
      7,
      'the help text is not valid UTF-8, in the family "a"',
    ],
    [
      "a label's value that is not UTF-8",
      '1c0a0161180122150a080a01621203eda080120909000000000000f03f',
      16,
      'a label\'s value is not valid UTF-8, in the family "a"',
    ],
    [
      "a label's name that is not UTF-8",
      '1b0a0161180122140a070a0262ff120178120909000000000000f03f',
      13,
      'a label\'s name is not valid UTF-8, in the family "a"',
    ],
    [
      "an exemplar's label that is not UTF-8",
      '1c0a0161180022151a1309000000000000f03f12080a060a01621201ff',
      29,
      'the label of an exemplar is not valid UTF-8, in the family "a"',
    ],
    [
      'a number of more than 64 bits',
      '1e0a016118012217120909000000000000f03f30ffffffffffffffffffff01',
      21,
      'a number of more than 64 bits, in the family "a"',
    ],
    [
      'a cut number',
      '0e0a01611801220712050900000000',
      12,
      'the message ends within a number, in the family "a"',
    ],
    ['a cut message', 'c8010a0161', 1, 'a length beyond the end of the message'],
    ['text', Buffer.from('# HELP a A\na 1\n').toString('hex'), 1, 'a length beyond the end of the message'],
  ])('%s', (_, bytes, column, reason) => {
    expect(inspected(hex(bytes))).toEqual({ ok: false, line: 1, column, reason })
  })

  test('whatever is cut anywhere within a message', () => {
    const body = encoded([histograms(native), gauges(gauge(['b', '1']))])
    const ends = Array.from({ length: body.length + 1 }, (_, end) => end)
    const accepted = ends.filter((end) => inspected(body.subarray(0, end)).ok)
    expect(accepted).toEqual([0, encoded([histograms(native)]).length, body.length])
  })

  test('labels of one name among very many, in no time', () => {
    const many = Array.from({ length: 100_000 }, (_, at) => ({
      name: `l${(at * 7919) % 100_000}`,
      value: '1',
    }))
    const large = { maxSeries: 10, maxLineBytes: 10_000_000 }
    const page = (label: typeof many) => encoded([gauges({ label, gauge: { value: 1 } })])
    expect(inspect(page(many), type, large)).toMatchObject({ ok: true })
    expect(inspect(page([...many, many[5]!]), type, large)).toMatchObject({ ok: false })
  })
})

test('metrics without a Content-Type are read as text, never as protobuf', () => {
  expect(inspect(encoded([gauges(gauge())]), undefined, limits)).toMatchObject({ ok: false })
})
