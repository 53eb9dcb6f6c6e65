// What attempts at ports come to: when to retry, and how to explain that there are no metrics.

import type { Failure } from '../errors.ts'
import type { Candidate } from './plan.ts'

export type ProbeOutcome =
  /** Valid metrics. */
  | 'metrics'
  /** Nothing listens. */
  | 'closed'
  /** No answer to connecting: a firewall, or an address that leads nowhere. */
  | 'dropped'
  /** It speaks HTTP but has no metrics: an application's page, or one that isn't ready yet. */
  | 'other'
  /** It accepted the connection and sent nothing: it may be starting, or wait for another protocol. */
  | 'silent'
  /** It speaks another protocol: a request only disturbs it. */
  | 'foreign'

const second = 1000
const minute = 60 * second

/** The delay is a share of the container's age: a port that opens late is found late only in proportion. */
const retryDelays: Readonly<
  Record<Exclude<ProbeOutcome, 'metrics'>, { share: number; minMs: number; maxMs: number }>
> = {
  closed: { share: 1 / 40, minMs: second / 20, maxMs: minute },
  dropped: { share: 1 / 30, minMs: 2 * second, maxMs: minute },
  other: { share: 1 / 6, minMs: second, maxMs: minute },
  silent: { share: 1 / 4, minMs: 5 * second, maxMs: 10 * minute },
  foreign: { share: 1, minMs: minute, maxMs: 60 * minute },
}

/** How long to wait before the next attempt, for a container known for `ageMs`. */
export function retryDelayMs(outcome: Exclude<ProbeOutcome, 'metrics'>, ageMs: number): number {
  const { share, minMs, maxMs } = retryDelays[outcome]
  return Math.min(maxMs, Math.max(minMs, ageMs * share))
}

/** A candidate and the outcome of the last attempt at it. */
export interface Attempted {
  readonly candidate: Candidate
  readonly outcome?: ProbeOutcome
  readonly failure?: Failure
}

/** Why there are no metrics, port by port. */
export function explain(attempted: readonly Attempted[], isExplicit: boolean, hint: string): Failure {
  const [first] = attempted
  if (isExplicit && first?.failure) return { hint, ...first.failure, reason: portText(first) }
  const closed = attempted.filter(({ outcome }) => outcome === 'closed')
  const others = attempted.filter(({ outcome }) => outcome !== 'closed').map(portText)
  const closedPorts = closed.map(({ candidate }) => candidate.port)
  return { code: 'no_metrics', reason: [...others, ...closedText(closedPorts)].join('; '), hint }
}

function closedText(ports: readonly number[]): string[] {
  if (ports.length === 0) return []
  if (ports.length === 1) return [`port ${ports[0]} is closed`]
  return [`ports ${ports.slice(0, -1).join(', ')} and ${ports.at(-1)} are closed`]
}

function portText({ candidate: { port }, outcome, failure }: Attempted): string {
  if (outcome === 'closed') return `port ${port} is closed`
  const reason = failure?.reason ?? 'not attempted yet'
  return /^(answered|sent|redirect|does)/.test(reason) ? `port ${port} ${reason}` : `port ${port}: ${reason}`
}
