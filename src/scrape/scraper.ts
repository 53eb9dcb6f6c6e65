// Reads every endpoint again and again: each interval after its last scrape, whoever asked for that one.
//
// Each endpoint has at most one scrape under way, which all clients share. Scrapes are started in one of
// three classes, each with a limit of its own: what a client waits for, what is merely due, and what timed
// out the last time. Hung work makes room after a while (limit.ts), so that hung containers never keep
// healthy ones from being started.

import type { Clock } from '../clock.ts'
import { errorOf, isInternal, ProxyError, troubleOf } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Endpoint, Mono, Page, Snapshot, Stoppable } from '../model.ts'
import { createLimit, type Limit } from '../runtime/limit.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createSchedule } from '../runtime/schedule.ts'
import { spread } from '../runtime/spread.ts'
import { tooSlow } from './failures.ts'
import { countScrapes } from './metrics.ts'
import type { Read, Reading } from './read.ts'

/** What is to be read, and how often. */
export interface Job {
  readonly endpoint: Endpoint
  /** Milliseconds; `timeout` never exceeds `interval`. */
  readonly interval: number
  readonly timeout: number
  /** When it was last read to the end, by whomever. */
  readonly read?: Mono
}

export interface ScraperOptions {
  readonly clock: Clock
  readonly read: Read
  /** Throws where this target's page can't be held. */
  readonly admit: (id: string, page: Page) => void
  /** Called when what was due together is done, and nothing is under way any more. */
  readonly rests: () => void
  readonly log: Log
  readonly metrics: Metrics
}

export interface Scraper extends Stoppable {
  /** All that is to be read from now on, by target id. What is new is read at once, unless that was just done. */
  update(jobs: ReadonlyMap<string, Job>): void
  /**
   * Reads one endpoint now, or joins the scrape under way. Resolves once its snapshot has been handed on,
   * also when that tells of a failure; rejects with `timeout` once `budget` milliseconds have passed. The
   * scrape itself goes on: it counts as the scheduled one.
   */
  now(id: string, budget: number, signal?: AbortSignal): Promise<void>
}

/** So long a scrape keeps others from being begun. Most are done by then; the others only wait for their container. */
const maxHoldMs = 250
/** What was read by a look at its port needs no scrape so soon afterwards. */
const justNow = 1000
/** When there are too many clients at once, it is looked again so soon whether there still are. */
const aMoment = 100
/**
 * What is due within this part of its interval begins together, the later ones sooner. To wake up costs more than to
 * read a page, so a dozen at once cost three quarters of what they would in groups of five. More at once cost less
 * still, but all of them wait for each other.
 */
const together = 1 / 40
const limitOf = { live: 128, background: 64, hung: 32 }

interface State {
  readonly id: string
  job: Job
  /** The scrape under way. */
  running: Promise<void> | undefined
  /** A live read that waits for its turn or runs. */
  asked: Promise<void> | undefined
  last: Reading | undefined
  due: Mono
  fresh: boolean
  /** Its last scrape timed out. */
  hung: boolean
  /** Aborted when it is no longer to be read: a container that died may never answer the scrape under way. */
  readonly gone: AbortController
}

export function startScraper(options: ScraperOptions, on: (id: string, snapshot: Snapshot) => void): Scraper {
  const { clock, read, log } = options
  const states = new Map<string, State>()
  const limits = {
    live: createLimit(clock, limitOf.live, maxHoldMs),
    background: createLimit(clock, limitOf.background, maxHoldMs),
    hung: createLimit(clock, limitOf.hung, maxHoldMs),
  }
  const counted = countScrapes(options.metrics, limits)
  const underWay = new Set<Promise<void>>()
  const schedule = createSchedule(clock, scrapeWhenDue)

  function scrapeWhenDue(id: string): void {
    const state = states.get(id)!
    if (mustYield(state)) {
      schedule.set(id, clock.now() + aMoment)
      return
    }
    const scrapeIfDue = async () => {
      // a client may have been faster while this waited
      if (state.gone.signal.aborted || state.due > clock.now()) return
      counted.late(clock.now() - state.due)
      await scrape(state, state.job.timeout)
      if (underWay.size === 0) options.rests()
    }
    limitFor(state, limits.background)
      .run(scrapeIfDue)
      .catch((error: unknown) => {
        if (isInternal(error)) log.internal(error, 'scrape', { id })
      })
  }

  /** Who waits for an answer comes first, until this one would lose its turn. */
  function mustYield({ due, job }: State): boolean {
    return limits.live.waiting() > 0 && clock.now() - due < job.interval / 2
  }

  function limitFor(state: State, usual: Limit): Limit {
    return state.hung ? limits.hung : usual
  }

  function scrape(state: State, left: number): Promise<void> {
    if (state.running) return state.running
    const running = scrapeOnce(state, left)
      .catch((error: unknown) => {
        if (isInternal(error)) log.internal(error, 'scrape', { id: state.id })
        throw errorOf(troubleOf(error))
      })
      .finally(() => {
        state.running = undefined
        underWay.delete(running)
      })
    state.running = running
    underWay.add(running)
    return running
  }

  async function scrapeOnce(state: State, left: number): Promise<void> {
    const at = clock.now()
    const snapshot = await snapshotOf(state, at, left)
    state.hung = !snapshot.ok && snapshot.trouble.code === 'timeout'
    if (state.gone.signal.aborted) return
    plan(state, at)
    counted.scraped(snapshot)
    on(state.id, snapshot)
  }

  async function snapshotOf(state: State, at: Mono, left: number): Promise<Snapshot> {
    const { endpoint, timeout } = state.job
    try {
      const reading = await read(endpoint.url, {
        timeout,
        left,
        signal: state.gone.signal,
        ...(state.last ? { before: state.last } : {}),
      })
      state.last = undefined
      options.admit(state.id, reading.page)
      state.last = reading
      return { ok: true, at, durationMs: clock.now() - at, page: reading.page }
    } catch (error) {
      const trouble = troubleOf(error)
      if (isInternal(error)) log.internal(error, 'scrape', { url: endpoint.url })
      return { ok: false, at, durationMs: clock.now() - at, trouble }
    }
  }

  /** The first pause is only a part of the interval, by the target's id: that spreads what began together. */
  function plan(state: State, at: Mono): void {
    const { interval } = state.job
    const pause = interval * (state.fresh ? spread(state.id) : 1)
    const grain = interval * together
    state.fresh = false
    setDue(state, Math.max(clock.now(), Math.floor((at + pause) / grain) * grain))
  }

  function setDue(state: State, due: Mono): void {
    state.due = due
    schedule.set(state.id, due)
  }

  function add(id: string, job: Job): void {
    const state: State = {
      id,
      job,
      running: undefined,
      asked: undefined,
      last: undefined,
      due: 0,
      fresh: true,
      hung: false,
      gone: new AbortController(),
    }
    states.set(id, state)
    const read = job.read ?? Number.NEGATIVE_INFINITY
    if (clock.now() - read < justNow) plan(state, read)
    else setDue(state, clock.now())
  }

  function remove(id: string): void {
    const state = states.get(id)
    if (!state) return
    state.gone.abort(new ProxyError('stopped', 'it is no longer there'))
    states.delete(id)
    schedule.delete(id)
  }

  function change(state: State, job: Job): void {
    const sooner = job.interval < state.job.interval
    state.job = job
    if (sooner) setDue(state, Math.min(state.due, clock.now() + job.interval))
  }

  function ask(state: State, budget: number): Promise<void> {
    if (state.running) return state.running
    state.asked ??= limitFor(state, limits.live)
      .run(() => scrape(state, Math.min(budget, state.job.timeout)))
      .finally(() => {
        state.asked = undefined
      })
    return state.asked
  }

  return {
    update(jobs) {
      for (const id of states.keys()) if (!jobs.has(id)) remove(id)
      for (const [id, job] of jobs) {
        const state = states.get(id)
        if (state?.job.endpoint.url === job.endpoint.url) {
          change(state, job)
          continue
        }
        remove(id)
        add(id, job)
      }
    },
    async now(id, budget, signal) {
      const state = states.get(id)
      // where metrics were found a moment ago, the jobs come a moment later
      if (!state) throw new ProxyError('searching', 'it is about to be read for the first time')
      await within(clock, budget, signal, ask(state, budget))
      if (state.gone.signal.aborted) throw state.gone.signal.reason
    },
    async stop() {
      schedule.stop()
      for (const { gone } of states.values()) gone.abort(new ProxyError('stopping', 'the agent stops'))
      states.clear()
      await Promise.allSettled(underWay)
    },
  }
}

/** Waits for `work` no longer than asked, without ending it: others may wait too. */
function within(
  clock: Clock,
  budget: number,
  signal: AbortSignal | undefined,
  work: Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason)
    const cancel = clock.after(Math.max(0, budget), () => reject(tooSlow(budget)))
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => {
      cancel()
      signal?.removeEventListener('abort', abort)
    })
  })
}
