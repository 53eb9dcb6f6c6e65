// Who is who: the sessions of each node, by epoch. One node id with two epochs that both live is claimed twice;
// then neither is believed, until only one of them has been left for a while.

import type { Mono, NodeId } from '../model.ts'
import type { Session } from './session.ts'

export interface Members {
  /** The session's epoch becomes the node's present one. Returns the session that it replaces. */
  join(session: Session, now: Mono): Session | undefined
  /** Returns the session that speaks for the node now, if any does. */
  leave(session: Session): Session | undefined
  /** The session that speaks for the node. */
  present(node: NodeId): Session | undefined
  sessions(): Iterable<Session>
  isContested(node: NodeId): boolean
  /** Looks who lives: what has changed since the last look. */
  judge(now: Mono): readonly Verdict[]
}

export interface Verdict {
  readonly node: NodeId
  readonly kind: 'contested' | 'settled'
  readonly sessions: readonly Session[]
}

interface Member {
  /** In the order in which they came; the last one is the present. */
  readonly sessions: Map<string, Session>
  /** When the newest epoch came. */
  newAt: Mono
  contestedAt?: Mono
}

/** A former self that ends may be heard for so long. */
const handover = 2000
/** So long only one claimant must have been there, to be believed again. */
const quiet = 10_000

export function createMembers(): Members {
  const members = new Map<NodeId, Member>()

  function verdict(node: NodeId, member: Member, now: Mono): Verdict['kind'] | undefined {
    const sessions = [...member.sessions.values()]
    const stillSpeak = sessions.filter(({ link }) => link.stats().heardAt >= member.newAt + handover)
    if (stillSpeak.length > 1) {
      const known = member.contestedAt !== undefined
      member.contestedAt = now
      return known ? undefined : 'contested'
    }
    if (member.contestedAt === undefined || now - member.contestedAt < quiet) return undefined
    delete member.contestedAt
    if (sessions.length === 0) members.delete(node)
    return 'settled'
  }

  const presentOf = (node: NodeId) => [...(members.get(node)?.sessions.values() ?? [])].at(-1)

  return {
    join(session, now) {
      const { epoch, self } = session.peer
      const member: Member = members.get(self.node) ?? { sessions: new Map(), newAt: now }
      members.set(self.node, member)
      const replaced = member.sessions.get(epoch)
      if (!replaced) member.newAt = now
      member.sessions.delete(epoch)
      member.sessions.set(epoch, session)
      return replaced
    },
    leave(session) {
      const { epoch, self } = session.peer
      const member = members.get(self.node)
      if (member?.sessions.get(epoch) === session) member.sessions.delete(epoch)
      if (member?.sessions.size === 0 && member.contestedAt === undefined) members.delete(self.node)
      return presentOf(self.node)
    },
    present: presentOf,
    *sessions() {
      for (const { sessions } of members.values()) yield* sessions.values()
    },
    isContested: (node) => members.get(node)?.contestedAt !== undefined,
    judge(now) {
      return [...members].flatMap(([node, member]) => {
        const kind = verdict(node, member, now)
        return kind ? [{ node, kind, sessions: [...member.sessions.values()] }] : []
      })
    },
  }
}
