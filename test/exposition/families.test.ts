import { expect, test } from 'vitest'
import { families as familiesInSteps } from '../../src/exposition/families.ts'
import { families } from '../helpers/families.ts'

test('a text page, family by family', () => {
  const body = Buffer.from(
    '# HELP h Time\\nspent\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\nconnections 3\n# TYPE c counter\nc 1\nc_total 2',
  )
  expect(families({ format: 'text/0.0.4', body })).toEqual([
    {
      name: 'h',
      type: 'histogram',
      help: 'Time\nspent',
      unit: '',
      histograms: [
        {
          ...{ kind: 'classic', series: 'h', count: '1', sum: '1', size: 3 },
          buckets: [{ lower: '0', upper: '+Inf', count: 1 }],
          text: 'h\nh_bucket\nh_sum\nh_count\nle="+Inf"',
          ...{ p50: '0', p99: '0' },
        },
      ],
      samples: [],
    },
    { name: 'connections', type: 'unknown', help: '', unit: '', histograms: [], samples: ['connections 3'] },
    { name: 'c', type: 'counter', help: '', unit: '', histograms: [], samples: ['c 1'] },
    { name: 'c_total', type: 'unknown', help: '', unit: '', histograms: [], samples: ['c_total 2'] },
  ])
})

test('an OpenMetrics page, family by family', () => {
  const body = Buffer.from(
    '# TYPE c_seconds counter\n# UNIT c_seconds seconds\n# HELP c_seconds \\"C\\"\nc_seconds_total 1 # {} 2\nc_seconds_created 1\n# TYPE i info\ni_info{a="b"} 1\n# EOF\n',
  )
  expect(families({ format: 'openmetrics/1.0.0', body })).toEqual([
    {
      name: 'c_seconds',
      type: 'counter',
      help: '"C"',
      unit: 'seconds',
      histograms: [],
      samples: ['c_seconds_total 1 # {} 2', 'c_seconds_created 1'],
    },
    { name: 'i', type: 'info', help: '', unit: '', histograms: [], samples: ['i_info{a="b"} 1'] },
  ])
})

test('a sample is of the family that was declared last, if its name fits, else of one declared before', () => {
  const body = Buffer.from(
    '# TYPE a summary\na_count 1\n# TYPE a_sum gauge\na_sum 2\na_count 3\n# TYPE a_total counter\n# TYPE a summary\na_sum 4\na_total 5\n',
  )
  expect(families({ format: 'text/0.0.4', body }).map(({ name, samples }) => [name, samples])).toEqual([
    ['a', ['a_count 1', 'a_count 3', 'a_sum 4']],
    ['a_sum', ['a_sum 2']],
    ['a_total', ['a_total 5']],
  ])
})

test('an empty page', () => {
  expect(families({ format: 'openmetrics/1.0.0', body: Buffer.alloc(0) })).toEqual([])
})

test('histograms of a very large family are shown as its samples, all of them', () => {
  const lines = Array.from({ length: 4000 }, (_, at) => [
    `h_bucket{a="${at}",le="+Inf"} 1`,
    `h_sum{a="${at}"} 1`,
    `h_count{a="${at}"} 1`,
  ]).flat()
  const body = Buffer.from(`# TYPE h histogram\n${lines.join('\n')}\n`)
  expect(families({ format: 'text/0.0.4', body })).toMatchObject([
    { name: 'h', type: 'histogram', histograms: [], samples: lines },
  ])
})

test('a histogram of very many series is printed in steps, as it is parsed', () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => `h_bucket{le="${at}"} ${at}`)
  const steps = familiesInSteps({
    format: 'text/0.0.4',
    body: Buffer.from(`# TYPE h histogram\n${lines.join('\n')}\n`),
  })
  let count = 0
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) {
      expect(step.value.families).toMatchObject([{ name: 'h', histograms: [], samples: lines }])
      break
    }
    count += 1
  }
  expect(count).toBeGreaterThan(2 * (lines.length / 1000) - 1)
})
