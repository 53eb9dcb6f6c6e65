// One round: downloads the rules of every cluster from the first of its agents that responds, writes the files that
// changed, and makes Prometheus reload them. A cluster that doesn't respond keeps its file.

import { splitCredentials } from '../../http/credentials.ts'
import { addMatcher } from '../../promql/expression.ts'
import type { Rule } from '../../promql/rule.ts'
import { printRules, readRules } from '../../promql/rule-file.ts'
import { literalOf } from '../../promql/template.ts'
import { fetchFailure } from '../agent-client.ts'
import type { RulesFolder } from './folder.ts'
import type { RulesCluster, RulesOptions } from './options.ts'

/** What was pulled from a cluster and written, or the reason why not. */
export type ClusterResult = PulledCluster | (FailedPull & { readonly cluster: string })

interface PulledCluster {
  readonly ok: true
  readonly cluster: string
  readonly rules: number
  readonly isChanged: boolean
  /** The values of the label `cluster` in its rules: several if the URLs are those of several clusters. */
  readonly clusterLabels: readonly string[]
  /** A sentence for each rule that was omitted. */
  readonly refused: readonly string[]
  /** The agents that failed before another one responded. */
  readonly warnings: readonly string[]
}

interface FailedPull {
  readonly ok: false
  readonly reason: string
}

export interface PullResult {
  readonly clusters: readonly ClusterResult[]
  readonly warnings: readonly string[]
  /** Absent: no reload was due. */
  readonly reload?: { readonly ok: true } | FailedPull
}

export async function pullAll(
  { clusters, addsClusterMatcher, reload }: RulesOptions,
  folder: RulesFolder,
  signal: AbortSignal,
): Promise<PullResult> {
  const results = await Promise.all(
    clusters.map((cluster) => pullCluster(cluster, addsClusterMatcher, folder, signal)),
  )
  const reloaded = reload && (await reloadIfDue(reload, folder, signal))
  return { clusters: results, warnings: sharedNames(results), ...(reloaded && { reload: reloaded }) }
}

async function pullCluster(
  { name: cluster, urls }: RulesCluster,
  addsClusterMatcher: boolean,
  folder: RulesFolder,
  signal: AbortSignal,
): Promise<ClusterResult> {
  try {
    const { rules, ...pulled } = await pullRules(urls, addsClusterMatcher, signal)
    const isChanged = await folder.write(cluster, printRules(rules))
    return { ok: true, cluster, rules: rules.length, isChanged, ...pulled }
  } catch (error) {
    return { ...failed(error), cluster }
  }
}

const failed = (error: unknown): FailedPull => ({ ok: false, reason: (error as Error).message })

/** Two clusters with the same name would each alert on the other's series. */
function sharedNames(results: readonly ClusterResult[]): readonly string[] {
  const named = results.flatMap((result) =>
    result.ok ? result.clusterLabels.map((label) => ({ name: result.cluster, label })) : [],
  )
  return [...Map.groupBy(named, ({ label }) => label)]
    .filter(([, clusters]) => clusters.length > 1)
    .map(
      ([label, clusters]) =>
        `${clusters.map(({ name }) => name).join(' and ')} both have the cluster name ${label}: set CLUSTER`,
    )
}

const pullTimeoutMs = 10_000
const maxBytes = 32 * 2 ** 20

/** Throws an error that has the failure of each agent. */
async function pullRules(urls: readonly URL[], addsClusterMatcher: boolean, signal: AbortSignal) {
  const failures: string[] = []
  for (const url of urls)
    try {
      return { ...readPulledRules(await fetchText(url, signal), addsClusterMatcher), warnings: failures }
    } catch (error) {
      if (signal.aborted) throw error
      failures.push(`${url.host}: ${reasonOf(error)}`)
    }
  throw new Error(failures.join('; '))
}

async function fetchText(agent: URL, signal: AbortSignal): Promise<string> {
  const base = agent.href.endsWith('/') ? agent : `${agent.href}/`
  const { url, ...headers } = splitCredentials(new URL('rules', base))
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(pullTimeoutMs)])
  const response = await fetch(url, { headers, signal: deadline, redirect: 'error' })
  const text = await textOf(response)
  if (response.status !== 200)
    throw new Error(`answered ${response.status}: ${text.trim().split('\n')[0]!.slice(0, 200)}`)
  return text
}

async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`answered with more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function readPulledRules(text: string, addsClusterMatcher: boolean) {
  const file = readRules(text)
  const rules: Rule[] = []
  const refused = [...file.refused]
  const clusterLabels = new Set<string>()
  for (const rule of file.rules) {
    const cluster = literalOf(rule.labels.cluster ?? '')
    if (cluster) clusterLabels.add(cluster)
    if (!addsClusterMatcher) rules.push(rule)
    else if (rule.labels.cluster === undefined || cluster === undefined)
      refused.push(`${rule.alert.slice(0, 100)}: no constant label cluster to limit it to`)
    else rules.push({ ...rule, expr: addMatcher(rule.expr, 'cluster', cluster) })
  }
  return { rules, clusterLabels: [...clusterLabels], refused }
}

function reasonOf(error: unknown): string {
  const isTimeout = error instanceof Error && error.name === 'TimeoutError'
  return isTimeout ? `no response within ${pullTimeoutMs / 1000} s` : fetchFailure(error)
}

const reloadTimeoutMs = 30_000

/** All requests of a round have timed out by then: the agents of a cluster are asked one after the other. */
export function maxRoundMs({ clusters }: Pick<RulesOptions, 'clusters'>): number {
  return Math.max(...clusters.map(({ urls }) => urls.length)) * pullTimeoutMs + reloadTimeoutMs
}

async function reloadIfDue(
  url: URL,
  folder: RulesFolder,
  signal: AbortSignal,
): Promise<PullResult['reload']> {
  try {
    if (!(await folder.isReloadDue())) return undefined
    await reloadPrometheus(url, signal)
    await folder.clearReload()
    return { ok: true }
  } catch (error) {
    return failed(error)
  }
}

async function reloadPrometheus(reloadUrl: URL, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(reloadTimeoutMs)])
  const { url, ...headers } = splitCredentials(reloadUrl)
  let response: Response
  try {
    response = await fetch(url, { method: 'POST', headers, signal: deadline, redirect: 'error' })
  } catch (error) {
    throw new Error(fetchFailure(error))
  }
  const text = await response.text()
  if (!response.ok) throw new Error(`answered ${response.status}: ${text.trim().slice(0, 1000)}`)
}
