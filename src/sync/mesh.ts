// All links of this agent: whom it dials, which link of a pair stands, who is believed. Knows nothing of SSH and
// nothing of the wall clock, so that whole clusters run in a test.

import { type Clock, untilNext } from '../clock.ts'
import { ProxyError, type Trouble, troubleOf } from '../errors.ts'
import type { Mono, NodeId, Part, PeerView } from '../model.ts'
import type { Log } from '../telemetry.ts'
import { type Address, createAddresses } from './addresses.ts'
import { startAlarm } from './alarm.ts'
import { createBlackHoles } from './blackhole.ts'
import type { Channel } from './channel.ts'
import { createGathering } from './gathering.ts'
import { createIntake, type Intake } from './intake.ts'
import { createLink, type Link, type LinkHandlers, tickEvery } from './link.ts'
import { createMembers, type Verdict } from './members.ts'
import { type Hello, type Message, protocol } from './messages.ts'
import type { SyncStore } from './needs.ts'
import { createSession, type Session } from './session.ts'
import { createVersions } from './versions.ts'
import { peerViews } from './views.ts'

export interface Mesh extends Part {
  /** The whole set of addresses at which peers may be. */
  seek(addresses: readonly string[]): void
  /** A peer has called. */
  accept(channel: Channel): void
  refresh(node: NodeId, id: string, budget: number, signal?: AbortSignal): Promise<void>
  /** Nothing of ours is about to change: what has changed goes out now. */
  hasten(): void
  peers(): readonly PeerView[]
  /** Every address that was found is ourselves, has told all, or can't be reached. */
  isSettled(): boolean
}

export interface MeshOptions {
  readonly clock: Clock
  readonly log: Log
  readonly store: SyncStore
  readonly version: string
  readonly dial: (address: string, signal: AbortSignal) => Promise<Channel>
  readonly refreshOwn: (id: string, budget: number, signal: AbortSignal) => Promise<unknown>
  /** A link is lost: look at once where the peers are. */
  readonly onLost: () => void
  readonly watch: Pick<LinkHandlers, 'sent' | 'received'> & {
    /** A page from a peer has become visible, so long after its scrape. */
    visible(delay: number): void
    linkLost(): void
  }
}

/** What has ended is looked at so soon, together with what else has ended by then. */
const lookSoon = 20
/** From the opening of a link to its use. */
const acceptWithin = 10_000
/** Agents that start together don't find each other at once: for so long a missing one is not worth a line. */
const startsWithin = 10_000
/** Another agent with our node id calls more often than that. */
const accusedFor = 30_000

/** What a peer is told, and tells, at an orderly end: nothing to be warned of. */
const farewell = 'the agent is stopping'

export function createMesh(options: MeshOptions): Mesh {
  const { clock, log, store, version, dial, refreshOwn, onLost, watch } = options
  const { own } = store
  const begun = clock.now()
  const addresses = createAddresses(own.epoch)
  const members = createMembers()
  const versions = createVersions()
  const intakes = new Map<NodeId, Intake>()
  const links = new Set<Link>()
  /** Links whose channels aren't gone yet. */
  const unreleased = new Set<Link>()
  const sessions = new Map<Link, Session>()
  /** Links that were ended without anything being wrong. */
  const unneeded = new WeakSet<Link>()
  /** What was last said of an address, so that it is said once. */
  const told = new Map<string, string>()
  const blackHoles = createBlackHoles()
  const stopping = new AbortController()
  const ended = Promise.withResolvers<void>()
  let sought = false
  let { node } = own.self()
  let accusedAt: number | undefined
  const alarm = startAlarm(clock, tick)
  const gathering = createGathering(clock, () => {
    for (const session of sessions.values()) session.flush()
  })

  // ---- own changes go out

  for (const { entry } of own.entries()) putVersion(entry.target.id)

  function putVersion(id: string): void {
    const { entry, page } = own.entry(id)!
    if (entry.snapshot?.ok) versions.put(id, page, entry.snapshot.page, sessions.size > 0)
  }

  const unsubscribe = store.subscribe((change) => {
    if (change.kind === 'entry' && change.entry.owner === own.self().node) {
      const { entry, before } = change
      const { id } = entry.target
      if (entry.snapshot !== before?.snapshot) putVersion(id)
      markAll(id)
    } else if (change.kind === 'gone') {
      if (change.owner === own.self().node) {
        versions.forget(change.id)
        markAll(change.id)
      } else intakes.get(change.owner)?.forget(change.id)
    } else if (change.kind !== 'entry') {
      if (own.self().node !== node) becomeAnother()
      gathering.begin()
    }
  })

  /** The links know us under the id that we had. */
  function becomeAnother(): void {
    node = own.self().node
    acquitSelf()
    for (const link of [...links]) dismiss(link, 'the node has got another id')
  }

  function markAll(id: string): void {
    for (const session of sessions.values()) session.mark(id)
    gathering.begin()
  }

  // ---- links come and go

  const handlers: LinkHandlers = {
    message: heard,
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

  function open(channel: Channel): Link {
    const link = createLink(channel, clock, handlers)
    links.add(link)
    unreleased.add(link)
    if (!link.dialled) link.send(hello())
    return link
  }

  function hello(): Hello {
    return { kind: 'hello', ...protocol, version, epoch: own.epoch, self: own.self() }
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
      tellTrouble(address, trouble)
      addresses.ended(address, clock.now(), 0, trouble)
    }
    dialSoon()
  }

  /** An address has come, or is free again. */
  function dialSoon(): void {
    alarm.by(clock.now() + lookSoon)
  }

  function heard(link: Link, message: Message): void {
    const session = sessions.get(link)
    if (session) session.take(message)
    else if (message.kind === 'hello') greeted(link, message)
    else if (message.kind === 'accept' && isOurTurnToWait(link)) activate(link)
    else throw new ProxyError('protocol', `a message before the link was accepted (${message.kind})`)
  }

  /** Only the agent with the smaller node id accepts links, so both sides always mean the same one. */
  function isOurTurnToWait(link: Link): boolean {
    return own.self().node > (link.peer()?.self.node ?? '')
  }

  function greeted(link: Link, peer: Hello): void {
    const refusal = refusalOf(peer)
    const { node } = peer.self
    if (refusal === 'self') {
      if (link.dialled) addresses.isSelf(link.address, clock.now())
      dismiss(link, 'this is ourselves')
    } else if (refusal) {
      link.end(refusal.reason, refusal)
    } else if (link.dialled && members.present(node)?.peer.epoch === peer.epoch) {
      addresses.belongs(link.address, node)
      dismiss(link, 'already linked')
    } else {
      if (link.dialled) {
        addresses.belongs(link.address, node)
        link.send(hello())
      }
      if (isOurTurnToWait(link)) return
      link.send({ kind: 'accept' })
      activate(link)
    }
  }

  function refusalOf({ newest, oldest, epoch, self, version: theirs }: Hello): 'self' | Trouble | undefined {
    if (epoch === own.epoch) return 'self'
    if (oldest > protocol.newest || newest < protocol.oldest)
      return {
        code: 'protocol',
        reason: `version ${theirs} and version ${version} have no protocol in common`,
        mend: 'bring all agents to one version',
      }
    // an agent whose node has got another id ends its links first: nobody takes over what is said on one that stands
    const isLinked = ({ peer }: Session) => peer.epoch === epoch && peer.self.node !== self.node
    if ([...members.sessions()].some(isLinked))
      return { code: 'refused', reason: 'this agent is still linked under another node id' }
    if (self.node !== own.self().node) return undefined
    const trouble = twice(self.node, [`${self.hostname}, another agent`, `${own.self().hostname}, this one`])
    if (accusedAt === undefined) log.error({ ...trouble }, 'node claimed twice')
    accusedAt = clock.now()
    store.accuseSelf(trouble)
    return trouble
  }

  /** Ends a link that isn't needed: nothing is wrong. */
  function dismiss(link: Link, reason: string): void {
    unneeded.add(link)
    link.end(reason)
  }

  function isBelieved(session: Session): boolean {
    const { node } = session.peer.self
    return members.present(node) === session && !members.isContested(node)
  }

  function activate(link: Link): void {
    const peer = link.peer()!
    const { node } = peer.self
    const session = createSession({
      ...{ link, peer, store, versions, clock, log, refreshOwn },
      intake: intakeOf(node),
      isBelieved: () => isBelieved(session),
    })
    sessions.set(link, session)
    const replaced = members.join(session, clock.now())
    if (replaced) dismiss(replaced.link, 'replaced by a newer link')
    told.delete(link.address)
    if (!replaced) log.info({ node, hostname: peer.self.hostname, address: link.address }, 'peer linked')
    if (!members.isContested(node)) believe(session)
  }

  function believe(session: Session): void {
    showUp(session, blackHoles.trouble(session.peer.self.node))
    session.ask()
    session.flush()
  }

  function showUp({ peer, self }: Session, trouble?: Trouble): void {
    store.peers.up({ ...peer, self: self() }, trouble)
  }

  function intakeOf(node: NodeId): Intake {
    const intake =
      intakes.get(node) ?? createIntake({ node, store: store.peers, clock, visible: watch.visible })
    intakes.set(node, intake)
    return intake
  }

  function closed(link: Link, given?: Trouble): void {
    links.delete(link)
    dialSoon()
    const trouble = given ?? { code: 'reset', reason: 'the peer closed the link' }
    const wanted = !unneeded.has(link)
    if (link.dialled)
      addresses.ended(link.address, clock.now(), clock.now() - link.since, wanted ? trouble : undefined)
    const session = sessions.get(link)
    sessions.delete(link)
    if (session) left(session, trouble)
    else if (wanted && link.dialled) tellTrouble(link.address, trouble)
  }

  function left(session: Session, given: Trouble): void {
    const { node, hostname } = session.peer.self
    if (given.code === 'timeout') blackHoles.fellSilent(node, session.link.stats())
    const trouble = blackHoles.trouble(node) ?? given
    session.close(trouble)
    const was = members.present(node)
    const next = members.leave(session)
    if (was !== session || stopping.signal.aborted) return
    watch.linkLost()
    const { reason, mend } = trouble
    log[reason.endsWith(farewell) ? 'info' : 'warn']({ node, hostname, reason, mend }, 'peer lost')
    store.peers.lost(node, trouble)
    if (next && !members.isContested(node)) believe(next)
    onLost()
  }

  // ---- time passes

  /** Returns when to look again. */
  function tick(): Mono {
    const now = clock.now()
    const due = [...links].map((link) => link.tick())
    for (const link of [...links])
      if (!sessions.has(link) && now - link.since > acceptWithin)
        link.end('the link was not accepted in time')
    if (accusedAt !== undefined && now - accusedAt > accusedFor) acquitSelf()
    for (const session of [...sessions.values()]) {
      session.tick()
      const { peer, link } = session
      const isOver = blackHoles.isOver(peer.self.node, link.stats(), now - link.since)
      if (isOver && isBelieved(session)) showUp(session)
    }
    for (const verdict of members.judge(now)) judged(verdict)
    for (const address of addresses.due(now, (node) => members.present(node) !== undefined))
      void call(address)
    return Math.min(now + untilNext(tickEvery, now), addresses.nextTry(now), ...due)
  }

  function acquitSelf(): void {
    accusedAt = undefined
    store.accuseSelf(undefined)
  }

  function judged({ node, kind, sessions: claimants }: Verdict): void {
    if (kind === 'settled') {
      const session = members.present(node)
      if (session) believe(session)
      return
    }
    const trouble = twice(
      node,
      claimants.map(({ peer, link }) => `${peer.self.hostname} at ${link.address}`),
    )
    log.error({ node, ...trouble }, 'node claimed twice')
    store.peers.lost(node, trouble)
  }

  // ---- what is seen from outside

  /** Each trouble of an address is told once, until it is another one. */
  function tellTrouble(address: string, { code, reason, mend }: Trouble): void {
    if (told.get(address) === reason || stopping.signal.aborted) return
    if (code === 'unreachable' && clock.now() - begun < startsWithin) return
    told.set(address, reason)
    log.warn({ address, reason, mend }, 'no link to peer')
  }

  function isSettled(): boolean {
    const isDone = ({ selfAt, node, trouble }: Address) =>
      selfAt !== undefined ||
      (node !== undefined && members.present(node)?.isWhole()) ||
      trouble !== undefined
    return (
      sought &&
      [...addresses.all()].every(isDone) &&
      [...members.sessions()].every(({ isWhole }) => isWhole())
    )
  }

  return {
    seek(found) {
      sought = true
      if (addresses.replace(found)) dialSoon()
      for (const address of told.keys()) if (!found.includes(address)) told.delete(address)
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
    hasten: gathering.hasten,
    peers: () => peerViews(addresses.all(), members.sessions()),
    isSettled,
    async stop() {
      stopping.abort(new ProxyError('stopping', farewell))
      unsubscribe()
      alarm.stop()
      gathering.stop()
      for (const link of [...links]) dismiss(link, farewell)
      if (unreleased.size > 0) await ended.promise
    },
  }
}

function twice(node: NodeId, claimants: readonly string[]): Trouble {
  return {
    code: 'owner_lost',
    reason: `the node id ${node} is claimed twice: by ${claimants.join(' and by ')}; neither is believed`,
    mend: 'give each machine an id of its own: a cloned machine needs to join the Swarm anew, or another /var/lib/docker/engine-id; without Docker set NODE_NAME',
  }
}
