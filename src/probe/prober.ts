// Finds the endpoint of each target.
//
// The states of a search are those of its result. `searching`: every candidate is attempted, each at its own times
// (outcome.ts), so that a port that hangs delays no other. `not_found`: all were attempted without success, and are
// attempted again and again. `found`: no more attempts; if the endpoint fails, the other candidates are attempted, and it
// stays unless one of them answers before it does. A changed plan starts a new search.

import type { Clock } from '../clock.ts'
import { type Failure, ProxyError } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import type { Endpoint, Mono, ProbeResult, Snapshot, Stoppable } from '../model.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { createSchedule, hashFraction } from '../runtime/schedule.ts'
import { createStartLimit } from '../runtime/start-limit.ts'
import type { Read } from '../scrape/read.ts'
import { type AttemptResult, attempt, type Connect } from './attempt.ts'
import { explain, type ProbeOutcome, retryDelayMs } from './outcome.ts'
import type { Candidate, Plan } from './plan.ts'

export interface ProberOptions {
  readonly clock: Clock
  readonly config: { readonly scrapeTimeoutMs: number }
  readonly connect: Connect
  readonly read: Read
  readonly log: Log
  readonly metrics: Metrics
}

export interface Prober extends Stoppable {
  /** All targets from now on. One that is new, or whose plan has changed, is attempted at once. */
  update(plans: ReadonlyMap<string, Plan>): void
  /** Reports again what was found, for a receiver that has lost it. */
  republish(id: string): void
  /** The endpoint of this target fails. */
  onScrapeFailed(id: string): void
  /** The endpoint of this target answers: the attempts that began when it failed have no effect any more. */
  onScrapeSucceeded(id: string): void
  /** Whether everything there was at the start has been attempted, or has hung for a few seconds. Stays true. */
  isInitialPassDone(): boolean
}

/** Receives the metrics that were read to find an endpoint together with it. */
type OnProbeResult = (id: string, probeResult: ProbeResult, snapshot?: Snapshot) => void

interface Search {
  readonly id: string
  readonly plan: Plan
  readonly candidates: readonly CandidateState[]
  readonly since: Mono
  /** Ends the attempts in progress: when a candidate is chosen, or the search ends. */
  stopping: AbortController
  endpoint: Endpoint | undefined
  probeResult: ProbeResult
  /** Set while a candidate has answered, and one that is preferred has not yet. */
  cancelChoice: (() => void) | undefined
}

/** The state of one candidate. */
interface CandidateState {
  readonly candidate: Candidate
  readonly search: Search
  outcome?: ProbeOutcome
  failure?: Failure
  /** What the last attempt read, until a candidate is chosen. */
  snapshot?: Snapshot
  isInProgress: boolean
  /** Not to be attempted before. */
  dueAt: Mono
}

/** How long a candidate that has answered waits for one that is preferred. */
const preferenceTimeoutMs = 300
/** After this a first attempt that hangs no longer delays the initial pass. */
const initialPassTimeoutMs = 5000
/** Repeated attempts of all searches together. */
const maxAttemptsPerSecond = 1000

export function startProber(options: ProberOptions, onProbeResult: OnProbeResult): Prober {
  const { clock, config, log, metrics } = options
  const attemptDeps = { ...options, timeoutMs: config.scrapeTimeoutMs }
  const searches = new Map<string, Search>()
  const schedule = createSchedule(clock, start)
  const limit = createStartLimit(clock)
  const inProgress = new Set<Promise<void>>()
  const attempts = metrics.counter('app_metrics_proxy_probes_total', 'Attempts at ports, by outcome.')
  metrics.registerCollector(
    'app_metrics_proxy_probes_searching',
    'gauge',
    'Targets of this node in which no metrics have been found yet.',
    () => [[{}, [...searches.values()].filter(isSearched).length]],
  )
  let isUpdated = false
  let isInitialPassDone = false

  function start(state: CandidateState): void {
    state.isInProgress = true
    const work = attemptOnce(state)
      .catch((error: unknown) => log.internal(error, 'probe', { id: state.search.id }))
      .finally(() => inProgress.delete(work))
    inProgress.add(work)
  }

  async function attemptOnce(state: CandidateState): Promise<void> {
    const { candidate, search } = state
    const { signal } = search.stopping
    const result = await limit.run(async () =>
      signal.aborted ? undefined : attempt(candidate, isExplicit(search.plan), signal, attemptDeps),
    )
    if (!result || signal.aborted) return
    state.isInProgress = false
    attempts.add(1, { outcome: result.outcome })
    record(state, result)
    conclude(search)
  }

  function record(state: CandidateState, { outcome, failure, snapshot }: AttemptResult): void {
    const { search } = state
    state.outcome = outcome
    if (snapshot) state.snapshot = snapshot
    if (failure) state.failure = failure
    if (outcome === 'metrics') return
    const sharedDelayMs = (schedule.size() / maxAttemptsPerSecond) * 1000
    const delayMs = Math.max(retryDelayMs(outcome, clock.now() - search.since), sharedDelayMs)
    state.dueAt = clock.now() + delayMs * (1 - hashFraction(search.id) / 4)
    if (!search.endpoint) schedule.set(state, state.dueAt)
  }

  /** The first candidate with metrics is chosen, once those before it have been attempted or take too long. */
  function conclude(search: Search): void {
    const { candidates, plan, endpoint } = search
    const best = candidates.findIndex(hasMetrics)
    if (best !== -1) {
      if (!candidates.slice(0, best).some(({ isInProgress }) => isInProgress)) choose(search)
      else search.cancelChoice ??= clock.after(preferenceTimeoutMs, () => choose(search))
    } else if (!endpoint && plan.kind === 'probe' && candidates.every(({ outcome }) => outcome !== undefined))
      report(search, { kind: 'not_found', failure: explain(candidates, plan.isExplicit, plan.hint) })
  }

  function choose(search: Search): void {
    const { candidate, snapshot } = search.candidates.find(hasMetrics)!
    resetAttempts(search, 'another port was chosen')
    search.endpoint = endpointOf(candidate)
    report(search, { kind: 'found', endpoint: search.endpoint }, snapshot)
  }

  function resetAttempts(search: Search, reason: string): void {
    endAttempts(search, reason)
    search.stopping = new AbortController()
    for (const state of search.candidates) {
      state.isInProgress = false
      delete state.outcome
      delete state.snapshot
    }
  }

  function endAttempts(search: Search, reason: string): void {
    search.stopping.abort(new ProxyError('stopping', reason))
    search.cancelChoice?.()
    search.cancelChoice = undefined
    for (const state of search.candidates) schedule.delete(state)
  }

  function report(search: Search, probeResult: ProbeResult, snapshot?: Snapshot): void {
    if (isEqual(probeResult, search.probeResult)) return
    search.probeResult = probeResult
    onProbeResult(search.id, probeResult, snapshot)
  }

  function add(search: Search): void {
    searches.set(search.id, search)
    onProbeResult(search.id, search.probeResult)
    if (!search.endpoint) for (const state of search.candidates) start(state)
  }

  function remove(search: Search): void {
    searches.delete(search.id)
    endAttempts(search, 'the search has ended')
  }

  return {
    update(plans) {
      isUpdated = true
      for (const search of searches.values()) if (!plans.has(search.id)) remove(search)
      for (const [id, plan] of plans) {
        const search = searches.get(id)
        if (search && isEqual(search.plan, plan)) continue
        if (search) remove(search)
        add(newSearch(id, plan, search?.endpoint, clock.now()))
      }
    },
    republish(id) {
      const probeResult = searches.get(id)?.probeResult
      if (probeResult && probeResult.kind !== 'searching') onProbeResult(id, probeResult)
    },
    onScrapeFailed(id) {
      const { endpoint, candidates } = searches.get(id) ?? { candidates: [] }
      if (!endpoint) return
      for (const state of candidates) {
        const isDue = !state.isInProgress && state.dueAt <= clock.now()
        // one that has answered waits to be chosen
        if (state.candidate.url !== endpoint.url && isDue && !hasMetrics(state)) start(state)
      }
    },
    onScrapeSucceeded(id) {
      const search = searches.get(id)
      if (!search?.endpoint) return
      const isAttempted = search.candidates.some((state) => state.isInProgress || hasMetrics(state))
      if (isAttempted) resetAttempts(search, 'the endpoint answers again')
    },
    isInitialPassDone() {
      const isPending = ({ probeResult, since }: Search) =>
        probeResult.kind === 'searching' && clock.now() - since < initialPassTimeoutMs
      isInitialPassDone ||= isUpdated && ![...searches.values()].some(isPending)
      return isInitialPassDone
    },
    async stop() {
      schedule.stop()
      for (const search of searches.values()) remove(search)
      await Promise.allSettled(inProgress)
    },
  }
}

/** An endpoint found under the plan before stays if this one has it too: an old address may be another container's by now. */
function newSearch(id: string, plan: Plan, before: Endpoint | undefined, now: Mono): Search {
  const planned = plan.kind === 'probe' ? plan.candidates : []
  const same = planned.find(({ url }) => url === before?.url)
  const endpoint = same && endpointOf(same)
  const candidates: CandidateState[] = []
  const search: Search = {
    id,
    plan,
    candidates,
    since: now,
    stopping: new AbortController(),
    endpoint,
    probeResult: initialResult(plan, endpoint),
    cancelChoice: undefined,
  }
  for (const candidate of planned) candidates.push({ candidate, search, isInProgress: false, dueAt: now })
  return search
}

function initialResult(plan: Plan, endpoint: Endpoint | undefined): ProbeResult {
  if (plan.kind === 'none') return { kind: 'not_found', failure: plan.failure }
  return endpoint ? { kind: 'found', endpoint } : { kind: 'searching' }
}

const endpointOf = ({ url, port, source }: Candidate): Endpoint => ({ url, port, source })
const isSearched = ({ endpoint, candidates }: Search) => endpoint === undefined && candidates.length > 0
const isExplicit = (plan: Plan) => plan.kind === 'probe' && plan.isExplicit
const hasMetrics = ({ outcome }: CandidateState) => outcome === 'metrics'
const isEqual = (one: Plan | ProbeResult, other: Plan | ProbeResult) =>
  JSON.stringify(one) === JSON.stringify(other)
