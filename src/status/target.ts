// One entry of the store as the status shows it: its state, and for whatever isn't scraped, why and what to do.

import type { Trouble } from '../errors.ts'
import { settingsOf } from '../labels/settings.ts'
import type { Entry, Mono, NodeId, Past, Snapshot, SwarmService, Target } from '../model.ts'
import { namingOf } from './places.ts'
import type { State, TargetStatus } from './shape.ts'

/** What an entry's status depends on besides the entry. */
export interface Surroundings {
  /** What the owner is named. */
  readonly node: string
  readonly lost: boolean
  readonly services: ReadonlyMap<string, SwarmService>
}

/** From this process's own clock to Unix seconds. */
export type Unix = (at: Mono) => number

export function targetOf(entry: Entry, around: Surroundings, unix: Unix): TargetStatus {
  const { owner, target, endpoint, ended, snapshot, history } = entry
  const state = stateOf(entry, around.lost)
  const trouble = troubleOf(entry, state, around)
  return {
    key: keyOf(owner, target.id),
    id: target.id,
    nodeId: owner,
    node: around.node,
    name: target.name,
    ...namingOf(entry, around.node),
    image: target.image,
    state,
    ...(trouble && { trouble }),
    ...(endpoint && { endpoint }),
    ...(snapshot && scrapeOf(snapshot, unix)),
    history: history.map(pastOf),
    remarks: remarksOf(entry, around.services),
    ...(ended && { ended: endedOf(ended, unix) }),
  }
}

/** Only the first slash divides: one in a node's id is escaped. */
export function keyOf(owner: NodeId, id: string): string {
  return `${owner.replaceAll('%', '%25').replaceAll('/', '%2F')}/${id}`
}

export function stateOf({ ended, finding, endpoint, snapshot }: Entry, lost: boolean): State {
  if (ended) return 'ended'
  if (lost) return 'lost'
  if (finding.kind === 'none' && finding.trouble.code === 'disabled') return 'off'
  if (finding.kind === 'none') return endpoint ? 'down' : 'unscraped'
  if (!endpoint || !snapshot) return 'searching'
  return snapshot.ok ? 'up' : 'down'
}

function troubleOf(entry: Entry, state: State, { node }: Surroundings): Trouble | undefined {
  switch (state) {
    case 'ended':
      return endOf(entry.ended!)
    case 'lost':
      return {
        code: 'owner_lost',
        reason: `the agent of ${node} can't be asked`,
        hint: `see what is wrong with the link to ${node}, under Nodes`,
      }
    case 'down':
    case 'off':
    case 'unscraped':
      return failureOf(entry)
    default:
      return undefined
  }
}

function failureOf({ finding, snapshot }: Entry): Trouble | undefined {
  if (finding.kind === 'none') return finding.trouble
  return snapshot?.ok === false ? snapshot.trouble : undefined
}

function endOf({ exitCode, removed }: NonNullable<Entry['ended']>): Trouble {
  const how = exitCode === undefined ? '' : ` with exit code ${exitCode}`
  return { code: 'stopped', reason: `${removed ? 'removed' : 'stopped'}${how}` }
}

function endedOf({ at, ...rest }: NonNullable<Entry['ended']>, unix: Unix) {
  return { time: unix(at), ...rest }
}

function scrapeOf(snapshot: Snapshot, unix: Unix) {
  const when = { scraped: unix(snapshot.at), duration: secondsOf(snapshot.durationMs) }
  if (!snapshot.ok) return when
  const { series, size, format } = snapshot.page
  return { ...when, series, bytes: size, format }
}

const pastOf = ({ ok, durationMs }: Past) => (ok ? secondsOf(durationMs) : null)

function remarksOf({ target, snapshot }: Entry, services: Surroundings['services']): readonly string[] {
  const { problems } = settingsOf(target.labels, declaredLabels(target, services))
  return [...(snapshot?.ok ? snapshot.page.remarks : []), ...problems, ...claimOf(target)]
}

function claimOf({ place }: Target): readonly string[] {
  if (place.kind !== 'standalone' || place.claims === undefined) return []
  return [
    `its labels call it a task of the Swarm service ${JSON.stringify(place.claims)}, but no manager knows it: it is shown as a container of its own; start it without labels that begin with com.docker.swarm, or as a service`,
  ]
}

function declaredLabels({ place }: Target, services: Surroundings['services']) {
  return 'serviceId' in place ? services.get(place.serviceId)?.labels : undefined
}

/** To a tenth of a millisecond: more is noise, and bytes. */
export function secondsOf(ms: number): number {
  return Math.round(ms * 10) / 10_000
}
