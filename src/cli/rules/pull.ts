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
export type ClusterResult = { readonly cluster: string } & (
  | {
      readonly ok: true
      readonly rules: number
      readonly isChanged: boolean
      /** A sentence for each rule that was omitted. */
      readonly refused: readonly string[]
      readonly warnings: readonly string[]
    }
  | FailedPull
)

export interface PullResult {
  readonly clusters: readonly ClusterResult[]
  readonly warnings: readonly string[]
  /** Absent: no reload was due. */
  readonly reload?: { readonly ok: true } | FailedPull
}

interface FailedPull {
  readonly ok: false
  readonly reason: string
}

export async function pullAll(
  { clusters, addsClusterMatcher, reload }: RulesOptions,
  folder: RulesFolder,
  signal: AbortSignal,
): Promise<PullResult> {
  const pulled = await Promise.allSettled(
    clusters.map((cluster) => pullRules(cluster, addsClusterMatcher, signal)),
  )
  const results: ClusterResult[] = []
  for (const [at, { name }] of clusters.entries()) results.push(await writeRules(name, pulled[at]!, folder))
  const warnings = sharedNames(
    clusters.flatMap(({ name }, at) => {
      const one = pulled[at]!
      return one.status === 'fulfilled' ? one.value.clusterLabels.map((label) => ({ name, label })) : []
    }),
  )
  const reloaded = reload && (await reloadIfDue(reload, folder, signal))
  return { clusters: results, warnings, ...(reloaded && { reload: reloaded }) }
}

async function writeRules(
  cluster: string,
  pulled: PromiseSettledResult<PulledRules>,
  folder: RulesFolder,
): Promise<ClusterResult> {
  try {
    if (pulled.status === 'rejected') throw pulled.reason
    const { rules, refused, warnings } = pulled.value
    const isChanged = await folder.write(cluster, printRules(rules))
    return { cluster, ok: true, rules: rules.length, isChanged, refused, warnings }
  } catch (error) {
    return { cluster, ...failed(error) }
  }
}

const failed = (error: unknown): FailedPull => ({ ok: false, reason: (error as Error).message })

/** Two clusters with the same name would each alert on the other's series. */
function sharedNames(
  labels: readonly { readonly name: string; readonly label: string }[],
): readonly string[] {
  return [...Map.groupBy(labels, ({ label }) => label)]
    .filter(([, clusters]) => clusters.length > 1)
    .map(
      ([label, clusters]) =>
        `${clusters.map(({ name }) => name).join(' and ')} both have the cluster name ${label}: set CLUSTER`,
    )
}

interface PulledRules {
  readonly rules: readonly Rule[]
  /** The values of the label `cluster` in its rules: several if the URLs are those of several clusters. */
  readonly clusterLabels: readonly string[]
  readonly refused: readonly string[]
  /** The agents that failed before another one responded. */
  readonly warnings: readonly string[]
}

const pullTimeoutMs = 10_000
const maxBytes = 32 * 2 ** 20

/** Throws an error that has the failure of each agent. */
async function pullRules(
  { urls }: RulesCluster,
  addsClusterMatcher: boolean,
  signal: AbortSignal,
): Promise<PulledRules> {
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

function readPulledRules(text: string, addsClusterMatcher: boolean): Omit<PulledRules, 'warnings'> {
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
