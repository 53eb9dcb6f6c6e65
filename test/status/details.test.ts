import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { ShownFamily } from '../../src/exposition/families.ts'
import type { ShownHistogram } from '../../src/exposition/histograms.ts'
import { metricsStatusOf as metricsInSteps, sampleOf, scrapeJob } from '../../src/status/details.ts'
import { targetOf } from '../../src/status/target.ts'
import { entry, target, task } from '../helpers/cluster.ts'
import { resultOf } from '../helpers/families.ts'

const metricsStatusOf = (families: readonly ShownFamily[], find: string) =>
  resultOf(metricsInSteps({ families, remarks: ['a remark'] }, find))
const context = { node: 'node1', isLost: false, services: new Map() }

describe('a sample', () => {
  test.each([
    ['up 1', 'up', '1'],
    ['up{a="b"} 1 1712', 'up{a="b"}', '1 1712'],
    ['up {a="b"}  1', 'up {a="b"}', '1'],
    [String.raw`up{a="} \" 7",b="c"} 2`, String.raw`up{a="} \" 7",b="c"}`, '2'],
    ['{"my.metric",a="b"} 3', '{"my.metric",a="b"}', '3'],
    ['up 1 # {trace="x"} 0.5', 'up', '1 # {trace="x"} 0.5'],
  ])('%s', (line, series, value) => {
    expect(sampleOf(line)).toEqual({ series, value })
  })
})

describe('the metrics of a target', () => {
  const family = (name: string, samples: readonly string[], help = ''): ShownFamily => ({
    name,
    type: 'gauge',
    help,
    unit: '',
    histograms: [],
    samples,
  })
  const requests = family('requests', ['requests{code="200"} 1', 'requests{code="500"} 2'], 'Those answered.')
  const memory = family('memory', ['memory 3'])

  test('has all families without a search', () => {
    expect(metricsStatusOf([requests, memory], '')).toMatchObject({
      families: 2,
      series: 3,
      truncated: false,
      remarks: ['a remark'],
    })
  })

  test.each([
    ['CODE="500"', ['requests{code="500"}']],
    ['answered', ['requests{code="200"}', 'requests{code="500"}']],
    ['answered 200', ['requests{code="200"}']],
    ['mem', ['memory']],
    ['nothing', []],
  ])('finds %s', (find, series) => {
    const found = metricsStatusOf([requests, memory], find)
    expect(found.shown.flatMap(({ samples }) => samples.map((sample) => sample.series))).toEqual(series)
    expect(found.series).toBe(series.length)
  })

  test('is truncated at a limit', () => {
    const large = Array.from({ length: 40 }, (_, at) =>
      family(
        `f${at}`,
        Array.from({ length: 300 }, (_, of) => `f${at}{of="${of}"} 1`),
      ),
    )
    const page = metricsStatusOf(large, '')
    expect(page).toMatchObject({ families: 40, series: 12_000, truncated: true })
    expect(page.shown.flatMap(({ samples }) => samples).length).toBe(2000)
  })
})

describe('the histograms of a target', () => {
  const histogram = (at: number): ShownHistogram => ({
    ...{ kind: 'classic', series: `h{at="${at}"}`, count: '9', sum: '1', p50: '1', p99: '1', size: 12 },
    buckets: Array.from({ length: 10 }, (_, le) => ({ lower: `${le}`, upper: `${le + 1}`, count: 1 })),
    text: `h{at="${at}"} h_bucket le="5"`,
  })
  const family = (count: number): ShownFamily => ({
    ...{ name: 'h', type: 'histogram', help: '', unit: '', samples: ['h_created 1'] },
    histograms: Array.from({ length: count }, (_, at) => histogram(at)),
  })

  test('are found by their labels and bounds, and count as all of their series', () => {
    const page = metricsStatusOf([family(3)], 'at="1" le="5"')
    expect(page).toMatchObject({ families: 1, series: 12, truncated: false })
    const { text: _, size: __, ...shown } = histogram(1)
    expect(page.shown[0]).toMatchObject({ series: 12, omitted: 0, histograms: [shown], samples: [] })
  })

  test('are shown up to a limit, none of them in part', () => {
    const page = metricsStatusOf(
      Array.from({ length: 12 }, () => family(100)),
      '',
    )
    expect(page).toMatchObject({ families: 12, series: 12 * 1201, truncated: true })
    const [first] = page.shown
    expect(first!.omitted).toBe(1201 - first!.histograms.length * 12)
    expect(first!.histograms.every(({ buckets }) => buckets.length === 10)).toBe(true)
    expect(JSON.stringify(page).length).toBeLessThan(2000 * 100)
  })
})

describe('the scrape job for Prometheus', () => {
  const settings = {
    scrapeInterval: 10,
    maxAge: 0.1,
    staleAfter: 30,
    forgetAfter: 300,
    advertise: 'm.example:2137',
  }

  test('scrapes the target through the agents', () => {
    const block = scrapeJob(targetOf(entry(task('shop_web', '2')), context), settings, 'demo')
    expect(parse(block)).toEqual({
      scrape_configs: [
        {
          job_name: 'shop_web',
          metrics_path: '/shop_web/2/metrics',
          static_configs: [
            { targets: ['m.example:2137'], labels: { cluster: 'demo', instance: 'shop_web.2' } },
          ],
        },
      ],
    })
  })

  test('scrapes a second endpoint by its number', () => {
    const labels = { 'app-metrics-proxy.port.2': '9113' }
    const second = task('shop_web', '2', { id: 'c1/2', labels })
    const block = scrapeJob(targetOf(entry(second), context), settings, 'demo')
    expect(parse(block).scrape_configs).toMatchObject([
      {
        metrics_path: '/shop_web/2/metrics',
        params: { endpoint: ['2'] },
        static_configs: [{ labels: { instance: 'shop_web.2:9113' } }],
      },
    ])
  })

  test('has the job and the instance of /sd, which labels may set', () => {
    const labels = { 'app-metrics-proxy.job': 'shop' }
    const shown = targetOf(entry(target('app-metrics-proxy', { labels, id: 'c'.repeat(64) })), context)
    expect(parse(scrapeJob(shown, settings, 'demo')).scrape_configs).toMatchObject([
      { job_name: 'shop', static_configs: [{ labels: { instance: 'app-metrics-proxy@cccccccccccc' } }] },
    ])
  })

  test('quotes every name', () => {
    const name = 'a"\n  - job_name: evil # \u2028 \\'
    const block = scrapeJob(targetOf(entry(target(name)), context), settings, name)
    const [job, ...others] = parse(block).scrape_configs
    expect(others).toEqual([])
    expect(job.job_name).toBe(name)
    expect(job.static_configs[0].labels.cluster).toBe(name)
  })
})
