// One row of Docker's list, cut down to what we use.

import type { ApiAttachment, ApiContainer } from './api.ts'
import { leavingOf } from './leaving.ts'

export interface Container {
  readonly id: string
  readonly name: string
  readonly image: string
  /** Only what may leave the node. */
  readonly labels: Readonly<Record<string, string>>
  readonly labelsLeftOut: number
  /** By the engine's clock, in seconds: for the order only. */
  readonly created: number
  readonly state: 'running' | 'paused' | 'stopped'
  /** How it ended; unknown for one that Docker is restarting or removing. */
  readonly exitCode?: number
  /** `host`, `none`, `container:<id>`, or a network's name. */
  readonly mode: string
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
  const { labels, leftOut } = leavingOf(row.Labels, allowedLabels)
  const exitCode = state === 'stopped' ? exitCodeOf(row.Status) : undefined
  return {
    id: row.Id,
    name: nameOf(row),
    image: row.Image ?? '',
    labels,
    labelsLeftOut: leftOut,
    created: row.Created ?? 0,
    state,
    ...(exitCode !== undefined && { exitCode }),
    mode: row.HostConfig?.NetworkMode ?? 'default',
    attachments: Object.entries(row.NetworkSettings?.Networks ?? {})
      .map(([network, given]) => attachmentOf(network, given ?? {}))
      .sort((a, b) => (a.network < b.network ? -1 : 1)),
    mounts: (row.Mounts ?? []).flatMap(({ Destination }) => Destination ?? []),
  }
}

/** Links of old add names such as `/other/alias`; the own one has a single slash. */
function nameOf({ Id, Names }: ApiContainer): string {
  const own = Names?.find((name) => name.lastIndexOf('/') <= 0) ?? Names?.[0]
  return own?.replace(/^\//, '') || Id.slice(0, 12)
}

function stateOf(state: string | undefined): Container['state'] {
  return state === 'running' || state === 'paused' ? state : 'stopped'
}

/** The list has the exit code in words only; they have been the same since Docker began. */
function exitCodeOf(status: string | undefined): number | undefined {
  const code = /^Exited \((-?\d+)\)/.exec(status ?? '')?.[1]
  return code === undefined ? undefined : Number(code)
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
