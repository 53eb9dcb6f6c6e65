// When the protobuf stream of a target is open, with the real store and the real scraper.

import { beforeEach, describe, expect, test } from 'vitest'
import { createSettings, startPipeline } from '../../src/agent/pipeline.ts'
import { createStreams, createTextRequests } from '../../src/agent/streams.ts'
import { createLog } from '../../src/logging/log.ts'
import { type FormatKind, streamId } from '../../src/model.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { startScraper } from '../../src/scrape/scraper.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { sharedMs } from '../../src/sync/refreshes.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { self, target } from '../store/samples.ts'
import { page } from '../web/agent.ts'

let clock: VirtualClock
let store: Store
let streams: ReturnType<typeof createStreams>
/** The kinds that were scraped, in order. */
let scraped: FormatKind[]
/** How long each scrape takes. */
let readMs: number

const stream = streamId('a', 'protobuf')
const intervalMs = 10_000
const maxAgeMs = 100
const found = {
  kind: 'found',
  endpoint: { url: 'http://10.0.0.2:8080/metrics', port: 8080, source: 'scanned' },
} as const

beforeEach(async () => {
  clock = virtualClock()
  store = createStore({ clock, forgetAfterMs: 300_000, version: 'test' })
  store.identify(self())
  scraped = []
  readMs = 0
  const scraper = startScraper(
    {
      ...{ clock, log: createLog('silent'), metrics: createMetrics() },
      onIdle: () => {},
      read: async (_, { kind = 'text' }) => {
        scraped.push(kind)
        if (readMs > 0) await clock.sleep(readMs)
        return { page: page('x 1\n'), contentType: undefined }
      },
    },
    store.putSnapshot,
  )
  const idleMs = 5 * intervalMs
  const textRequests = createTextRequests(clock, idleMs)
  const pipeline = startPipeline({
    clock,
    store,
    config: {
      ...{ scrapeIntervalMs: intervalMs, scrapeTimeoutMs: intervalMs, maxAgeMs },
      ...{ metricsPath: '/metrics', ports: [] },
    },
    settings: createSettings(store.swarmState),
    prober: { update: () => {}, republish: () => {}, isInitialPassDone: () => true },
    scraper,
    isTextIdle: textRequests.isIdle,
  })
  store.subscribeToStreams(pipeline.changed)
  const { updateNow } = pipeline
  streams = createStreams({
    ...{ clock, store, updateNow, scrape: pipeline.scrapeNow, textRequests, idleMs },
    maxAgeMsOf: () => maxAgeMs,
  })
  store.replaceTargets([target('a')])
  store.putProbeResult('a', found)
  await clock.pass(1000)
  scraped = []
})

const isOpen = () => store.entry('n1', stream) !== undefined

test('without a request only text is scraped', async () => {
  await clock.pass(10 * intervalMs)
  expect([isOpen(), new Set(scraped)]).toEqual([false, new Set(['text'])])
})

test('a stream has no stream of its own, whatever a peer requests', async () => {
  await streams.refresh(stream, 1000)
  let nested = stream
  for (let level = 0; level < 5; level += 1) {
    nested = streamId(nested, 'protobuf')
    await streams.refreshUnlessLive(nested, 1000).catch(() => {})
  }
  expect([...store.ownNode.entries()]).toHaveLength(2)
})

test('the first request opens the stream and scrapes it at once', async () => {
  await streams.refresh(stream, 1000)
  expect(scraped).toEqual(['protobuf'])
  expect(store.entry('n1', stream)?.snapshot?.ok).toBe(true)
})

test('an open stream is scraped on schedule, beside the text', async () => {
  await streams.refresh(stream, 1000)
  scraped = []
  await clock.pass(2 * intervalMs)
  expect(scraped.filter((kind) => kind === 'protobuf').length).toBeGreaterThanOrEqual(1)
  expect(scraped.filter((kind) => kind === 'text').length).toBeGreaterThanOrEqual(1)
})

test('a stream is closed after five intervals without a request, no sooner', async () => {
  await streams.refresh(stream, 1000)
  await clock.pass(4 * intervalMs)
  await streams.refresh(stream, 1000)
  await clock.pass(5 * intervalMs - 1)
  expect(isOpen()).toBe(true)
  await clock.pass(2)
  expect(isOpen()).toBe(false)
  scraped = []
  await clock.pass(3 * intervalMs)
  expect(new Set(scraped)).toEqual(new Set(['text']))
  await streams.refresh(stream, 1000)
  expect(isOpen()).toBe(true)
})

test('a stream stays open while a request waits for it, however long', async () => {
  const labels = { 'app-metrics-proxy.interval': '120s', 'app-metrics-proxy.timeout': '100s' }
  store.replaceTargets([target('a', { labels })])
  await clock.pass(1000)
  readMs = 60_000
  for (let request = 0; request < 2; request += 1) {
    const refreshed = streams.refresh(stream, 100_000)
    await clock.pass(readMs)
    await refreshed
    expect(store.entry('n1', stream)?.snapshot?.ok).toBe(true)
  }
  await clock.pass(5 * intervalMs + 1)
  expect(isOpen()).toBe(false)
})

test('for a peer a live snapshot is not scraped again', async () => {
  await streams.refreshUnlessLive('a', 1000)
  await clock.pass(maxAgeMs - sharedMs)
  await streams.refreshUnlessLive('a', 1000)
  expect(scraped).toEqual(['text'])
  await clock.pass(1)
  await streams.refreshUnlessLive('a', 1000)
  expect(scraped).toEqual(['text', 'text'])
})

describe('while clients take protobuf', () => {
  /** How often text was scraped while a client requested protobuf, and maybe text, at each interval. */
  async function textScrapes(intervals: number, ...ids: readonly string[]): Promise<number> {
    scraped = []
    for (let time = 0; time < intervals; time += 1) {
      for (const id of ids) await streams.refresh(id, 1000)
      await clock.pass(intervalMs)
    }
    return scraped.filter((kind) => kind === 'text').length
  }

  test('text that none requests is scraped at every third interval after five', async () => {
    expect(await textScrapes(5, stream)).toBeGreaterThanOrEqual(5)
    await textScrapes(5, stream)
    expect(await textScrapes(12, stream)).toBe(4)
  })

  test('text that one requests too is scraped at every interval', async () => {
    expect(await textScrapes(20, stream, 'a')).toBeGreaterThanOrEqual(20)
  })

  test('a request for text brings its schedule back', async () => {
    await textScrapes(12, stream)
    await streams.refresh('a', 1000)
    expect(await textScrapes(5, stream)).toBeGreaterThanOrEqual(5)
  })

  test('text is scraped at every interval again once the stream is closed', async () => {
    await textScrapes(12, stream)
    await clock.pass(6 * intervalMs)
    expect(isOpen()).toBe(false)
    expect(await textScrapes(6)).toBeGreaterThanOrEqual(6)
  })

  test('text that is served from the cache is scraped at every interval', async () => {
    store.replaceTargets([target('a', { labels: { 'app-metrics-proxy.max-age': 'off' } })])
    expect(await textScrapes(20, stream)).toBeGreaterThanOrEqual(20)
  })
})

test('the stream of a target that is gone is closed, and not opened again', async () => {
  await streams.refresh(stream, 1000)
  store.replaceTargets([])
  expect(isOpen()).toBe(false)
  await clock.pass(100)
  await expect(streams.refresh(stream, 1000)).rejects.toMatchObject({ code: 'searching' })
  expect(isOpen()).toBe(false)
})

test('once stopped, nothing is closed or decided any more', async () => {
  await streams.refresh(stream, 1000)
  await streams.stop()
  await clock.pass(20 * intervalMs)
  expect(isOpen()).toBe(true)
})
