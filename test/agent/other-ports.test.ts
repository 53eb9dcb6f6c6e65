// When the agent attempts a container's other ports: an agent on virtual time, with one container that has metrics on
// its first port, and later on another one too.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Agent, startAgent } from '../../src/agent/agent.ts'
import { readConfig } from '../../src/config/config.ts'
import { type Code, errorOf, ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { type VirtualClock, virtualClock } from '../helpers/clock.ts'
import { self, target } from '../store/samples.ts'

let clock: VirtualClock
let agent: Agent
/** How scrapes of port 80 fail. */
let failureCode: Code | undefined
let openPorts: number[]
/** How long port 8080 takes to respond. */
let otherPortMs: number
/** The ports that were connected to. */
let attemptedPorts: number[]
/** The ports that were scraped. */
let scrapedPorts: number[]

beforeEach(async () => {
  clock = virtualClock()
  failureCode = undefined
  openPorts = [80]
  otherPortMs = 0
  attemptedPorts = []
  scrapedPorts = []
  agent = await startAgent({
    config: readConfig({ SCRAPE_INTERVAL: '5s' }),
    ...{ clock, log: createLog('silent'), version: 'test' },
    platform: {
      createProcessMetrics: () => ({ clock, metrics: createMetrics() }),
      readMemoryUse: () => ({
        ...{ residentBytes: 0, residentLimitBytes: Number.POSITIVE_INFINITY },
        ...{ heapBytes: 0, heapLimitBytes: Number.POSITIVE_INFINITY },
      }),
      createFetcher: () => ({
        async fetch(url, { signal }) {
          const port = Number(new URL(url).port || 80)
          scrapedPorts.push(port)
          if (port === 8080) await clock.sleep(otherPortMs, signal)
          if (port === 80 && failureCode) throw errorOf({ code: failureCode, reason: 'no' })
          return { body: Buffer.from('x 1\n'), gzip: false, contentType: 'text/plain; version=0.0.4' }
        },
        close: async () => {},
      }),
      async connect(_host, port) {
        attemptedPorts.push(port)
        if (!openPorts.includes(port)) throw new ProxyError('connection_refused', 'connection refused')
      },
      async startDiscovery(_, found) {
        found({ self: self('n1', { swarm: false }), managers: new Set(), targets: [target('a')] })
        return { status: () => ({ warnings: [] }), readNow() {}, stop: async () => {} }
      },
      openTransport: () => Promise.reject(new Error('one node has no peers')),
      startServer: async () => ({ port: 0, stop: async () => {} }),
    },
  })
  await clock.pass(10_000)
  openPorts = [80, 8080]
  attemptedPorts = []
  scrapedPorts = []
})
afterEach(() => agent.stop())

test.each(['connection_refused', 'timeout', 'invalid', 'http_status', 'too_large'] as const)(
  'a container that fails with %s is read from another port that has metrics',
  async (code) => {
    failureCode = code
    await clock.pass(10_000)
    expect(scrapedPorts.at(-1)).toBe(8080)
  },
)

test.each(['overloaded', 'internal', 'stopping'] as const)(
  'a scrape that the agent itself fails with %s says nothing about the container’s ports',
  async (code) => {
    failureCode = code
    await clock.pass(10_000)
    expect(attemptedPorts).toEqual([])
    expect(new Set(scrapedPorts)).toEqual(new Set([80]))
  },
)

test('a container that fails once is read from the same port, however late another one answers', async () => {
  otherPortMs = 9000
  failureCode = 'reset'
  await clock.pass(5000)
  failureCode = undefined
  await clock.pass(60_000)
  expect(scrapedPorts.filter((port) => port === 8080)).toHaveLength(1)
  expect(scrapedPorts.at(-1)).toBe(80)
})
