// When answers about the whole cluster are complete, and which checks tell how the agent is.

import type { Clock } from '../clock.ts'
import type { Trouble } from '../errors.ts'
import type { Catalogue, Dated, PeerView, Self } from '../model.ts'

/** What is known of how things stand, each asked anew. */
export interface Circumstances {
  readonly clock: Clock
  /** Undefined until Docker, or `TARGETS`, has been read for the first time. */
  self(): Self | undefined
  /** Why Docker can't be read now. */
  discovery(): { readonly trouble?: Trouble; readonly warnings: readonly Trouble[] }
  /** Whether each container that was there at the start has been looked at. */
  probed(): boolean
  catalogue(): Dated<Catalogue> | undefined
  /** Whether each peer that can be found has told all it has. */
  synced(): boolean
  peers(): readonly PeerView[]
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
      ...(self.swarm && !around.catalogue() ? ['what managers know of the services'] : []),
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

type Verdict =
  | { readonly status: 'ok'; readonly message?: string }
  | { readonly status: 'warning' | 'error'; readonly message: string; readonly mend?: string }

export interface Check {
  readonly name: string
  look(): Verdict
}

export function createChecks(around: Circumstances): readonly Check[] {
  return [
    { name: 'discovery', look: () => discoveryVerdict(around.discovery()) },
    { name: 'peers', look: () => peersVerdict(around.peers()) },
    { name: 'catalogue', look: () => catalogueVerdict(around.self(), around.catalogue()) },
  ]
}

/** A check of what has a trouble or none. */
export function troubleCheck(
  name: string,
  status: 'warning' | 'error',
  trouble: () => Trouble | undefined,
): Check {
  const look = () => {
    const found = trouble()
    return found ? verdict(status, found) : ({ status: 'ok' } as const)
  }
  return { name, look }
}

function discoveryVerdict({ trouble, warnings }: ReturnType<Circumstances['discovery']>): Verdict {
  if (trouble) return verdict('error', trouble)
  return warnings[0] ? verdict('warning', warnings[0]) : { status: 'ok' }
}

function verdict(status: 'warning' | 'error', { reason, mend }: Trouble): Verdict {
  return { status, message: reason, ...(mend !== undefined && { mend }) }
}

function peersVerdict(peers: readonly PeerView[]): Verdict {
  const connected = peers.filter(({ state }) => state === 'connected').length
  const failing = peers.find(({ state }) => state === 'failed')
  if (!failing) return { status: 'ok', message: `${connected} connected` }
  const reason = `${failing.address}: ${failing.trouble?.reason ?? 'no connection'}`
  return verdict('warning', { code: 'owner_lost', ...failing.trouble, reason })
}

/** Managers tell it each half minute; one much older is from managers that can't be asked any more. */
const oldCatalogue = 120_000

function catalogueVerdict(self: Self | undefined, catalogue: Dated<Catalogue> | undefined): Verdict {
  if (!self?.swarm) return { status: 'ok', message: 'not in a Swarm' }
  if (!catalogue)
    return {
      status: 'warning',
      message: 'no manager has told which services there are: their labels and desired replicas are unknown',
      mend: 'let the agent run on the managers too',
    }
  if (catalogue.age > oldCatalogue)
    return {
      status: 'warning',
      message: `the managers’ catalogue is ${Math.round(catalogue.age / 1000)} s old`,
    }
  return { status: 'ok' }
}
