// From the store's targets to what is probed and scraped, and back: with the real store and the real prober.

import { beforeEach, expect, test } from 'vitest'
import { createSettings, type Pipeline, startPipeline } from '../../src/agent/pipeline.ts'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Labels } from '../../src/model.ts'
import { startProber } from '../../src/probe/prober.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import type { ScrapeSpec } from '../../src/scrape/scraper.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { replica, self, snapshot, swarmState, target } from '../store/samples.ts'
import { page } from '../web/agent.ts'

let clock: VirtualClock
let store: Store
let pipeline: Pipeline
let jobs: ReadonlyMap<string, ScrapeSpec>
let scraped: readonly string[]
let attempts: number

beforeEach(() => {
  clock = virtualClock()
  store = createStore({ clock, forgetAfterMs: 300_000, version: 'test' })
  store.identify(self())
  scraped = []
  attempts = 0
  const prober = startProber(
    {
      clock,
      config: { scrapeTimeoutMs: 10_000 },
      connect: async (_, port) => {
        if (![81, 8080].includes(port)) throw new ProxyError('connection_refused', 'refused')
      },
      read: async () => {
        attempts += 1
        return { page: page('x 1\n'), contentType: undefined }
      },
      log: createLog('silent'),
      metrics: createMetrics(),
    },
    store.putProbeResult,
  )
  pipeline = startPipeline({
    clock,
    store,
    config: {
      ...{ scrapeIntervalMs: 10_000, scrapeTimeoutMs: 10_000, maxAgeMs: 100 },
      ...{ metricsPath: '/metrics', ports: [] },
    },
    isTextIdle: () => false,
    settings: createSettings(store.swarmState),
    prober,
    scraper: {
      update: (next) => {
        jobs = next
        scraped = [...jobs.keys()]
      },
      remove: (id) => {
        scraped = scraped.filter((one) => one !== id)
      },
      scrapeNow: async () => {},
    },
  })
  store.subscribe(pipeline.changed)
})

const kindOfResult = (node = 'n1') => store.entry(node, 'a')?.probeResult.kind

test('what is found in a container is scraped', async () => {
  store.replaceTargets([target('a')])
  await clock.pass(1000)
  expect([kindOfResult(), scraped]).toEqual(['found', ['a']])
})

test('what was found stands in one that is gone and back before anybody attempts', async () => {
  store.replaceTargets([target('a')])
  await clock.pass(1000)
  store.replaceTargets([])
  store.replaceTargets([target('a')])
  expect(kindOfResult()).toBe('searching')
  await clock.pass(1000)
  expect([kindOfResult(), scraped, attempts]).toEqual(['found', ['a'], 1])
})

test('what was found stands under another id of the node', async () => {
  store.replaceTargets([target('a')])
  await clock.pass(1000)
  store.identify(self('n2'))
  store.replaceTargets([target('a', { node: 'n2' })])
  expect(kindOfResult('n2')).toBe('found')
  await clock.pass(1000)
  expect([kindOfResult('n2'), scraped, attempts]).toEqual(['found', ['a'], 1])
})

test('each endpoint is probed and scraped, also one that only a label of the service configures', async () => {
  const ids = () => Array.from(store.ownNode.entries(), ({ entry }) => entry.target.id)
  const service = (labels: Labels) => {
    const state = swarmState(['1'])
    const [id, web] = [...state.services][0]!
    return { ...state, services: new Map([[id, { ...web, labels }]]) }
  }
  store.identify(self('n1', { manager: true }))
  pipeline.replaceContainers([replica('a', '1', { labels: { 'app-metrics-proxy.port.3': '81' } })])
  await clock.pass(1000)
  expect([ids(), scraped]).toEqual([
    ['a', 'a/3'],
    ['a', 'a/3'],
  ])
  store.putSwarmState(service({ 'app-metrics-proxy.path.2': '/second' }))
  await clock.pass(1000)
  expect([ids().sort(), [...scraped].sort()]).toEqual([
    ['a', 'a/2', 'a/3'],
    ['a', 'a/2', 'a/3'],
  ])
  store.putSwarmState(service({}))
  await clock.pass(1000)
  expect([ids(), scraped]).toEqual([
    ['a', 'a/3'],
    ['a', 'a/3'],
  ])
})

test('a container that has ended is not scraped any more from then on', async () => {
  pipeline.replaceContainers([replica('a')])
  await clock.pass(1000)
  expect(scraped).toEqual(['a'])
  pipeline.replaceContainers([replica('a', '1', { state: 'stopped', exitCode: 1 })])
  expect([store.entry('n1', 'a')?.ended?.exitCode, scraped]).toEqual([1, []])
})

test('only what was read successfully counts as just read', async () => {
  pipeline.replaceContainers([target('a')])
  await clock.pass(1000)
  const at = clock.now()
  store.putSnapshot('a', snapshot(at))
  pipeline.updateNow()
  expect(jobs.get('a')?.readAt).toBe(at + 3)
  store.putSnapshot('a', { ok: false, at, durationMs: 3, failure: { code: 'overloaded', reason: 'no' } })
  pipeline.updateNow()
  expect(jobs.get('a')?.readAt).toBeUndefined()
})

test('nothing is decided after it was stopped', async () => {
  store.replaceTargets([target('a')])
  await clock.pass(1000)
  await pipeline.stop()
  scraped = []
  pipeline.updateNow()
  store.replaceTargets([target('a'), target('b')])
  await clock.pass(1000)
  expect(scraped).toEqual([])
})
