// Which stopped containers stay in the listing for a while, so that `up` is 0 and an alert can fire.

import type { Entry, SwarmState } from '../model.ts'

type Ended = NonNullable<Entry['ended']>

/**
 * Whether an entry that has ended is still worth listing. One that never had an endpoint never is. A replica is
 * as long as its place is wanted, whatever its exit code: its successor may not have started yet. Without a
 * swarm state nobody knows what is wanted: then an orderly end is believed to be meant.
 */
export function isMissed(entry: Entry, ended: Ended, swarmState: SwarmState | undefined): boolean {
  if (!entry.endpoint) return false
  const { place } = entry.target
  const inSwarm = place.kind === 'replicated' || place.kind === 'global'
  if (!inSwarm) return !ended.removed && ended.exitCode !== 0
  return swarmState ? isWanted(entry, swarmState) : ended.exitCode !== 0
}

function isWanted({ owner, target: { place } }: Entry, swarmState: SwarmState): boolean {
  if (place.kind !== 'replicated' && place.kind !== 'global') return false
  const service = swarmState.services.get(place.serviceId)
  if (!service || service.mode === 'job') return false
  return place.kind === 'replicated'
    ? service.slots.includes(place.slot)
    : swarmState.nodes.get(owner)?.availability === 'active'
}
