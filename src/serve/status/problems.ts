// All that deserves a person's attention and isn't one target's own trouble. The worst first.

import type { Trouble } from '../../errors.ts'
import type { PeerView } from '../../model.ts'
import { type Report, sentenceOf } from '../rules/rules.ts'
import type { NodeStatus, Problem } from './shape.ts'

export interface ProblemSources {
  readonly nodes: readonly NodeStatus[]
  readonly peers: readonly PeerView[]
  readonly rules: readonly Report[]
  /** Names that mean more than one thing. */
  readonly ambiguities: readonly Trouble[]
  /** Why Docker can't be read now, and what else is amiss there. */
  readonly discovery: { readonly trouble?: Trouble; readonly warnings: readonly Trouble[] }
  /** Why what the web configuration file says now is not what counts. */
  readonly webConfig: Trouble | undefined
  /** Memory is short. */
  readonly memory: Trouble | undefined
  /** Of the configuration. */
  readonly warnings: readonly string[]
}

const severities = ['error', 'warning', 'notice'] as const

export function problemsOf(sources: ProblemSources): readonly Problem[] {
  return [
    ...ofDiscovery(sources.discovery),
    ...ofNodes(sources.nodes),
    ...ofPeers(sources.peers),
    ...ofVersions(sources.nodes),
    ...ofRules(sources.rules),
    ...(sources.webConfig ? [troubleAs('error', 'configuration', sources.webConfig)] : []),
    ...(sources.memory ? [troubleAs('warning', 'memory', sources.memory)] : []),
    ...sources.warnings.map((text): Problem => ({ severity: 'warning', about: 'configuration', text })),
    ...ofNames(sources),
  ].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
}

function ofDiscovery({ trouble, warnings }: ProblemSources['discovery']): readonly Problem[] {
  return [
    ...(trouble ? [troubleAs('error', 'discovery', trouble)] : []),
    ...warnings.map((one) => troubleAs('warning', 'discovery', one)),
  ]
}

function ofNodes(nodes: readonly NodeStatus[]): readonly Problem[] {
  return nodes.flatMap((node): Problem[] => {
    const about = 'node'
    const { name, link, swarmState, trouble } = node
    if (link === 'lost')
      return [
        {
          severity: 'error',
          about,
          text: `${name}: the link is lost${trouble ? ` (${trouble.reason})` : ''}`,
          mend:
            trouble?.mend ??
            `see whether ${name} is up, its agent runs, and its SSH port can be reached from here`,
        },
      ]
    if (trouble)
      return [{ severity: 'error', about, text: `${name}: ${trouble.reason}`, ...mendOf(trouble.mend) }]
    if (link === 'none' && swarmState === undefined)
      return [
        {
          severity: 'warning',
          about,
          text: `${name}: no agent has been heard there, so its containers are unknown`,
          mend: 'deploy the agent in mode global, without constraints that leave this node out',
        },
      ]
    return []
  })
}

function ofPeers(peers: readonly PeerView[]): readonly Problem[] {
  return peers.flatMap(({ address, state, trouble }): Problem[] =>
    state === 'failed' && trouble
      ? [{ severity: 'error', about: 'peer', text: `${address}: ${trouble.reason}`, ...mendOf(trouble.mend) }]
      : [],
  )
}

function ofVersions(nodes: readonly NodeStatus[]): readonly Problem[] {
  const byVersion = Map.groupBy(
    nodes.filter(({ version }) => version !== undefined),
    ({ version }) => version!,
  )
  if (byVersion.size < 2) return []
  const list = [...byVersion].map(([version, on]) => `${version} on ${namesOf(on)}`)
  return [
    {
      severity: 'warning',
      about: 'version',
      text: `the agents differ in version: ${list.join('; ')}`,
      mend: 'nothing while an update is under way; else update the agents that are behind',
    },
  ]
}

const mostNamed = 5

function namesOf(nodes: readonly NodeStatus[]): string {
  const names = nodes.slice(0, mostNamed).map(({ name }) => name)
  const more = nodes.length - names.length
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}

function ofRules(rules: readonly Report[]): readonly Problem[] {
  return rules.map((report) => ({
    severity: 'error',
    about: 'rule',
    text: sentenceOf(report),
    mend: `correct this label of ${report.service}; until then the alert is left out`,
  }))
}

function ofNames({ nodes, ambiguities }: ProblemSources): readonly Problem[] {
  const shared = [...Map.groupBy(nodes, ({ name }) => name)].filter(([, of]) => of.length > 1)
  return [
    ...shared.map(
      ([name, of]): Problem => ({
        severity: 'warning',
        about: 'name',
        text: `${of.length} nodes are called ${name}`,
        mend: `give each its own hostname; until then ask by node id: ${of.map(({ id }) => id).join(', ')}`,
      }),
    ),
    ...ambiguities.map((ambiguity): Problem => troubleAs('notice', 'name', ambiguity)),
  ]
}

function troubleAs(
  severity: Problem['severity'],
  about: Problem['about'],
  { reason, mend }: Trouble,
): Problem {
  return { severity, about, text: reason, ...mendOf(mend) }
}

function mendOf(mend: string | undefined) {
  return mend === undefined ? undefined : { mend }
}
