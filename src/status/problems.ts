// All that deserves a person's attention and isn't one target's own trouble, the worst first. The one list of it: the
// status page, /health and the metric that alerts may use all show this one.

import type { Trouble } from '../errors.ts'
import type { Mono, PeerView } from '../model.ts'
import type { Report } from '../rules/rules.ts'
import type { NodeStatus, Problem } from './shape.ts'
import type { Unix } from './target.ts'

export interface ProblemSources {
  readonly nodes: readonly NodeStatus[]
  readonly peers: readonly PeerView[]
  readonly rules: readonly Report[]
  /** Names that mean more than one thing. */
  readonly ambiguities: readonly Trouble[]
  /** Why Docker can't be read now, and what else is amiss there. */
  readonly discovery: { readonly trouble?: Trouble; readonly warnings: readonly Trouble[] }
  /** How old the Swarm's state is, as managers sent it. `none`: none did. Undefined: not in a Swarm. */
  readonly swarmStateAgeMs: number | 'none' | undefined
  /** Why what the web configuration file says now is not what counts. */
  readonly webConfig: Trouble | undefined
  /** Memory is short. */
  readonly memory: Trouble | undefined
  /** Recent bugs. */
  readonly internalErrors:
    | { readonly count: number; readonly lastAt: Mono; readonly lastWhere: string }
    | undefined
  /** Of the configuration. */
  readonly warnings: readonly string[]
}

const severities = ['error', 'warning', 'notice'] as const

/** None of their texts changes with time alone. */
export function problemsOf(sources: ProblemSources, unix: Unix): readonly Problem[] {
  const { nodes, peers, rules, discovery, webConfig, memory, warnings } = sources
  return [
    ...ofInternalErrors(sources.internalErrors, unix),
    ...ofDiscovery(discovery),
    ...nodes.flatMap(ofNode),
    ...peers.flatMap(ofPeer),
    ...ofSwarmState(sources.swarmStateAgeMs),
    ...ofVersions(nodes),
    ...rules.map(ofRule),
    ...(webConfig ? [troubleAs('error', 'configuration', 'file', webConfig)] : []),
    ...(memory ? [troubleAs('warning', 'memory', '', memory)] : []),
    ...warnings.map((text) => problem('warning', 'configuration', text, { text })),
    ...ofNames(sources),
  ].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
}

type Said = Omit<Problem, 'key' | 'severity' | 'about' | 'hint'> & { readonly hint?: string | undefined }

/** `which` tells it apart from others about the same, and stays the same while the problem lasts. */
function problem(
  severity: Problem['severity'],
  about: Problem['about'],
  which: string,
  { hint, ...said }: Said,
): Problem {
  const key = which === '' ? about : `${about} ${which}`
  return { key, severity, about, ...said, ...(hint !== undefined && { hint }) }
}

function troubleAs(
  severity: Problem['severity'],
  about: Problem['about'],
  which: string,
  { reason: text, hint }: Trouble,
): Problem {
  return problem(severity, about, which, { text, hint })
}

function ofInternalErrors(errors: ProblemSources['internalErrors'], unix: Unix): readonly Problem[] {
  if (!errors) return []
  const { count, lastAt, lastWhere } = errors
  const since = unix(lastAt)
  const last = `${new Date(since * 1000).toISOString().slice(0, 19)}Z (${lastWhere})`
  return [
    problem('error', 'internal', '', {
      text:
        count === 1 ? `an internal error at ${last}` : `${count} internal errors, the last one at ${last}`,
      since,
      hint: 'this is a bug: look for "internal error" in the log of this agent, and report that line with its stack to the project',
    }),
  ]
}

function ofDiscovery({ trouble, warnings }: ProblemSources['discovery']): readonly Problem[] {
  return [
    ...(trouble ? [troubleAs('error', 'discovery', '', trouble)] : []),
    ...warnings.map((one) => troubleAs('warning', 'discovery', one.reason, one)),
  ]
}

function ofNode({ id, name, link, since, trouble, expected }: NodeStatus): readonly Problem[] {
  const sinceThen = since === undefined ? {} : { since }
  if (link === 'lost' && expected)
    return [
      problem('error', 'node', id, {
        text: `${name}: the link is lost${trouble ? ` (${trouble.reason})` : ''}`,
        ...sinceThen,
        hint:
          trouble?.hint ??
          `see whether ${name} is up, its agent runs, and its SSH port can be reached from here; if it is gone for good, drain or remove the node`,
      }),
    ]
  if (link === 'none' && expected)
    return [
      problem('warning', 'node', id, {
        text: `${name}: no agent has been heard there, so its containers are unknown`,
        hint: 'deploy the agent in mode global, without constraints that leave this node out; if the node is gone for good, drain or remove it',
      }),
    ]
  if (trouble && link !== 'lost')
    return [problem('error', 'node', id, { text: `${name}: ${trouble.reason}`, hint: trouble.hint })]
  return []
}

function ofPeer({ address, state, trouble }: PeerView): readonly Problem[] {
  if (state !== 'failed') return []
  const { reason = 'no connection', hint } = trouble ?? {}
  return [problem('error', 'peer', address, { text: `${address}: ${reason}`, hint })]
}

/** Managers send it each half minute; one much older is from managers that can't be asked any more. */
const oldSwarmStateMs = 120_000

function ofSwarmState(ageMs: ProblemSources['swarmStateAgeMs']): readonly Problem[] {
  const hint = 'let the agent run on the managers too, and see whether they can be reached'
  if (ageMs === 'none') {
    const text = 'no manager has sent which services there are: their labels and desired replicas are unknown'
    return [problem('warning', 'swarm', '', { text, hint })]
  }
  if (ageMs === undefined || ageMs <= oldSwarmStateMs) return []
  const text =
    'no manager has sent the state of the Swarm for more than two minutes: services may have changed'
  return [problem('warning', 'swarm', '', { text, hint })]
}

function ofVersions(nodes: readonly NodeStatus[]): readonly Problem[] {
  const byVersion = Map.groupBy(
    nodes.filter(({ version }) => version !== undefined),
    ({ version }) => version!,
  )
  if (byVersion.size < 2) return []
  const list = [...byVersion].map(([version, on]) => `${version} on ${namesOf(on)}`)
  return [
    problem('warning', 'version', '', {
      text: `the agents differ in version: ${list.join('; ')}`,
      hint: 'nothing while an update is under way; else update the agents that are behind',
    }),
  ]
}

const maxNamed = 5

function namesOf(nodes: readonly NodeStatus[]): string {
  const names = nodes.slice(0, maxNamed).map(({ name }) => name)
  const more = nodes.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}

function ofRule({ service, text }: Report): Problem {
  const hint = `correct this label of ${service}; until then the alert is left out`
  return problem('error', 'rule', text, { text, hint })
}

function ofNames({ nodes, ambiguities }: ProblemSources): readonly Problem[] {
  const connected = nodes.filter(({ link }) => link === 'self' || link === 'up')
  const shared = [...Map.groupBy(connected, ({ hostname }) => hostname)].filter(([, of]) => of.length > 1)
  return [
    ...shared.map(([name, of]) =>
      problem('warning', 'name', name, {
        text: `${of.length} nodes are called ${name}`,
        hint: `give each its own hostname; until then ask by node id: ${of.map(({ id }) => id).join(', ')}`,
      }),
    ),
    ...ambiguities.map((one) => troubleAs('notice', 'name', one.reason, one)),
  ]
}
