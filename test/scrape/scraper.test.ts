import { describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Snapshot } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { type ScrapeSpec, startScraper } from '../../src/scrape/scraper.ts'
import { virtualClock } from '../helpers/clock.ts'
import { expectInternalErrors } from '../helpers/internal-errors.ts'

const page = plainPage(Buffer.from('a 1\n'), { format: 'text/0.0.4', series: 1, remarks: [] })
const hangs = Number.POSITIVE_INFINITY

function job(id: string, more: Partial<Omit<ScrapeSpec, 'endpoint'>> = {}): ScrapeSpec {
  return {
    endpoint: { url: id, port: 80, source: 'scanned' },
    intervalMs: 10_000,
    timeoutMs: 10_000,
    ...more,
  }
}

const jobs = (...ids: readonly string[]) => new Map(ids.map((id) => [id, job(id)]))

/** A scraper on virtual time, and how long each endpoint takes to respond. */
function started(durationMs: (id: string) => number = () => 5) {
  const clock = virtualClock(0)
  const reads: { id: string; at: number }[] = []
  const snapshots: { id: string; at: number; snapshot: Snapshot }[] = []
  /** How many snapshots there were whenever the scraper became idle. */
  const idle: number[] = []
  const scraper = startScraper(
    {
      clock,
      read: async (id, { timeoutMs, signal }) => {
        reads.push({ id, at: clock.now() })
        await clock.sleep(Math.min(durationMs(id), timeoutMs), signal)
        if (durationMs(id) > timeoutMs) throw new ProxyError('timeout', `no answer within ${timeoutMs} ms`)
        return { page, contentType: undefined }
      },
      onIdle: () => idle.push(snapshots.length),
      log: createLog('silent'),
      metrics: createMetrics(),
    },
    (id, snapshot) => {
      snapshots.push({ id, at: clock.now(), snapshot })
      return snapshot
    },
  )
  return { clock, reads, snapshots, idle, scraper }
}

const named = (what: string, n: number) => Array.from({ length: n }, (_, at) => `${what}${at}`)

test('a snapshot that cannot be stored is logged once, and rejects all who wait for it', async () => {
  const reported = expectInternalErrors()
  const clock = virtualClock(0)
  const scraper = startScraper(
    {
      ...{ clock, onIdle: () => {}, log: createLog('silent'), metrics: createMetrics() },
      read: async () => ({ page, contentType: undefined }),
    },
    () => {
      throw new TypeError('no listener can take it')
    },
  )
  scraper.update(jobs('a'))
  const requested = Promise.allSettled([scraper.scrapeNow('a', 1000), scraper.scrapeNow('a', 1000)])
  await clock.pass(10)
  expect(reported.map(String)).toEqual(['TypeError: no listener can take it'])
  for (const one of await requested)
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'internal', isKnown: true } })
  await scraper.stop()
})

test('what was stored is counted: a page that had no room is a failure', async () => {
  const clock = virtualClock(0)
  const metrics = createMetrics()
  const scraper = startScraper(
    {
      ...{ clock, onIdle: () => {}, log: createLog('silent'), metrics },
      read: async () => ({ page, contentType: undefined }),
    },
    (_, { at, durationMs }) => ({ ok: false, at, durationMs, failure: { code: 'overloaded', reason: 'no' } }),
  )
  scraper.update(jobs('a'))
  await clock.pass(10)
  expect(metrics.print()).toContain('app_metrics_proxy_scrape_failures_total{reason="overloaded"} 1\n')
  await scraper.stop()
})

describe('the schedule', () => {
  test('what is new is read at once, then each interval', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(jobs('a'))
    await clock.pass(60_000)
    const [first, second, ...rest] = reads.map(({ at }) => at)
    expect(first).toBe(0)
    expect(second).toBeLessThanOrEqual(10_000)
    expect(rest.map((at, n) => at - [second!, ...rest][n]!)).toEqual(rest.map(() => 10_000))
  })

  test('what the prober has just read is not read again before it is due', async () => {
    const { clock, reads, scraper } = started()
    await clock.pass(5000)
    scraper.update(new Map([['a', job('a', { readAt: 4900 })]]))
    await clock.pass(20_000)
    const [first] = reads.map(({ at }) => at)
    expect(first).toBeGreaterThan(5000)
    expect(first).toBeLessThanOrEqual(4900 + 10_000)
  })

  test('what was read long ago is read at once', async () => {
    const { clock, reads, scraper } = started()
    await clock.pass(5000)
    scraper.update(new Map([['a', job('a', { readAt: 3000 })]]))
    await clock.pass(10)
    expect(reads.map(({ at }) => at)).toEqual([5000])
  })

  test('what began together is spread over the interval', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(jobs(...named('c', 1000)))
    await clock.pass(20_000)
    const perSecond = Map.groupBy(
      reads.filter(({ at }) => at >= 10_000 && at < 20_000),
      ({ at }) => Math.floor(at / 1000),
    )
    for (const { length } of perSecond.values()) {
      expect(length).toBeGreaterThan(60)
      expect(length).toBeLessThan(140)
    }
  })

  test('scrapes due within a fortieth of their interval begin together, and rather early than late', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(jobs(...named('c', 1000)))
    await clock.pass(40_000)
    const later = reads.filter(({ at }) => at >= 20_000 && at < 30_000)
    expect(new Set(later.map(({ at }) => at)).size).toBeLessThanOrEqual(40)
    for (const all of Map.groupBy(reads, ({ id }) => id).values()) {
      const pauses = all.slice(1).map(({ at }, n) => at - all[n]!.at)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(10_000)
      expect(Math.min(...pauses.slice(1))).toBeGreaterThanOrEqual(9750)
    }
  })

  test('it is idle when all scrapes that were due together are done, the slowest too', async () => {
    const { clock, idle, scraper } = started((id) => (id === 'slow' ? 50 : 5))
    scraper.update(jobs('a', 'b', 'slow'))
    await clock.pass(40)
    expect(idle).toEqual([])
    await clock.pass(20)
    expect(idle).toEqual([3])
  })

  test('a live scrape does not report idle: its client is answered first', async () => {
    const { clock, idle, snapshots, scraper } = started()
    scraper.update(jobs('a'))
    await clock.pass(12_000)
    const [before, stored] = [idle.length, snapshots.length]
    const requested = scraper.scrapeNow('a', 5000)
    await clock.pass(100)
    await requested
    expect(snapshots).toHaveLength(stored + 1)
    expect(idle).toHaveLength(before)
  })

  test('a live read counts as the scheduled one', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(jobs('a'))
    await clock.pass(12_000)
    const before = reads.length
    for (let n = 0; n < 4; n += 1) {
      const read = scraper.scrapeNow('a', 5000)
      await clock.pass(9000)
      await read
    }
    expect(reads).toHaveLength(before + 4)
  })

  test('a scrape never outlives its interval, and one that takes all of it is followed by the next', async () => {
    const { clock, reads, scraper } = started(() => hangs)
    scraper.update(jobs('a'))
    await clock.pass(39_999)
    expect(reads.map(({ at }) => at)).toEqual([0, 10_000, 20_000, 30_000])
  })

  test('a removed endpoint is not read again, and its last scrape is dropped', async () => {
    const { clock, reads, snapshots, scraper } = started(() => 100)
    scraper.update(jobs('a'))
    await clock.pass(50)
    scraper.update(new Map())
    await clock.pass(60_000)
    expect([reads.length, snapshots.length]).toEqual([1, 0])
  })

  test('an endpoint whose URL changed is read at once', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(new Map([['a', job('old')]]))
    await clock.pass(500)
    scraper.update(new Map([['a', job('new')]]))
    await clock.pass(100)
    expect(reads.map(({ id }) => id)).toEqual(['old', 'new'])
  })

  test('a shorter interval holds from now on', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(new Map([['a', job('a', { intervalMs: 600_000 })]]))
    await clock.pass(1000)
    scraper.update(new Map([['a', job('a', { intervalMs: 1000, timeoutMs: 1000 })]]))
    await clock.pass(10_500)
    expect(reads.length).toBeGreaterThan(10)
  })
})

describe('live reads', () => {
  test('share one scrape, and resolve when its snapshot was stored', async () => {
    const { clock, reads, snapshots, scraper } = started(() => 500)
    scraper.update(jobs('a'))
    await clock.pass(1000)
    const clients = Promise.all(
      [1, 2, 3].map(() => scraper.scrapeNow('a', 5000).then(() => snapshots.length)),
    )
    await clock.pass(600)
    expect(await clients).toEqual([2, 2, 2])
    expect(reads).toHaveLength(2)
  })

  test('join the scrape in progress', async () => {
    const { clock, reads, scraper } = started(() => 500)
    scraper.update(jobs('a'))
    await clock.pass(100)
    const read = scraper.scrapeNow('a', 5000)
    await clock.pass(500)
    await read
    expect(reads).toHaveLength(1)
  })

  test('resolve also for a failure, which is the snapshot', async () => {
    const { clock, snapshots, scraper } = started(() => hangs)
    scraper.update(new Map([['a', job('a', { timeoutMs: 1000 })]]))
    const read = scraper.scrapeNow('a', 5000)
    await clock.pass(1100)
    await read
    expect(snapshots[0]?.snapshot).toMatchObject({ ok: false, failure: { code: 'timeout' } })
  })

  test('reject when the budget ends first; the scrape goes on for the others', async () => {
    const { clock, snapshots, scraper } = started(() => 2000)
    scraper.update(jobs('a'))
    const short = scraper.scrapeNow('a', 1000)
    const long = scraper.scrapeNow('a', 5000)
    const refused = expect(short).rejects.toMatchObject({ code: 'timeout', message: 'no answer within 1 s' })
    await clock.pass(2100)
    await refused
    await long
    expect(snapshots).toHaveLength(1)
  })

  test('end with their container, which may never answer once it has died', async () => {
    const { clock, scraper } = started(() => hangs)
    scraper.update(jobs('a'))
    const read = scraper.scrapeNow('a', 5000)
    scraper.update(new Map())
    await expect(read).rejects.toMatchObject({ code: 'stopped' })
    expect(clock.now()).toBe(0)
  })

  test('of a target that moves are to be repeated, and what was scraped of it is dropped', async () => {
    const { clock, snapshots, scraper } = started(() => 100)
    scraper.update(jobs('a'))
    const read = scraper.scrapeNow('a', 5000)
    await clock.pass(50)
    scraper.remove('a', 'moved')
    await expect(read).rejects.toMatchObject({ code: 'searching' })
    await clock.pass(60_000)
    expect(snapshots).toEqual([])
  })

  test('of an endpoint that is not scraped are refused', async () => {
    await expect(started().scraper.scrapeNow('nobody', 1000)).rejects.toMatchObject({ code: 'searching' })
  })
})

describe('more hung containers than slots', () => {
  const hung = named('hung', 1000)
  const healthy = named('healthy', 50)
  const durationMs = (id: string) => (id.startsWith('hung') ? hangs : 5)

  test('are started a part at a time', async () => {
    const { clock, reads, scraper } = started(durationMs)
    scraper.update(jobs(...hung))
    await clock.pass(50)
    expect(reads).toHaveLength(128)
    await clock.pass(100)
    expect(reads).toHaveLength(256)
  })

  test('never delay the background scrapes of healthy ones', async () => {
    const { clock, reads, scraper } = started(durationMs)
    scraper.update(jobs(...hung, ...healthy))
    await clock.pass(60_000)
    const after = reads.filter(({ id, at }) => id.startsWith('healthy') && at > 10_000)
    for (const times of Map.groupBy(after, ({ id }) => id).values())
      for (const [n, { at }] of times.entries()) if (n > 0) expect(at - times[n - 1]!.at).toBeLessThan(10_500)
    expect(new Set(after.map(({ id }) => id)).size).toBe(50)
  })

  test('a scrape that waits for its slot is shared by clients', async () => {
    const { clock, reads, scraper } = started(durationMs)
    const slow = job('healthy', { intervalMs: 600_000 })
    scraper.update(jobs(...hung))
    await clock.pass(10)
    scraper.update(new Map([...jobs(...hung), ['healthy', slow]]))
    await clock.pass(10)
    const read = scraper.scrapeNow('healthy', 1000)
    await clock.pass(1000)
    await read
    await clock.pass(5000)
    expect(reads.filter(({ id }) => id === 'healthy')).toHaveLength(1)
  })

  test('never delay live reads of healthy ones, even if the hung ones are read live too', async () => {
    const { clock, scraper } = started(durationMs)
    scraper.update(jobs(...hung, ...healthy))
    await clock.pass(30_000)
    const hanging = hung.map((id) => scraper.scrapeNow(id, 9000).catch(() => {}))
    const read = Promise.all(healthy.map((id) => scraper.scrapeNow(id, 1000)))
    await clock.pass(1000)
    await read
    await clock.pass(10_000)
    await Promise.all(hanging)
  })
})

test('stop ends scrapes in progress and starts no more', async () => {
  const { clock, reads, snapshots, scraper } = started(() => hangs)
  scraper.update(jobs('a'))
  await clock.pass(10)
  await scraper.stop()
  await clock.pass(60_000)
  expect([reads.length, snapshots.length]).toEqual([1, 0])
})
