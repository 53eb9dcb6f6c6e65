import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import type { ProbeResult } from '../../src/model.ts'
import type { Plan } from '../../src/probe/plan.ts'
import { startProber } from '../../src/probe/prober.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { virtualClock } from '../helpers/clock.ts'
import { page } from '../web/agent.ts'

/** Nothing listens on a port, or it responds after so many milliseconds with these series or that failure. */
type Behaviour = 'closed' | 'dropped' | { after?: number; series?: number; error?: ProxyError }

const html = new ProxyError('invalid', 'answered HTML, not metrics')
const notHttp = new ProxyError('protocol', 'answered something that is not HTTP')

function scan(ports: readonly number[]): Plan {
  const candidates = ports.map((port) => ({
    url: `http://c:${port}/metrics`,
    host: 'c',
    port,
    source: 'scanned',
  }))
  return { kind: 'probe', candidates, isExplicit: false, hint: 'add its port to PORTS' }
}

/** A prober on virtual time, over ports with the given behaviour. */
function started(ports: Record<number, Behaviour>) {
  const clock = virtualClock(0)
  const results: [string, ProbeResult][] = []
  const connects: { port: number; at: number }[] = []
  const signals: AbortSignal[] = []
  const prober = startProber(
    {
      clock,
      config: { scrapeTimeoutMs: 10_000 },
      connect: async (_, port, timeoutMs, signal) => {
        connects.push({ port, at: clock.now() })
        signals.push(signal)
        if (ports[port] === 'closed') throw new ProxyError('connection_refused', 'connection refused')
        if (ports[port] !== 'dropped') return
        await clock.sleep(timeoutMs, signal)
        throw new ProxyError('timeout', 'connecting gets no answer')
      },
      read: async (url, { timeoutMs, signal }) => {
        const port = Number(/:(\d+)/.exec(url)?.[1])
        const { after = 1, series = 1, error } = ports[port] as Exclude<Behaviour, string>
        await clock.sleep(Math.min(after, timeoutMs), signal)
        if (after > timeoutMs) throw new ProxyError('timeout', 'no answer within 10 s')
        if (error) throw error
        return { page: page('x 1\n', { series }), contentType: undefined }
      },
      log: createLog('silent'),
      metrics: createMetrics(),
    },
    (id, result) => results.push([id, result]),
  )
  const last = (id = 'a') => results.findLast(([one]) => one === id)?.[1]
  const found = (id = 'a') => {
    const result = last(id)
    return result?.kind === 'found' ? result.endpoint.port : undefined
  }
  return { clock, ports, prober, results, connects, signals, last, found }
}

describe('which port wins', () => {
  test('the first in order with valid metrics, though a later one answers sooner', async () => {
    const { clock, prober, results, found } = started({
      80: { error: html },
      8080: { after: 200 },
      9100: { after: 1 },
    })
    prober.update(new Map([['a', scan([80, 8080, 9100])]]))
    await clock.pass(250)
    expect(found()).toBe(8080)
    expect(results.map(([, { kind }]) => kind)).toEqual(['searching', 'found'])
  })

  test('the first in order, though later ones answer once it has been chosen', async () => {
    const { clock, prober, results, found } = started({ 80: {}, 8080: { after: 50 }, 9100: { after: 400 } })
    prober.update(new Map([['a', scan([80, 8080, 9100])]]))
    await clock.pass(1000)
    expect(found()).toBe(80)
    expect(results.map(([, { kind }]) => kind)).toEqual(['searching', 'found'])
  })

  test('of any number the first in order of those that answer within 0.3 s of each other, and it stays', async () => {
    const afterMs = [1, 100, 200, 280, 450, 1000]
    const behaviour = fc.constantFrom<Behaviour>(
      'closed',
      { error: html },
      ...afterMs.map((after) => ({ after })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(behaviour, { minLength: 1, maxLength: 5 }), async (behaviours) => {
        const ports = behaviours.map((_, at) => 80 + at)
        const { clock, prober, found, results } = started(
          Object.fromEntries(behaviours.map((one, at) => [80 + at, one])),
        )
        prober.update(new Map([['a', scan(ports)]]))
        await clock.pass(10_000)
        const answeredAt = behaviours.map(
          (one) => (typeof one === 'object' && one.after) || Number.POSITIVE_INFINITY,
        )
        const until = Math.min(...answeredAt) + 300
        expect(found()).toBe(ports.find((_, at) => answeredAt[at]! < until))
        expect(results.filter(([, { kind }]) => kind === 'found').length).toBeLessThanOrEqual(1)
      }),
      { numRuns: 1000 },
    )
  })

  test('a preferred one that hangs delays the others only shortly', async () => {
    const { clock, prober, found } = started({ 80: { after: 60_000 }, 9100: {} })
    prober.update(new Map([['a', scan([80, 9100])]]))
    await clock.pass(400)
    expect(found()).toBe(9100)
  })

  test('an empty body is not metrics', async () => {
    const { clock, prober, last } = started({ 80: { series: 0 } })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(100)
    expect(last()).toMatchObject({
      kind: 'not_found',
      failure: { reason: 'port 80 answered without any metrics' },
    })
  })

  test('an empty body is metrics where the port is configured', async () => {
    const { clock, prober, found } = started({ 80: { series: 0 } })
    prober.update(new Map([['a', { ...scan([80]), isExplicit: true }]]))
    await clock.pass(100)
    expect(found()).toBe(80)
  })

  test('what was found is not attempted again', async () => {
    const { clock, prober, connects } = started({ 80: 'closed', 9100: {} })
    prober.update(new Map([['a', scan([80, 9100])]]))
    await clock.pass(3_600_000)
    expect(connects).toHaveLength(2)
  })
})

describe('attempts are repeated', () => {
  test('a port that opens in the first minute is found within half a second', async () => {
    const { clock, ports, prober, found } = started({ 80: 'closed' })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(20_100)
    ports[80] = {}
    await clock.pass(600)
    expect(found()).toBe(80)
  })

  test.each([300, 1000, 3000])('one that opens after %i ms is found a tenth of that later', async (opens) => {
    const { clock, ports, prober, found } = started({ 80: 'closed' })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(opens)
    ports[80] = {}
    await clock.pass(Math.max(50, opens / 10) + 10)
    expect(found()).toBe(80)
  })

  test.each<[string, Behaviour, number, number]>([
    ['a closed port', 'closed', 250, 450],
    ['a page of HTML', { error: html }, 60, 130],
    ['silence', { after: 60_000 }, 12, 30],
    ['no HTTP', { error: notHttp }, 4, 10],
  ])('%s is attempted ever more rarely in its first hour', async (_, behaviour, min, max) => {
    const { clock, prober, connects } = started({ 80: behaviour })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(3_600_000)
    expect(connects.length).toBeGreaterThan(min)
    expect(connects.length).toBeLessThan(max)
  })

  test('at once when its plan has changed', async () => {
    const { clock, prober, connects, last } = started({ 80: 'closed', 81: {} })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(600_000)
    const before = connects.length
    prober.update(new Map([['a', scan([80, 81])]]))
    await clock.pass(100)
    expect(connects.slice(before).map(({ port }) => port)).toEqual([80, 81])
    expect(last()).toMatchObject({ kind: 'found' })
  })

  test('not while the plan is the same, however often it is given', async () => {
    const { clock, prober, connects } = started({ 80: {} })
    for (let round = 0; round < 3; round += 1) {
      prober.update(new Map([['a', scan([80])]]))
      await clock.pass(100)
    }
    expect(connects).toHaveLength(1)
  })

  test('never once the target is gone', async () => {
    const { clock, prober, connects } = started({ 80: 'closed' })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(10)
    prober.update(new Map())
    await clock.pass(60_000)
    expect(connects).toHaveLength(1)
  })

  test('many containers share one bound on attempts', async () => {
    const { clock, prober, connects } = started({ 80: 'closed' })
    prober.update(new Map(Array.from({ length: 5000 }, (_, n) => [`c${n}`, scan([80])])))
    await clock.pass(10_000)
    expect(connects.length).toBeLessThan(5000 + 1.5 * 10_000)
  })
})

describe('when the endpoint fails', () => {
  test('the others are attempted, and it stays until one of them answers', async () => {
    const { clock, ports, prober, connects, found } = started({ 80: 'closed', 9100: {} })
    prober.update(new Map([['a', scan([80, 9100])]]))
    await clock.pass(60_000)
    ports[9100] = 'closed'
    prober.onScrapeFailed('a')
    await clock.pass(1000)
    expect(connects.slice(2).map(({ port }) => port)).toEqual([80])
    expect(found()).toBe(9100)
    ports[80] = {}
    await clock.pass(60_000)
    prober.onScrapeFailed('a')
    await clock.pass(1000)
    expect(found()).toBe(80)
  })

  test('one that answered while a preferred one is awaited is chosen, though the endpoint fails again', async () => {
    const { clock, ports, prober, found } = started({ 80: 'closed', 8080: 'closed', 9100: {} })
    prober.update(new Map([['a', scan([80, 8080, 9100])]]))
    await clock.pass(60_000)
    Object.assign(ports, { 80: { after: 5000 }, 8080: {}, 9100: 'closed' })
    prober.onScrapeFailed('a')
    await clock.pass(100)
    ports[8080] = { error: html }
    prober.onScrapeFailed('a')
    await clock.pass(100)
    expect(found()).toBe(9100)
    await clock.pass(200)
    expect(found()).toBe(8080)
  })

  test('it stays if it answers again before another port does', async () => {
    const { clock, prober, found, connects } = started({
      80: {},
      8080: { after: 200 },
      9100: { after: 9000 },
    })
    prober.update(new Map([['a', scan([80, 8080, 9100])]]))
    await clock.pass(20_000)
    for (const ms of [100, 300, 5000]) {
      const before = connects.length
      prober.onScrapeFailed('a')
      await clock.pass(100)
      prober.onScrapeSucceeded('a')
      await clock.pass(ms)
      expect(connects.slice(before).map(({ port }) => port)).toEqual([8080, 9100])
    }
    await clock.pass(60_000)
    expect(found()).toBe(80)
  })

  test('whatever ports do, it is replaced only if it has not answered since the attempt at the other began', async () => {
    const behaviour = fc.constantFrom<Behaviour>(
      'closed',
      {},
      { after: 250 },
      { after: 5000 },
      { error: html },
    )
    const step = fc.record({
      ports: fc.record({ 80: behaviour, 8080: behaviour, 9100: behaviour }),
      isOk: fc.boolean(),
      ms: fc.constantFrom(0, 10, 100, 200, 350, 6000, 60_000),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 20 }), async (steps) => {
        const { clock, ports, prober, connects, results, found } = started({ 80: {}, 8080: {}, 9100: {} })
        prober.update(new Map([['a', scan([80, 8080, 9100])]]))
        await clock.pass(60_000)
        /** How many attempts had begun when the present endpoint last answered. */
        let attempts = connects.length
        for (const { ports: next, isOk, ms } of steps) {
          Object.assign(ports, next)
          const before = found()
          const changes = results.length
          if (isOk) {
            prober.onScrapeSucceeded('a')
            attempts = connects.length
          } else prober.onScrapeFailed('a')
          await clock.pass(ms)
          const since = connects.slice(attempts).map(({ port }) => port)
          if (found() !== before) expect(since).toContain(found())
          else expect(results).toHaveLength(changes)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('however often it fails, the others keep their delay between attempts', async () => {
    const { clock, prober, connects } = started({ 80: { error: notHttp }, 9100: {} })
    prober.update(new Map([['a', scan([80, 9100])]]))
    for (let second = 0; second < 60; second += 1) {
      await clock.pass(1000)
      prober.onScrapeFailed('a')
    }
    expect(connects.filter(({ port }) => port === 80).length).toBeLessThanOrEqual(2)
  })
})

test('whatever ports do and whenever the endpoint fails, one that stays is found in the end', async () => {
  const behaviour = fc.constantFrom<Behaviour>('closed', {}, { after: 250 }, { after: 5000 }, { error: html })
  const step = fc.record({
    ports: fc.record({ 80: behaviour, 8080: behaviour, 9100: behaviour }),
    isOk: fc.boolean(),
    ms: fc.constantFrom(10, 100, 350, 60_000),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 8 }), async (steps) => {
      const { clock, ports, prober, found } = started({ 80: 'closed', 8080: 'closed', 9100: {} })
      prober.update(new Map([['a', scan([80, 8080, 9100])]]))
      await clock.pass(60_000)
      for (const { ports: next, isOk, ms } of steps) {
        Object.assign(ports, next)
        if (isOk) prober.onScrapeSucceeded('a')
        else prober.onScrapeFailed('a')
        await clock.pass(ms)
      }
      Object.assign(ports, { 80: 'closed', 8080: {}, 9100: 'closed' })
      for (let minute = 0; minute < 15 && found() !== 8080; minute += 1) {
        await clock.pass(60_000)
        prober.onScrapeFailed('a')
      }
      expect(found()).toBe(8080)
    }),
    { numRuns: 1000 },
  )
})

describe('a changed plan', () => {
  test('keeps the endpoint if it names it too', async () => {
    const { clock, prober, found, results } = started({ 80: {}, 81: {} })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(100)
    prober.update(new Map([['a', scan([81, 80])]]))
    await clock.pass(100)
    expect(found()).toBe(80)
    expect(results.map(([, { kind }]) => kind)).toEqual(['searching', 'found', 'found'])
  })

  test('drops it at once if not: its address may be another container’s by now', async () => {
    const { clock, prober, last } = started({ 80: {}, 81: 'closed' })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(100)
    prober.update(new Map([['a', scan([81])]]))
    expect(last()).toEqual({ kind: 'searching' })
  })

  test('without candidates ends the search', async () => {
    const { clock, prober, last, connects } = started({ 80: 'closed' })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(10)
    const failure = { code: 'paused', reason: 'the container is paused' } as const
    prober.update(new Map([['a', { kind: 'none', failure }]]))
    await clock.pass(60_000)
    expect(last()).toEqual({ kind: 'not_found', failure })
    expect(connects).toHaveLength(1)
  })
})

describe('the initial pass', () => {
  test('is done once everything has been attempted, and stays done', async () => {
    const { clock, prober } = started({ 80: { after: 1000 }, 81: 'closed' })
    expect(prober.isInitialPassDone()).toBe(false)
    prober.update(new Map([['a', scan([80, 81])]]))
    expect(prober.isInitialPassDone()).toBe(false)
    await clock.pass(1100)
    expect(prober.isInitialPassDone()).toBe(true)
    prober.update(new Map([['b', scan([80])]]))
    expect(prober.isInitialPassDone()).toBe(true)
  })

  test('is not delayed by a port that hangs for longer than a few seconds', async () => {
    const { clock, prober } = started({ 80: { after: 60_000 } })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(5000)
    expect(prober.isInitialPassDone()).toBe(true)
  })
})

test('more hung containers than slots delay no other', async () => {
  const { clock, prober, found } = started({ 80: 'dropped', 81: { after: 60_000 }, 9100: {} })
  const hung = Array.from({ length: 1000 }, (_, n) => [`hung${n}`, scan([80, 81])] as const)
  prober.update(new Map(hung))
  await clock.pass(1000)
  prober.update(new Map([...hung, ['a', scan([9100])]]))
  await clock.pass(1000)
  expect(found()).toBe(9100)
})

test('a removed target ends its attempts in progress, and no others', async () => {
  const { clock, prober, signals } = started({ 80: 'dropped' })
  prober.update(new Map([['a', scan([80])]]))
  prober.update(
    new Map([
      ['a', scan([80])],
      ['b', scan([80])],
    ]),
  )
  await clock.pass(10)
  prober.update(new Map([['b', scan([80])]]))
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  await prober.stop()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
})

test('stop ends attempts in progress', async () => {
  const { clock, prober, results } = started({ 80: { after: 60_000 } })
  prober.update(new Map([['a', scan([80])]]))
  await clock.pass(10)
  const before = results.length
  await prober.stop()
  await clock.pass(60_000)
  expect(results).toHaveLength(before)
})
