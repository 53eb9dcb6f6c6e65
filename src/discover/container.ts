// One row of Docker's container list, cut down to what we use, and the labels that may leave the node.

import { isOurs } from '../labels/prefixes.ts'
import type { Labels } from '../model.ts'
import type { ApiAttachment, ApiContainer } from './docker-api.ts'

export interface Container {
  readonly id: string
  readonly name: string
  readonly image: string
  /** Only what may leave the node. */
  readonly labels: Labels
  readonly omittedLabels: number
  /** By the engine's clock, in seconds: for the order only. */
  readonly created: number
  readonly state: 'running' | 'paused' | 'stopped'
  /** As Docker names it. */
  readonly dockerState: string
  /** Absent without a health check. */
  readonly health?: 'starting' | 'healthy' | 'unhealthy'
  /** Unknown for one that Docker is restarting or removing. */
  readonly exitCode?: number
  /** `host`, `none`, `container:<id>`, or a network's name. */
  readonly networkMode: string
  readonly attachments: readonly Attachment[]
  /** The paths inside at which volumes, folders and files are mounted. */
  readonly mounts: readonly string[]
}

/** A network that a container is on; without addresses while it doesn't run. */
export interface Attachment {
  readonly network: string
  readonly networkId: string
  readonly ipv4?: string
  readonly ipv6?: string
  /** The bridge's own address, which is the host's. */
  readonly gateway?: string
}

export function containerOf(row: ApiContainer, allowedLabels: readonly string[]): Container {
  const state = stateOf(row.State)
  const { labels, omitted } = exportedLabels(row.Labels, allowedLabels)
  const exitCode = state === 'stopped' ? exitCodeOf(row.Status) : undefined
  const health = healthOf(row.Status)
  return {
    id: row.Id,
    name: nameOf(row),
    image: row.Image ?? '',
    labels,
    omittedLabels: omitted,
    created: row.Created ?? 0,
    state,
    dockerState: row.State ?? '',
    ...(health && { health }),
    ...(exitCode !== undefined && { exitCode }),
    networkMode: networkModeOf(row),
    attachments: Object.entries(row.NetworkSettings?.Networks ?? {})
      .map(([network, given]) => attachmentOf(network, given ?? {}))
      .sort((a, b) => (a.network < b.network ? -1 : 1)),
    mounts: (row.Mounts ?? []).flatMap(({ Destination }) => Destination ?? []),
  }
}

/** Legacy links add names such as `/other/alias`; the container's own name has a single slash. */
function nameOf({ Id, Names }: ApiContainer): string {
  const own = Names?.find((name) => name.lastIndexOf('/') <= 0) ?? Names?.[0]
  return own?.replace(/^\//, '') || Id.slice(0, 12)
}

function stateOf(state: string | undefined): Container['state'] {
  return state === 'running' || state === 'paused' ? state : 'stopped'
}

/** The list has the exit code only in this text, which has been the same since Docker began. */
function exitCodeOf(status: string | undefined): number | undefined {
  const code = /^Exited \((-?\d+)\)/.exec(status ?? '')?.[1]
  return code === undefined ? undefined : Number(code)
}

/** Podman's list has no network mode, but names these two as networks. */
function networkModeOf({ HostConfig, NetworkSettings }: ApiContainer): string {
  const networks = Object.keys(NetworkSettings?.Networks ?? {})
  return HostConfig?.NetworkMode ?? networks.find((name) => name === 'host' || name === 'none') ?? 'default'
}

/** So has the health: `Up 5 minutes (health: starting)`. */
function healthOf(status: string | undefined): Container['health'] {
  const [, health] = /^Up .*\((?:health: )?(starting|healthy|unhealthy)\)$/.exec(status ?? '') ?? []
  return health as Container['health']
}

function attachmentOf(network: string, given: ApiAttachment): Attachment {
  return {
    network,
    networkId: given.NetworkID ?? '',
    ...(given.IPAddress && { ipv4: given.IPAddress }),
    ...(given.GlobalIPv6Address && { ipv6: given.GlobalIPv6Address }),
    ...(given.Gateway && { gateway: given.Gateway }),
  }
}

interface ExportedLabels {
  readonly labels: Labels
  /** How many others would be exported but for their length: labels are sent to every node. */
  readonly omitted: number
}

const maxLabelLength = 16_384
const maxTotalLength = 65_536

/** Those that we read, Docker's own, and `allowed`: `SD_LABELS`, where a final `*` matches any ending. */
export function exportedLabels(
  labels: Labels | null | undefined,
  allowed: readonly string[],
): ExportedLabels {
  const wanted = Object.entries(labels ?? {})
    .filter(([key]) => isExported(key, allowed))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  let remaining = maxTotalLength
  const fitting = wanted.filter(([key, value]) => {
    const length = key.length + value.length
    if (length > maxLabelLength || length > remaining) return false
    remaining -= length
    return true
  })
  return { labels: Object.fromEntries(fitting), omitted: wanted.length - fitting.length }
}

function isExported(key: string, allowed: readonly string[]): boolean {
  return (
    key.startsWith('com.docker.') ||
    isOurs(key) ||
    allowed.some((one) => (one.endsWith('*') ? key.startsWith(one.slice(0, -1)) : key === one))
  )
}
