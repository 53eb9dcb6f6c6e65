// Finds where each container shows its metrics.
//
// Every candidate port is looked at by itself and at its own times (backoff.ts), so that a port that hangs
// holds up no other. What answered is remembered: nothing is looked at any more until its scrapes
// fail.

import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Finding, Snapshot, Stoppable } from '../model.ts'
import { createLimit } from '../runtime/limit.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createSchedule } from '../runtime/schedule.ts'
import { spread } from '../runtime/spread.ts'
import { leastPause, pauseAfter } from './backoff.ts'
import type { Connect } from './connect.ts'
import { createLook, type ReadPage, type Seen } from './look.ts'
import { type Candidate, isSamePlan, type Plan } from './plan.ts'
import {
  endWait,
  isTold,
  isUnsettled,
  newSearch,
  noneOf,
  type Search,
  searchedPorts,
  type Try,
} from './search.ts'
import { verdictOf } from './verdict.ts'

export interface ProberOptions {
  readonly clock: Clock
  readonly config: { readonly scrapeTimeoutMs: number }
  readonly connect: Connect
  readonly read: ReadPage
  readonly log: Log
  readonly metrics: Metrics
}

export interface Prober extends Stoppable {
  /** All targets from now on. One that is new, or whose plan has changed, is looked at at once. */
  update(plans: ReadonlyMap<string, Plan>): void
  /** What was found in it is known nowhere else any more: it is reported again. */
  repeat(id: string): void
  /** Its endpoint fails: look at its other candidates too. The endpoint stands until one of them answers. */
  failing(id: string): void
  /** Whether all that was there at the start has been looked at, as far as that goes in a few seconds. */
  settled(): boolean
}

/** How long a port that comes first may keep a later one, which has answered, from being taken. */
const grace = 300
/** How many looks are begun at once; what hung the last time has a limit of its own. */
const limitOf = { usual: 128, hung: 32 }
/** So long a look keeps others from being begun. */
const maxHoldMs = 100

/** With what was found comes the page that was read to find it. */
type On = (id: string, finding: Finding, snapshot?: Snapshot) => void

export function startProber(options: ProberOptions, on: On): Prober {
  const { clock, connect, read, log } = options
  const lookAt = createLook({ clock, connect, read, timeout: options.config.scrapeTimeoutMs, log })
  const searches = new Map<string, Search>()
  const schedule = createSchedule(clock, look)
  const usual = createLimit(clock, limitOf.usual, maxHoldMs)
  const hung = createLimit(clock, limitOf.hung, maxHoldMs)
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()
  const looks = options.metrics.counter('app_metrics_proxy_probes_total', 'Looks at ports, by outcome.')
  options.metrics.observe(
    'app_metrics_proxy_probes_searching',
    'gauge',
    'Containers of this node in which no metrics have been found yet.',
    () => [[{}, count(searches.values(), (search) => searchedPorts(search) > 0)]],
  )
  /** How many ports are looked at again and again, in all searches together. */
  let searched = 0
  let begun = false
  let settled = false

  function look(one: Try): void {
    one.underWay = true
    const work = lookOnce(one)
      .catch((error: unknown) => log.internal(error, 'probe', { id: one.id }))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }

  async function lookOnce(one: Try): Promise<void> {
    const limit = one.outcome === 'dropped' || one.outcome === 'silent' ? hung : usual
    const seen = await limit.run(async () => {
      const search = searchOf(one)
      return search && lookAt(one.candidate, isTold(search), stopping.signal)
    })
    one.underWay = false
    const search = searchOf(one)
    if (!seen || !search) return
    looks.add(1, { outcome: seen.outcome })
    note(search, one, seen)
    conclude(search)
  }

  /** None once the target is gone or has another plan. */
  function searchOf(one: Try): Search | undefined {
    const search = searches.get(one.id)
    return search?.tries.includes(one) ? search : undefined
  }

  function note(search: Search, one: Try, { outcome, trouble, snapshot }: Seen): void {
    one.outcome = outcome
    if (snapshot) one.snapshot = snapshot
    if (trouble) one.trouble = trouble
    if (outcome === 'metrics') return
    const pause = Math.max(pauseAfter(outcome, clock.now() - search.since), leastPause(searched))
    one.due = clock.now() + pause * (1 - spread(search.id) / 4)
    if (!search.endpoint) schedule.set(one, one.due)
  }

  function conclude(search: Search): void {
    const verdict = verdictOf(search.tries)
    if (verdict.kind === 'found' && verdict.sure) settle(search, verdict.candidate)
    else if (verdict.kind === 'found') search.waiting ??= clock.after(grace, () => settleForBest(search))
    else if (verdict.kind === 'none' && !search.endpoint) report(search, noneOf(search))
  }

  function settleForBest(search: Search): void {
    const verdict = verdictOf(search.tries)
    if (verdict.kind === 'found') settle(search, verdict.candidate)
  }

  function settle(search: Search, { url, port, why }: Candidate): void {
    endWait(search)
    searched -= searchedPorts(search)
    search.endpoint = { url, port, why }
    const snapshot = search.tries.find(({ candidate }) => candidate.url === url)?.snapshot
    for (const one of search.tries) {
      delete one.outcome
      delete one.snapshot
      schedule.delete(one)
    }
    report(search, { kind: 'found', endpoint: search.endpoint }, snapshot)
  }

  function report(search: Search, finding: Finding, snapshot?: Snapshot): void {
    if (JSON.stringify(finding) === JSON.stringify(search.finding)) return
    search.finding = finding
    on(search.id, finding, snapshot)
  }

  function add(search: Search): void {
    searches.set(search.id, search)
    searched += searchedPorts(search)
    on(search.id, search.finding)
    if (!search.endpoint) for (const one of search.tries) look(one)
  }

  function remove(search: Search): void {
    searches.delete(search.id)
    searched -= searchedPorts(search)
    endWait(search)
    for (const one of search.tries) schedule.delete(one)
  }

  return {
    update(plans) {
      begun = true
      for (const search of searches.values()) if (!plans.has(search.id)) remove(search)
      for (const [id, plan] of plans) {
        const search = searches.get(id)
        if (search && isSamePlan(search.plan, plan)) continue
        if (search) remove(search)
        add(newSearch(id, plan, search?.endpoint, clock.now()))
      }
    },
    repeat(id) {
      const finding = searches.get(id)?.finding
      if (finding && finding.kind !== 'searching') on(id, finding)
    },
    failing(id) {
      const { endpoint, tries } = searches.get(id) ?? { tries: [] }
      const now = clock.now()
      for (const one of tries)
        if (endpoint && one.candidate.url !== endpoint.url && !one.underWay && one.due <= now) look(one)
    },
    settled() {
      settled ||= begun && count(searches.values(), (search) => isUnsettled(search, clock.now())) === 0
      return settled
    },
    async stop() {
      stopping.abort(new ProxyError('stopping', 'the agent stops'))
      schedule.stop()
      for (const search of searches.values()) endWait(search)
      searches.clear()
      await Promise.allSettled(underWay)
    },
  }
}

function count<T>(all: Iterable<T>, is: (one: T) => boolean): number {
  let found = 0
  for (const one of all) if (is(one)) found += 1
  return found
}
