// When answers about the whole cluster are complete.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import type { Dated, Self, SwarmState } from '../model.ts'

/** What is known of how things stand, each asked anew. */
export interface Circumstances {
  readonly clock: Clock
  /** Undefined until Docker, or `TARGETS`, has been read for the first time. */
  self(): Self | undefined
  /** Why Docker can't be read now. */
  discovery(): { readonly trouble?: Trouble; readonly warnings: readonly Trouble[] }
  /** Whether each container that was there at the start has been looked at, and is scraped if it has metrics. */
  probed(): boolean
  swarmState(): Dated<SwarmState> | undefined
  /** Whether each peer that can be found has told all it has. */
  synced(): boolean
}

/** A peer that stays silent, or a Swarm without a reachable manager, is waited for this long after the start. */
const patience = 30_000

/** What is still awaited after a start. Nothing is awaited for ever: what then isn't in is taken as absent. */
export interface Awaited {
  /** Before it is known which containers there are: else a name might mean another one, or a page be short. */
  picture(): readonly string[]
  /** Before a list of the cluster's targets is whole. A short list would delete targets. */
  list(): readonly string[]
}

export function createAwaited(around: Circumstances): Awaited {
  const { clock } = around
  const started = clock.now()
  const isPatient = () => clock.now() - started <= patience
  /** Once all was in: a node that then joins a Swarm knows no less than before. */
  let wasComplete = false

  function picture(): readonly string[] {
    const self = around.self()
    if (!self) return [around.discovery().trouble?.reason ?? 'the list of containers']
    if (wasComplete || !isPatient()) return []
    const missing = [
      ...(self.swarm && !around.swarmState() ? ['what managers know of the services'] : []),
      ...(around.synced() ? [] : ['what the other agents have']),
    ]
    wasComplete = missing.length === 0
    return missing
  }

  return {
    picture,
    list() {
      const isUnseen = around.self() && isPatient() && !around.probed()
      return [...(isUnseen ? ['the first look at each container'] : []), ...picture()]
    },
  }
}

/** Docker went away: what was found stands and is served, but no news of containers come in. */
export function unheard({ self, discovery }: Circumstances): readonly string[] {
  const { trouble } = discovery()
  return self() && trouble ? [trouble.reason] : []
}
