// All links of this agent: which link of a pair is used, and what is sent on it. It knows nothing of SSH and nothing
// of the wall clock, so that whole clusters run in a test.
//
// States of a link: opened -> hello from each side, which proves its epoch -> accepted by both, the agent with the
// smaller node id first, so that both always use the same one -> in use: it has a session -> ended. A link whose node
// has another epoch already waits before it is accepted: see membership.ts.

import pLimit from 'p-limit'
import { untilNext } from '../clock.ts'
import { type Failure, ProxyError } from '../errors.ts'
import { createChangeLog } from '../logging/change-log.ts'
import type { NodeId, PeerView, Stoppable } from '../model.ts'
import type { Channel } from './channel.ts'
import { createDialler, type PeerAddress } from './dialler.ts'
import { type AgentIdentity, isProven } from './identity.ts'
import { createLink, type Link, type LinkHandlers, tickIntervalMs } from './link.ts'
import { createMembership } from './membership.ts'
import { type Hello, type Message, protocol } from './messages.ts'
import { createNodeReports } from './node-reports.ts'
import { watchOwnChanges } from './own-changes.ts'
import { createSession, type Session, type SessionDeps, type SyncStore } from './session.ts'

export interface Mesh extends Stoppable {
  /** Replaces the set of addresses at which peers may be. */
  setAddresses(addresses: readonly string[]): void
  /** A peer has called. */
  accept(channel: Channel): void
  /** The owner scrapes now; its new snapshot is stored when this resolves. Rejects with a ProxyError. */
  refresh(node: NodeId, id: string, timeoutMs: number): Promise<void>
  /** No more own changes are expected now: what waits is sent, instead of up to 20 ms later. */
  flush(): void
  peers(): readonly PeerView[]
  /** Every address that was found is this agent's own, has sent all it has, or can't be reached. */
  isComplete(): boolean
}

export interface MeshOptions extends Pick<SessionDeps, 'clock' | 'log' | 'maxBodyBytes' | 'refreshOwn'> {
  readonly store: SyncStore
  readonly identity: AgentIdentity
  readonly version: string
  readonly dial: (address: string, signal: AbortSignal) => Promise<Channel>
  /** A link is lost: the peers' addresses may be other ones. */
  readonly onLost: () => void
  /** A peer sends swarm state that the engine's list of managers, as it was last read, does not allow. */
  readonly rereadManagers: () => void
  readonly counters: Pick<LinkHandlers, 'sent' | 'received'> & {
    /** A page from a peer has become visible, so long after its scrape. */
    pageVisible(delayMs: number): void
    linkLost(): void
  }
}

/** From the opening of a link to its use. */
const acceptTimeoutMs = 10_000
const rereadIntervalMs = 5000

/** What has been done so that a link can be used. */
interface Opening {
  isAcceptSent: boolean
  isAcceptReceived: boolean
}

export function createMesh(options: MeshOptions): Mesh {
  const { clock, log, store, identity, version, onLost, counters } = options
  const { ownNode } = store
  const stopping = new AbortController()
  const membership = createMembership()
  const reports = createNodeReports(clock, log, show)
  const changes = createChangeLog(clock)
  const links = new Map<Link, Opening>()
  const sessions = new Map<Link, Session>()
  /** Links whose channels aren't gone yet. */
  const unreleased = new Set<Link>()
  const released = Promise.withResolvers<void>()
  const ownChanges = watchOwnChanges({ clock, store, sessions, renamed: becomeAnother })
  const dialler = createDialler({
    ...{ clock, log, changes, stopping: stopping.signal, dial: options.dial, on: open },
    hasLink: (node) => membership.present(node) !== undefined,
  })
  const repackLimit = pLimit(1)
  let hasAddresses = false
  let rereadAt = Number.NEGATIVE_INFINITY
  let cancelTick = clock.after(untilNext(tickIntervalMs, clock.now()), tick)

  /** The peers know this agent under the id that it had. */
  function becomeAnother(before: NodeId): void {
    reports.clear(before)
    store.setOwnFailure(undefined)
    for (const link of [...links.keys()]) link.end('the node has got another id')
  }

  // ---- links are opened and accepted

  const handlers: LinkHandlers = {
    message: handle,
    drained: (link) => sessions.get(link)?.flush(),
    closed,
    released(link) {
      unreleased.delete(link)
      if (stopping.signal.aborted && unreleased.size === 0) released.resolve()
    },
    internalError: ({ address }, error) => log.internal(error, 'sync', { address }),
    sent: counters.sent,
    received: counters.received,
  }

  function open(channel: Channel): void {
    if (stopping.signal.aborted) {
      channel.close()
      return
    }
    const link = createLink(channel, clock, handlers)
    links.set(link, { isAcceptSent: false, isAcceptReceived: false })
    unreleased.add(link)
    if (!link.dialled) sendHello(link)
  }

  function sendHello(link: Link): void {
    const { dialled, sessionId } = link
    const self = ownNode.self()
    const proof = identity.prove({ role: dialled ? 'caller' : 'listener', node: self.node, sessionId })
    link.send({ kind: 'hello', ...protocol, version, epoch: identity.epoch, self, proof })
  }

  function handle(link: Link, message: Message): void {
    const session = sessions.get(link)
    if (session) session.handle(message)
    else if (message.kind === 'hello') handleHello(link, message)
    else if (message.kind === 'accept') handleAccept(link)
    else throw new ProxyError('protocol', `a message before the link was accepted (${message.kind})`)
  }

  function handleHello(link: Link, peer: Hello): void {
    if (isRefused(link, peer)) return
    const { node } = peer.self
    if (peer.epoch === identity.epoch) {
      if (link.dialled) dialler.isSelf(link.address)
      link.end('this is the same agent')
      return
    }
    if (link.dialled) dialler.belongs(link.address, node)
    if (link.dialled && membership.present(node)?.peer.epoch === peer.epoch) link.end('already linked')
    else {
      if (link.dialled) sendHello(link)
      if (ownNode.self().node < node) advance(link)
    }
  }

  function isRefused(link: Link, { newest, oldest, epoch, self, proof, version: theirs }: Hello): boolean {
    const { node } = self
    const signed = { role: link.dialled ? 'listener' : 'caller', node, sessionId: link.sessionId } as const
    if (oldest > protocol.newest || newest < protocol.oldest) link.fail(noCommonProtocol(theirs, version))
    else if (!isProven(epoch, proof, signed)) reportAndFail(link, node, unproven(node, link.address))
    else if (epoch !== identity.epoch && node === ownNode.self().node)
      refuseClaim(node, ownNode.self().hostname, link)
    else return false
    return true
  }

  function handleAccept(link: Link): void {
    const opening = links.get(link)!
    const isFirst = ownNode.self().node < (link.peer()?.self.node ?? '')
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
    if (membership.isClaimant(self.node, epoch)) {
      challenge(self.node, link)
      return
    }
    if (!opening.isAcceptSent) link.send({ kind: 'accept' })
    opening.isAcceptSent = true
    if (opening.isAcceptReceived) use(link)
  }

  function use(link: Link): void {
    const peer = link.peer()!
    const { node } = peer.self
    const session = createSession({
      ...{ ...options, link, peer, onPageVisible: counters.pageVisible, rereadManagers },
      ...{ packer: ownChanges.packer, repackLimit },
      report: (failure) => reports.add(node, failure),
      selfChanged: () => show(node),
    })
    sessions.set(link, session)
    endOtherNodes(session)
    const replaced = membership.join(session)
    if (replaced?.peer.epoch === peer.epoch) replaced.link.end('replaced by a newer link')
    else if (replaced) refuseClaim(node, nameOf(link), replaced.link)
    dialler.isUsed(link.address)
    const linked = { peer: node, hostname: peer.self.hostname, address: link.address }
    if (!replaced) changes.changed(node, (fields) => log.info({ ...linked, ...fields }, 'peer linked'))
    show(node)
    session.begin()
    for (const claimant of membership.takeClaimants(node)) advance(claimant)
  }

  /** The agent's node has got another id: it no longer speaks for the former one. */
  function endOtherNodes({ peer: { epoch, self } }: Session): void {
    for (const { peer, link } of membership.sessions())
      if (peer.epoch === epoch && peer.self.node !== self.node) link.end('the node has got another id')
  }

  // ---- one node id, two epochs

  function challenge(node: NodeId, link: Link): void {
    if (!membership.claim(node, link)) return
    const present = membership.present(node)!.link
    present.challenge(() => {
      // those that have gone meanwhile are reported too
      for (const claimant of membership.takeClaimants(node)) refuseClaim(node, nameOf(present), claimant)
    })
  }

  function refuseClaim(node: NodeId, present: string, claimant: Link): void {
    reportAndFail(claimant, node, claimedTwice(node, present, nameOf(claimant)))
  }

  function reportAndFail(link: Link, node: NodeId, failure: Failure): void {
    reports.add(node, failure)
    link.fail(failure)
  }

  const nameOf = (link: Link) => `${link.peer()!.self.hostname} at ${link.address}`

  function show(node: NodeId): void {
    const failure = reports.of(node)
    const session = membership.present(node)
    if (node === ownNode.self().node) store.setOwnFailure(failure)
    else if (session) store.peers.setAgent({ ...session.peer, self: session.self() }, failure)
    else store.peers.setFailure(node, failure)
  }

  // ---- links end

  function closed(link: Link, failure?: Failure): void {
    links.delete(link)
    if (link.dialled) dialler.ended(link.address, clock.now() - link.since, failure)
    const session = sessions.get(link)
    sessions.delete(link)
    if (session) leave(session, failure ?? endedHere)
    else if (failure && link.dialled) dialler.warn(link.address, failure)
    dialler.dialDue()
  }

  function leave(session: Session, failure: Failure): void {
    const { epoch, self } = session.peer
    const { node, hostname } = self
    const { code, reason, hint } = failure
    // an orderly end: nothing to be warned of
    const isStopped = code === 'stopping'
    session.close(failure)
    reports.linkEnded(node, clock.now() - session.link.since, failure)
    if (isStopped) membership.end(node, epoch)
    if (!membership.leave(session) || stopping.signal.aborted) return
    counters.linkLost()
    const lost = { peer: node, hostname, reason, hint }
    changes.changed(node, (fields) => log[isStopped ? 'info' : 'warn']({ ...lost, ...fields }, 'peer lost'))
    store.peers.lost(node, reports.of(node) ?? failure)
    dialler.retry(node, session.link.address)
    for (const claimant of membership.takeClaimants(node)) advance(claimant)
    onLost()
  }

  function tick(): void {
    const now = clock.now()
    for (const link of [...links.keys()]) {
      link.tick()
      if (!sessions.has(link) && now - link.since > acceptTimeoutMs) link.fail(notAccepted)
    }
    for (const session of [...sessions.values()]) {
      session.tick()
      reports.linkLasts(session.peer.self.node, now - session.link.since)
    }
    reports.sweep()
    dialler.dialDue()
    cancelTick = clock.after(untilNext(tickIntervalMs, now), tick)
  }

  function rereadManagers(): void {
    if (clock.now() - rereadAt < rereadIntervalMs) return
    rereadAt = clock.now()
    options.rereadManagers()
  }

  const isPresentComplete = (node: NodeId) => membership.present(node)?.isComplete() ?? false
  const isDone = ({ selfAt, node, failure }: PeerAddress) =>
    selfAt !== undefined || (node !== undefined && isPresentComplete(node)) || failure !== undefined

  return {
    setAddresses(found) {
      hasAddresses = true
      dialler.setAddresses(found)
    },
    accept: open,
    async refresh(node, id, timeoutMs) {
      const session = membership.present(node)
      if (!session) throw new ProxyError('owner_lost', 'there is no link to the agent of that node')
      return session.refresh(id, timeoutMs)
    },
    flush: ownChanges.flush,
    peers: () => peerViews([...dialler.addresses()], membership.sessions()),
    isComplete: () =>
      hasAddresses &&
      [...dialler.addresses()].every(isDone) &&
      membership.sessions().every((session) => session.isComplete()),
    async stop() {
      stopping.abort(new ProxyError('stopping', 'the agent is stopping'))
      ownChanges.stop()
      void changes.stop()
      cancelTick()
      for (const link of [...links.keys()]) link.stop()
      if (unreleased.size > 0) await released.promise
    },
  }
}

/** Every address that was found, and peers that called from another one. */
function peerViews(addresses: readonly PeerAddress[], sessions: readonly Session[]): readonly PeerView[] {
  const byNode = new Map(sessions.map((session) => [session.peer.self.node, session]))
  const found = addresses
    .filter(({ selfAt }) => selfAt === undefined)
    .map(({ address, node, state, failure }): PeerView => {
      const session = node === undefined ? undefined : byNode.get(node)
      if (session) return connectedView(address, session)
      const isFailed = failure !== undefined && state === 'waiting'
      return {
        ...{ address, state: isFailed ? 'failed' : 'connecting', sentBytes: 0, receivedBytes: 0 },
        ...(node !== undefined && { node }),
        ...(failure && { failure }),
      }
    })
  const nodes = new Set(found.map(({ node }) => node))
  const callers = sessions.filter(({ peer }) => !nodes.has(peer.self.node))
  return [...found, ...callers.map((session) => connectedView(session.link.address, session))]
}

function connectedView(address: string, { peer, link }: Session): PeerView {
  const { sentBytes, receivedBytes } = link.stats()
  return { address, node: peer.self.node, state: 'connected', sentBytes, receivedBytes }
}

function claimedTwice(node: NodeId, present: string, claimant: string): Failure {
  return {
    code: 'owner_lost',
    reason: `the node id ${node} is claimed twice: by ${present}, which is used, and by ${claimant}, which is ignored`,
    hint: 'give each machine an id of its own: a cloned machine needs to join the Swarm anew, or another /var/lib/docker/engine-id; without Docker set NODE_NAME',
  }
}

function unproven(node: NodeId, address: string): Failure {
  return {
    code: 'unproven',
    reason: `an agent at ${address} claims to be that of the node ${node}, with an epoch that it can’t prove to be its own`,
    hint: 'find out what runs there: it holds the secret of this cluster',
  }
}

function noCommonProtocol(theirs: string, ours: string): Failure {
  return {
    code: 'protocol',
    reason: `version ${theirs} and version ${ours} have no protocol in common`,
    hint: 'bring all agents to one version',
  }
}

const endedHere: Failure = { code: 'reset', reason: 'this agent ended the link' }
const notAccepted: Failure = { code: 'protocol', reason: 'the link was not accepted in time' }
