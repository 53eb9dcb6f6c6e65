import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { announcedFormat } from '../../src/exposition/formats.ts'
import type { Format } from '../../src/model.ts'
import { samplesOf } from '../exposition/corpus/meaning.ts'
import { until } from '../helpers/until.ts'
import { type AgentProcess, startAgentProcess } from './parts/agent-process.ts'
import { type Exporter, startExporters } from './parts/exporters.ts'
import { seenBy } from './parts/exposition.ts'
import { type Prometheus, startPrometheus } from './parts/prometheus.ts'
import { releases } from './parts/releases.ts'

const names = 'blackbox haproxy nginx node probe process pushgateway python redis'.split(' ')
/** As Prometheus asks. */
const accept =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'

let exporters: readonly Exporter[]
let agent: AgentProcess
/** By its version. */
const prometheus = new Map<string, Prometheus>()
const stops: (() => Promise<void>)[] = []

beforeAll(async () => {
  const started = await startExporters()
  stops.unshift(started.stop)
  exporters = started.all
  agent = await startAgentProcess(exporters.map(({ name, url }) => `${name}=${url}`))
  stops.unshift(agent.stop)
  for (const release of releases) {
    const one = await startPrometheus(config(), { release })
    stops.unshift(one.stop)
    prometheus.set(release.version, one)
  }
})
afterAll(async () => {
  for (const stop of stops) await stop()
})

const throughAgent = ({ name }: Exporter) => new URL(`/${name}/metrics`, agent.url)
const exporterOf = (name: string) => exporters.find((exporter) => exporter.name === name)!

function config(): string {
  const targets = exporters.flatMap((exporter) =>
    Object.entries({ direct: exporter.url, proxy: throughAgent(exporter) }).map(([way, url]) => ({
      targets: [url.host],
      labels: { ...params(url), __metrics_path__: url.pathname, way, page: exporter.name },
    })),
  )
  return JSON.stringify({
    scrape_configs: [
      { job_name: 'exporters', scrape_interval: '2s', scrape_timeout: '2s', static_configs: targets },
    ],
  })
}

const params = ({ searchParams }: URL) =>
  Object.fromEntries([...searchParams].map(([name, value]) => [`__param_${name}`, value]))

test('each is there', () => {
  expect(exporters.map(({ name }) => name).toSorted()).toEqual(names)
})

describe.each(names)('%s, directly and through the agent', (name) => {
  test.each(releases)('is up in Prometheus $version with the same series', async ({ version }) => {
    // series come and go with what the exporters see, but not all the time
    await until('the same series', async () => {
      const [direct, proxy] = await Promise.all(['direct', 'proxy'].map((way) => seen(version, way, name)))
      expect([direct!.up, proxy!.up]).toEqual([true, true])
      expect(proxy!.series).toEqual(direct!.series)
      expect(direct!.series.length).toBeGreaterThan(8)
      return true
    })
  })

  test('has the same numbers, wherever they stand still', async () => {
    const { url } = exporterOf(name)
    await until('the same numbers', async () => {
      const before = await read(url)
      const through = await read(throughAgent(exporterOf(name)))
      const after = await read(url)
      expect(through.format).toBe(before.format)
      const still = [...before.values].filter(([series, value]) => Object.is(after.values.get(series), value))
      expect(still.length).toBeGreaterThan(before.values.size / 4)
      expect(new Map(still.map(([series]) => [series, through.values.get(series)]))).toEqual(new Map(still))
      return true
    })
  })
})

test('a page in OpenMetrics is among them, with all that only it has', async () => {
  const { format, text } = await read(throughAgent(exporterOf('python')))
  expect(format).toMatch(/^openmetrics/)
  expect(text).toContain('# {trace_id="abc"}')
  expect(text).toContain('# UNIT took_seconds seconds')
})

test('one that ends is down in both', async () => {
  await exporterOf('haproxy').stop()
  for (const { version } of releases)
    await until(`both to be down in ${version}`, async () => {
      const both = await Promise.all(['direct', 'proxy'].map((way) => seen(version, way, 'haproxy')))
      return both.every(({ up, series }) => up === false && series.length === 0)
    })
})

async function seen(version: string, way: string, name: string) {
  const { url } = prometheus.get(version)!
  const found = (await seenBy(url, `{way="${way}",page="${name}"}`, 'page')).get(name)
  return { up: found?.up, series: [...(found?.series.keys() ?? [])].toSorted() }
}

interface Read {
  readonly format: Format
  readonly text: string
  readonly values: ReadonlyMap<string, number>
}

async function read(url: URL): Promise<Read> {
  const response = await fetch(url, { headers: { accept } })
  const body = Buffer.from(await response.arrayBuffer())
  const format = announcedFormat(response.headers.get('content-type')!)!.name
  const values = samplesOf({ format, body }).map(({ series, value }) => [series, value] as const)
  return { format, text: body.toString(), values: new Map(values) }
}
