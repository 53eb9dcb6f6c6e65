// Scrapes every endpoint periodically: one interval after its last scrape, whoever caused that one.
//
// An endpoint is idle until it is due or a client needs it, then waits for a slot, then is scraped; whoever needs it
// meanwhile shares that scrape. Its snapshot is stored and the next scrape is scheduled before clients are answered. An
// endpoint that is removed, at any point, aborts its scrape, whose result is dropped. Scrapes that hang free their slot
// after a while (start-limit.ts), so that they never keep others from being started.

import type { Clock } from '../clock.ts'
import { errorOf, failureOf, isInternal, ProxyError } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import { type Endpoint, kindOfStream, type Mono, type Snapshot, type Stoppable } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createSchedule, hashFraction } from '../runtime/schedule.ts'
import { createStartLimit } from '../runtime/start-limit.ts'
import { timeoutError } from './failures.ts'
import { bytesToRead, type Read } from './read.ts'
import { countScrapes } from './scrape-metrics.ts'

/** What to scrape, and how often. */
export interface ScrapeSpec {
  readonly endpoint: Endpoint
  readonly intervalMs: number
  /** At most `intervalMs`. */
  readonly timeoutMs: number
  /** When it was last read completely, by the prober too. */
  readonly readAt?: Mono
}

interface ScraperOptions {
  readonly clock: Clock
  readonly read: Read
  /** Called when the scrapes that were due together are done and none is in progress. */
  readonly onIdle: () => void
  readonly log: Log
  readonly metrics: Metrics
}

export interface Scraper extends Stoppable {
  /** All jobs from now on, by the id of their stream. A new one is scraped at once, unless it was just read. */
  update(jobs: ReadonlyMap<string, ScrapeSpec>): void
  /** Ends one job at once, until the next `update`: its target is gone, or has moved to another endpoint. */
  remove(id: string, why: 'gone' | 'moved'): void
  /**
   * Scrapes one endpoint now, or joins the scrape in progress. Resolves once its snapshot was stored, also if that is a
   * failure; rejects with `timeout` after `timeoutMs`, and with `searching` if the target moves meanwhile. The scrape
   * itself goes on, and counts as the scheduled one.
   */
  scrapeNow(id: string, timeoutMs: number): Promise<void>
}

/** An endpoint that was read so recently is not scraped again at once. */
const recentMs = 1000
/**
 * Scrapes due within this share of their interval begin together, the later ones early. Waking up costs more than a
 * scrape: a dozen at once cost three quarters of what they would in groups of five (docs/BENCHMARKS.md).
 */
const batchShare = 1 / 40

interface EndpointState {
  readonly id: string
  job: ScrapeSpec
  /** The scrape that waits for its slot or is in progress. */
  scrape: Promise<void> | undefined
  /** What its page took the last time. */
  expectedBytes: number
  dueAt: Mono
  isFirst: boolean
  /** Aborted when it is removed: a container that died may never answer the scrape in progress. */
  readonly removed: AbortController
}

/** Returns what was stored. `unpacked`: the body of a page that is kept as gzip. */
type OnSnapshot = (id: string, snapshot: Snapshot, unpacked?: Uint8Array) => Snapshot

export function startScraper(options: ScraperOptions, onSnapshot: OnSnapshot): Scraper {
  const { clock, read, log } = options
  const states = new Map<string, EndpointState>()
  const limit = createStartLimit(clock)
  const counters = countScrapes(options.metrics, limit.waiting)
  const inProgress = new Set<Promise<void>>()
  const schedule = createSchedule(clock, scrapeScheduled)

  function scrapeScheduled(id: string): void {
    const state = states.get(id)!
    // it is scheduled again when that scrape is done
    if (state.scrape) return
    const begin = () => counters.late(clock.now() - state.dueAt)
    scrape(state, begin)
      .catch(() => {})
      .finally(() => {
        if (inProgress.size === 0) options.onIdle()
      })
  }

  function scrape(state: EndpointState, begin = () => {}): Promise<void> {
    if (state.scrape) return state.scrape
    const work = async () => {
      begin()
      await scrapeOnce(state)
    }
    const running = limit
      .run(work)
      .catch((error: unknown) => {
        if (isInternal(error)) log.internal(error, 'scrape', { id: state.id })
        throw errorOf(failureOf(error))
      })
      .finally(() => {
        state.scrape = undefined
        inProgress.delete(running)
      })
    state.scrape = running
    inProgress.add(running)
    return running
  }

  async function scrapeOnce(state: EndpointState): Promise<void> {
    const at = clock.now()
    const { snapshot, unpacked } = await snapshotOf(state, at)
    if (state.removed.signal.aborted) return
    scheduleNext(state, at)
    counters.scraped(onSnapshot(state.id, snapshot, unpacked))
  }

  async function snapshotOf(
    state: EndpointState,
    at: Mono,
  ): Promise<{ readonly snapshot: Snapshot; readonly unpacked?: Uint8Array }> {
    const { endpoint, timeoutMs } = state.job
    try {
      const { page, unpacked } = await read(endpoint.url, {
        timeoutMs,
        kind: kindOfStream(state.id),
        signal: state.removed.signal,
        expectedBytes: state.expectedBytes,
      })
      state.expectedBytes = bytesToRead(page)
      const snapshot: Snapshot = { ok: true, at, durationMs: clock.now() - at, page }
      return { snapshot, ...(unpacked && { unpacked }) }
    } catch (error) {
      const failure = failureOf(error)
      if (isInternal(error)) log.internal(error, 'scrape', { url: endpoint.url })
      return { snapshot: { ok: false, at, durationMs: clock.now() - at, failure } }
    }
  }

  /** The first pause is a part of the interval, by the target's id: this spreads what began together. */
  function scheduleNext(state: EndpointState, at: Mono): void {
    const { intervalMs } = state.job
    const pauseMs = intervalMs * (state.isFirst ? hashFraction(state.id) : 1)
    const batchMs = intervalMs * batchShare
    state.isFirst = false
    setDue(state, Math.max(clock.now(), Math.floor((at + pauseMs) / batchMs) * batchMs))
  }

  function setDue(state: EndpointState, dueAt: Mono): void {
    state.dueAt = dueAt
    schedule.set(state.id, dueAt)
  }

  function add(id: string, job: ScrapeSpec): void {
    const state: EndpointState = {
      id,
      job,
      scrape: undefined,
      expectedBytes: 0,
      dueAt: 0,
      isFirst: true,
      removed: new AbortController(),
    }
    states.set(id, state)
    const { readAt } = job
    if (readAt !== undefined && clock.now() - readAt < recentMs) scheduleNext(state, readAt)
    else setDue(state, clock.now())
  }

  function remove({ id, removed }: EndpointState, error: ProxyError): void {
    removed.abort(error)
    states.delete(id)
    schedule.delete(id)
  }

  function change(state: EndpointState, job: ScrapeSpec): void {
    state.job = job
    const latest = clock.now() + job.intervalMs
    if (state.dueAt > latest) setDue(state, latest)
  }

  return {
    update(jobs) {
      for (const state of states.values())
        if (jobs.get(state.id)?.endpoint.url !== state.job.endpoint.url) remove(state, gone)
      for (const [id, job] of jobs) {
        const state = states.get(id)
        if (state) change(state, job)
        else add(id, job)
      }
    },
    remove(id, why) {
      const state = states.get(id)
      if (state) remove(state, why === 'gone' ? gone : moved)
    },
    async scrapeNow(id, timeoutMs) {
      const state = states.get(id)
      // an endpoint becomes a job shortly after it was found
      if (!state) throw new ProxyError('searching', 'it is about to be scraped for the first time')
      await waitFor(scrape(state), clock, timeoutMs)
      if (state.removed.signal.aborted) throw state.removed.signal.reason
    },
    async stop() {
      schedule.stop()
      for (const state of states.values()) remove(state, new ProxyError('stopping', 'the agent stops'))
      await Promise.allSettled(inProgress)
    },
  }
}

const gone = new ProxyError('stopped', 'it is no longer there')
/** Clients try again, as with any target that is being searched. */
const moved = new ProxyError('searching', 'its endpoint has just changed')

/** Stops waiting after `timeoutMs`, without ending the work: others may wait for it too. */
function waitFor(work: Promise<void>, clock: Clock, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(Math.max(0, timeoutMs), () => reject(timeoutError(timeoutMs)))
    work.then(resolve, reject).finally(cancel)
  })
}
