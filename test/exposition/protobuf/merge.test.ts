import { describe, expect, test } from 'vitest'
import { commonFormat, kindOf } from '../../../src/exposition/formats.ts'
import { convert, merge } from '../../../src/exposition/merge.ts'
import { families } from '../../helpers/families.ts'
import { openMetricsPage, read, textPage, toOpenMetrics, toProtobuf, toText } from '../pages.ts'
import { decoded, encoded, type JudgedFamily, type JudgedHistogram, protobufPage } from './judge.ts'

const one = { name: 'slot', value: '1' }
const two = { name: 'slot', value: '2' }
const slot = (value: string) => ({ name: 'slot', value })
const created = { seconds: 1_700_000_000, nanos: 123_456_789 }
const exemplar = { label: [{ name: 'trace_id', value: 'abc' }], value: 0.3, timestamp: created }

const native: JudgedHistogram = {
  sampleCount: 5,
  sampleSum: 7.5,
  schema: 3,
  zeroThreshold: 0.001,
  positiveSpan: [{ offset: -2, length: 2 }],
  positiveDelta: [2, 1],
  createdTimestamp: created,
  exemplars: [exemplar],
}
const dual: JudgedHistogram = {
  ...native,
  bucket: [
    { cumulativeCount: 2, upperBound: 0.5, exemplar },
    { cumulativeCount: 5, upperBound: 1e6 },
  ],
}
const histogram = (...metrics: readonly JudgedHistogram[]): JudgedFamily => ({
  name: 'h_seconds',
  help: 'How long it took.',
  type: 'HISTOGRAM',
  unit: 'seconds',
  metric: metrics.map((histogram) => ({ histogram })),
})
const counter: JudgedFamily = {
  name: 'c_total',
  help: 'A "c".',
  type: 'COUNTER',
  metric: [
    {
      label: [{ name: 'code', value: '200' }],
      counter: { value: 3, exemplar, createdTimestamp: created },
      timestampMs: 1_395_066_363_001,
    },
  ],
}
const summary: JudgedFamily = {
  name: 's',
  type: 'SUMMARY',
  metric: [
    {
      summary: {
        sampleCount: 2,
        sampleSum: 3,
        quantile: [{ quantile: 0.99, value: Number.NaN }],
        createdTimestamp: created,
      },
    },
  ],
}

/** As expfmt, the library of Prometheus' exporters, writes the same metrics. */
describe('protobuf for a client that takes text', () => {
  test('has classic buckets, and of a native histogram its count and sum', () => {
    const page = protobufPage([histogram(dual), { ...histogram(native), name: 'n' }, counter, summary])
    expect(read(convert(page, toText))).toBe(`# HELP h_seconds How long it took.
# TYPE h_seconds histogram
h_seconds_bucket{le="0.5"} 2
h_seconds_bucket{le="1e+06"} 5
h_seconds_bucket{le="+Inf"} 5
h_seconds_sum 7.5
h_seconds_count 5
# HELP n How long it took.
# TYPE n histogram
n_bucket{le="+Inf"} 5
n_sum 7.5
n_count 5
# HELP c_total A "c".
# TYPE c_total counter
c_total{code="200"} 3 1395066363001
# TYPE s summary
s{quantile="0.99"} NaN
s_sum 3
s_count 2
`)
  })

  test('has exemplars and units in OpenMetrics', () => {
    const page = protobufPage([histogram(dual), counter])
    expect(read(convert(page, toOpenMetrics))).toBe(`# HELP h_seconds How long it took.
# TYPE h_seconds histogram
# UNIT h_seconds seconds
h_seconds_bucket{le="0.5"} 2 # {trace_id="abc"} 0.3 1700000000.123
h_seconds_bucket{le="1e+06"} 5
h_seconds_bucket{le="+Inf"} 5
h_seconds_sum 7.5
h_seconds_count 5
# HELP c A \\"c\\".
# TYPE c counter
c_total{code="200"} 3 1395066363.001 # {trace_id="abc"} 0.3 1700000000.123
# EOF
`)
  })

  test('has gauge histograms, of floats as well', () => {
    const floats = {
      sampleCountFloat: 2.5,
      sampleSum: -1,
      bucket: [{ cumulativeCountFloat: 1.5, upperBound: 1 }],
    }
    const page = protobufPage([{ name: 'g', type: 'GAUGE_HISTOGRAM', metric: [{ histogram: floats }] }])
    const samples = 'g_bucket{le="1"} 1.5\ng_bucket{le="+Inf"} 2.5\ng_sum -1\ng_count 2.5\n'
    expect(read(convert(page, toText))).toBe(`# TYPE g histogram\n${samples}`)
    expect(read(convert(page, toOpenMetrics))).toBe(`# TYPE g gaugehistogram\n${samples}# EOF\n`)
  })

  test.each([
    [0, '0'],
    [-0, '-0'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [100_000, '100000'],
    [999_999.5, '999999.5'],
    [1_000_000, '1e+06'],
    [1_234_567.5, '1.2345675e+06'],
    [1e21, '1e+21'],
    [1e-300, '1e-300'],
    [2 ** 53 + 2, '9.007199254740994e+15'],
    [-Infinity, '-Inf'],
  ])('spells %d as Go does', (value, text) => {
    const page = protobufPage([{ name: 'g', type: 'GAUGE', metric: [{ gauge: { value } }] }])
    expect(read(convert(page, toText))).toBe(`# TYPE g gauge\ng ${text}\n`)
  })
})

describe('text for a client that takes protobuf', () => {
  test('becomes metrics of the same types', () => {
    const page = textPage(`# HELP h H.
# TYPE h histogram
h_bucket{a="b",le="1"} 1
h_bucket{a="b",le="+Inf"} 2
h_sum{a="b"} 3.5
h_count{a="b"} 2
# TYPE s summary
s{quantile="0.5"} 1
s_sum 4
s_count 2
# TYPE c_total counter
c_total 7 5
u 1
`)
    expect(decoded(convert(page, toProtobuf))).toEqual([
      {
        name: 'h',
        help: 'H.',
        type: 'HISTOGRAM',
        metric: [
          {
            label: [{ name: 'a', value: 'b' }],
            histogram: {
              sampleCount: 2,
              sampleSum: 3.5,
              bucket: [
                { cumulativeCount: 1, upperBound: 1 },
                { cumulativeCount: 2, upperBound: Infinity },
              ],
            },
          },
        ],
      },
      {
        name: 's',
        type: 'SUMMARY',
        metric: [{ summary: { sampleCount: 2, sampleSum: 4, quantile: [{ quantile: 0.5, value: 1 }] } }],
      },
      { name: 'c_total', type: 'COUNTER', metric: [{ counter: { value: 7 }, timestampMs: 5 }] },
      { name: 'u', type: 'UNTYPED', metric: [{ untyped: { value: 1 } }] },
    ])
  })

  test('keeps exemplars and units of OpenMetrics', () => {
    const page = openMetricsPage(
      '# TYPE c_s counter\n# UNIT c_s s\nc_s_total 1 # {t="x"} 2 -1.5\nc_s_created 3\n# TYPE i info\ni_info{a="b"} 1\n',
    )
    expect(decoded(convert(page, toProtobuf))).toEqual([
      {
        name: 'c_s_total',
        type: 'COUNTER',
        unit: 's',
        metric: [
          {
            counter: {
              value: 1,
              exemplar: {
                label: [{ name: 't', value: 'x' }],
                value: 2,
                timestamp: { seconds: -2, nanos: 500_000_000 },
              },
            },
          },
        ],
      },
      { name: 'c_s_created', type: 'GAUGE', metric: [{ gauge: { value: 3 } }] },
      {
        name: 'i_info',
        type: 'GAUGE',
        metric: [{ label: [{ name: 'a', value: 'b' }], gauge: { value: 1 } }],
      },
    ])
  })

  test.each([
    ['a histogram without a count', '# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_sum 3\n'],
    ['a histogram without +Inf', '# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 3\nh_count 2\n'],
    [
      'a bucket without a bound',
      '# TYPE h histogram\nh_bucket 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    ],
    [
      'a bound that is no number',
      '# TYPE h histogram\nh_bucket{le="x"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    ],
    [
      'a bound twice',
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    ],
    ['a summary of half an observation', '# TYPE s summary\ns_sum 3\ns_count 0.5\n'],
    ['a count below 0 of a summary', '# TYPE s summary\ns_sum 3\ns_count -1\n'],
  ])('leaves the series of %s as they are', (_, text) => {
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const there = { format: 'protobuf' as const, body: convert(textPage(text), toProtobuf) }
    const back = read(convert(there, toText)).split('\n')
    expect(back.filter((line) => line !== '' && !line.startsWith('#')).sort()).toEqual(series.sort())
  })

  test('cannot have the timestamp 0, which Prometheus takes for none', () => {
    expect(merge([{ page: textPage('a 1 0\nb 1\n') }], toProtobuf)).toMatchObject({
      series: 1,
      remarks: ['1 sample is left out, with a timestamp that protobuf cannot express'],
    })
  })
})

describe('replicas', () => {
  test('keep their native histograms, created timestamps and exemplars beside labels of their own', () => {
    const parts = [one, two].map((label) => ({ page: protobufPage([histogram(dual), counter]), label }))
    const labelled = (family: JudgedFamily): JudgedFamily => ({
      ...family,
      metric: ['1', '2'].flatMap((value) =>
        family.metric!.map((metric) => ({ ...metric, label: [slot(value), ...(metric.label ?? [])] })),
      ),
    })
    const { body, series, remarks } = merge(parts, toProtobuf)
    expect(decoded(body)).toEqual(decoded(encoded([labelled(histogram(dual)), labelled(counter)])))
    expect([series, remarks]).toEqual([2 * (6 + 1), []])
  })

  test('a native histogram beside a classic one gets a message of its own, since Prometheus reads all by the first', () => {
    const classic = { sampleCount: 1, sampleSum: 1, bucket: [{ cumulativeCount: 1, upperBound: 1 }] }
    const parts = [
      { page: protobufPage([histogram(classic)]), label: one },
      { page: protobufPage([histogram(native)]), label: two },
    ]
    const found = decoded(merge(parts, toProtobuf).body)
    expect(found.map(({ name, type, help, unit }) => [name, type, help, unit])).toEqual(
      [1, 2].map(() => ['h_seconds', 'HISTOGRAM', 'How long it took.', 'seconds']),
    )
    expect(found.map(({ metric }) => metric!.map(({ label }) => label))).toEqual([
      [[slot('1')]],
      [[slot('2')]],
    ])
  })

  test('one that has only text is converted to protobuf, and the other is unchanged', () => {
    const text = textPage(
      '# TYPE h_seconds histogram\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_sum 2\nh_seconds_count 1\n',
    )
    const parts = [
      { page: text, label: one },
      { page: protobufPage([histogram(native)]), label: two },
    ]
    const format = commonFormat(parts.map(({ page }) => page.format))
    expect([format, kindOf(format)]).toEqual(['protobuf', 'protobuf'])
    const found = decoded(merge(parts, toProtobuf).body)
    expect(found.flatMap(({ metric }) => metric)).toEqual(
      expect.arrayContaining([
        {
          label: [slot('1')],
          histogram: { sampleCount: 1, sampleSum: 2, bucket: [{ cumulativeCount: 1, upperBound: Infinity }] },
        },
        { label: [slot('2')], histogram: decoded(encoded([histogram(native)]))[0]!.metric![0]!.histogram },
      ]),
    )
  })

  test('that contradict each other’s types keep both, in messages of their own', () => {
    const parts = [
      { page: textPage('# TYPE h_seconds gauge\nh_seconds 1\n'), label: one },
      { page: protobufPage([histogram(native)]), label: two },
    ]
    const { body, remarks } = merge(parts, toProtobuf)
    expect(remarks).toEqual([
      '1 family has conflicting types and no type now: h_seconds is gauge and histogram',
    ])
    expect(
      decoded(body)
        .map(({ type, metric }) => [type, metric!.length])
        .sort(),
    ).toEqual([
      ['HISTOGRAM', 1],
      ['UNTYPED', 1],
    ])
  })

  test('of samples that repeat a series the first stays', () => {
    const page = protobufPage([histogram(native)])
    expect(merge([{ page }, { page }], toProtobuf)).toMatchObject({
      body: merge([{ page }], toProtobuf).body,
      series: 1,
      remarks: ['1 sample repeats a series, such as h_seconds: the first is kept'],
    })
  })

  test('names that need quotes are escaped for a client that takes none', () => {
    const page = protobufPage([
      { name: 'a.b', type: 'GAUGE', metric: [{ label: [{ name: 'c.d', value: '1' }], gauge: { value: 1 } }] },
    ])
    const escaped = convert(page, { ...toProtobuf, escaping: 'underscores' })
    expect(decoded(escaped)).toEqual([
      { name: 'a_b', type: 'GAUGE', metric: [{ label: [{ name: 'c_d', value: '1' }], gauge: { value: 1 } }] },
    ])
    expect(convert(page, toProtobuf)).toBe(page.body)
    const plain = protobufPage([counter])
    expect(convert(plain, { ...toProtobuf, escaping: 'underscores' })).toBe(plain.body)
  })
})

test('families are shown as text', () => {
  expect(families(protobufPage([counter, histogram(native)]))).toMatchObject([
    {
      name: 'c_total',
      type: 'counter',
      help: 'A "c".',
      unit: '',
      histograms: [],
      samples: ['c_total{code="200"} 3 1395066363.001 # {trace_id="abc"} 0.3 1700000000.123'],
    },
    {
      name: 'h_seconds',
      type: 'histogram',
      help: 'How long it took.',
      unit: 'seconds',
      histograms: [{ kind: 'native', series: 'h_seconds', count: '5', p50: '0.853', p99: '0.916' }],
      samples: [],
    },
  ])
})
