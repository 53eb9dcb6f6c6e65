// Containers that send a Content-Type, the wrong one or none, scraped directly and through an agent. From version 3
// on, Prometheus refuses a page without a known type, unless `fallback_scrape_protocol` says how to read it. The agent
// sends on the type that the page has, so the setting makes no difference through it.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../helpers/until.ts'
import { startAgents } from './parts/agents.ts'
import { type Declarations, declarationsBy } from './parts/declared.ts'
import { type Seen, scrapedAll, seenBy } from './parts/exposition.ts'
import { startPrometheus } from './parts/prometheus.ts'
import { isVersion2, releases } from './parts/releases.ts'

type Grammar = 'text' | 'OpenMetrics'

const bodies = {
  text: `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200"} 7
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 3
took_seconds_bucket{le="+Inf"} 4
took_seconds_sum 2.5
took_seconds_count 4
`,
  OpenMetrics: `# TYPE requests counter
# HELP requests Requests.
requests_total{code="200"} 7 # {trace_id="abc"} 1
# TYPE took_seconds histogram
# UNIT took_seconds seconds
took_seconds_bucket{le="1.0"} 3
took_seconds_bucket{le="+Inf"} 4
took_seconds_sum 2.5
took_seconds_count 4
# EOF
`,
  empty: '',
}
type BodyName = keyof typeof bodies

/** What containers send, and as what Prometheus reads that; undefined: it doesn't know the type. */
const contentTypes: readonly (readonly [string | undefined, Grammar | 'protobuf' | undefined])[] = [
  ['text/plain; version=0.0.4; charset=utf-8', 'text'],
  ['text/plain; version=1.0.0; escaping=allow-utf-8', 'text'],
  ['text/plain', 'text'],
  ['TEXT/PLAIN;charset="utf-8"', 'text'],
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'OpenMetrics'],
  ['application/openmetrics-text; version=0.0.1', 'OpenMetrics'],
  ['application/openmetrics-text', 'OpenMetrics'],
  [
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    'protobuf',
  ],
  [undefined, undefined],
  ['', undefined],
  ['application/octet-stream', undefined],
  ['application/json', undefined],
  ['text/html; charset=utf-8', undefined],
  ['metrics', undefined],
]

interface Container {
  readonly body: BodyName
  readonly contentType: string | undefined
  readonly readAs: Grammar | 'protobuf' | undefined
}

const containers: readonly Container[] = contentTypes.flatMap(([contentType, readAs]) =>
  (Object.keys(bodies) as BodyName[]).map((body) => ({ body, contentType, readAs })),
)
const nameOf = ({ body, contentType }: Container) => `${body} as ${contentType ?? 'nothing'}`

/** Jobs by their names, each with a fallback. */
const fallbacks: Readonly<Record<string, Grammar | undefined>> = {
  none: undefined,
  'PrometheusText0.0.4': 'text',
  'OpenMetricsText1.0.0': 'OpenMetrics',
}

const ways = ['direct', 'proxy'] as const
type Way = (typeof ways)[number]

async function serveContainers() {
  const server = createServer((request, response) => {
    const { body, contentType } = containers[Number(request.url!.slice(1))]!
    response.writeHead(200, contentType === undefined ? {} : { 'content-type': contentType })
    response.end(bodies[body])
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

interface Outcome extends Seen {
  readonly declared: Declarations
}

const findings = releases.map((release) => ({
  release,
  // version 2 doesn't know the setting
  jobs: isVersion2(release) ? ['none'] : Object.keys(fallbacks),
  /** By job and way, for each container. */
  outcomes: new Map<string, readonly Outcome[]>(),
}))

const stops: (() => void | Promise<void>)[] = []
const addresses = {} as Record<Way, string>

beforeAll(async () => {
  const served = await serveContainers()
  stops.unshift(served.stop)
  const targets = containers.map((_, at) => `page${at}=http://${served.address}/${at}`)
  const [agent] = await startAgents('test', [targets])
  stops.unshift(agent!.stop)
  await until('the agent to be ready', async () => (await fetch(`${agent!.url}/-/ready`)).ok)
  Object.assign(addresses, { direct: served.address, proxy: agent!.address })
  await Promise.all(findings.map(scrapeAll))
})
afterAll(async () => {
  for (const stop of stops) await stop()
})

function configOf(jobs: readonly string[]): string {
  const targets = ways.flatMap((way) =>
    containers.map((_, page) => ({
      targets: [addresses[way]],
      labels: {
        __metrics_path__: way === 'proxy' ? `/page${page}/metrics` : `/${page}`,
        way,
        page: `${page}`,
      },
    })),
  )
  return JSON.stringify({
    global: { scrape_interval: '5s', scrape_timeout: '5s' },
    scrape_configs: jobs.map((job) => ({
      job_name: job,
      static_configs: targets,
      ...(fallbacks[job] && { fallback_scrape_protocol: job }),
    })),
  })
}

async function scrapeAll({ release, jobs, outcomes }: (typeof findings)[number]): Promise<void> {
  const prometheus = await startPrometheus(configOf(jobs), { release })
  try {
    await scrapedAll(prometheus, jobs.length * ways.length * containers.length)
    for (const job of jobs)
      for (const way of ways) {
        const selector = `{job="${job}",way="${way}"}`
        const seen = await seenBy(prometheus.url, selector, 'page')
        const declared = await declarationsBy(prometheus.url, selector, 'page')
        const ofContainer = (page: number) => ({
          ...seen.get(`${page}`)!,
          declared: declared.get(`${page}`) ?? new Map(),
        })
        outcomes.set(
          `${job} ${way}`,
          containers.map((_, page) => ofContainer(page)),
        )
      }
  } finally {
    await prometheus.stop()
  }
}

describe.each(findings)('Prometheus $release.version', ({ release, jobs, outcomes }) => {
  const outcomesOf = (job: string, way: Way) => outcomes.get(`${job} ${way}`)!

  const upOf = (expected: (container: Container) => boolean) =>
    containers.map((container) => `${nameOf(container)}: ${expected(container)}`)
  const upIn = (outcomes: readonly Outcome[]) =>
    containers.map((container, at) => `${nameOf(container)}: ${outcomes[at]!.up}`)

  /** Text lacks the `# EOF` of OpenMetrics, and has no exemplars. */
  const canRead = (body: BodyName, as: Grammar | 'protobuf' | undefined) => {
    if (body !== 'empty') return as === body
    // whatever its type, even an unknown one; but version 2 misses the `# EOF`
    return !isVersion2(release) || as !== 'OpenMetrics'
  }

  test.each(jobs)('scrapes directly by the type, else by the fallback: %s', (job) => {
    // without a known type version 2 reads text
    const fallback = isVersion2(release) ? 'text' : fallbacks[job]
    const expected = upOf(({ body, readAs }) => canRead(body, readAs ?? fallback))
    expect(upIn(outcomesOf(job, 'direct'))).toEqual(expected)
  })

  test.each(jobs)('scrapes all that can be read through the agent: %s', (job) => {
    const ownOf = (body: BodyName) => (body === 'empty' ? 'text' : body)
    const expected = upOf(({ body, readAs }) => canRead(body, readAs ?? ownOf(body)))
    expect(upIn(outcomesOf(job, 'proxy'))).toEqual(expected)
  })

  test.each(jobs)('has the same through the agent as directly with the right fallback: %s', (job) => {
    const compared = containers.map(({ body, readAs }, at) => {
      const right = jobs.find((one) => readAs === undefined && fallbacks[one] === body) ?? job
      return { direct: outcomesOf(right, 'direct')[at]!, proxy: outcomesOf(job, 'proxy')[at]! }
    })
    const alike = compared.filter(({ direct }) => direct.up)
    expect(alike.map(({ proxy }) => proxy)).toEqual(alike.map(({ direct }) => direct))
    const full = alike.filter(({ direct: { series, declared } }) => series.size === 5 && declared.size === 2)
    expect(full.length).toBeGreaterThanOrEqual(jobs.length > 1 ? 19 : 13)
  })
})
