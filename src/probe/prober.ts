// Finds where each container shows its metrics.
//
// Every candidate port is looked at by itself and at its own times (backoff.ts), so that a port that hangs
// holds up no other. A look is a bare connection, and only if that stands a request. What answered is
// remembered: nothing is looked at any more until its scrapes fail.

import type { Clock } from '../clock.ts'
import { ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Endpoint, Finding, Mono, Part } from '../model.ts'
import { createSchedule } from '../schedule.ts'
import { createSlots } from '../slots.ts'
import { spread } from '../spread.ts'
import type { Log, Metrics } from '../telemetry.ts'
import { leastPause, type Outcome, pauseAfter } from './backoff.ts'
import type { Connect } from './connect.ts'
import type { Candidate, Plan } from './plan.ts'
import { explain, type Look, verdictOf } from './verdict.ts'

/** Reads the page at `url`; rejects with a ProxyError if that brings no valid metrics. */
export type ReadPage = (url: string, options: ReadPageOptions) => Promise<{ page: { series: number } }>

interface ReadPageOptions {
  readonly timeout: number
  readonly once: true
  readonly signal: AbortSignal
}

export interface ProberOptions {
  readonly clock: Clock
  readonly config: { readonly scrapeTimeout: number }
  readonly connect: Connect
  readonly read: ReadPage
  readonly log: Log
  readonly metrics: Metrics
}

export interface Prober extends Part {
  /** All targets from now on. One that is new, or whose plan has changed, is looked at at once. */
  update(plans: ReadonlyMap<string, Plan>): void
  /** Its endpoint fails: look at its other candidates too. The endpoint stands until one of them answers. */
  failing(id: string): void
  /** Whether all that was there at the start has been looked at, as far as that goes in a few seconds. */
  settled(): boolean
}

const connectTimeout = 2000
/** How long a port that comes first may keep a later one, which has answered, from being taken. */
const grace = 300
/** After this a first look that still hangs is no reason to wait. */
const settledAfter = 5000
/** More targets than this are told, but not looked at. */
const mostTargets = 10_000
/** How many looks are begun at once; what hung the last time has slots of its own. */
const slotsOf = { usual: 128, hung: 32 }
const patience = 100

type Probe = Plan & { kind: 'probe' }

interface Try extends Look {
  outcome?: Outcome
  trouble?: Trouble
  underWay: boolean
  /** Not to be looked at before. */
  due: Mono
}

interface Search {
  readonly id: string
  readonly plan: Plan
  readonly tries: readonly Try[]
  readonly since: Mono
  endpoint: Endpoint | undefined
  finding: Finding
  waiting: (() => void) | undefined
  over: boolean
}

export function startProber(options: ProberOptions, on: (id: string, finding: Finding) => void): Prober {
  const { clock, config, connect, read, log } = options
  const searches = new Map<string, Search>()
  const schedule = createSchedule(clock, lookWhenDue)
  const usual = createSlots(clock, slotsOf.usual, patience)
  const hung = createSlots(clock, slotsOf.hung, patience)
  const stopping = new AbortController()
  const underWay = new Set<Promise<void>>()
  const looks = options.metrics.counter('app_metrics_proxy_probes_total', 'Looks at ports, by outcome.')
  options.metrics.observe(
    'app_metrics_proxy_probes_searching',
    'gauge',
    'Containers of this node in which no metrics have been found yet.',
    () => [[{}, count(searches.values(), isSearching)]],
  )
  /** How many ports are looked at again and again. */
  let searched = 0
  let begun = false
  let settled = false

  function lookWhenDue(key: string): void {
    const cut = key.lastIndexOf(' ')
    const search = searches.get(key.slice(0, cut))
    const one = search?.tries[Number(key.slice(cut + 1))]
    if (search && one) look(search, one)
  }

  function look(search: Search, one: Try): void {
    one.underWay = true
    const work = lookOnce(search, one)
      .catch((error: unknown) => log.error({ err: error, id: search.id }, 'a finding could not be handed on'))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }

  async function lookOnce(search: Search, one: Try): Promise<void> {
    const slots = one.outcome === 'dropped' || one.outcome === 'silent' ? hung : usual
    const result = await slots(async () => (search.over ? undefined : outcomeOf(one.candidate)))
    one.underWay = false
    if (!result || search.over || stopping.signal.aborted) return
    const { outcome, trouble } = result
    looks.add(1, { outcome })
    one.outcome = outcome
    if (trouble) one.trouble = trouble
    if (outcome !== 'metrics') retryLater(search, one, outcome)
    conclude(search)
  }

  async function outcomeOf({
    host,
    port,
    url,
  }: Candidate): Promise<Pick<Try, 'trouble'> & { outcome: Outcome }> {
    const { signal } = stopping
    try {
      await connect(host, port, connectTimeout, signal)
    } catch (error) {
      const trouble = troubleOf(error)
      return { outcome: trouble.code === 'refused' ? 'closed' : 'dropped', trouble }
    }
    try {
      const { page } = await read(url, { timeout: config.scrapeTimeout, once: true, signal })
      if (page.series === 0) throw new ProxyError('invalid', 'answered an empty page')
      return { outcome: 'metrics' }
    } catch (error) {
      const trouble = troubleOf(error)
      if (trouble.code === 'internal') log.error({ err: error, url }, 'a probe failed within')
      return { outcome: outcomeOfFailure(trouble), trouble }
    }
  }

  function retryLater(search: Search, one: Try, outcome: Exclude<Outcome, 'metrics'>): void {
    const age = clock.now() - search.since
    const pause = Math.max(pauseAfter(outcome, age), leastPause(searched))
    one.due = clock.now() + pause * (1 - spread(search.id) / 4)
    if (!search.endpoint) schedule.set(keyOf(search, one), one.due)
  }

  function conclude(search: Search): void {
    const verdict = verdictOf(search.tries)
    if (verdict.kind === 'found' && verdict.sure) settle(search, verdict.candidate)
    else if (verdict.kind === 'found') settleSoon(search, verdict.candidate)
    else if (verdict.kind === 'none' && !search.endpoint) report(search, noneFor(search))
  }

  function settleSoon(search: Search, candidate: Candidate): void {
    search.waiting ??= clock.after(grace, () => settle(search, candidate))
  }

  function settle(search: Search, { url, port, why }: Candidate): void {
    endWait(search)
    if (!search.endpoint) searched -= search.tries.length
    search.endpoint = { url, port, why }
    for (const one of search.tries) {
      delete one.outcome
      schedule.delete(keyOf(search, one))
    }
    log.info({ id: search.id, url, why }, 'found metrics')
    report(search, { kind: 'found', endpoint: search.endpoint })
  }

  function report(search: Search, finding: Finding): void {
    if (JSON.stringify(finding) === JSON.stringify(search.finding)) return
    search.finding = finding
    on(search.id, finding)
  }

  function add(id: string, plan: Plan, endpoint: Endpoint | undefined): void {
    const now = clock.now()
    const candidates = plan.kind === 'probe' ? plan.candidates : []
    const search: Search = {
      id,
      plan,
      tries: candidates.map((candidate) => ({ candidate, underWay: false, due: now })),
      since: now,
      endpoint,
      finding: firstFinding(plan, endpoint),
      waiting: undefined,
      over: false,
    }
    searches.set(id, search)
    on(id, search.finding)
    if (!isSearching(search)) return
    searched += search.tries.length
    for (const one of search.tries) look(search, one)
  }

  function remove(search: Search): void {
    search.over = true
    if (isSearching(search)) searched -= search.tries.length
    endWait(search)
    searches.delete(search.id)
    for (const one of search.tries) schedule.delete(keyOf(search, one))
  }

  return {
    update(plans) {
      begun = true
      for (const search of searches.values()) if (!plans.has(search.id)) remove(search)
      for (const [id, plan] of capped(plans)) {
        const search = searches.get(id)
        if (search && isSamePlan(search.plan, plan)) continue
        if (search) remove(search)
        add(id, plan, stillThere(search?.endpoint, plan))
      }
    },
    failing(id) {
      const search = searches.get(id)
      if (!search?.endpoint) return
      const now = clock.now()
      for (const one of search.tries)
        if (one.candidate.url !== search.endpoint.url && !one.underWay && one.due <= now) look(search, one)
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

function capped(plans: ReadonlyMap<string, Plan>): Iterable<readonly [string, Plan]> {
  if (plans.size <= mostTargets) return plans
  return [...plans].map(([id, plan], at) => [id, at < mostTargets ? plan : tooMany])
}

const tooMany: Plan = {
  kind: 'none',
  trouble: {
    code: 'overloaded',
    reason: `this node has more than ${mostTargets} containers: this one is not looked at`,
    mend: 'opt out those without metrics by the label app-metrics-proxy.enable=false',
  },
}

function outcomeOfFailure({ code }: Trouble): Exclude<Outcome, 'metrics'> {
  if (code === 'refused') return 'closed'
  if (code === 'timeout' || code === 'reset') return 'silent'
  if (code === 'protocol' || code === 'tls') return 'foreign'
  return 'other'
}

function firstFinding(plan: Plan, endpoint: Endpoint | undefined): Finding {
  if (plan.kind === 'none') return plan
  return endpoint ? { kind: 'found', endpoint } : { kind: 'searching' }
}

function noneFor(search: Search): Finding {
  const { told, mend } = search.plan as Probe
  return { kind: 'none', trouble: explain(search.tries, told, mend) }
}

/** What was found stands under a new plan only if that names it too: an old address may be another's by now. */
function stillThere(endpoint: Endpoint | undefined, plan: Plan): Endpoint | undefined {
  const same = plan.kind === 'probe' ? plan.candidates.find(({ url }) => url === endpoint?.url) : undefined
  return same && { url: same.url, port: same.port, why: same.why }
}

function isSamePlan(one: Plan, other: Plan): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}

function isSearching({ plan, endpoint }: Search): boolean {
  return plan.kind === 'probe' && endpoint === undefined
}

function isUnsettled({ finding, since }: Search, now: Mono): boolean {
  return finding.kind === 'searching' && now - since < settledAfter
}

function endWait(search: Search): void {
  search.waiting?.()
  search.waiting = undefined
}

function keyOf(search: Search, one: Try): string {
  return `${search.id} ${search.tries.indexOf(one)}`
}

function count<T>(all: Iterable<T>, is: (one: T) => boolean): number {
  let found = 0
  for (const one of all) if (is(one)) found += 1
  return found
}
