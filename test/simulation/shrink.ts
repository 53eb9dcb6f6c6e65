// Cuts a failing scenario down to the few events that it takes.

import type { Violation } from './oracle.ts'
import { type Outcome, play } from './play.ts'
import type { Event, Scenario } from './scenario.ts'

type Play = (scenario: Scenario) => Promise<Outcome>

/** A smaller scenario with the same mistake, after at most so many tries. */
export async function shrink(
  scenario: Scenario,
  signature: Violation['signature'],
  { tries = 2000, run = play }: { readonly tries?: number; readonly run?: Play } = {},
): Promise<Scenario> {
  let left = tries
  async function stillFails(events: readonly Event[]): Promise<boolean> {
    if (left <= 0) return false
    left -= 1
    const { violations } = await run({ ...scenario, events })
    return violations[0]?.signature === signature
  }

  let events = await withoutParts(scenario.events, stillFails)
  events = await sooner(events, stillFails)
  events = await withoutParts(events, stillFails)
  return { ...scenario, events }
}

type Fails = (events: readonly Event[]) => Promise<boolean>

/** Leaves out ever smaller parts, until no single event can be spared. */
async function withoutParts(all: readonly Event[], stillFails: Fails): Promise<readonly Event[]> {
  let events = all
  for (let size = Math.ceil(events.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < events.length; ) {
      const rest = events.toSpliced(at, size)
      if (await stillFails(rest)) events = rest
      else at += size
    }
  }
  return events
}

const gapsMs = [100, 1000, 5000]

/** Shortens the pauses between events. */
async function sooner(all: readonly Event[], stillFails: Fails): Promise<readonly Event[]> {
  let events = all
  for (let at = 0; at < events.length; at += 1) {
    const before = events[at - 1]?.at ?? 0
    for (const gap of gapsMs) {
      const by = events[at]!.at - before - gap
      if (by <= 0) break
      const moved = events.map((event, index) => (index < at ? event : { ...event, at: event.at - by }))
      if (!(await stillFails(moved))) continue
      events = moved
      break
    }
  }
  return events
}
