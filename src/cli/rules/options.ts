// What `app-metrics-proxy rules` is told on its command line.

import { parseArgs } from 'node:util'
import { redact } from '../../http/credentials.ts'

/** One cluster: any of its agents says the same. */
export interface Cluster {
  readonly name: string
  readonly urls: readonly URL[]
}

export interface RulesOptions {
  readonly clusters: readonly Cluster[]
  readonly folder: string
  readonly reload: URL | undefined
  /** Milliseconds between two rounds; undefined: one round. */
  readonly every: number | undefined
  readonly port: number | undefined
  /** Whether every selector is limited to its own cluster. */
  readonly limit: boolean
}

export const usage = `Usage: app-metrics-proxy rules --from URL[,URL…] [--from …] --to DIR [options]

Fetches the alerting rules of clusters into a folder that Prometheus reads its rule_files from.

  --from [NAME=]URL[,URL…]  A cluster's agents; the first that answers is believed. Once a cluster.
  --to DIR                  Where the files are written, one a cluster: app-metrics-proxy-NAME.yml.
  --reload URL              Told with POST after a change, such as http://prometheus:9090/-/reload.
  --every SECONDS           Go on for ever. Without it: once.
  --listen PORT             With --every: metrics at /metrics, health at /-/healthy and /-/ready.
  --no-limit                Leave expressions as they are. Else every selector gets cluster="…".
  --help                    This text.

A cluster that is silent keeps its last rules. A rule that Prometheus would refuse is left out.
Exit code: 0 well, 1 something failed or was left out, 2 used wrongly.
`

export class UsageError extends Error {}

/** Undefined: the usage is asked for. */
export function readOptions(args: readonly string[]): RulesOptions | undefined {
  const values = parse(args)
  if (values.help) return undefined
  const { from = [], to, every, listen } = values
  if (from.length === 0) throw new UsageError('--from is missing: whose rules?')
  if (!to) throw new UsageError('--to is missing: where to?')
  if (listen !== undefined && every === undefined) throw new UsageError('--listen goes with --every only')
  return {
    clusters: distinct(from.map(clusterOf)),
    folder: to,
    reload: values.reload === undefined ? undefined : urlOf('--reload', values.reload),
    every: every === undefined ? undefined : numberOf('--every', every, 1, 86_400) * 1000,
    port: listen === undefined ? undefined : numberOf('--listen', listen, 0, 65_535),
    limit: !values['no-limit'],
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        from: { type: 'string', multiple: true },
        to: { type: 'string' },
        reload: { type: 'string' },
        every: { type: 'string' },
        listen: { type: 'string' },
        'no-limit': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError(redact((error as Error).message))
  }
}

/** Without a name, it is that of the first agent: it has to be the same while the cluster is silent. */
function clusterOf(text: string): Cluster {
  const [, given, list = ''] = /^(?:([\w.-]+)=)?(.*)$/s.exec(text) ?? []
  const urls = list
    .split(',')
    .filter((one) => one.trim() !== '')
    .map((one) => urlOf('--from', one.trim(), text))
  if (urls.length === 0) throw new UsageError(`--from ${redact(text)}: no URL`)
  return { name: given ?? urls[0]!.host.replaceAll(/[^\w.-]+/g, '_'), urls }
}

/** `whole`: what to show if it is none, since a part may lack the `@` that ends a password. */
function urlOf(option: string, text: string, whole = text): URL {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${option} ${redact(whole)}: not an http URL`)
  return url
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most)
    throw new UsageError(`${option} ${text}: must be a number from ${least} to ${most}`)
  return value
}

function distinct(clusters: readonly Cluster[]): readonly Cluster[] {
  const doubled = clusters.find(({ name }, at) => clusters.findIndex((one) => one.name === name) !== at)
  if (doubled)
    throw new UsageError(`--from: two clusters would both be called ${doubled.name}; write NAME=URL`)
  return clusters
}
