// When to look again at a port that showed no metrics. The longer a container has been known, the more
// rarely: a pause is a share of that age, so a port that opens is found after a small part of the time that
// it was closed, and looking costs ever less.

export type Outcome =
  /** Valid metrics. */
  | 'metrics'
  /** Nothing listens. */
  | 'closed'
  /** Connecting itself got no answer: a firewall, or an address that leads nowhere. */
  | 'dropped'
  /** It speaks HTTP, but showed no metrics: an application's page, or one that isn't ready yet. */
  | 'other'
  /** It took the connection and said nothing: it may still be starting, or wait for another protocol. */
  | 'silent'
  /** It speaks, but not HTTP: a visit upsets it and will not change it. */
  | 'foreign'

const second = 1000
const minute = 60 * second

const pauses: Readonly<Record<Exclude<Outcome, 'metrics'>, { share: number; least: number; most: number }>> =
  {
    closed: { share: 1 / 60, least: second / 20, most: minute },
    dropped: { share: 1 / 30, least: 2 * second, most: minute },
    other: { share: 1 / 6, least: second, most: minute },
    silent: { share: 1 / 4, least: 5 * second, most: 10 * minute },
    foreign: { share: 1, least: minute, most: 60 * minute },
  }

/**
 * A container that has just started, in a rolling update in the place of another, is about to listen: until then
 * asking costs it nothing, and what is missed is missing from its service's page.
 */
const starting = { share: 1 / 10, most: second / 2 }

/** Milliseconds until the next look, for a container known for `age`. */
export function pauseAfter(outcome: Exclude<Outcome, 'metrics'>, age: number): number {
  const { share, least, most } = pauses[outcome]
  const early = outcome === 'closed' ? Math.min(starting.most, age * starting.share) : 0
  return Math.min(most, Math.max(least, early, age * share))
}

/** All looks of all containers together, a second, at most. */
const mostLooks = 1000

/** The least pause while `searched` ports are looked at again and again: many share what one may cost. */
export function leastPause(searched: number): number {
  return (searched / mostLooks) * second
}
