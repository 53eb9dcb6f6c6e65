// Plays a scenario: lets its events happen, then makes everything whole again and looks whether all agents come to
// the truth.

import { config } from './agent.ts'
import { createCluster, type Totals } from './cluster.ts'
import { happen } from './events.ts'
import type { Promises, Violation } from './oracle.ts'
import type { Scenario } from './scenario.ts'
import { takeMaxUnpacked } from './stand-ins/unpacked.ts'
import { checkWhole, makeWhole } from './whole.ts'

export interface Outcome extends Totals {
  readonly violations: readonly Violation[]
  /** How many callbacks were called. */
  readonly steps: number
}

export interface Promised extends Promises {
  /** Once everything is whole, all agents agree with the truth after so long. */
  readonly settledWithinMs: number
}

/** What is to be true. */
export const intended: Promised = {
  maxAgeMs: config.maxAgeMs,
  staleAfterMs: config.staleAfterMs,
  wayMs: 0,
  settledWithinMs: 5000,
}

/** What is true by now. */
export const promised: Promised = {
  ...intended,
  // Age doesn't contain how long a page was on its way; a link that is silent is closed after 3 s at the latest
  wayMs: 3000,
}

/** Ends with the first violation: what comes after it may only be its consequence. */
export async function play(scenario: Scenario, promises = promised): Promise<Outcome> {
  takeMaxUnpacked()
  const cluster = createCluster(scenario, promises)
  const { scheduler, oracle } = cluster
  for (const event of scenario.events) {
    await scheduler.passUntil(event.at)
    if (oracle.violations.length > 0) break
    happen(event, cluster)
    cluster.checkScrapes()
  }
  if (oracle.violations.length === 0) {
    makeWhole(cluster)
    await scheduler.passUntil(scheduler.now() + promises.settledWithinMs)
  }
  if (oracle.violations.length === 0) await checkWhole(cluster)
  if (takeMaxUnpacked() > config.maxBodyBytes) oracle.report('memory', 'more than MAX_BODY was unpacked')
  // what was requested last may be answered still
  await scheduler.passUntil(scheduler.now())
  await cluster.end()
  return { ...cluster.totals(), violations: oracle.violations, steps: scheduler.steps() }
}
