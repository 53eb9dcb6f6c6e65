// Who speaks for a node id. Each start of an agent has an epoch, which its hello has proved by the time it comes here.
//
// States of a node: none -> present -> (challenged -> present) -> none. An epoch becomes the present one of its node
// when there is none, and stays it as long as its link answers. Another epoch of the same node is a claimant: it waits
// while the present one is challenged. With the response it is refused; without one, or once the present link is lost,
// it takes over. The epoch that was known first has precedence: it takes over at once when it is back.

import type { NodeId } from '../model.ts'
import type { Link } from './link.ts'
import type { Session } from './session.ts'

export interface Membership {
  /** Whether this epoch claims a node whose present epoch was known before. */
  isClaimant(node: NodeId, epoch: string): boolean
  /** The session becomes the present one of its node. Returns the one that it replaces. */
  join(session: Session): Session | undefined
  /** Returns whether it was the present one. */
  leave(session: Session): boolean
  /** The epoch has ended: it won't come back. */
  end(node: NodeId, epoch: string): void
  present(node: NodeId): Session | undefined
  sessions(): readonly Session[]
  /** The link waits while the present session is challenged. Returns whether the challenge has yet to be sent. */
  claim(node: NodeId, link: Link): boolean
  /** The challenge is over: returns the links that waited. */
  takeClaimants(node: NodeId): readonly Link[]
}

interface Member {
  session?: Session
  /** The first known first. */
  readonly epochs: string[]
  claimants: readonly Link[]
}

/** Of a node, and nodes in all: those that came first stay. */
const maxEpochs = 8
const maxMembers = 10_000

export function createMembership(): Membership {
  const members = new Map<NodeId, Member>()

  function memberOf(node: NodeId): Member {
    const member = members.get(node) ?? { epochs: [], claimants: [] }
    members.set(node, member)
    if (members.size > maxMembers) forgetOne(node)
    return member
  }

  function forgetOne(except: NodeId): void {
    const [absent] = [...members].find(([node, { session }]) => !session && node !== except) ?? []
    if (absent !== undefined) members.delete(absent)
  }

  return {
    isClaimant(node, epoch) {
      const { session, epochs } = members.get(node) ?? { session: undefined, epochs: [] as readonly string[] }
      if (!session || session.peer.epoch === epoch) return false
      const [mine, present] = [epochs.indexOf(epoch), epochs.indexOf(session.peer.epoch)]
      return mine < 0 || (present >= 0 && present < mine)
    },
    join(session) {
      const { epoch, self } = session.peer
      const member = memberOf(self.node)
      const replaced = member.session
      member.session = session
      if (!member.epochs.includes(epoch) && member.epochs.length < maxEpochs) member.epochs.push(epoch)
      return replaced
    },
    leave(session) {
      const member = members.get(session.peer.self.node)
      if (member?.session !== session) return false
      delete member.session
      return true
    },
    end(node, epoch) {
      const epochs = members.get(node)?.epochs ?? []
      if (epochs.includes(epoch)) epochs.splice(epochs.indexOf(epoch), 1)
    },
    present: (node) => members.get(node)?.session,
    sessions: () => [...members.values()].flatMap(({ session }) => session ?? []),
    claim(node, link) {
      const member = memberOf(node)
      const isFirst = member.claimants.length === 0
      if (!member.claimants.includes(link)) member.claimants = [...member.claimants, link]
      return isFirst
    },
    takeClaimants(node) {
      const member = members.get(node)
      const links = member?.claimants ?? []
      if (member) member.claimants = []
      return links
    },
  }
}
