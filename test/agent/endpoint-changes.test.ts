// What is stored, and what clients get, while a container's endpoint changes: with the real store, prober and scraper
// over ports whose metrics name their URL.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSettings, startPipeline } from '../../src/agent/pipeline.ts'
import { createStreams, createTextRequests } from '../../src/agent/streams.ts'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import { type FormatKind, type Snapshot, streamId } from '../../src/model.ts'
import { startProber } from '../../src/probe/prober.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import type { Read } from '../../src/scrape/read.ts'
import { startScraper } from '../../src/scrape/scraper.ts'
import { createStore } from '../../src/store/store.ts'
import { createReader } from '../../src/web/reader.ts'
import { virtualClock } from '../helpers/clock.ts'
import { self, target } from '../store/samples.ts'
import { page } from '../web/agent.ts'

const intervalMs = 10_000
const ids = { text: 'a', protobuf: streamId('a', 'protobuf') }
const kinds = ['text', 'protobuf'] as const

/** One container, at the address `host0`, whose ports answer as `world` says. */
async function started() {
  const clock = virtualClock()
  const world = { host: 0, down: new Set<string>(), durationMs: { text: 1, protobuf: 1 } }
  const store = createStore({ clock, forgetAfterMs: 300_000, version: 'test' })
  store.identify(self())
  const reads: { readonly url: string; readonly kind: FormatKind; readonly at: number }[] = []
  /** Whatever an entry shows that isn't of its endpoint. */
  const misplaced: unknown[] = []

  const read: Read = async (url, { kind = 'text', signal }) => {
    reads.push({ url, kind, at: clock.now() })
    await clock.sleep(world.durationMs[kind], signal)
    if (world.down.has(new URL(url).port || '80')) throw new ProxyError('connection_refused', url)
    return { page: page(url), contentType: undefined }
  }
  const log = createLog('silent')
  const prober = startProber(
    {
      ...{ clock, log, read, metrics: createMetrics(), config: { scrapeTimeoutMs: intervalMs } },
      async connect(_, port) {
        if ((port !== 80 && port !== 9100) || world.down.has(`${port}`))
          throw new ProxyError('connection_refused', 'connection refused')
      },
    },
    (id, result, snapshot) => {
      store.putProbeResult(id, result)
      if (snapshot) store.putSnapshot(id, snapshot)
    },
  )
  const scraper = startScraper(
    { ...{ clock, log, read, metrics: createMetrics() }, onIdle() {} },
    (id, scraped) => {
      if (scraped.ok) prober.onScrapeSucceeded('a')
      else prober.onScrapeFailed('a')
      return store.putSnapshot(id, scraped)
    },
  )
  const idleMs = 1000 * intervalMs
  const textRequests = createTextRequests(clock, idleMs)
  const pipeline = startPipeline({
    ...{ clock, store, prober, scraper, isTextIdle: textRequests.isIdle },
    settings: createSettings(store.swarmState),
    config: {
      ...{ scrapeIntervalMs: intervalMs, scrapeTimeoutMs: intervalMs, maxAgeMs: 1 },
      ...{ metricsPath: '/metrics', ports: [] },
    },
  })
  store.subscribeToStreams(pipeline.changed)
  store.subscribeToStreams((change) => {
    if (change.kind !== 'entry') return
    const { endpoint, snapshot } = change.entry
    if (snapshot && sourceOf(snapshot) !== endpoint?.url)
      misplaced.push({ endpoint: endpoint?.url, shown: sourceOf(snapshot) })
  })
  const streams = createStreams({
    ...{ clock, store, textRequests, idleMs, updateNow: pipeline.updateNow, scrape: pipeline.scrapeNow },
    maxAgeMsOf: () => 1,
  })
  const reader = createReader({
    ...{ clock, store, staleAfterMs: 60_000, maxAgeMsOf: () => 1 },
    refresh: ({ target: { id } }, timeoutMs) => streams.refresh(id, timeoutMs),
  })

  /** The container gets another address. */
  function move(): void {
    world.host += 1
    const addresses = [{ network: 'net', host: `host${world.host}` }]
    pipeline.replaceContainers([target('a', { addresses })])
  }
  const shown = (kind: FormatKind) => {
    const snapshot = store.entry('n1', ids[kind])?.snapshot
    return snapshot && { ok: snapshot.ok, url: sourceOf(snapshot) }
  }
  /** The URL whose metrics a client gets. */
  const request = async (kind: FormatKind) => {
    const reading = await reader.read(store.entry('n1', 'a')!, 5000, kind)
    return 'failure' in reading ? reading.failure : urlOf(reading.result.page)
  }

  pipeline.replaceContainers([target('a', { addresses: [{ network: 'net', host: 'host0' }] })])
  await clock.pass(1000)
  await Promise.all([streams.refresh(ids.protobuf, 1000), clock.pass(1000)])
  await clock.pass(20_000)
  return { clock, world, reads, misplaced, move, shown, request, refresh: streams.refresh }
}

const urlOf = ({ content }: { readonly content: unknown }) =>
  Buffer.from((content as { readonly bytes: Uint8Array }).bytes).toString()
const sourceOf = (snapshot: Snapshot) => (snapshot.ok ? urlOf(snapshot.page) : snapshot.failure.reason)
const hostOf = (url: string) => Number(/host(\d+)/.exec(url)![1])

describe('a container that gets another address', () => {
  test.each(kinds)('shows no %s that was scraped at the former one and arrives late', async (kind) => {
    for (let leadMs = 1; leadMs <= 20; leadMs += 1) {
      const { clock, world, misplaced, move, shown, refresh } = await started()
      world.durationMs[kind] = 50
      refresh(ids[kind], 5000).catch(() => {})
      await clock.pass(50 - leadMs)
      world.durationMs[kind] = 1
      move()
      await clock.pass(100)
      expect([misplaced, shown(kind)]).toEqual([[], { ok: true, url: 'http://host1:80/metrics' }])
    }
  })

  test.each(kinds)('is not requested at the former one for a client of %s', async (kind) => {
    for (let ms = 0; ms <= 20; ms += 1) {
      const { clock, reads, move, request } = await started()
      move()
      await clock.pass(ms)
      reads.length = 0
      const requested = request(kind)
      await clock.pass(1000)
      expect(await requested).toBe('http://host1:80/metrics')
      expect(reads.filter(({ url }) => hostOf(url) === 0)).toEqual([])
    }
  })

  test.each(kinds)('answers a client of %s that waited for the former one with the new one', async (kind) => {
    const { clock, world, move, request } = await started()
    world.durationMs[kind] = 4000
    const requested = request(kind)
    await clock.pass(100)
    world.durationMs[kind] = 1
    move()
    await clock.pass(1000)
    expect(await requested).toBe('http://host1:80/metrics')
  })
})

test('once another port is found, a failure of the former one that arrives late says nothing about it', async () => {
  for (let durationMs = 1; durationMs <= 20; durationMs += 1) {
    const { clock, world, misplaced, shown, refresh } = await started()
    world.down.add('80')
    world.durationMs.protobuf = durationMs
    for (const id of Object.values(ids)) refresh(id, 5000).catch(() => {})
    await clock.pass(100)
    expect(misplaced).toEqual([])
    for (const kind of kinds) expect(shown(kind)).toEqual({ ok: true, url: 'http://host0:9100/metrics' })
  }
})

test('whatever changes while it is scraped, all that is shown of a container is of its endpoint', async () => {
  const step = fc.record({
    change: fc.constantFrom('move', '80', '9100', 'text', 'protobuf', 'none'),
    durationMs: fc.record({
      text: fc.constantFrom(1, 3, 6, 50, 2000),
      protobuf: fc.constantFrom(1, 3, 6, 50, 2000),
    }),
    ms: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 8, 40, 400, 10_000),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 20 }), async (steps) => {
      const { clock, world, misplaced, move, shown, refresh } = await started()
      const outdated: unknown[] = []

      /** A client's, which begins now: it gets nothing of an address that the container has left. */
      function requestNow(kind: FormatKind): void {
        const { host } = world
        const check = () => {
          const got = shown(kind)
          if (got && hostOf(got.url) < host) outdated.push({ host, got })
        }
        refresh(ids[kind], 5000).then(check, () => {})
      }

      for (const { change, durationMs, ms } of steps) {
        world.durationMs = durationMs
        if (change === 'move') move()
        else if (change === 'text' || change === 'protobuf') requestNow(change)
        else if (change !== 'none' && !world.down.delete(change)) world.down.add(change)
        await clock.pass(ms)
      }
      expect([misplaced, outdated]).toEqual([[], []])
      world.durationMs = { text: 1, protobuf: 1 }
      world.down.clear()
      await clock.pass(3 * intervalMs)
      for (const kind of kinds) {
        expect(shown(kind)?.ok).toBe(true)
        expect(hostOf(shown(kind)!.url)).toBe(world.host)
      }
    }),
    { numRuns: 300 },
  )
})
