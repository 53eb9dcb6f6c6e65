import { describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Finding } from '../../src/model.ts'
import type { Plan } from '../../src/probe/plan.ts'
import { startProber } from '../../src/probe/prober.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { virtualClock } from '../helpers/clock.ts'
import { page } from '../web/agent.ts'

/** What a port does: nothing listens, or after so many milliseconds these series or that failure come. */
type Behaviour = 'closed' | 'dropped' | { after?: number; series?: number; error?: ProxyError }

const html = new ProxyError('invalid', 'answered HTML, not metrics')
const notHttp = new ProxyError('protocol', 'answered something that is not HTTP')

function scan(ports: readonly number[]): Plan {
  const candidates = ports.map((port) => ({
    url: `http://c:${port}/metrics`,
    host: 'c',
    port,
    why: 'scanned',
  }))
  return { kind: 'probe', candidates, told: false, hint: 'add its port to PORTS' }
}

/** A prober in virtual time over ports whose behaviour the test sets. */
function started(ports: Record<number, Behaviour>) {
  const clock = virtualClock(0)
  const findings: [string, Finding][] = []
  const connects: { port: number; at: number }[] = []
  const reads: { port: number; at: number }[] = []
  const prober = startProber(
    {
      clock,
      config: { scrapeTimeoutMs: 10_000 },
      connect: async (_, port, timeout, signal) => {
        connects.push({ port, at: clock.now() })
        if (ports[port] === 'closed') throw new ProxyError('refused', 'connection refused')
        if (ports[port] !== 'dropped') return
        await clock.sleep(timeout, signal)
        throw new ProxyError('timeout', 'connecting gets no answer')
      },
      read: async (url, { timeout, signal }) => {
        const port = Number(/:(\d+)/.exec(url)?.[1])
        reads.push({ port, at: clock.now() })
        const { after = 1, series = 1, error } = ports[port] as Exclude<Behaviour, string>
        await clock.sleep(Math.min(after, timeout), signal)
        if (after > timeout) throw new ProxyError('timeout', 'no answer within 10 s')
        if (error) throw error
        return { page: page('x 1\n', { series }) }
      },
      log: createLog('silent'),
      metrics: createMetrics(),
    },
    (id, finding) => findings.push([id, finding]),
  )
  const last = (id = 'a') => findings.findLast(([one]) => one === id)?.[1]
  const found = (id = 'a') => {
    const finding = last(id)
    return finding?.kind === 'found' ? finding.endpoint.port : undefined
  }
  return { clock, ports, prober, findings, connects, reads, last, found }
}

describe('which port wins', () => {
  test('the first in order with valid metrics, though a later one answers sooner', async () => {
    const { clock, prober, found } = started({
      80: { error: html },
      8080: { after: 200 },
      9100: { after: 1 },
    })
    prober.update(new Map([['a', scan([80, 8080, 9100])]]))
    await clock.pass(250)
    expect(found()).toBe(8080)
  })

  test('one that comes first and hangs delays the others no longer than a moment', async () => {
    const { clock, prober, found } = started({ 80: { after: 60_000 }, 9100: {} })
    prober.update(new Map([['a', scan([80, 9100])]]))
    await clock.pass(400)
    expect(found()).toBe(9100)
  })

  test('an empty page is none', async () => {
    const { clock, prober, last } = started({ 80: { series: 0 } })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(100)
    expect(last()).toMatchObject({ kind: 'none', trouble: { reason: 'port 80 answered an empty page' } })
  })

  test('an empty page will do where a person has said that metrics are there', async () => {
    const { clock, prober, found } = started({ 80: { series: 0 } })
    prober.update(new Map([['a', { ...scan([80]), told: true }]]))
    await clock.pass(100)
    expect(found()).toBe(80)
  })

  test('what answered is remembered and not looked at again', async () => {
    const { clock, prober, connects } = started({ 80: 'closed', 9100: {} })
    prober.update(new Map([['a', scan([80, 9100])]]))
    await clock.pass(3_600_000)
    expect(connects).toHaveLength(2)
  })
})

describe('looking again', () => {
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
  ])('%s is looked at ever more rarely in its first hour', async (_, behaviour, least, most) => {
    const { clock, prober, connects } = started({ 80: behaviour })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(3_600_000)
    expect(connects.length).toBeGreaterThan(least)
    expect(connects.length).toBeLessThan(most)
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

  test('not at all while the plan is the same, whatever else is told', async () => {
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

  test('many containers share what looking may cost', async () => {
    const { clock, prober, connects } = started({ 80: 'closed' })
    prober.update(new Map(Array.from({ length: 5000 }, (_, n) => [`c${n}`, scan([80])])))
    await clock.pass(10_000)
    expect(connects.length).toBeLessThan(5000 + 1.5 * 10_000)
  })
})

describe('when the endpoint fails', () => {
  test('the others are looked at, and it stands until one of them answers', async () => {
    const { clock, ports, prober, connects, found } = started({ 80: 'closed', 9100: {} })
    prober.update(new Map([['a', scan([80, 9100])]]))
    await clock.pass(60_000)
    ports[9100] = 'closed'
    prober.failing('a')
    await clock.pass(1000)
    expect(connects.slice(2).map(({ port }) => port)).toEqual([80])
    expect(found()).toBe(9100)
    ports[80] = {}
    await clock.pass(60_000)
    prober.failing('a')
    await clock.pass(1000)
    expect(found()).toBe(80)
  })

  test('however often that is told, the others are left in peace between looks', async () => {
    const { clock, prober, connects } = started({ 80: { error: notHttp }, 9100: {} })
    prober.update(new Map([['a', scan([80, 9100])]]))
    for (let second = 0; second < 60; second += 1) {
      await clock.pass(1000)
      prober.failing('a')
    }
    expect(connects.filter(({ port }) => port === 80).length).toBeLessThanOrEqual(2)
  })
})

describe('a changed plan', () => {
  test('keeps the endpoint if it names it too', async () => {
    const { clock, prober, found, findings } = started({ 80: {}, 81: {} })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(100)
    prober.update(new Map([['a', scan([81, 80])]]))
    await clock.pass(100)
    expect(found()).toBe(80)
    expect(findings.map(([, { kind }]) => kind)).toEqual(['searching', 'found', 'found'])
  })

  test('drops it at once if not: its address may be another container’s by now', async () => {
    const { clock, prober, last } = started({ 80: {}, 81: 'closed' })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(100)
    prober.update(new Map([['a', scan([81])]]))
    expect(last()).toEqual({ kind: 'searching' })
  })

  test('that says not to look ends the search', async () => {
    const { clock, prober, last, connects } = started({ 80: 'closed' })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(10)
    const trouble = { code: 'paused', reason: 'the container is paused' } as const
    prober.update(new Map([['a', { kind: 'none', trouble }]]))
    await clock.pass(60_000)
    expect(last()).toEqual({ kind: 'none', trouble })
    expect(connects).toHaveLength(1)
  })
})

describe('settled', () => {
  test('once everything has been looked at, and for good', async () => {
    const { clock, prober } = started({ 80: { after: 1000 }, 81: 'closed' })
    expect(prober.settled()).toBe(false)
    prober.update(new Map([['a', scan([80, 81])]]))
    expect(prober.settled()).toBe(false)
    await clock.pass(1100)
    expect(prober.settled()).toBe(true)
    prober.update(new Map([['b', scan([80])]]))
    expect(prober.settled()).toBe(true)
  })

  test('a port that hangs delays it no longer than a few seconds', async () => {
    const { clock, prober } = started({ 80: { after: 60_000 } })
    prober.update(new Map([['a', scan([80])]]))
    await clock.pass(5000)
    expect(prober.settled()).toBe(true)
  })
})

test('more hung containers than slots hold up nobody', async () => {
  const { clock, prober, found } = started({ 80: 'dropped', 81: { after: 60_000 }, 9100: {} })
  const hung = Array.from({ length: 1000 }, (_, n) => [`hung${n}`, scan([80, 81])] as const)
  prober.update(new Map(hung))
  await clock.pass(1000)
  prober.update(new Map([...hung, ['a', scan([9100])]]))
  await clock.pass(1000)
  expect(found()).toBe(9100)
})

test('stop ends what is under way', async () => {
  const { clock, prober, findings } = started({ 80: { after: 60_000 } })
  prober.update(new Map([['a', scan([80])]]))
  await clock.pass(10)
  const before = findings.length
  await prober.stop()
  await clock.pass(60_000)
  expect(findings).toHaveLength(before)
})
