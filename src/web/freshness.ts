// Whether the last snapshot of a container is served, must be refreshed first, or an error is the answer: pure
// decisions. A container's failure is never hidden, and old metrics are never served as new ones.

import { type Code, type Failure, stoppedFailure } from '../errors.ts'
import type { Entry, MetricsPage, Mono, NodeView } from '../model.ts'

export interface FreshnessContext {
  readonly now: Mono
  /** How old a snapshot may be that is served because its owner cannot be reached. */
  readonly staleAfterMs: number
  readonly owner: OwnerLink
}

/** The link to the agent that owns a container. */
export interface OwnerLink {
  readonly state: NodeView['link']
  /** Since when it has this state. Absent where that agent was never connected. */
  readonly since?: Mono
  readonly nodeName: string
}

export interface ReadResult {
  readonly page: MetricsPage
  /** When it was scraped. */
  readonly at: Mono
  /** Served with the header `Age`: it is older than MAX_AGE. */
  readonly isCached?: true
  /** Only for the cache of an unreachable owner: until when it may be served, and the error from then on. */
  readonly expires?: { readonly at: Mono; readonly failure: Failure }
}

/** The metrics of a container, or why there are none. */
export type Reading = { readonly result: ReadResult } | { readonly failure: Failure }

/** While its owner is linked. A snapshot older than `maxAgeMs` is refreshed; `off`: none is. */
export function decide(
  entry: Entry,
  maxAgeMs: number | 'off',
  { now, owner }: FreshnessContext,
): Reading | 'refresh' {
  const failure = whyNotScraped(entry)
  if (failure) return { failure }
  if (!entry.snapshot) return 'refresh'
  if (maxAgeMs === 'off') return serveSnapshot(entry, { isCached: true })
  // what a peer sent may have been on its way for any time: only the owner knows how old its snapshot is
  const isLive = owner.state === 'self' && now - entry.snapshot.at <= maxAgeMs
  return isLive ? serveSnapshot(entry) : 'refresh'
}

/** The outcome of a refresh that has just finished. */
export function serveSnapshot(
  { snapshot }: Entry,
  more: Pick<ReadResult, 'isCached' | 'expires'> = {},
): Reading {
  if (!snapshot) return { failure: { code: 'searching', reason: 'not scraped yet' } }
  if (!snapshot.ok) return { failure: snapshot.failure }
  return { result: { page: snapshot.page, at: snapshot.at, ...more } }
}

/** The owner cannot be reached, because its link is lost or for this failure: the cache, if it is young enough. */
export function serveCached(entry: Entry, context: FreshnessContext, reachFailure?: Failure): Reading {
  const { now, staleAfterMs, owner } = context
  const { snapshot } = entry
  const cause = owner.state === 'lost' || !reachFailure ? lostText(owner, now) : reachFailure.reason
  const reason = `the agent of ${owner.nodeName}, where this container runs, cannot be reached: ${cause}`
  const refused = (hint: string): Failure => ({ code: 'owner_lost', reason, hint })
  const tooOld = (ageMs: number) =>
    refused(`its last metrics are ${seconds(ageMs)} old, too old to be served`)
  if (!snapshot) return { failure: refused('it has not sent metrics of this container yet') }
  const ageMs = now - snapshot.at
  if (ageMs > staleAfterMs) return { failure: tooOld(ageMs) }
  const failure = whyNotScraped(entry)
  if (failure) return { failure }
  const expires = { at: snapshot.at + staleAfterMs, failure: tooOld(staleAfterMs) }
  return serveSnapshot(entry, { isCached: true, expires })
}

/** To be checked again right before metrics are sent, since requests wait for memory and for other replicas. */
export function expiredFailure({ expires }: Pick<ReadResult, 'expires'>, now: Mono): Failure | undefined {
  return expires && now > expires.at ? expires.failure : undefined
}

/** Whether the container's agent could not be asked, as opposed to a failure of the container. */
export function isOwnerUnavailable(code: Code): boolean {
  return code === 'owner_lost' || code === 'not_ready' || code === 'stopping'
}

function lostText({ since }: OwnerLink, now: Mono): string {
  return since === undefined
    ? 'there is no link to it'
    : `the link to it was lost ${seconds(now - since)} ago`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

/** Why this container is not scraped at all. */
function whyNotScraped({ target, ended, probeResult, endpoint }: Entry): Failure | undefined {
  if (ended || target.state === 'stopped') return stoppedFailure(ended?.exitCode, ended?.removed)
  if (target.state === 'paused') return { code: 'paused', reason: 'the container is paused' }
  if (target.unreachable) return target.unreachable
  if (probeResult.kind === 'not_found') return probeResult.failure
  if (probeResult.kind === 'searching' && !endpoint)
    return { code: 'searching', reason: 'the container is still being searched for metrics' }
  return undefined
}
