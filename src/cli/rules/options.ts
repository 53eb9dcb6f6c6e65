// The options of `app-metrics-proxy rules`.

import { duration, integer } from '../../config/values.ts'
import { redact } from '../../http/credentials.ts'
import { type OptionValues, UsageError } from '../command.ts'

/** A cluster, whose agents all serve the same rules. */
export interface RulesCluster {
  readonly name: string
  readonly urls: readonly URL[]
}

export interface RulesOptions {
  readonly clusters: readonly RulesCluster[]
  readonly folder: string
  readonly reload: URL | undefined
  /** Undefined: the rules are downloaded once. */
  readonly intervalMs: number | undefined
  readonly port: number | undefined
  /** Whether every selector is limited to its own cluster. */
  readonly addsClusterMatcher: boolean
}

export const usage = `Usage: app-metrics-proxy rules --from URL[,URL…] [--from …] --to DIR [options]

Downloads the alerting rules of clusters into a folder that Prometheus reads its rule_files from. If a cluster doesn't
respond, its last rules are kept. Rules that Prometheus would refuse are omitted.

  --from [NAME=]URL[,URL…]  The agents of a cluster; the first response is used. Once per cluster.
  --to DIR                  The folder for the files, one per cluster: app-metrics-proxy-NAME.yml.
  --reload URL              POST to this URL after a change, such as http://prometheus:9090/-/reload.
  --every DURATION          Repeat at this interval, such as 30s or 5m. Default: once.
  --listen PORT             With --every: serve /metrics, /-/healthy and /-/ready.
  --no-cluster-matcher      Don't add cluster="…" to the selectors of the rules.
  --help                    Print this text.

Example:
  app-metrics-proxy rules --from prod=http://node1:2137,http://node2:2137 --to /etc/prometheus/rules \\
    --reload http://localhost:9090/-/reload --every 30s

Exit code: 0 success, 1 a failure, or rules were omitted, 2 wrong usage.
`

export const optionTypes = {
  from: { type: 'string', multiple: true },
  to: { type: 'string' },
  reload: { type: 'string' },
  every: { type: 'string' },
  listen: { type: 'string' },
  'no-cluster-matcher': { type: 'boolean' },
} as const

const dayMs = 86_400_000

export function readOptions(values: OptionValues<typeof optionTypes>): RulesOptions {
  const { from = [], to, reload, every, listen } = values
  if (from.length === 0) throw new UsageError('--from is missing')
  if (!to) throw new UsageError('--to is missing')
  if (listen !== undefined && every === undefined) throw new UsageError('--listen needs --every')
  return {
    clusters: distinct(from.map(clusterOf)),
    folder: to,
    reload: reload === undefined ? undefined : urlOf('--reload', reload),
    intervalMs: every === undefined ? undefined : parsed('--every', every, duration(1000, dayMs)),
    port: listen === undefined ? undefined : parsed('--listen', listen, integer(0, 65_535)),
    addsClusterMatcher: !values['no-cluster-matcher'],
  }
}

/** Without a name, the first agent names the cluster: the name must not depend on which agents respond. */
function clusterOf(text: string): RulesCluster {
  const [, name, list = ''] = /^(?:([\w.-]+)=)?(.*)$/s.exec(text) ?? []
  const urls = list
    .split(',')
    .filter((one) => one.trim() !== '')
    .map((one) => urlOf('--from', one.trim(), text))
  if (urls.length === 0) throw new UsageError(`--from ${redact(text)}: no URL`)
  return { name: name ?? urls[0]!.host.replaceAll(/[^\w.-]+/g, '_'), urls }
}

/** On failure `shown` is printed: a part of it may lack the `@` that ends a password. */
function urlOf(option: string, text: string, shown = text): URL {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${option} ${redact(shown)}: not an http URL`)
  return url
}

function parsed(option: string, text: string, parse: (text: string) => number): number {
  try {
    return parse(text)
  } catch (error) {
    throw new UsageError(`${option} ${text}: must be ${(error as Error).message}`)
  }
}

function distinct(clusters: readonly RulesCluster[]): readonly RulesCluster[] {
  const repeated = clusters.find(({ name }, at) => clusters.findIndex((one) => one.name === name) !== at)
  if (repeated)
    throw new UsageError(`--from: two clusters would have the name ${repeated.name}; write NAME=URL`)
  return clusters
}
