// Docker Flow's shortcuts, such as `@service_mem_limit:0.8`, with today's metric names.

import { RefusedExpression } from '../promql/refused.ts'
import { durationOf, quote } from '../promql/text.ts'

/** What a shortcut is about. */
export interface Subject {
  readonly service: string
  readonly job: string
  /** How many are meant to run, where the managers say so. */
  readonly replicas: number | undefined
}

export interface Expanded {
  readonly expr: string
  readonly summary: string
  readonly labels: Readonly<Record<string, string>>
}

interface Shortcut {
  readonly takes: readonly ('number' | 'duration')[]
  readonly expr: (about: Selectors, ...values: string[]) => string
  readonly summary: (about: Subject, ...values: string[]) => string
  readonly labels?: Readonly<Record<string, string>>
}

/** How the series of a service are selected: those of cAdvisor by the container's label, its own by job. */
interface Selectors {
  readonly s: string
  readonly j: string
  readonly replicas: () => number
}

const up = { scale: 'up', type: 'service' }
const down = { scale: 'down', type: 'service' }
const nodesUp = { scale: 'up', type: 'node' }
const nodesDown = { scale: 'down', type: 'node' }

const shortcuts: Readonly<Record<string, Shortcut>> = {
  service_mem_limit: {
    takes: ['number'],
    expr: ({ s }, limit) =>
      `container_memory_usage_bytes{${s}}/container_spec_memory_limit_bytes{${s}} > ${limit}`,
    summary: ({ service }, limit) => `Memory of the service ${service} is over ${limit}`,
  },
  service_mem_limit_nobuff: {
    takes: ['number'],
    expr: ({ s }, limit) =>
      `(container_memory_usage_bytes{${s}}-container_memory_cache{${s}})/container_spec_memory_limit_bytes{${s}} > ${limit}`,
    summary: ({ service }, limit) => `Memory without buffer of the service ${service} is over ${limit}`,
  },
  node_mem_limit: {
    takes: ['number'],
    expr: ({ j }, limit) => `${usedMemory(j, 'sum by (instance)')} > ${limit}`,
    summary: (_, limit) => `Memory of a node is over ${limit}`,
  },
  node_mem_limit_total_above: {
    takes: ['number'],
    expr: ({ j }, limit) => `${usedMemory(j, 'sum')} > ${limit}`,
    summary: (_, limit) => `Total memory of the nodes is over ${limit}`,
    labels: nodesUp,
  },
  node_mem_limit_total_below: {
    takes: ['number'],
    expr: ({ j }, limit) => `${usedMemory(j, 'sum')} < ${limit}`,
    summary: (_, limit) => `Total memory of the nodes is below ${limit}`,
    labels: nodesDown,
  },
  node_fs_limit: {
    takes: ['number'],
    expr: ({ j }, limit) =>
      `(node_filesystem_size_bytes{${j}} - node_filesystem_free_bytes{${j}}) / node_filesystem_size_bytes{${j}} > ${limit}`,
    summary: (_, limit) => `Disk usage of a node is over ${limit}`,
  },
  replicas_running: {
    takes: [],
    expr: ({ s, replicas }) => `count(container_memory_usage_bytes{${s}}) != ${replicas()}`,
    summary: ({ service, replicas }) =>
      `The number of running replicas of the service ${service} is not ${replicas}`,
    labels: nodesUp,
  },
  replicas_less_than: {
    takes: [],
    expr: ({ s, replicas }) => `count(container_memory_usage_bytes{${s}}) < ${replicas()}`,
    summary: ({ service, replicas }) =>
      `The number of running replicas of the service ${service} is less than ${replicas}`,
    labels: nodesUp,
  },
  replicas_more_than: {
    takes: [],
    expr: ({ s, replicas }) => `count(container_memory_usage_bytes{${s}}) > ${replicas()}`,
    summary: ({ service, replicas }) =>
      `The number of running replicas of the service ${service} is more than ${replicas}`,
    labels: nodesDown,
  },
  resp_time_above: {
    takes: ['number', 'duration', 'number'],
    expr: ({ j }, le, range, share) => `${shareWithin(j, le!, range!)} < ${share}`,
    summary: ({ service }, le) => `Response time of the service ${service} is above ${le}`,
    labels: up,
  },
  resp_time_below: {
    takes: ['number', 'duration', 'number'],
    expr: ({ j }, le, range, share) => `${shareWithin(j, le!, range!)} > ${share}`,
    summary: ({ service }, le) => `Response time of the service ${service} is below ${le}`,
    labels: down,
  },
  resp_time_server_error: {
    takes: ['duration', 'number'],
    expr: ({ j }, range, share) =>
      `sum(rate(http_server_resp_time_count{${j}, code=~"^5..$"}[${range}])) / sum(rate(http_server_resp_time_count{${j}}[${range}])) > ${share}`,
    summary: ({ service }, _, share) => `Error rate of the service ${service} is above ${share}`,
    labels: { type: 'errors' },
  },
}

function usedMemory(j: string, sum: string): string {
  const total = `${sum} (node_memory_MemTotal_bytes{${j}})`
  const free = ['MemFree', 'Buffers', 'Cached'].map((part) => `node_memory_${part}_bytes{${j}}`).join(' + ')
  return `(${total} - ${sum} (${free})) / ${total}`
}

function shareWithin(j: string, le: string, range: string): string {
  // a whole number is `1` to Prometheus 2, `1.0` to Prometheus 3
  const bucket = le.includes('.') ? `le="${le}"` : `le=~"${le}([.]0)?"`
  return `sum(rate(http_server_resp_time_bucket{${j}, ${bucket}}[${range}])) / sum(rate(http_server_resp_time_count{${j}}[${range}]))`
}

/** One or several shortcuts, joined by `_and_`, `_or_` and `_unless_`. As in Docker Flow, only a single one brings labels. */
export function expand(text: string, about: Subject): Expanded {
  const pieces = text.split(/_(and|or|unless)_(?=@)/)
  let at = 0
  const parts = pieces.map((piece, index) => {
    const part = index % 2 === 0 ? expandOne(piece, about, at) : joined(piece)
    at += piece.length + 1
    return part
  })
  const single = parts.length === 1 ? parts[0]!.labels : {}
  return {
    expr: parts.map(({ expr }) => expr).join(''),
    summary: parts.map(({ summary }) => summary).join(''),
    labels: parts.length === 1 ? { receiver: 'system', ...single } : {},
  }
}

function joined(operator: string): Expanded {
  return { expr: ` ${operator} `, summary: ` ${operator} `, labels: {} }
}

function expandOne(text: string, about: Subject, at: number): Expanded {
  const [, name = '', list] = /^@(\w+)(?::(.*))?$/s.exec(text.trim()) ?? []
  const shortcut = Object.hasOwn(shortcuts, name) ? shortcuts[name]! : undefined
  if (!shortcut) throw new RefusedExpression(`${text} is not a known shortcut`, at)
  const values = list === undefined ? [] : list.split(',').map((value) => value.trim())
  if (values.length !== shortcut.takes.length)
    throw new RefusedExpression(`@${name} takes ${shortcut.takes.length} values, not ${values.length}`, at)
  for (const [index, kind] of shortcut.takes.entries()) checkValue(name, kind, values[index]!, at)
  const replicas = () => {
    if (about.replicas === undefined)
      throw new RefusedExpression(`@${name}: how many replicas are meant to run is not known`, at)
    return about.replicas
  }
  const selectors = {
    s: `container_label_com_docker_swarm_service_name=${quote(about.service)}`,
    j: `job=${quote(about.job)}`,
    replicas,
  }
  return {
    expr: shortcut.expr(selectors, ...values),
    summary: shortcut.summary(about, ...values),
    labels: shortcut.labels ?? {},
  }
}

function checkValue(name: string, kind: 'number' | 'duration', value: string, at: number): void {
  const isRight = kind === 'number' ? /^\d{1,9}(\.\d{1,9})?$/.test(value) : (durationOf(value) ?? 0) > 0
  const example = kind === 'number' ? 'a number such as 0.8' : 'a duration such as 5m'
  if (!isRight) throw new RefusedExpression(`@${name}: ${JSON.stringify(value)} is not ${example}`, at)
}
