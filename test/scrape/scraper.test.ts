import { describe, expect, test } from 'vitest'
import { ProxyError } from '../../src/errors.ts'
import { createLog } from '../../src/logging/log.ts'
import type { Snapshot } from '../../src/model.ts'
import { plainPage } from '../../src/model.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { type Job, startScraper } from '../../src/scrape/scraper.ts'
import { virtualClock } from '../helpers/clock.ts'
import { expectInternalErrors } from '../helpers/internal-errors.ts'

const page = plainPage(Buffer.from('a 1\n'), { format: 'text/0.0.4', series: 1, remarks: [] })
const hangs = Number.POSITIVE_INFINITY

function job(id: string, more: Partial<Omit<Job, 'endpoint'>> = {}): Job {
  return { endpoint: { url: id, port: 80, why: 'scanned' }, interval: 10_000, timeout: 10_000, ...more }
}

const jobs = (...ids: readonly string[]) => new Map(ids.map((id) => [id, job(id)]))

/** A scraper in virtual time; `takes` says how long each endpoint needs to answer. */
function started(takes: (id: string) => number = () => 5) {
  const clock = virtualClock(0)
  const reads: { id: string; at: number; left: number | undefined }[] = []
  const snapshots: { id: string; at: number; snapshot: Snapshot }[] = []
  /** How many snapshots there were whenever all was done. */
  const rests: number[] = []
  const scraper = startScraper(
    {
      clock,
      read: async (id, { timeout, left, signal }) => {
        reads.push({ id, at: clock.now(), left })
        await clock.sleep(Math.min(takes(id), timeout), signal)
        if (takes(id) > timeout) throw new ProxyError('timeout', `no answer within ${timeout} ms`)
        return { page, contentType: undefined }
      },
      admit: () => {},
      rests: () => rests.push(snapshots.length),
      log: createLog('silent'),
      metrics: createMetrics(),
    },
    (id, snapshot) => snapshots.push({ id, at: clock.now(), snapshot }),
  )
  return { clock, reads, snapshots, rests, scraper }
}

const named = (what: string, n: number) => Array.from({ length: n }, (_, at) => `${what}${at}`)

test('a snapshot that cannot be handed on is reported once, and told to each who waits for it', async () => {
  const reported = expectInternalErrors()
  const clock = virtualClock(0)
  const scraper = startScraper(
    {
      ...{ clock, admit: () => {}, rests: () => {}, log: createLog('silent'), metrics: createMetrics() },
      read: async () => ({ page, contentType: undefined }),
    },
    () => {
      throw new TypeError('no listener can take it')
    },
  )
  scraper.update(jobs('a'))
  const asked = Promise.allSettled([scraper.now('a', 1000), scraper.now('a', 1000)])
  await clock.pass(10)
  expect(reported.map(String)).toEqual(['TypeError: no listener can take it'])
  for (const one of await asked)
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'internal', isKnown: true } })
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

  test('what a look at its port has just read is not read again before its turn', async () => {
    const { clock, reads, scraper } = started()
    await clock.pass(5000)
    const read = (at: number) => ({ ...job('a'), read: at })
    scraper.update(new Map([['a', read(4900)]]))
    await clock.pass(20_000)
    const [first] = reads.map(({ at }) => at)
    expect(first).toBeGreaterThan(5000)
    expect(first).toBeLessThanOrEqual(4900 + 10_000)
  })

  test('what was read long ago is read at once', async () => {
    const { clock, reads, scraper } = started()
    await clock.pass(5000)
    scraper.update(new Map([['a', { ...job('a'), read: 3000 }]]))
    await clock.pass(10)
    expect(reads.map(({ at }) => at)).toEqual([5000])
  })

  test('who waits for an answer comes first, but no endpoint loses its turn', async () => {
    const { clock, reads, scraper } = started((id) => (id.startsWith('asked') ? 400 : 5))
    const asked = named('asked', 4000)
    const slow = new Map(asked.map((id) => [id, job(id, { interval: 100_000 })]))
    scraper.update(slow)
    await clock.pass(20_000)
    const answers = Promise.all(asked.map((id) => scraper.now(id, 60_000)))
    await clock.pass(10)
    const before = reads.length
    scraper.update(new Map([...slow, ...jobs('new')]))
    await clock.pass(2000)
    expect(reads.length - before).toBeGreaterThan(500)
    expect(reads.slice(before).map(({ id }) => id)).not.toContain('new')
    await clock.pass(4000)
    expect(reads.map(({ id }) => id)).toContain('new')
    await clock.pass(10_000)
    await answers
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

  test('what is due within a fortieth of its interval begins together, and sooner rather than later', async () => {
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

  test('tells when what was due together is done and handed on, the slowest too', async () => {
    const { clock, rests, scraper } = started((id) => (id === 'slow' ? 50 : 5))
    scraper.update(jobs('a', 'b', 'slow'))
    await clock.pass(40)
    expect(rests).toEqual([])
    await clock.pass(20)
    expect(rests).toEqual([3])
  })

  test('who asks for a scrape is answered before anything is told of it', async () => {
    const { clock, rests, snapshots, scraper } = started()
    scraper.update(jobs('a'))
    await clock.pass(12_000)
    const [before, handedOn] = [rests.length, snapshots.length]
    const asked = scraper.now('a', 5000)
    await clock.pass(100)
    await asked
    expect(snapshots).toHaveLength(handedOn + 1)
    expect(rests).toHaveLength(before)
  })

  test('a live read counts as the scheduled one', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(jobs('a'))
    await clock.pass(12_000)
    const before = reads.length
    for (let n = 0; n < 4; n += 1) {
      const read = scraper.now('a', 5000)
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

  test('what is no longer there is not read again, and its last scrape is not told', async () => {
    const { clock, reads, snapshots, scraper } = started(() => 100)
    scraper.update(jobs('a'))
    await clock.pass(50)
    scraper.update(new Map())
    await clock.pass(60_000)
    expect([reads.length, snapshots.length]).toEqual([1, 0])
  })

  test('an endpoint that moved is read at its new place at once', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(new Map([['a', job('old')]]))
    await clock.pass(500)
    scraper.update(new Map([['a', job('new')]]))
    await clock.pass(100)
    expect(reads.map(({ id }) => id)).toEqual(['old', 'new'])
  })

  test('a shorter interval holds from now on', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(new Map([['a', job('a', { interval: 600_000 })]]))
    await clock.pass(1000)
    scraper.update(new Map([['a', job('a', { interval: 1000, timeout: 1000 })]]))
    await clock.pass(10_500)
    expect(reads.length).toBeGreaterThan(10)
  })
})

describe('live reads', () => {
  test('share one scrape, and resolve when its snapshot has been handed on', async () => {
    const { clock, reads, snapshots, scraper } = started(() => 500)
    scraper.update(jobs('a'))
    await clock.pass(1000)
    const clients = Promise.all([1, 2, 3].map(() => scraper.now('a', 5000).then(() => snapshots.length)))
    await clock.pass(600)
    expect(await clients).toEqual([2, 2, 2])
    expect(reads).toHaveLength(2)
  })

  test('join the scrape under way', async () => {
    const { clock, reads, scraper } = started(() => 500)
    scraper.update(jobs('a'))
    await clock.pass(100)
    const read = scraper.now('a', 5000)
    await clock.pass(500)
    await read
    expect(reads).toHaveLength(1)
  })

  test('resolve also for a failure: the snapshot tells', async () => {
    const { clock, snapshots, scraper } = started(() => hangs)
    scraper.update(new Map([['a', job('a', { timeout: 1000 })]]))
    const read = scraper.now('a', 5000)
    await clock.pass(1100)
    await read
    expect(snapshots[0]?.snapshot).toMatchObject({ ok: false, trouble: { code: 'timeout' } })
  })

  test('reject when the budget ends first; the scrape goes on for the others', async () => {
    const { clock, snapshots, scraper } = started(() => 2000)
    scraper.update(jobs('a'))
    const short = scraper.now('a', 1000)
    const long = scraper.now('a', 5000)
    const refused = expect(short).rejects.toMatchObject({ code: 'timeout', message: 'no answer within 1 s' })
    await clock.pass(2100)
    await refused
    await long
    expect(snapshots).toHaveLength(1)
  })

  test('tell the container the time that its client has left', async () => {
    const { clock, reads, scraper } = started()
    scraper.update(jobs('a'))
    await clock.pass(100)
    const read = scraper.now('a', 3000)
    await clock.pass(100)
    await read
    expect(reads.map(({ left }) => left)).toEqual([10_000, 3000])
  })

  test('end with their client', async () => {
    const { scraper } = started(() => hangs)
    scraper.update(jobs('a'))
    const gone = new AbortController()
    const read = scraper.now('a', 5000, gone.signal)
    gone.abort(new Error('the client has gone'))
    await expect(read).rejects.toThrow('the client has gone')
  })

  test('end with their container, which may never answer once it has died', async () => {
    const { clock, scraper } = started(() => hangs)
    scraper.update(jobs('a'))
    const read = scraper.now('a', 5000)
    scraper.update(new Map())
    await expect(read).rejects.toMatchObject({ code: 'stopped' })
    expect(clock.now()).toBe(0)
  })

  test('of what is not scraped are refused', async () => {
    await expect(started().scraper.now('nobody', 1000)).rejects.toMatchObject({ code: 'searching' })
  })
})

describe('more hung containers than slots', () => {
  const hung = named('hung', 1000)
  const healthy = named('healthy', 50)
  const takes = (id: string) => (id.startsWith('hung') ? hangs : 5)

  test('never delay the background scrapes of healthy ones', async () => {
    const { clock, reads, scraper } = started(takes)
    scraper.update(jobs(...hung, ...healthy))
    await clock.pass(60_000)
    const after = reads.filter(({ id, at }) => id.startsWith('healthy') && at > 10_000)
    for (const times of Map.groupBy(after, ({ id }) => id).values())
      for (const [n, { at }] of times.entries()) if (n > 0) expect(at - times[n - 1]!.at).toBeLessThan(10_500)
    expect(new Set(after.map(({ id }) => id)).size).toBe(50)
  })

  test('a scrape that waited for its slot is not made if a client was faster', async () => {
    const { clock, reads, scraper } = started(takes)
    const slow = job('healthy', { interval: 600_000 })
    scraper.update(jobs(...hung))
    await clock.pass(10)
    scraper.update(new Map([...jobs(...hung), ['healthy', slow]]))
    await clock.pass(10)
    const read = scraper.now('healthy', 1000)
    await clock.pass(1000)
    await read
    await clock.pass(5000)
    expect(reads.filter(({ id }) => id === 'healthy')).toHaveLength(1)
  })

  test('never delay live reads of healthy ones, be they asked for or not', async () => {
    const { clock, scraper } = started(takes)
    scraper.update(jobs(...hung, ...healthy))
    await clock.pass(30_000)
    const vain = hung.map((id) => scraper.now(id, 9000).catch(() => {}))
    const read = Promise.all(healthy.map((id) => scraper.now(id, 1000)))
    await clock.pass(1000)
    await read
    await clock.pass(10_000)
    await Promise.all(vain)
  })
})

test('stop ends what is under way and reads nothing more', async () => {
  const { clock, reads, snapshots, scraper } = started(() => hangs)
  scraper.update(jobs('a'))
  await clock.pass(10)
  await scraper.stop()
  await clock.pass(60_000)
  expect([reads.length, snapshots.length]).toEqual([1, 0])
})
