// Docker Flow's shortcuts, such as `@service_mem_limit:0.8`, with today's metric names.

import type { Config } from '../config/config.ts'
import type { Labels } from '../model.ts'
import { InvalidExpression } from '../promql/expression.ts'
import { durationOf, quote } from '../promql/literals.ts'

/** The service that an alert is about. */
export interface AlertSubject {
  readonly service: string
  readonly job: string
  /** How many are meant to run, where the managers know. */
  readonly replicas: number | undefined
}

interface Expansion {
  readonly expr: string
  readonly summary: string
  readonly labels: Labels
}

/**
 * `$name` in the texts stands for one of its values, or for `$service`, `$replicas`, `$container` (selects cAdvisor's
 * series of the service), `$swarm` (those of the Swarm's metrics), `$job` (its own series) and `$bucket` (one of a
 * histogram, by the value `le`).
 */
interface Shortcut {
  /** Its values, in their order. */
  readonly takes: Readonly<Record<string, 'number' | 'duration'>>
  readonly expr: string
  readonly summary: string
  readonly labels?: Labels
  /** Instead, from the metrics of the Swarm. */
  readonly swarm?: Pick<Shortcut, 'expr' | 'summary'>
}

const usedMemory = (sum: string) => {
  const total = `${sum} (node_memory_MemTotal_bytes{$job})`
  const free = ['MemFree', 'Buffers', 'Cached'].map((part) => `node_memory_${part}_bytes{$job}`).join(' + ')
  return `(${total} - ${sum} (${free})) / ${total}`
}
const shareOfFast =
  'sum(rate(http_server_resp_time_bucket{$job, $bucket}[$range])) / sum(rate(http_server_resp_time_count{$job}[$range]))'

/** Without labels, as the other shortcuts that are joined with these. */
const swarmSum = (name: string, labels = '') => `sum(app_metrics_proxy_swarm_${name}{$swarm${labels}})`
const desired = swarmSum('service_replicas_desired')
const running = swarmSum('service_replicas_running')
/** Replicas beyond those that are desired are tasks in a slot that has one already. */
const runningTasks = swarmSum('task_state', ', state="running"')
const runningReplicas = 'The number of running replicas of the service $service'

const shortcuts: ReadonlyMap<string, Shortcut> = new Map(
  Object.entries<Shortcut>({
    service_mem_limit: {
      takes: { limit: 'number' },
      expr: 'container_memory_usage_bytes{$container}/container_spec_memory_limit_bytes{$container} > $limit',
      summary: 'Memory of the service $service is over $limit',
    },
    service_mem_limit_nobuff: {
      takes: { limit: 'number' },
      expr: '(container_memory_usage_bytes{$container}-container_memory_cache{$container})/container_spec_memory_limit_bytes{$container} > $limit',
      summary: 'Memory without buffer of the service $service is over $limit',
    },
    node_mem_limit: {
      takes: { limit: 'number' },
      expr: `${usedMemory('sum by (instance)')} > $limit`,
      summary: 'Memory of a node is over $limit',
    },
    node_mem_limit_total_above: {
      takes: { limit: 'number' },
      expr: `${usedMemory('sum')} > $limit`,
      summary: 'Total memory of the nodes is over $limit',
      labels: { scale: 'up', type: 'node' },
    },
    node_mem_limit_total_below: {
      takes: { limit: 'number' },
      expr: `${usedMemory('sum')} < $limit`,
      summary: 'Total memory of the nodes is below $limit',
      labels: { scale: 'down', type: 'node' },
    },
    node_fs_limit: {
      takes: { limit: 'number' },
      expr: '(node_filesystem_size_bytes{$job} - node_filesystem_free_bytes{$job}) / node_filesystem_size_bytes{$job} > $limit',
      summary: 'Disk usage of a node is over $limit',
    },
    replicas_running: {
      takes: {},
      expr: 'count(container_memory_usage_bytes{$container}) != $replicas',
      summary: `${runningReplicas} is not $replicas`,
      swarm: { expr: `${running} != ${desired}`, summary: `${runningReplicas} is not the desired one` },
      labels: { scale: 'up', type: 'node' },
    },
    replicas_less_than: {
      takes: {},
      expr: 'count(container_memory_usage_bytes{$container}) < $replicas',
      summary: `${runningReplicas} is less than $replicas`,
      swarm: { expr: `${running} < ${desired}`, summary: `${runningReplicas} is less than desired` },
      labels: { scale: 'up', type: 'node' },
    },
    replicas_more_than: {
      takes: {},
      expr: 'count(container_memory_usage_bytes{$container}) > $replicas',
      summary: `${runningReplicas} is more than $replicas`,
      swarm: { expr: `${runningTasks} > ${desired}`, summary: `${runningReplicas} is more than desired` },
      labels: { scale: 'down', type: 'node' },
    },
    resp_time_above: {
      takes: { le: 'number', range: 'duration', share: 'number' },
      expr: `${shareOfFast} < $share`,
      summary: 'Response time of the service $service is above $le',
      labels: { scale: 'up', type: 'service' },
    },
    resp_time_below: {
      takes: { le: 'number', range: 'duration', share: 'number' },
      expr: `${shareOfFast} > $share`,
      summary: 'Response time of the service $service is below $le',
      labels: { scale: 'down', type: 'service' },
    },
    resp_time_server_error: {
      takes: { range: 'duration', share: 'number' },
      expr: 'sum(rate(http_server_resp_time_count{$job, code=~"^5..$"}[$range])) / sum(rate(http_server_resp_time_count{$job}[$range])) > $share',
      summary: 'Error rate of the service $service is above $share',
      labels: { type: 'errors' },
    },
  }),
)

export interface ExpansionContext {
  readonly subject: AlertSubject
  readonly replicasFrom: Config['replicasFrom']
}

/** One or several shortcuts, joined by `_and_`, `_or_` and `_unless_`. As in Docker Flow, only a single one sets labels. */
export function expand(text: string, context: ExpansionContext): Expansion {
  const pieces = text.split(/_(and|or|unless)_(?=@)/)
  let at = 0
  const parts = pieces.map((piece, index) => {
    const isOperator = index % 2 === 1
    const part = isOperator
      ? { expr: ` ${piece} `, summary: ` ${piece} `, labels: {} }
      : expandOne(piece, context, at)
    at += piece.length + 1
    return part
  })
  const [single, ...others] = parts
  return {
    expr: parts.map(({ expr }) => expr).join(''),
    summary: parts.map(({ summary }) => summary).join(''),
    labels: others.length === 0 ? { receiver: 'system', ...single!.labels } : {},
  }
}

function expandOne(text: string, context: ExpansionContext, at: number): Expansion {
  const { subject, replicasFrom } = context
  const [, name = '', list] = /^@(\w+)(?::(.*))?$/s.exec(text.trim()) ?? []
  const shortcut = shortcuts.get(name)
  if (!shortcut) throw new InvalidExpression(`${text} is not a known shortcut`, at)
  const values = list === undefined ? [] : list.split(',').map((value) => value.trim())
  const takes = Object.entries(shortcut.takes)
  if (values.length !== takes.length)
    throw new InvalidExpression(`@${name} takes ${takes.length} values, not ${values.length}`, at)
  for (const [index, [, kind]] of takes.entries()) checkValue(name, kind, values[index]!, at)
  const { expr, summary } = (replicasFrom === 'swarm' && shortcut.swarm) || shortcut
  if (subject.replicas === undefined && shortcut.swarm)
    throw new InvalidExpression(`@${name}: the number of replicas is not known`, at)

  const variables = new Map([
    ...takes.map(([variable], index) => [variable, values[index]!] as const),
    ['service', subject.service],
    ['replicas', `${subject.replicas}`],
    ['container', `container_label_com_docker_swarm_service_name=${quote(subject.service)}`],
    ['swarm', `service=${quote(subject.service)}`],
    ['job', `job=${quote(subject.job)}`],
  ])
  variables.set('bucket', bucketOf(variables.get('le') ?? ''))
  const fill = (template: string) => template.replaceAll(/\$([a-z]+)/g, (_, name) => variables.get(name)!)
  return { expr: fill(expr), summary: fill(summary), labels: shortcut.labels ?? {} }
}

/** A whole number is `1` in Prometheus 2 and `1.0` in Prometheus 3. */
function bucketOf(le: string): string {
  return le.includes('.') ? `le="${le}"` : `le=~"${le}([.]0)?"`
}

function checkValue(name: string, kind: 'number' | 'duration', value: string, at: number): void {
  const isValid = kind === 'number' ? /^\d{1,9}(\.\d{1,9})?$/.test(value) : (durationOf(value) ?? 0) > 0
  const example = kind === 'number' ? 'a number such as 0.8' : 'a duration such as 5m'
  if (!isValid) throw new InvalidExpression(`@${name}: ${JSON.stringify(value)} is not ${example}`, at)
}
