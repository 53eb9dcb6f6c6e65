// The status as JSON: what scripts and the page may rely on. Fields are added, never changed; docs/STATUS.md
// explains each. All times are Unix seconds by the asked agent's clock, all durations are seconds.

import type { Code } from '../errors.ts'
import type { Format } from '../model.ts'

export interface Status {
  /** The asked agent's version. */
  readonly version: string
  /** Now, by the asked agent's clock: an age is `time` less a time in this answer. */
  readonly time: number
  /** Names this state of things: `?since=` with it brings only what changed afterwards. */
  readonly sequence: string
  /** Whether this answer holds only what changed since. */
  readonly partial: boolean
  readonly cluster: string
  /** The asked node's id. */
  readonly nodeId: string
  readonly settings: SettingsStatus
  readonly nodes: readonly NodeStatus[]
  readonly services: readonly ServiceStatus[]
  readonly problems: readonly Problem[]
  /** All targets, or those that changed. */
  readonly targets: readonly TargetStatus[]
  /** The keys of targets that are gone since. */
  readonly gone: readonly string[]
}

export interface SettingsStatus {
  readonly scrapeInterval: number
  readonly maxAge: number | 'off'
  readonly staleAfter: number
  readonly forgetAfter: number
  /** The `host:port` under which Prometheus finds the asked agent or, better, all agents. */
  readonly advertise: string
}

export interface NodeStatus {
  readonly id: string
  /** In paths and labels: its hostname, unless that means another node; then its id. */
  readonly name: string
  readonly hostname: string
  readonly address?: string
  readonly swarm: boolean
  readonly manager: boolean
  /** The asked agent's link to it. `none`: the managers know the node, but no agent of it was ever heard. */
  readonly link: 'self' | 'up' | 'lost' | 'none'
  /** Since when the link is what it is. */
  readonly since?: number
  /** The last ping's round trip. */
  readonly roundTrip?: number
  readonly version?: string
  /** Whether an agent is meant to run there: until the node is drained or removed. */
  readonly expected: boolean
  /** What Swarm says of it, where it isn't simply ready and active: `down`, `drain`. */
  readonly swarmState?: string
  readonly trouble?: TroubleStatus
}

/** A service as the managers declare it. */
export interface ServiceStatus {
  readonly name: string
  readonly mode: 'replicated' | 'global' | 'job'
  readonly replicas: number
  /** The slots that are meant to run now. */
  readonly slots: readonly string[]
}

export interface TroubleStatus {
  readonly code: Code
  readonly reason: string
  /** What to do about it. */
  readonly hint?: string
}

/**
 * - `up`: its last scrape went well.
 * - `down`: it has an endpoint, and the last scrape failed.
 * - `lost`: its node's agent can't be asked.
 * - `searching`: no endpoint is found yet.
 * - `unscraped`: it has none, and `trouble` says why.
 * - `off`: opted out by label.
 * - `ended`: stopped or removed a short while ago.
 */
export type State = 'up' | 'down' | 'lost' | 'searching' | 'unscraped' | 'off' | 'ended'

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
  /** What tells it apart from its siblings: slot, number, or the node's name. */
  readonly replica: string
  readonly image: string
  /** Under which path every agent answers for it. */
  readonly path: string
  readonly state: State
  readonly trouble?: TroubleStatus
  readonly endpoint?: { readonly url: string; readonly port: number; readonly why: string }
  /** When it was last scraped, and how long that took. */
  readonly scraped?: number
  readonly duration?: number
  readonly series?: number
  /** The page's size, unpacked. */
  readonly bytes?: number
  readonly format?: Format
  /** How long the last scrapes took, oldest first; null: failed. */
  readonly history: readonly (number | null)[]
  /** What works but deserves to be known: duplicate series, labels that weren't understood. */
  readonly remarks: readonly string[]
  readonly ended?: { readonly time: number; readonly exitCode?: number; readonly removed: boolean }
}

/** What deserves a person's attention, whether or not it has a target of its own. */
export interface Problem {
  /** Names it: the same as long as it lasts. */
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
  /** Since when, where that is known; of internal errors: when the last one happened. */
  readonly since?: number
  readonly hint?: string
}

/** `/?target=<key>` with `Accept: application/json`. */
export interface TargetDetails {
  readonly time: number
  readonly target: TargetStatus
  readonly labels: Readonly<Record<string, string>>
  readonly addresses: readonly { readonly network: string; readonly host: string }[]
  /** Absent while there is no page. */
  readonly page?: PageStatus
  /** A block for Prometheus' configuration that scrapes this target alone. */
  readonly prometheus: string
}

export interface PageStatus {
  /** How many families match, and how many series they hold; the answer may hold fewer. */
  readonly families: number
  readonly series: number
  readonly truncated: boolean
  readonly shown: readonly FamilyStatus[]
}

export interface FamilyStatus {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string
  /** How many series of it match. */
  readonly series: number
  readonly samples: readonly SampleStatus[]
}

export interface SampleStatus {
  /** Name and labels, as the container wrote them. */
  readonly series: string
  /** The value, and what follows it: a timestamp, an exemplar. */
  readonly value: string
}
