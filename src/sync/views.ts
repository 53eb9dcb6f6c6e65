// What is seen of sync from outside: every address that was found, and whoever called from another one.

import type { PeerView } from '../model.ts'
import type { Address } from './addresses.ts'
import type { Session } from './session.ts'

export function peerViews(addresses: Iterable<Address>, sessions: Iterable<Session>): readonly PeerView[] {
  const byNode = new Map([...sessions].map((session) => [session.peer.self.node, session]))
  const found = [...addresses]
    .filter(({ selfAt }) => selfAt === undefined)
    .map((one) => viewOf(one, one.node === undefined ? undefined : byNode.get(one.node)))
  const named = new Set(found.map(({ node }) => node))
  const callers = [...byNode.values()].filter(({ peer }) => !named.has(peer.self.node)).map(callerOf)
  return [...found, ...callers]
}

function viewOf({ address, node, state, trouble }: Address, session: Session | undefined): PeerView {
  return {
    address,
    ...(node !== undefined && { node }),
    state: session ? 'connected' : trouble && state === 'waiting' ? 'failed' : 'connecting',
    ...(!session && trouble && { trouble }),
    ...traffic(session),
  }
}

function callerOf(session: Session): PeerView {
  const { link, peer } = session
  return { address: link.address, node: peer.self.node, state: 'connected', ...traffic(session) }
}

function traffic(session: Session | undefined): Pick<PeerView, 'sent' | 'received'> {
  const { sent, received } = session?.link.stats() ?? { sent: 0, received: 0 }
  return { sent, received }
}
