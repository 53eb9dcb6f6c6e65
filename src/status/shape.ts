// The status as JSON: the public interface for scripts and the page. Fields are added, never changed; docs/STATUS.md
// describes each. All times are Unix seconds by the clock of the agent that responds, all durations are seconds.

import type { Failure } from '../errors.ts'
import type { Address, Endpoint, Format, Labels, RunRecord } from '../model.ts'

export interface Status {
  /** The version of the agent that responds. */
  readonly version: string
  /** Now: an age is `time` minus a time in the same response. */
  readonly time: number
  readonly cluster: string
  /** The node of the agent that responds. */
  readonly nodeId: string
  readonly config: ConfigStatus
  readonly nodes: readonly NodeStatus[]
  readonly services: readonly ServiceStatus[]
  readonly problems: readonly Problem[]
  /** Who scraped the agent that responds within the last 15 minutes; at most 50. */
  readonly clients: readonly ClientStatus[]
  readonly targets: readonly TargetStatus[]
}

export interface ConfigStatus {
  readonly scrapeInterval: number
  readonly maxAge: number | 'off'
  readonly staleAfter: number
  readonly forgetAfter: number
  /** The `host:port` at which Prometheus reaches this agent or, better, all agents. */
  readonly advertise: string
}

export interface NodeStatus {
  readonly id: string
  /** In paths and labels: its hostname, or its id where another node has that hostname. */
  readonly name: string
  readonly hostname: string
  readonly address?: string
  readonly swarm: boolean
  readonly manager: boolean
  /** The link to its agent. `none`: the managers list the node, but no agent has connected from it. */
  readonly link: 'self' | 'up' | 'lost' | 'none'
  /** When the link last changed. */
  readonly since?: number
  /** The round trip to it when it was last measured. */
  readonly roundTrip?: number
  readonly version?: string
  /** Whether an agent is meant to run there: until the node is drained or removed. */
  readonly expected: boolean
  /** State and availability in Swarm, unless ready and active: `down`, `drain`. */
  readonly swarmStatus?: string
  readonly failure?: Failure
}

/** A service as the managers declare it. */
export interface ServiceStatus {
  readonly name: string
  readonly mode: 'replicated' | 'global' | 'job'
  /** How many are wanted, and how many of them run. */
  readonly replicas: number
  readonly running: number
  /** The slots that should be running. */
  readonly slots: readonly string[]
  /** Of its last update, as Swarm names it. */
  readonly updateState?: string
}

/**
 * - `up`: the last scrape succeeded.
 * - `down`: it has an endpoint, and the last scrape failed.
 * - `lost`: the agent of its node is not connected.
 * - `searching`: no endpoint has been found yet.
 * - `unscraped`: it has no endpoint; `failure` has the reason.
 * - `off`: disabled by label.
 * - `ended`: recently stopped or removed.
 */
export type TargetState = 'up' | 'down' | 'lost' | 'searching' | 'unscraped' | 'off' | 'ended'

export interface TargetStatus {
  /** Unique in the cluster: `<node id>/<id>`. */
  readonly key: string
  readonly id: string
  readonly nodeId: string
  readonly node: string
  readonly name: string
  readonly kind: 'replicated' | 'global' | 'compose' | 'standalone' | 'static' | 'agent'
  /** The full name of its service: `stack_service`; in Compose the service's own name. */
  readonly service?: string
  /** The stack, or Compose's project. */
  readonly stack?: string
  /** Identifies it within its service: slot, number, or the node's name. */
  readonly replica: string
  /** Of a container with several endpoints, for those after the first: `2` to `9`. */
  readonly endpointNumber?: number
  /** The labels with these names at `/sd`, whether or not it is listed there: `demo_web`, `demo_web.2:9113`. */
  readonly job: string
  readonly instance: string
  readonly image: string
  /** The path of its metrics, at every agent. */
  readonly path: string
  readonly state: TargetState
  readonly failure?: Failure
  readonly endpoint?: Endpoint
  /** The time and the duration of the last scrape. */
  readonly scraped?: number
  readonly duration?: number
  /** Of a target that is down: when the failures began. Without `lastSuccess` they may be older. */
  readonly downSince?: number
  /** The last successful scrape, as far as the agent that responds has seen it. */
  readonly lastSuccess?: number
  /** The last failure that this agent has seen, also if a later scrape succeeded. */
  readonly lastError?: { readonly time: number; readonly reason: string }
  readonly series?: number
  /** The size of its metrics, uncompressed. */
  readonly bytes?: number
  readonly format?: Format
  /** The durations of the last scrapes, oldest first; null: failed. */
  readonly history: readonly (number | null)[]
  /** Minor issues: invalid labels, a missing Content-Type. */
  readonly remarks: readonly string[]
  /** By its health check, if it has one. */
  readonly health?: RunRecord['health']
  /** While its agent ran; absent: none. */
  readonly restarts?: number
  readonly oomKills?: number
  readonly lastExitCode?: number
  readonly ended?: { readonly time: number; readonly exitCode?: number; readonly removed: boolean }
}

/** A client of the agent that responds, by address and user agent. */
export interface ClientStatus {
  readonly address: string
  readonly userAgent: string
  /** What it requests: metrics, the targets at `/sd`, the rules at `/rules`. */
  readonly subject: 'metrics' | 'targets' | 'rules'
  /** Of the last successful response: `text/0.0.4`, `openmetrics/1.0.0`, `protobuf`, `json`. */
  readonly format?: string
  /** Between its last two requests for the same path. */
  readonly interval?: number
  /** The time of its last request. */
  readonly last: number
  /** What it scrapes twice in each interval: how many targets, and of one of them the two paths, or the one. */
  readonly doubled?: { readonly targets: number; readonly paths: readonly string[] }
}

/** A condition that needs attention, whether or not it concerns a target. */
export interface Problem {
  /** Identifies the problem; stable while it lasts. */
  readonly key: string
  readonly severity: 'error' | 'warning' | 'notice'
  readonly about:
    | 'internal'
    | 'discovery'
    | 'node'
    | 'peer'
    | 'swarm'
    | 'version'
    | 'rule'
    | 'name'
    | 'configuration'
    | 'memory'
  readonly text: string
  /** When it began, if known; for internal errors the time of the last one. */
  readonly since?: number
  readonly hint?: string
}

/** `/?target=<key>` with `Accept: application/json`. */
export interface TargetDetails {
  readonly time: number
  readonly target: TargetStatus
  readonly labels: Labels
  readonly addresses: readonly Address[]
  /** The sizes in bytes that belong to `target.history`; null: the scrape failed. */
  readonly sizes: readonly (number | null)[]
  /** Absent while there are no metrics. */
  readonly metrics?: MetricsStatus
  /** The target in service discovery, as Prometheus receives it. Absent: it is not listed at `/sd`. */
  readonly discovery?: DiscoveredTarget
  /** A scrape job for Prometheus' configuration with this target alone. */
  readonly prometheus: string
}

export interface DiscoveredTarget {
  readonly targets: readonly string[]
  readonly labels: Labels
}

export interface MetricsStatus {
  /** The number of families and series that match; `shown` may have fewer. */
  readonly families: number
  readonly series: number
  readonly truncated: boolean
  readonly shown: readonly FamilyStatus[]
  /** Series that are repeated, types that contradict each other. */
  readonly remarks: readonly string[]
}

export interface FamilyStatus {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string
  /** The number of its series that match, and how many of these are not shown. */
  readonly series: number
  readonly omitted: number
  readonly histograms: readonly HistogramStatus[]
  /** All its other series. */
  readonly samples: readonly SampleStatus[]
}

/** Numbers are texts, as Prometheus prints them: they may be NaN or infinite. */
export interface HistogramStatus {
  readonly kind: 'classic' | 'native'
  /** Name and labels, without `le`. */
  readonly series: string
  readonly count: string
  readonly sum: string
  /** The median and the 99th percentile, as Prometheus would estimate them. Absent without observations. */
  readonly p50?: string
  readonly p99?: string
  /** Ascending and without gaps; at most 100, of which neighbours are merged if there are more. */
  readonly buckets: readonly BucketStatus[]
}

export interface BucketStatus {
  readonly lower: string
  readonly upper: string
  /** Of this bucket alone. */
  readonly count: number
}

export interface SampleStatus {
  /** Name and labels, as the container wrote them. */
  readonly series: string
  /** The value with its timestamp and exemplar, if any. */
  readonly value: string
}
