// When each target was last scraped successfully, what failed last, and since when it has been failing: as far as this
// agent has seen it. Only the newest outcome is known of what was scraped before this agent started.

import type { Clock } from '../clock.ts'
import type { Change, Entry } from '../model.ts'
import { failureOfEntry, keyOf, type Outcome, stateOf } from './target.ts'

export interface Outcomes {
  /** Takes every change of the store. */
  readonly changed: (change: Change) => void
  readonly of: (entry: Entry) => Outcome
}

export function createOutcomes(clock: Clock): Outcomes {
  /** As many as the store has entries. */
  const outcomes = new Map<string, Outcome>()
  const of = (entry: Entry) => outcomes.get(keyOf(entry.owner, entry.target.id)) ?? none
  return {
    of,
    changed(change) {
      if (change.kind === 'deleted') outcomes.delete(keyOf(change.owner, change.id))
      if (change.kind !== 'entry') return
      const { entry } = change
      const next = nextOutcome(of(entry), entry, clock.now())
      if (next) outcomes.set(keyOf(entry.owner, entry.target.id), next)
    },
  }
}

const none: Outcome = {}

/** Undefined: nothing changed. */
function nextOutcome(before: Outcome, entry: Entry, now: number): Outcome | undefined {
  const { snapshot } = entry
  switch (stateOf(entry, false)) {
    case 'up':
      return withoutDown({ ...before, lastSuccessAt: snapshot!.at })
    case 'down': {
      const at = snapshot?.ok === false ? snapshot.at : now
      const { reason } = failureOfEntry(entry)!
      return { ...before, downSince: before.downSince ?? at, lastError: { at, reason } }
    }
    default:
      return before.downSince === undefined ? undefined : withoutDown(before)
  }
}

function withoutDown({ downSince: _, ...rest }: Outcome): Outcome {
  return rest
}
