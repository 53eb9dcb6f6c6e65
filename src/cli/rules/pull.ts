// One cluster's rules, from the first of its agents that answers, made fit to stand beside those of others.

import { splitCredentials } from '../../http/credentials.ts'
import { limitTo } from '../../promql/limit.ts'
import type { Rule } from '../../promql/rule.ts'
import { readRules } from '../../promql/rulefile.ts'
import { literalOf } from '../../promql/template.ts'
import type { Cluster } from './options.ts'

export interface Pulled {
  readonly rules: readonly Rule[]
  /** The value of `cluster` in its rules; several where it isn't one cluster after all. */
  readonly calledThemselves: readonly string[]
  /** A sentence for each rule that was left out. */
  readonly refused: readonly string[]
  /** Agents that didn't answer though another one did. */
  readonly remarks: readonly string[]
}

const patience = 10_000
const mostBytes = 32 * 2 ** 20

/** Throws an error that names each agent and what was wrong with it. */
export async function pullRules({ urls }: Cluster, limit: boolean, signal: AbortSignal): Promise<Pulled> {
  const silent: string[] = []
  for (const url of urls)
    try {
      return { ...rulesIn(await fetchText(url, signal), limit), remarks: silent }
    } catch (error) {
      if (signal.aborted) throw error
      silent.push(`${url.host}: ${reasonOf(error)}`)
    }
  throw new Error(silent.join('; '))
}

async function fetchText(agent: URL, signal: AbortSignal): Promise<string> {
  const base = agent.href.endsWith('/') ? agent : `${agent.href}/`
  const { url, ...headers } = splitCredentials(new URL('rules', base))
  const within = AbortSignal.any([signal, AbortSignal.timeout(patience)])
  const response = await fetch(url, { headers, signal: within, redirect: 'error' })
  const text = await textOf(response)
  if (response.status !== 200)
    throw new Error(`answered ${response.status}: ${text.trim().split('\n')[0]!.slice(0, 200)}`)
  return text
}

async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > mostBytes) throw new Error(`answered with more than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function rulesIn(text: string, limit: boolean): Omit<Pulled, 'remarks'> {
  const file = readRules(text)
  const rules: Rule[] = []
  const refused = [...file.refused]
  const clusters = new Set<string>()
  for (const rule of file.rules) {
    const cluster = literalOf(rule.labels.cluster ?? '')
    if (cluster) clusters.add(cluster)
    if (!limit) rules.push(rule)
    else if (rule.labels.cluster === undefined || cluster === undefined)
      refused.push(`${rule.alert.slice(0, 100)}: no plain label cluster to limit it to`)
    else rules.push({ ...rule, expr: limitTo(rule.expr, 'cluster', cluster) })
  }
  return { rules, calledThemselves: [...clusters], refused }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${patience / 1000} s`
  const { cause } = error
  return cause instanceof Error
    ? cause.message || (cause as NodeJS.ErrnoException).code || error.message
    : error.message
}
