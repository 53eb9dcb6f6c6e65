// All that deserves a person's attention and isn't one target's own trouble. The worst first.

import type { PeerView } from '../../model.ts'
import type { NodeStatus, Problem } from './shape.ts'

/** An alert that labels ask for, and why it is left out, if it is. */
export interface RuleReport {
  readonly service: string
  readonly name: string
  readonly rejected?: string
}

/** A short name that means several things, and what to ask for instead. */
export interface Ambiguity {
  readonly name: string
  readonly candidates: readonly string[]
}

export interface ProblemSources {
  readonly nodes: readonly NodeStatus[]
  readonly peers: readonly PeerView[]
  readonly rules: readonly RuleReport[]
  readonly ambiguities: readonly Ambiguity[]
  /** Of the configuration and of discovery, in words. */
  readonly warnings: readonly string[]
}

const severities = ['error', 'warning', 'notice'] as const

export function problemsOf(sources: ProblemSources): readonly Problem[] {
  return [
    ...ofNodes(sources.nodes),
    ...ofPeers(sources.peers),
    ...ofVersions(sources.nodes),
    ...ofRules(sources.rules),
    ...sources.warnings.map((text): Problem => ({ severity: 'warning', about: 'configuration', text })),
    ...ofNames(sources),
  ].sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
}

function ofNodes(nodes: readonly NodeStatus[]): readonly Problem[] {
  return nodes.flatMap((node): Problem[] => {
    const about = 'node'
    const { name, link, swarmState, trouble } = node
    if (trouble)
      return [{ severity: 'error', about, text: `${name}: ${trouble.reason}`, ...mendOf(trouble.mend) }]
    if (link === 'lost')
      return [
        {
          severity: 'error',
          about,
          text: `${name}: the link is lost`,
          mend: `see whether ${name} is up, its agent runs, and its SSH port can be reached from here`,
        },
      ]
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

function ofRules(rules: readonly RuleReport[]): readonly Problem[] {
  return rules.flatMap(({ service, name, rejected }): Problem[] =>
    rejected === undefined
      ? []
      : [
          {
            severity: 'error',
            about: 'rule',
            text: `the alert ${name} of ${service} is left out: ${rejected}`,
            mend: `correct the alert labels of ${service}`,
          },
        ],
  )
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
    ...ambiguities.map(
      ({ name, candidates }): Problem => ({
        severity: 'notice',
        about: 'name',
        text: `${name} is the name of several things: /${name}/metrics answers 409`,
        mend: `ask by a full name: ${candidates.join(', ')}`,
      }),
    ),
  ]
}

function mendOf(mend: string | undefined) {
  return mend === undefined ? undefined : { mend }
}
