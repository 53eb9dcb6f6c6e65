// Native histograms from real applications to a real Prometheus 3, directly and through two agents that are linked over
// SSH, in one run: what it stores is the same.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fetchPackages } from '../helpers/debian.ts'
import { type SwarmAgents, startSwarmAgents } from '../helpers/swarm-agents.ts'
import type { SwarmContainer } from '../helpers/swarm-engine.ts'
import { until } from '../helpers/until.ts'
import { type Declarations, declarationsBy } from './parts/declared.ts'
import { buildGoApplication, goPackages } from './parts/go.ts'
import { type Program, startProgram } from './parts/process.ts'
import { type Prometheus, startAlertmanager, startPrometheus } from './parts/prometheus.ts'
import { isVersion2, releases } from './parts/releases.ts'

const release = releases.find((one) => !isVersion2(one))!
const features = 'native-histograms,exemplar-storage'
/** How Prometheus is set to take classic histograms. */
const jobs = {
  native: {},
  classic: { always_scrape_classic_histograms: true },
  custom: { convert_classic_histograms_to_nhcb: true },
}
const pages = ['prometheus', 'alertmanager', 'node', 'app'] as const
/** Directly, and through the agent of each node. */
const ways = ['direct', 'alpha', 'beta'] as const
const throughAgents = ['alpha', 'beta'] as const
type Page = (typeof pages)[number]
type Way = (typeof ways)[number]
type Job = keyof typeof jobs

const cleanup = new AsyncDisposableStack()
const programs = new Map<string, Program>()
let swarm: SwarmAgents
/** Takes created timestamps, too. */
let prometheus: Prometheus
/** For the job `custom`: Prometheus 3.5 can't convert histograms and take created timestamps at the same time. */
let converting: Prometheus
let startedAt: number

beforeAll(async () => {
  await fetchPackages(goPackages)
  const go = await buildGoApplication()
  cleanup.defer(go.remove)
  const add = async (name: string, starting: Promise<Program>) => {
    const program = await starting
    cleanup.defer(program.stop)
    programs.set(name, program)
  }
  await Promise.all([
    add('prometheus', startPrometheus('', { release, features: 'native-histograms' })),
    add('alertmanager', startAlertmanager('http://127.0.0.1:1', { release })),
    add('node', startNodeExporter()),
    ...['app', 'late', 'replica1', 'replica2'].map((name) => add(name, go.start())),
  ])
  await request('app', '/fill')
  for (const name of ['replica1', 'replica2']) await observe(name, [1])
  for (const path of ['/api/v1/query?query=up', '/-/ready', '/api/v1/targets']) {
    await request('prometheus', path)
    await request('alertmanager', path)
  }
  swarm = await startSwarmAgents(['alpha', 'beta'], containers())
  cleanup.defer(swarm.stop)
  startedAt = Date.now() / 1000
  const { custom, ...others } = jobs
  const withCreated = `${features},created-timestamp-zero-ingestion`
  prometheus = await startPrometheus(scrapeConfig(others), { release, features: withCreated })
  cleanup.defer(prometheus.stop)
  converting = await startPrometheus(scrapeConfig({ custom }), { release, features })
  cleanup.defer(converting.stop)
  await until('each target to be up', async () => {
    const active = (await Promise.all([prometheus.targets(), converting.targets()])).flatMap(
      (targets) => targets.active,
    )
    const errors = active.flatMap(({ health, scrapeUrl, lastError }) =>
      health === 'up' ? [] : [`${scrapeUrl}: ${lastError}`],
    )
    if (errors.length > 0) throw new Error(errors.join('\n'))
    return active.length > ways.length * pages.length * Object.keys(jobs).length
  })
})
afterAll(() => cleanup.disposeAsync())

const startNodeExporter = () =>
  startProgram('prometheus-node-exporter', (_, listen) => ({
    args: [`--web.listen-address=${listen}`],
    ready: '/metrics',
  }))

async function request(name: string, path: string): Promise<void> {
  await (await fetch(programs.get(name)!.url + path)).arrayBuffer()
}

const observed = 'app_observed_seconds'
const observe = (name: string, values: readonly number[]) =>
  request(name, `/observe?name=${observed}&${values.map((value) => `value=${value}`).join('&')}`)

function containers(): readonly SwarmContainer[] {
  const portOf = (name: string) => Number(new URL(programs.get(name)!.url).port)
  const alone = { prometheus: 0, alertmanager: 1, node: 1, app: 0, late: 0 }
  return [
    ...Object.entries(alone).map(([name, node]) => ({ node, name, port: portOf(name) })),
    ...[1, 2].map((slot) => ({
      ...{ node: slot - 1, port: portOf(`replica${slot}`) },
      task: { stack: 'shop', service: 'app', slot },
    })),
  ]
}

function scrapeConfig(settingsOf: Readonly<Record<string, object>>): string {
  const addresses = (page: string) => ({
    direct: programs.get(page) && new URL(programs.get(page)!.url).host,
    ...Object.fromEntries(throughAgents.map((way, at) => [way, `127.0.0.1:${swarm.agents[at]!.port}`])),
  })
  const targetsOf = (page: string, name = page) =>
    Object.entries(addresses(page)).flatMap(([way, address]) =>
      address === undefined
        ? []
        : [
            {
              targets: [address],
              labels: { way, page, __metrics_path__: way === 'direct' ? '/metrics' : `/${name}/metrics` },
            },
          ],
    )
  return JSON.stringify({
    global: { scrape_interval: '2s', scrape_timeout: '2s' },
    scrape_configs: [
      ...Object.entries(settingsOf).map(([job_name, settings]) => ({
        ...{ job_name, ...settings },
        static_configs: pages.flatMap((page) => targetsOf(page)),
      })),
      {
        job_name: 'more',
        static_configs: [...targetsOf('late'), ...targetsOf('service', 'shop_app')],
      },
    ],
  })
}

const serverOf = (job: string) => (job === 'custom' ? converting : prometheus)

interface Stored {
  readonly at: number
  /** A number, or a native histogram with all its buckets. */
  readonly value: string
}

const ownLabels = new Set(['job', 'instance', 'way', 'page'])
const aboutTheScrape = /^(up|scrape_\w+)$/

const seriesOf = (labels: Readonly<Record<string, string>>) =>
  JSON.stringify(Object.entries(labels).filter(([name]) => !ownLabels.has(name)))

/** What was stored within a range of time, by series. */
async function storedOf(
  job: string,
  page: string,
  way: Way,
  range: string,
): Promise<ReadonlyMap<string, readonly Stored[]>> {
  const selector = encodeURIComponent(`{job="${job}",page="${page}",way="${way}"}[${range}]`)
  const response = await fetch(`${serverOf(job).url}/api/v1/query?query=${selector}`)
  const { data } = (await response.json()) as {
    data: {
      result: {
        metric: Record<string, string>
        values?: [number, string][]
        histograms?: [number, unknown][]
      }[]
    }
  }
  const series = data.result
    .filter(({ metric }) => !aboutTheScrape.test(metric.__name__!))
    .map(({ metric, values = [], histograms = [] }): [string, readonly Stored[]] => [
      seriesOf(metric),
      [
        ...values.map(([at, value]) => ({ at, value })),
        ...histograms.map(([at, histogram]) => ({ at, value: JSON.stringify(histogram) })),
      ].sort((one, other) => one.at - other.at),
    ])
  return new Map(series.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

const isHistogram = ({ value }: Stored) => value.startsWith('{')

/** Of the process: how many requests it serves at the moment of a scrape. */
const dependsOnRequests = /^\[\["__name__","(go|process|promhttp|net_conntrack)_/

/** What was always stored alike, and more than once. */
const unchanging = (series: ReadonlyMap<string, readonly Stored[]>) =>
  [...series].filter(([, all]) => all.length > 1 && all.every(({ value }) => value === all[0]!.value))

/** The values that others have between the first and the last of these samples, each once. */
function meanwhile(samples: readonly Stored[], others: readonly Stored[] = []): readonly string[] {
  const [from, to] = [samples[0]!.at, samples.at(-1)!.at]
  return [...new Set(others.filter(({ at }) => at >= from && at <= to).map(({ value }) => value))]
}

const all = (Object.keys(jobs) as Job[]).flatMap((job) => pages.map((page) => ({ job, page })))

describe.each(throughAgents)(`Prometheus ${release.version} through the agent of %s`, (way) => {
  test.each(all)('scrapes $page with the same outcome for the job $job', async ({ job, page }) => {
    await until('the same', async () => {
      const { active } = await serverOf(job).targets()
      const own = active.filter(({ labels }) => labels.job === job && labels.page === page)
      const outcomeOf = (one: Way) => {
        const target = own.find(({ labels }) => labels.way === one)!
        return { health: target.health, error: target.lastError.replaceAll(target.scrapeUrl, '') }
      }
      expect(outcomeOf(way)).toEqual(outcomeOf('direct'))
      expect(outcomeOf(way)).toEqual({ health: 'up', error: '' })
      return true
    })
  })

  test.each(all)('stores the same of $page for the job $job', async ({ job, page }) => {
    let suspects: ReadonlySet<string> | undefined
    // what changes by itself is the same once it rests; series come and go
    await until('the same', async () => {
      const [direct, through] = await Promise.all(
        (['direct', way] as const).map((one) => storedOf(job, page, one, '10s')),
      )
      expect([...through!.keys()]).toEqual([...direct!.keys()])
      const still = unchanging(direct!)
      const different = new Map(
        still.flatMap(([name, all]) => {
          const others = meanwhile(all, through!.get(name))
          const isSame = others.length === 1 && others[0] === all[0]!.value
          return isSame || dependsOnRequests.test(name) ? [] : [[name, { direct: all[0]!.value, others }]]
        }),
      )
      // a gauge may change between two scrapes and back: only what differs each time is wrong
      suspects = suspects
        ? new Set([...suspects].filter((name) => different.has(name)))
        : new Set(different.keys())
      expect([...different].filter(([name]) => suspects!.has(name))).toEqual([])
      expect(still.length).toBeGreaterThan(page === 'app' ? direct!.size - 1 : direct!.size / 4)
      const histograms = still.filter(([, all]) => isHistogram(all[0]!)).length
      expect(histograms).toBeGreaterThanOrEqual(leastHistograms(page, job))
      return true
    })
  })

  test.each(all)('has the same types, help and units of $page for the job $job', async ({ job, page }) => {
    await until('the same', async () => {
      const [direct, through] = await Promise.all(
        (['direct', way] as const).map((one) => declarationsOf(job, page, one)),
      )
      expect(through).toEqual(direct)
      expect(through!.size).toBeGreaterThan(5)
      return true
    })
  })

  test.each(all.filter(({ job }) => job !== 'custom'))(
    'has the same created timestamps of $page for the job $job',
    async ({ job, page }) => {
      await until('the same', async () => {
        const [direct, through] = await Promise.all(
          (['direct', way] as const).map(async (one) => createdOf(await storedOf(job, page, one, '10m'))),
        )
        expect(through).toEqual(direct)
        if (page !== 'node') expect(through!.size).toBeGreaterThan(5)
        return true
      })
    },
  )

  test.each(Object.keys(jobs))('has the same exemplars of the application for the job %s', async (job) => {
    const [direct, through] = await Promise.all(
      (['direct', way] as const).map((one) => exemplarsOf(job, 'app', one)),
    )
    expect(through).toEqual(direct)
    expect(through!.length).toBeGreaterThan(10)
  })
})

/** How many native histograms each has, those with custom buckets included. */
function leastHistograms(page: Page, job: Job): number {
  if (page === 'node') return 0
  if (page === 'app') return job === 'custom' ? 12 : 11
  return 3
}

async function declarationsOf(job: string, page: string, way: Way): Promise<Declarations> {
  const found = await declarationsBy(serverOf(job).url, `{job="${job}",page="${page}",way="${way}"}`, 'page')
  return new Map([...found.get(page)!].toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

/** What is stored of a time before Prometheus ran. */
function createdOf(series: ReadonlyMap<string, readonly Stored[]>): ReadonlyMap<string, readonly Stored[]> {
  const early = [...series].map(([name, all]) => [name, all.filter(({ at }) => at < startedAt)] as const)
  return new Map(early.filter(([, all]) => all.length > 0))
}

async function exemplarsOf(job: string, page: string, way: Way): Promise<readonly string[]> {
  const query = encodeURIComponent(`{__name__=~".+",job="${job}",page="${page}",way="${way}"}`)
  const range = `start=${startedAt - 3600}&end=${startedAt + 3600}`
  const response = await fetch(`${serverOf(job).url}/api/v1/query_exemplars?query=${query}&${range}`)
  const { data } = (await response.json()) as {
    data: { seriesLabels: Record<string, string>; exemplars: unknown[] }[]
  }
  return data
    .flatMap(({ seriesLabels, exemplars }) =>
      exemplars.map((exemplar) => `${seriesOf(seriesLabels)} ${JSON.stringify(exemplar)}`),
    )
    .toSorted()
}

test('a service has the quantiles of all its replicas’ observations', async () => {
  const values = [1, 2].map((spread) =>
    Array.from({ length: 500 }, (_, at) => spread * Math.exp(3 * Math.sin(at * 1.7) + spread)),
  )
  for (const way of throughAgents)
    await until('both replicas', async () => {
      const both = await prometheus.query(`histogram_count(${observed}{page="service",way="${way}"})`)
      return both.length === 2
    })
  for (const [at, own] of values.entries()) await observe(`replica${at + 1}`, own)
  const sorted = values.flat().toSorted((one, other) => one - other)
  for (const way of throughAgents) {
    const selector = `${observed}{page="service",way="${way}"}`
    const count = sorted.length + 2
    await until('all observations', async () => {
      const [sum] = await prometheus.query(`histogram_count(sum(${selector}))`)
      return sum?.value === count
    })
    for (const quantile of [0.5, 0.9, 0.99]) {
      const [found] = await prometheus.query(`histogram_quantile(${quantile}, sum(rate(${selector}[1m])))`)
      const truth = sorted[Math.ceil(quantile * sorted.length) - 1]!
      // the factor between the bounds of a bucket is at most 1.1
      expect(found!.value).toBeGreaterThan(truth / 1.1)
      expect(found!.value).toBeLessThan(truth * 1.1)
    }
  }
})

test('the first native histogram of a running application comes with the next scrape', async () => {
  for (const way of ways)
    await until('the application', async () => (await storedOf('more', 'late', way, '1m')).size > 0)
  await observe('late', [1, 2, 3])
  const observedAt = Date.now() / 1000
  for (const way of ways)
    await until('the histogram', async () => {
      const series = [...(await storedOf('more', 'late', way, '1m'))]
      const afterwards = (name: string) =>
        series.find(([labels]) => labels.includes(`"${name}"`))?.[1].filter(({ at }) => at > observedAt) ?? []
      const histograms = afterwards(observed)
      expect(histograms.length).toBeGreaterThan(0)
      expect(histograms.every(isHistogram)).toBe(true)
      expect(histograms.map(({ at }) => at)).toEqual(afterwards('app_ready').map(({ at }) => at))
      return true
    })
})

test('an application that ends is down in all ways', async () => {
  await programs.get('late')!.stop()
  await until('all to be down', async () => {
    const up = await prometheus.query('up{page="late"}')
    return up.length === ways.length && up.every(({ value }) => value === 0)
  })
})

test('no agent met an internal error', () => {
  expect(swarm.internalErrors).toEqual([])
})
