// All links of this agent: whom it dials, which link of a pair is used, who speaks for which node. It knows nothing of
// SSH and nothing of the wall clock, so that whole clusters run in a test.
//
// A link begins with a hello from each side, which proves its epoch. Then both accept it, the agent with the smaller
// node id first: so both always mean the same one. A link whose node has another epoch already waits for members.ts.

import { untilNext } from '../clock.ts'
import { ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Mono, NodeId, PeerView, Self, Stoppable } from '../model.ts'
import { type Address, createAddresses } from './addresses.ts'
import { startAlarm } from './alarm.ts'
import { createBatch } from './batch.ts'
import { createBlackHoles } from './blackhole.ts'
import type { Channel } from './channel.ts'
import { type Identity, isProven } from './identity.ts'
import { createLink, type Link, type LinkHandlers, tickIntervalMs } from './link.ts'
import { createMembers } from './members.ts'
import { type Hello, type Message, protocol } from './messages.ts'
import { createOutgoing } from './outgoing.ts'
import { createReports } from './reports.ts'
import { createSession, type Session, type SessionContext, type SyncStore } from './session.ts'
import { peerViews } from './views.ts'

export interface Mesh extends Stoppable {
  /** The whole set of addresses at which peers may be. */
  seek(addresses: readonly string[]): void
  /** A peer has called. */
  accept(channel: Channel): void
  refresh(node: NodeId, id: string, budget: number, signal?: AbortSignal): Promise<void>
  /** Nothing of ours is about to change: what has changed goes out now. */
  flush(): void
  peers(): readonly PeerView[]
  /** Every address that was found is ourselves, has sent all it has, or can't be reached. */
  isSettled(): boolean
}

export interface MeshOptions extends Pick<SessionContext, 'clock' | 'log' | 'maxBodyBytes' | 'refreshOwn'> {
  readonly store: SyncStore
  readonly identity: Identity
  readonly version: string
  readonly dial: (address: string, signal: AbortSignal) => Promise<Channel>
  /** A link is lost: look at once where the peers are. */
  readonly onLost: () => void
  readonly watch: Pick<LinkHandlers, 'sent' | 'received'> & {
    /** A page from a peer has become visible, so long after its scrape. */
    visible(delay: number): void
    linkLost(): void
  }
}

/** What has ended is looked at so soon, together with what else has ended by then. */
const lookSoonMs = 20
/** From the opening of a link to its use. */
const acceptTimeoutMs = 10_000
/** Agents that start together don't find each other at once: for so long a missing one is not worth a line. */
const startupMs = 10_000

/** How an orderly end is announced: nothing to be warned of. */
const farewell = 'the agent is stopping'

/** What has been done so that a link can be used. */
interface Opening {
  /** Who we are by the hello that was sent. */
  self?: Self
  isAcceptSent: boolean
  isAcceptReceived: boolean
}

export function createMesh(options: MeshOptions): Mesh {
  const { clock, log, store, identity, version, dial, onLost, watch } = options
  const { own } = store
  const begun = clock.now()
  const addresses = createAddresses(identity.epoch)
  const members = createMembers()
  const blackHoles = createBlackHoles()
  const reports = createReports(clock, log, (node) => show(node))
  const links = new Map<Link, Opening>()
  /** Links whose channels aren't gone yet. */
  const unreleased = new Set<Link>()
  const sessions = new Map<Link, Session>()
  /** Links that were ended without anything being wrong. */
  const unneeded = new WeakSet<Link>()
  /** What was last logged of an address, so that it is logged once. */
  const logged = new Map<string, string>()
  const stopping = new AbortController()
  const ended = Promise.withResolvers<void>()
  let isSought = false
  let { node } = own.self()
  const alarm = startAlarm(clock, tick)
  const batch = createBatch(clock, () => {
    for (const session of sessions.values()) session.flush()
  })
  const outgoing = createOutgoing(markAll)

  // ---- own changes go out

  for (const { entry } of own.entries()) putOutgoing(entry.target.id)

  function putOutgoing(id: string): void {
    const { entry, snapshot } = own.entry(id)!
    if (entry.snapshot?.ok) outgoing.put(id, snapshot, entry.snapshot, sessions.size > 0)
  }

  const unsubscribe = store.subscribe((change) => {
    const self = own.self()
    if (change.kind === 'entry' && change.entry.owner === self.node) {
      const { entry, before } = change
      if (entry.snapshot !== before?.snapshot) putOutgoing(entry.target.id)
      markAll(entry.target.id)
    } else if (change.kind === 'gone' && change.owner === self.node) {
      outgoing.forget(change.id)
      markAll(change.id)
    } else if (change.kind === 'swarmState' || change.kind === 'nodes') {
      if (self.node !== node) becomeAnother()
      batch.add()
    }
  })

  /** The links know us under the id that we had. */
  function becomeAnother(): void {
    reports.clear(node)
    store.setOwnTrouble(undefined)
    node = own.self().node
    for (const link of [...links.keys()]) dismiss(link, 'the node has got another id')
  }

  function markAll(id: string): void {
    for (const session of sessions.values()) session.mark(id)
    batch.add()
  }

  // ---- links come and go

  const handlers: LinkHandlers = {
    message: take,
    drained: (link) => sessions.get(link)?.flush(),
    closed,
    released(link) {
      unreleased.delete(link)
      if (stopping.signal.aborted && unreleased.size === 0) ended.resolve()
    },
    broken: ({ address }, error) => log.internal(error, 'sync', { address }),
    sent: watch.sent,
    received: watch.received,
  }

  function open(channel: Channel): void {
    const link = createLink(channel, clock, handlers)
    links.set(link, { isAcceptSent: false, isAcceptReceived: false })
    unreleased.add(link)
    if (!link.dialled) sendHello(link)
  }

  function sendHello(link: Link): void {
    const { dialled, binding } = link
    const self = own.self()
    const proof = identity.prove({ role: dialled ? 'caller' : 'listener', node: self.node, binding })
    links.get(link)!.self = self
    link.send({ kind: 'hello', ...protocol, version, epoch: identity.epoch, self, proof })
  }

  async function call(address: string): Promise<void> {
    addresses.dialling(address)
    try {
      const channel = await dial(address, stopping.signal)
      if (stopping.signal.aborted) return channel.close()
      addresses.linked(address)
      open(channel)
    } catch (error) {
      const trouble = troubleOf(error)
      logTrouble(address, trouble)
      addresses.ended(address, clock.now(), 0, trouble)
    }
    dialSoon()
  }

  /** An address has come, or is free again. */
  function dialSoon(): void {
    alarm.by(clock.now() + lookSoonMs)
  }

  function take(link: Link, message: Message): void {
    const session = sessions.get(link)
    if (session) session.take(message)
    else if (message.kind === 'hello') takeHello(link, message)
    else if (message.kind === 'accept') takeAccept(link)
    else throw new ProxyError('protocol', `a message before the link was accepted (${message.kind})`)
  }

  function takeHello(link: Link, peer: Hello): void {
    const refusal = refusalOf(link, peer)
    if (refusal) {
      reports.add(refusal)
      link.end(refusal.trouble.reason, refusal.trouble)
      return
    }
    const { node } = peer.self
    if (peer.epoch === identity.epoch) {
      if (link.dialled) addresses.isSelf(link.address, clock.now())
      dismiss(link, 'this is ourselves')
      return
    }
    if (link.dialled) addresses.belongs(link.address, node)
    if (link.dialled && members.present(node)?.peer.epoch === peer.epoch) dismiss(link, 'already linked')
    else {
      if (link.dialled) sendHello(link)
      if (own.self().node < node) advance(link)
    }
  }

  function refusalOf(link: Link, { newest, oldest, epoch, self, proof, version: theirs }: Hello) {
    const { node } = self
    if (oldest > protocol.newest || newest < protocol.oldest)
      return { trouble: noCommonProtocol(theirs, version) }
    const claim = { role: link.dialled ? 'listener' : 'caller', node, binding: link.binding } as const
    if (!isProven(epoch, proof, claim)) return { node, trouble: unproven(node, link.address) }
    if (epoch === identity.epoch || node !== own.self().node) return undefined
    return { node, trouble: claimedTwice(node, [own.self().hostname, `${self.hostname} at ${link.address}`]) }
  }

  function takeAccept(link: Link): void {
    const opening = links.get(link)!
    const isFirst = own.self().node < (link.peer()?.self.node ?? '')
    if (opening.isAcceptReceived || (isFirst && !opening.isAcceptSent))
      throw new ProxyError('protocol', 'an acceptance that doesn’t belong here')
    opening.isAcceptReceived = true
    advance(link)
  }

  /** The next step of a link's acceptance, as soon as its epoch may speak for its node. */
  function advance(link: Link): void {
    const opening = links.get(link)
    const { epoch, self } = link.peer()!
    if (!opening || sessions.has(link)) return
    if (members.decide(self.node, epoch) === 'claim') {
      challenge(self.node, link)
      return
    }
    if (!opening.isAcceptSent) link.send({ kind: 'accept' })
    opening.isAcceptSent = true
    if (opening.isAcceptReceived) use(link)
  }

  // ---- who speaks for a node

  function challenge(node: NodeId, link: Link): void {
    if (!members.claim(node, link, clock.now())) return
    const present = members.present(node)!
    present.link.challenge(() => {
      // those that have gone meanwhile are reported too
      for (const claimant of members.claimants(node)) refuseClaim(node, present, claimant)
    })
    alarm.by(members.nextOverdue())
  }

  function refuseClaim(node: NodeId, { peer, link }: Session, claimant: Link): void {
    const names = [peer.self.hostname, claimant.peer()!.self.hostname]
    const trouble = claimedTwice(node, [
      `${names[0]} at ${link.address}`,
      `${names[1]} at ${claimant.address}`,
    ])
    reports.add({ node, trouble })
    claimant.end(trouble.reason, trouble)
  }

  function use(link: Link): void {
    const peer = link.peer()!
    const { node } = peer.self
    const session = createSession({
      ...{ ...options, link, peer, outgoing, visible: watch.visible },
      sentSelf: links.get(link)!.self!,
      report: (trouble) => reports.add({ node, trouble }),
      selfChanged: () => show(node),
    })
    sessions.set(link, session)
    leaveOtherNodes(session)
    const replaced = members.join(session)
    if (replaced?.peer.epoch === peer.epoch) dismiss(replaced.link, 'replaced by a newer link')
    else if (replaced) refuseClaim(node, session, replaced.link)
    logged.delete(link.address)
    if (!replaced) log.info({ node, hostname: peer.self.hostname, address: link.address }, 'peer linked')
    show(node)
    session.begin()
    for (const claimant of members.claimants(node)) advance(claimant)
  }

  /** The agent's node has got another id: it speaks for the former one no longer. */
  function leaveOtherNodes({ peer: { epoch, self } }: Session): void {
    for (const { peer, link } of members.sessions())
      if (peer.epoch === epoch && peer.self.node !== self.node) dismiss(link, 'the node has got another id')
  }

  function show(node: NodeId): void {
    const reported = reports.of(node)
    const session = members.present(node)
    if (node === own.self().node) store.setOwnTrouble(reported)
    else if (!session) store.peers.trouble(node, reported)
    else store.peers.up({ ...session.peer, self: session.self() }, reported ?? blackHoles.trouble(node))
  }

  /** Ends a link that isn't needed: nothing is wrong. */
  function dismiss(link: Link, reason: string): void {
    unneeded.add(link)
    link.end(reason)
  }

  function closed(link: Link, given?: Trouble): void {
    links.delete(link)
    dialSoon()
    const trouble = given ?? { code: 'reset', reason: 'the peer closed the link' }
    const isWanted = !unneeded.has(link)
    if (link.dialled)
      addresses.ended(link.address, clock.now(), clock.now() - link.since, isWanted ? trouble : undefined)
    const session = sessions.get(link)
    sessions.delete(link)
    if (session) left(session, trouble)
    else if (isWanted && link.dialled) logTrouble(link.address, trouble)
  }

  function left(session: Session, given: Trouble): void {
    const { epoch, self } = session.peer
    const { node, hostname } = self
    if (given.code === 'timeout') blackHoles.fellSilent(node, session.link.stats())
    const trouble = blackHoles.trouble(node) ?? given
    session.close(trouble)
    const { reason, hint } = trouble
    if (reason.endsWith(farewell)) members.end(node, epoch)
    if (!members.leave(session) || stopping.signal.aborted) return
    watch.linkLost()
    log[reason.endsWith(farewell) ? 'info' : 'warn']({ node, hostname, reason, hint }, 'peer lost')
    store.peers.lost(node, reports.of(node) ?? trouble)
    addresses.retry(node, session.link.address)
    for (const claimant of members.claimants(node)) advance(claimant)
    onLost()
  }

  // ---- time passes

  /** Returns when to look again. */
  function tick(): Mono {
    const now = clock.now()
    const due = [...links.keys()].map((link) => link.tick())
    for (const link of [...links.keys()])
      if (!sessions.has(link) && now - link.since > acceptTimeoutMs)
        link.end('the link was not accepted in time')
    for (const node of members.overdue(now))
      members.present(node)?.link.end('no response to a challenge', unresponsive)
    for (const session of [...sessions.values()]) {
      session.tick()
      const { peer, link } = session
      if (blackHoles.isOver(peer.self.node, link.stats(), now - link.since)) show(peer.self.node)
    }
    reports.sweep()
    for (const address of addresses.due(now, (node) => members.present(node) !== undefined))
      void call(address)
    return Math.min(
      now + untilNext(tickIntervalMs, now),
      addresses.nextTry(now),
      members.nextOverdue(),
      ...due,
    )
  }

  // ---- what is seen from outside

  /** Each trouble of an address is logged once, until it is another one. */
  function logTrouble(address: string, { code, reason, hint }: Trouble): void {
    if (logged.get(address) === reason || stopping.signal.aborted) return
    if (code === 'unreachable' && clock.now() - begun < startupMs) return
    logged.set(address, reason)
    log.warn({ address, reason, hint }, 'no link to peer')
  }

  function isSettled(): boolean {
    const isDone = ({ selfAt, node, trouble }: Address) =>
      selfAt !== undefined ||
      (node !== undefined && members.present(node)?.isComplete()) ||
      trouble !== undefined
    return (
      isSought &&
      [...addresses.all()].every(isDone) &&
      members.sessions().every((session) => session.isComplete())
    )
  }

  return {
    seek(found) {
      isSought = true
      if (addresses.replace(found)) dialSoon()
      for (const address of logged.keys()) if (!found.includes(address)) logged.delete(address)
    },
    accept(channel) {
      if (stopping.signal.aborted) channel.close()
      else open(channel)
    },
    refresh(node, id, budget, signal) {
      const session = members.present(node)
      if (session) return session.refresh(id, budget, signal)
      return Promise.reject(new ProxyError('owner_lost', 'there is no link to the agent of that node'))
    },
    flush: batch.flush,
    peers: () => peerViews(addresses.all(), members.sessions()),
    isSettled,
    async stop() {
      stopping.abort(new ProxyError('stopping', farewell))
      unsubscribe()
      alarm.stop()
      batch.stop()
      for (const link of [...links.keys()]) dismiss(link, farewell)
      if (unreleased.size > 0) await ended.promise
    },
  }
}

function claimedTwice(node: NodeId, [present, claimant]: readonly string[]): Trouble {
  return {
    code: 'owner_lost',
    reason: `the node id ${node} is claimed twice: by ${present}, which is used, and by ${claimant}, which is ignored`,
    hint: 'give each machine an id of its own: a cloned machine needs to join the Swarm anew, or another /var/lib/docker/engine-id; without Docker set NODE_NAME',
  }
}

function unproven(node: NodeId, address: string): Trouble {
  return {
    code: 'refused',
    reason: `an agent at ${address} says that it speaks for the node ${node}, with an epoch that it can’t prove to be its own`,
    hint: 'find out what runs there: it holds the secret of this cluster',
  }
}

function noCommonProtocol(theirs: string, ours: string): Trouble {
  return {
    code: 'protocol',
    reason: `version ${theirs} and version ${ours} have no protocol in common`,
    hint: 'bring all agents to one version',
  }
}

const unresponsive: Trouble = { code: 'timeout', reason: 'the peer gave no response to a challenge' }
