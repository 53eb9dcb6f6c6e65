// Everything that needs attention but the failures of single targets, errors first. The status page, /health and the
// metric app_metrics_proxy_problems all show this list.

import type { Failure } from '../errors.ts'
import { type Mono, maxSwarmStateAgeMs, type PeerView } from '../model.ts'
import type { AlertProblem } from '../rules/rules.ts'
import type { NodeStatus, Problem } from './shape.ts'
import { unixTime } from './target.ts'

export interface ProblemSources {
  readonly nodes: readonly NodeStatus[]
  readonly peers: readonly PeerView[]
  readonly rules: readonly AlertProblem[]
  /** Names that several targets or services have. */
  readonly ambiguities: readonly Failure[]
  /** Why Docker can't be read now, and lesser problems with it. */
  readonly discovery: { readonly failure?: Failure; readonly warnings: readonly Failure[] }
  /** The age of the swarm state that managers sent. `none`: none was received. Undefined: not in a Swarm. */
  readonly swarmStateAgeMs: number | 'none' | undefined
  /** Why the current content of the web configuration file is not in effect. */
  readonly webConfig: Failure | undefined
  readonly memory: Failure | undefined
  /** Of this start of the agent, unless the last one was long ago. */
  readonly internalErrors:
    | { readonly count: number; readonly lastAt: Mono; readonly lastWhere: string }
    | undefined
  /** About the configuration. */
  readonly warnings: readonly string[]
}

const severities = ['error', 'warning', 'notice'] as const

/** No text changes with time alone, so that a problem that lasts reads the same in each response. */
export function problemsOf(sources: ProblemSources): readonly Problem[] {
  const { nodes, peers, rules, discovery, webConfig, memory, warnings } = sources
  return [
    ...ofInternalErrors(sources.internalErrors),
    ...(discovery.failure ? [failureAs('error', 'discovery', '', discovery.failure)] : []),
    ...discovery.warnings.map((one) => failureAs('warning', 'discovery', one.reason, one)),
    ...nodes.flatMap(ofNode),
    ...peers.flatMap(ofPeer),
    ...ofSwarmState(sources.swarmStateAgeMs),
    ...ofVersions(nodes),
    ...rules.map(ofRule),
    ...(webConfig ? [failureAs('error', 'configuration', 'file', webConfig)] : []),
    ...(memory ? [failureAs('warning', 'memory', '', memory)] : []),
    ...warnings.map((text) => problem('warning', 'configuration', text, { text })),
    ...ofNames(sources),
  ].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
}

type ProblemText = Pick<Problem, 'text' | 'since'> & { readonly hint?: string | undefined }

/** `which` identifies the problem among those about the same, and is stable while it lasts. */
function problem(
  severity: Problem['severity'],
  about: Problem['about'],
  which: string,
  { hint, ...rest }: ProblemText,
): Problem {
  const key = which === '' ? about : `${about} ${which}`
  return { key, severity, about, ...rest, ...(hint !== undefined && { hint }) }
}

function failureAs(
  severity: Problem['severity'],
  about: Problem['about'],
  which: string,
  { reason: text, hint }: Failure,
): Problem {
  return problem(severity, about, which, { text, hint })
}

function ofInternalErrors(errors: ProblemSources['internalErrors']): readonly Problem[] {
  if (!errors) return []
  const { count, lastAt, lastWhere } = errors
  const since = unixTime(lastAt)
  const last = `${new Date(since * 1000).toISOString().slice(0, 19)}Z (${lastWhere})`
  return [
    problem('error', 'internal', '', {
      text:
        count === 1 ? `an internal error at ${last}` : `${count} internal errors, the last one at ${last}`,
      since,
      hint: 'this is a bug: find "internal error" in the log of this agent, and report the line with its stack trace to the project',
    }),
  ]
}

function ofNode({ id, name, link, since, failure, expected }: NodeStatus): readonly Problem[] {
  if (link === 'lost' && expected)
    return [
      problem('error', 'node', id, {
        text: `${name}: the link is lost${failure ? ` (${failure.reason})` : ''}`,
        ...(since !== undefined && { since }),
        hint:
          failure?.hint ??
          `check that ${name} is up, that its agent runs, and that its SSH port can be reached from here; if the node is gone permanently, drain or remove it`,
      }),
    ]
  if (link === 'none' && expected)
    return [
      problem('warning', 'node', id, {
        text: `${name}: no agent has connected from this node, so its containers are unknown`,
        hint: 'deploy the agent in mode global, without constraints that exclude this node; if the node is gone permanently, drain or remove it',
      }),
    ]
  if (failure && link !== 'lost')
    return [problem('error', 'node', id, { text: `${name}: ${failure.reason}`, hint: failure.hint })]
  return []
}

const reachHint = 'check that an agent runs there, and that its SSH port can be reached from here'

function ofPeer({ address, state, failure }: PeerView): readonly Problem[] {
  if (state !== 'failed') return []
  const { reason = 'no connection', hint = reachHint } = failure ?? {}
  const text = reason.includes(address) ? reason : `${address}: ${reason}`
  return [problem('error', 'peer', address, { text, hint })]
}

function ofSwarmState(ageMs: ProblemSources['swarmStateAgeMs']): readonly Problem[] {
  const hint = 'run the agent on the managers too, and check that they can be reached'
  if (ageMs === 'none') {
    const text = 'no manager has sent the list of services: their labels and desired replicas are unknown'
    return [problem('warning', 'swarm', '', { text, hint })]
  }
  if (ageMs === undefined || ageMs <= maxSwarmStateAgeMs) return []
  const text = 'no manager has sent the swarm state for more than two minutes: services may have changed'
  return [problem('warning', 'swarm', '', { text, hint })]
}

function ofVersions(nodes: readonly NodeStatus[]): readonly Problem[] {
  const byVersion = Map.groupBy(
    nodes.filter(({ version }) => version !== undefined),
    ({ version }) => version!,
  )
  if (byVersion.size < 2) return []
  const list = [...byVersion].map(([version, running]) => `${version} on ${namesOf(running)}`)
  return [
    problem('warning', 'version', '', {
      text: `agents run different versions: ${list.join('; ')}`,
      hint: 'nothing during an update; otherwise update the agents that are behind',
    }),
  ]
}

const maxNamed = 5

function namesOf(nodes: readonly NodeStatus[]): string {
  const names = nodes.slice(0, maxNamed).map(({ name }) => name)
  const more = nodes.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}

function ofRule({ service, text }: AlertProblem): Problem {
  const hint = `correct this label of ${service}; until then the alert is omitted`
  return problem('error', 'rule', text, { text, hint })
}

function ofNames({ nodes, ambiguities }: ProblemSources): readonly Problem[] {
  const connected = nodes.filter(({ link }) => link === 'self' || link === 'up')
  const shared = [...Map.groupBy(connected, ({ hostname }) => hostname)].filter(([, of]) => of.length > 1)
  return [
    ...shared.map(([name, of]) =>
      problem('warning', 'name', name, {
        text: `${of.length} nodes have the hostname ${name}`,
        hint: `give each node its own hostname; until then use node ids in paths: ${of.map(({ id }) => id).join(', ')}`,
      }),
    ),
    ...ambiguities.map((one) => failureAs('notice', 'name', one.reason, one)),
  ]
}
