// The words of the design as types. Imports nothing but the leaf that names what can go wrong.
//
// Everything here is an immutable value. Times are of two kinds and never mixed: a `Mono` is a reading of
// this process's own monotonic clock, in milliseconds; every other number of time is a duration in
// milliseconds. Only durations travel between nodes: two nodes' clocks are never compared.

import type { Failure } from './errors.ts'

export type Mono = number
export type NodeId = string
export type Labels = Readonly<Record<string, string>>

/** Who an agent is. Sent to peers in hello, and shown on the status page. */
export interface Self {
  /** Swarm's node id; without Swarm the engine's id; without Docker `NODE_NAME` or the hostname. */
  readonly node: NodeId
  /** What people call the node: unique as a rule, not by force. */
  readonly hostname: string
  readonly swarm: boolean
  readonly manager: boolean
  /** The node's address as Swarm knows it. */
  readonly address?: string
  /** The `host:port` under which Prometheus reaches this agent or, better, all agents: see discover/self.ts. */
  readonly advertise: string
  /** The agent's own container, if it runs in one. */
  readonly container?: string
  /** The full name of the agent's own Swarm service, if it is a task of one. */
  readonly service?: string
}

/** A target's place in a service: what tells replicas apart and names together. */
export type Place =
  | {
      readonly kind: 'replicated'
      readonly service: string
      readonly serviceId: string
      readonly stack?: string
      readonly slot: string
      readonly task: string
      readonly provisional?: true
    }
  | {
      readonly kind: 'global'
      readonly service: string
      readonly serviceId: string
      readonly stack?: string
      readonly task: string
      /** Only its labels say so: no list of the managers' has shown it yet. */
      readonly provisional?: true
    }
  | {
      readonly kind: 'compose'
      readonly project: string
      readonly service: string
      readonly number: string
    }
  | {
      readonly kind: 'standalone'
      /** The Swarm service of which its labels call it a task, though the managers don't know it. */
      readonly claimedService?: string
    }

/** One way to a container's ports, as this agent can use it. */
export interface Address {
  readonly network: string
  readonly host: string
}

/** The id of the one target that is no container: the agent's own metrics. */
export const agentTarget = 'agent'
/** Its name, its job and its service. What else has this name is asked for by its container's id. */
export const agentName = 'app-metrics-proxy'

/**
 * A container as discovered, or one of its further endpoints, which are targets of their own. Never the agent's own
 * container, whose metrics are a target of another kind: `agentTarget`.
 */
export interface Target {
  /** The container's full id, for further endpoints with their number: `endpointId`; `static:<name>` for an entry of `TARGETS`. */
  readonly id: string
  readonly node: NodeId
  /** The container's name without the leading slash. */
  readonly name: string
  readonly place: Place
  readonly image: string
  /** Only what may leave the node: the families that we read, `com.docker.*`, and `SD_LABELS`. */
  readonly labels: Labels
  readonly state: 'running' | 'paused' | 'stopped'
  /** How it ended, once it has stopped. */
  readonly exitCode?: number
  /** Absent while there is nothing to report. */
  readonly run?: RunRecord
  /** Every reachable address, best first, in an order that is the same each time. */
  readonly addresses: readonly Address[]
  /** Why `addresses` is empty, though it runs. */
  readonly unreachable?: Failure
  /** Set for an entry of `TARGETS`: the one URL to ask, no ports to scan. */
  readonly url?: string
}

/** How a container has run while its agent ran. */
export interface RunRecord {
  /** Absent without a health check. */
  readonly health?: 'starting' | 'healthy' | 'unhealthy'
  readonly restarts: number
  readonly oomKills: number
  readonly lastExitCode?: number
}

/** The one URL of a target that answered with valid metrics. */
export interface Endpoint {
  readonly url: string
  readonly port: number
  /** Why this port and path, for people: `scanned`, `com.df.scrapePort, service label`. */
  readonly source: string
}

export const endpointNumbers = [1, 2, 3, 4, 5, 6, 7, 8, 9]
/** The target of one of a container's endpoints: of the first one the container's own id, of the second `<id>/2`. */
export const endpointId = (containerId: string, number: number): string =>
  number === 1 ? containerId : `${containerId}/${number}`
export const endpointNumberOf = (targetId: string): number => Number(/\/([2-9])$/.exec(targetId)?.[1] ?? 1)
export const containerIdOf = (id: string): string => id.split('/', 1)[0]!

/** The result of probing a target. The last good endpoint stays in use while probing fails. */
export type ProbeResult =
  | { readonly kind: 'searching' }
  | { readonly kind: 'found'; readonly endpoint: Endpoint }
  | { readonly kind: 'not_found'; readonly failure: Failure }

/** As they are named between agents. */
export const formatNames = [
  ...(['text/0.0.4', 'text/1.0.0', 'openmetrics/0.0.1', 'openmetrics/1.0.0'] as const),
  'protobuf',
] as const
export type Format = (typeof formatNames)[number]

/**
 * The kinds of formats. A client gets what the container answers to a request for the client's kind, so each kind is
 * scraped, cached and sent by itself. Only protobuf has native histograms.
 */
export type FormatKind = 'text' | 'protobuf'

/**
 * A target has one stream of snapshots per kind. The text stream is the target's own entry. The protobuf stream is an
 * entry of its own, with this id, as long as clients ask for it: see agent/streams.ts.
 */
export const streamId = (targetId: string, kind: FormatKind): string =>
  kind === 'text' ? targetId : targetId + protobufSuffix
/** No container's id and no name in `TARGETS` has a slash; of an endpoint's id it is the last part. */
const protobufSuffix = '/protobuf'
/** Whether this is the id of another stream than a target's own. */
export const isProtobufStreamId = (id: string): boolean => id.endsWith(protobufSuffix)
export const kindOfStream = (id: string): FormatKind => (isProtobufStreamId(id) ? 'protobuf' : 'text')
export const targetIdOf = (id: string): string =>
  isProtobufStreamId(id) ? id.slice(0, -protobufSuffix.length) : id

/** A page of metrics that passed validation, as the container wrote it. Plain data: safe to copy and to compare. */
export interface MetricsPage extends PageFacts {
  /** The length of the body in bytes, unpacked. */
  readonly size: number
  readonly content: Content
}

/** What is known of a page without its body. */
export interface PageFacts {
  readonly format: Format
  /** A name in it needs quotes, which some clients don't accept. */
  readonly hasUtf8Names?: true
  readonly series: number
  /** What deserves to be known of it though it is used. */
  readonly remarks: readonly string[]
}

/** The body of a page in the form in which it is held; `bodyOf` (sync/codec.ts) gives the body itself. */
export type Content =
  | { readonly kind: 'plain'; readonly bytes: Uint8Array }
  /** The container's own gzip. */
  | { readonly kind: 'gzip'; readonly bytes: Uint8Array }
  /** From a peer: a body in full, then frames that each turn the body before into the next one. */
  | { readonly kind: 'zstd'; readonly frames: readonly ZstdFrame[] }

/** A packed body. `size`: its length unpacked, as announced. */
export interface ZstdFrame {
  readonly size: number
  readonly bytes: Uint8Array
}

/** What one scrape brought. One writer: the owner. */
export type Snapshot =
  | { readonly ok: true; readonly at: Mono; readonly durationMs: number; readonly page: MetricsPage }
  | { readonly ok: false; readonly at: Mono; readonly durationMs: number; readonly failure: Failure }

/** One past scrape, for the small history that the page shows. */
export interface PastScrape {
  readonly ok: boolean
  readonly durationMs: number
  /** The length of the metrics, unpacked; absent: the scrape failed. */
  readonly bodyBytes?: number
}

/** All that the cluster knows of one target. */
export interface Entry {
  readonly owner: NodeId
  readonly target: Target
  readonly probeResult: ProbeResult
  /** The newest endpoint that ever answered: what makes a target one that `/sd` lists. */
  readonly endpoint?: Endpoint
  /** Absent until the first scrape is done. */
  readonly snapshot?: Snapshot
  /** The last scrapes, oldest first; bounded. */
  readonly history: readonly PastScrape[]
  /** Set when the container stopped or was removed; the entry is kept for a while so that `up` is 0. */
  readonly ended?: { readonly at: Mono; readonly exitCode?: number; readonly removed: boolean }
}

/**
 * What only managers know, shared with all peers. The same on every manager but for delay. What is looked up by
 * a key from outside (a label's value, an id) is a Map, here and everywhere: in a plain object `constructor` is
 * found without having been put there.
 */
export interface SwarmState {
  /** The Swarm's id. */
  readonly swarmId: string
  readonly nodes: ReadonlyMap<NodeId, SwarmNode>
  /** By id. */
  readonly services: ReadonlyMap<string, SwarmService>
  /** By node, the containers of Swarm's tasks there: the first characters of their ids, `taskContainerDigits` of them. */
  readonly containers: ReadonlyMap<NodeId, readonly string[]>
  /** Absent while a manager's agent that has started still waits for those of the others, as the next. */
  readonly failures?: FailureCount
  readonly reschedules?: TaskCount
}

/** An older swarm state is no basis for metrics. Managers send one every 30 s. */
export const maxSwarmStateAgeMs = 120_000

/**
 * Tasks counted by the managers' agents together: what comes after `after`, up to `upTo`. Failures are tasks that ended
 * though they were meant to run, by the version of their last change, which rises in the whole Swarm. Reschedules are the
 * tasks that replaced those of lost nodes, by when they were created, in milliseconds of the leader's clock.
 */
export interface TaskCount {
  readonly after: number
  readonly upTo: number
  /** By service id: how many for each exit code, empty where there was no container; or for each reason. */
  readonly services: ReadonlyMap<string, ReadonlyMap<string, number>>
}

export interface FailureCount extends TaskCount {
  /**
   * The failures that are counted already, or were there before, as long as the Swarm lists them: the first
   * `taskIdCharacters` of their ids. A node that gets another manager reports its ended tasks again, as new versions.
   */
  readonly tasks: readonly string[]
}

/** 62 bits of an id that nobody chooses. */
export const taskIdCharacters = 12

/** Whether the managers list the container of this target as one of a task on that node. */
export const isListedTask = ({ containers }: SwarmState, node: NodeId, id: string): boolean =>
  containers.get(node)?.includes(containerIdOf(id).slice(0, taskContainerDigits)) ?? false

/** Nobody chooses a container's id, so that 64 bits of it are enough; and a list of thousands of tasks stays small. */
export const taskContainerDigits = 16

export interface SwarmNode {
  readonly hostname: string
  readonly address: string
  readonly role: 'manager' | 'worker'
  readonly state: string
  readonly availability: string
  readonly engineVersion: string
  /** Under the same rule as a target's labels. */
  readonly labels: Labels
}

/** Whether an agent is meant to run on it. A node that is down still is one of the Swarm. */
export const expectsAgent = ({ availability }: SwarmNode): boolean => availability !== 'drain'

export interface SwarmService {
  readonly name: string
  readonly mode: 'replicated' | 'global' | 'job'
  readonly replicas: number
  /** The slots that are meant to run now; not always 1 to `replicas`, since scaling down leaves gaps. */
  readonly slots: readonly string[]
  /** Under the same rule as a target's labels. */
  readonly labels: Labels
  /**
   * Where an older container may run beside the newest, since one slot runs twice (a start-first update) or was
   * filled anew a while ago: the ids of the slot's tasks that are meant to run, oldest first, by the managers'
   * one clock.
   */
  readonly taskOrder: ReadonlyMap<string, readonly string[]>
  /** How many of its replicas run; a slot that runs twice counts once. */
  readonly running: number
  /** How many of the tasks that are meant to run, or to complete, are in each state. */
  readonly taskStates: ReadonlyMap<string, number>
  /** Of its last update; absent before the first one. */
  readonly updateState?: string
}

/** One agent of the cluster, as this one sees it. */
export interface NodeView {
  readonly self: Self
  readonly version: string
  readonly link: 'self' | 'up' | 'lost'
  /** Since when the link is what it is. */
  readonly since: Mono
  /** The last round trip of a heartbeat, in milliseconds. */
  readonly roundTripMs?: number
  /** What is wrong with this node: its id is claimed twice, its version can't be understood, … */
  readonly failure?: Failure
}

/** One address that sync knows of, whether or not an agent answers there. */
export interface PeerView {
  readonly address: string
  readonly node?: NodeId
  readonly state: 'connected' | 'connecting' | 'failed'
  readonly failure?: Failure
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** A value from elsewhere, with how old it is. */
export interface WithAge<T> {
  readonly value: T
  readonly ageMs: number
  readonly from: NodeId
}

/** What has changed in the store. Reported after the fact, in the order in which it happened. */
export type Change =
  | EntryChange
  | { readonly kind: 'deleted'; readonly owner: NodeId; readonly id: string }
  | { readonly kind: 'swarmState' }
  | { readonly kind: 'nodes' }

interface EntryChange {
  readonly kind: 'entry'
  readonly entry: Entry
  readonly before?: Entry
  /** The body of a page that is kept as gzip, just scraped: whoever needs it now needn't unpack it. */
  readonly unpacked?: Uint8Array
}

/** A long-lived part. `stop` resolves once it has truly stopped, and may be called twice. */
export interface Stoppable {
  stop(): Promise<void>
}

/** How much memory the page takes. */
export function heldBytes({ content }: MetricsPage): number {
  if (content.kind !== 'zstd') return content.bytes.length
  return content.frames.reduce((sum, { bytes }) => sum + bytes.length, 0)
}

/** A page made here: its body is not compressed. */
export function plainPage(bytes: Uint8Array, facts: PageFacts): MetricsPage {
  const { format, series, remarks, hasUtf8Names } = facts
  const utf8 = hasUtf8Names && { hasUtf8Names }
  return { format, ...utf8, series, remarks, size: bytes.length, content: { kind: 'plain', bytes } }
}
