// When responses about the whole cluster are complete after a start.

import type { Clock } from '../clock.ts'
import type { Failure } from '../errors.ts'
import type { Self, SwarmState, WithAge } from '../model.ts'

export interface ReadinessDeps {
  readonly clock: Clock
  /** Undefined until Docker, or `TARGETS`, has been read for the first time. */
  self(): Self | undefined
  /** Why Docker can't be read now. */
  discovery(): { readonly failure?: Failure; readonly warnings: readonly Failure[] }
  /** Whether each container that was there at the start has been probed once, or does not respond. */
  isProbed(): boolean
  swarmState(): WithAge<SwarmState> | undefined
  /** Whether each peer that was found has sent all it has. */
  isSynced(): boolean
  /** This one, and those to which it has a link. */
  linkedAgents(): number
}

/** A peer that stays silent, or a Swarm without a reachable manager, delays the first responses at most this long. */
const timeoutMs = 30_000
/** The same for an agent that the managers know to run. */
const missingAgentTimeoutMs = 15_000

/** What is still missing, in words. Once it was complete, or `timeoutMs` after the start, nothing is. */
interface Readiness {
  /** Before names can be looked up: a name might mean another container, a service's page lack replicas. */
  pendingForNames(): readonly string[]
  /** Before all targets of the cluster can be listed: a short list would delete targets. */
  pendingForLists(): readonly string[]
  /** Before `/-/ready` is 200: also while Docker is away, since no news of containers come in. */
  pendingForReady(): readonly string[]
}

export function createReadiness(deps: ReadinessDeps): Readiness {
  const { clock } = deps
  const startedAt = clock.now()
  const isWithin = (limitMs: number) => clock.now() - startedAt <= limitMs
  const isWaiting = () => isWithin(timeoutMs)
  /** Stays true: a node that then joins a Swarm knows no less than before. */
  let wasComplete = false

  function pendingForNames(): readonly string[] {
    const self = deps.self()
    if (!self) return [deps.discovery().failure?.reason ?? 'the list of containers']
    if (wasComplete || !isWaiting()) return []
    const pending = [
      ...(self.swarm && !deps.swarmState() ? ['the swarm state from a manager'] : []),
      ...(deps.isSynced() && !isAgentMissing() ? [] : ['what the other agents have']),
    ]
    wasComplete = pending.length === 0
    return pending
  }

  /** Swarm's DNS lists a task a while after it has started, to some nodes later than to others. */
  function isAgentMissing(): boolean {
    const services = [...(deps.swarmState()?.value.services.values() ?? [])]
    const own = services.find(({ name }) => name === deps.self()?.service)
    const states = ['starting', 'running'].map((state) => own?.taskStates.get(state) ?? 0)
    return states.reduce((sum, count) => sum + count) > deps.linkedAgents() && isWithin(missingAgentTimeoutMs)
  }

  function pendingForLists(): readonly string[] {
    const isUnprobed = deps.self() && isWaiting() && !deps.isProbed()
    return [...(isUnprobed ? ['the first probe of each container'] : []), ...pendingForNames()]
  }

  function outage(): readonly string[] {
    const { failure } = deps.discovery()
    return deps.self() && failure ? [failure.reason] : []
  }

  return {
    pendingForNames,
    pendingForLists,
    pendingForReady: () => [...pendingForLists(), ...outage()],
  }
}
