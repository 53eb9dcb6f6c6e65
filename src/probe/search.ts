// The search for one target's metrics: what the prober keeps of it, and what can be told from that.

import type { Trouble } from '../errors.ts'
import type { Endpoint, Finding, Mono, Snapshot } from '../model.ts'
import type { Outcome } from './backoff.ts'
import type { Plan } from './plan.ts'
import { explain, type Look } from './verdict.ts'

export interface Search {
  readonly id: string
  readonly plan: Plan
  readonly tries: readonly Try[]
  readonly since: Mono
  endpoint: Endpoint | undefined
  finding: Finding
  /** Set while one has answered and another that comes first has a moment left; calling it ends the wait. */
  waiting: (() => void) | undefined
}

export interface Try extends Look {
  /** The target. */
  readonly id: string
  outcome?: Outcome
  trouble?: Trouble
  /** What the last look brought, until a choice was made. */
  snapshot?: Snapshot
  underWay: boolean
  /** Not to be looked at before. */
  due: Mono
}

/** After this a first look that still hangs is no reason to wait. */
const settledAfter = 5000

/** What was found under another plan stands if this one names it too: an old address may be another's by now. */
export function newSearch(id: string, plan: Plan, found: Endpoint | undefined, now: Mono): Search {
  const candidates = plan.kind === 'probe' ? plan.candidates : []
  const same = candidates.find(({ url }) => url === found?.url)
  const endpoint = same && { url: same.url, port: same.port, why: same.why }
  return {
    id,
    plan,
    tries: candidates.map((candidate) => ({ id, candidate, underWay: false, due: now })),
    since: now,
    endpoint,
    finding: firstFinding(plan, endpoint),
    waiting: undefined,
  }
}

function firstFinding(plan: Plan, endpoint: Endpoint | undefined): Finding {
  if (plan.kind === 'none') return plan
  return endpoint ? { kind: 'found', endpoint } : { kind: 'searching' }
}

/** Why nothing was found. */
export function noneOf({ plan, tries }: Search): Finding {
  return plan.kind === 'none' ? plan : { kind: 'none', trouble: explain(tries, plan.told, plan.hint) }
}

/** Whether a person has said where its metrics are. */
export const isTold = ({ plan }: Search): boolean => plan.kind === 'probe' && plan.told

/** How many ports are looked at again and again for it. */
export function searchedPorts({ endpoint, tries }: Search): number {
  return endpoint === undefined ? tries.length : 0
}

export function isUnsettled({ finding, since }: Search, now: Mono): boolean {
  return finding.kind === 'searching' && now - since < settledAfter
}

export function endWait(search: Search): void {
  search.waiting?.()
  search.waiting = undefined
}
