// `/rules`: alerting rules from labels, as a rule file for Prometheus or vmalert.

import { type Answer, type Document, type DocumentRequest, documentOf, incomplete } from '../http/answer.ts'
import type { Log } from '../logging/log.ts'
import type { Change, Dated, Entry, NodeId, NodeView, SwarmState } from '../model.ts'
import { printRules } from '../promql/rulefile.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { definitionsOf } from './definitions.ts'
import { type Made, makeRules, type Report } from './make.ts'

export type { Report } from './make.ts'

export interface RulesDeps {
  readonly store: {
    entries(): Iterable<Entry>
    nodes(): readonly NodeView[]
    swarmState(): Dated<SwarmState> | undefined
    subscribe(listener: (change: Change) => void): () => void
  }
  readonly config: { readonly cluster: string | undefined }
  readonly log: Log
  readonly metrics: Metrics
  /** What is still awaited before the rules are whole; empty: nothing. */
  readonly complete: () => readonly string[]
}

export interface Rules {
  answer(request: DocumentRequest): Promise<Answer>
  /** What was left out: for the health report and the page. The same array as long as nothing changes. */
  reports(): readonly Report[]
}

const contentType = 'application/yaml; charset=utf-8'

export function createRules({ store, config, log, metrics, complete }: RulesDeps): Rules {
  let current: Made | undefined
  let logged: ReadonlySet<string> = new Set()
  let printed: { readonly of: Made; readonly document: Document } | undefined
  store.subscribe((change) => {
    if (matters(change)) current = undefined
  })

  function made(): Made {
    if (current) return current
    const swarmState = store.swarmState()?.value
    const cluster = (node: NodeId | undefined) =>
      config.cluster ?? swarmState?.cluster ?? hostnameOf(node, store.nodes())
    const all = definitionsOf({ entries: store.entries(), swarmState })
    current = makeRules(all, ({ owner }) => cluster(owner))
    logNew(current.reports)
    return current
  }

  /** Each report once, as long as it stays the same. */
  function logNew(reports: readonly Report[]): void {
    const byText = new Map(reports.map(({ text, ...report }) => [text, report]))
    for (const [text, report] of byText)
      if (!logged.has(text)) log.warn(report, 'an alert label can’t be used')
    logged = new Set(byText.keys())
  }
  observe(metrics, made)
  return {
    reports: () => made().reports,
    async answer(request) {
      const awaited = complete()
      if (awaited.length > 0) return incomplete(awaited)
      const now = made()
      if (printed?.of !== now) {
        const body = Buffer.from(printRules(now.rules))
        printed = { of: now, document: documentOf(body, contentType) }
      }
      return printed.document.answer(request)
    },
  }
}

/** Scrapes and findings come and go: rules come from labels alone. */
function matters(change: Change): boolean {
  if (change.kind !== 'entry' || !change.before) return true
  return change.entry.target !== change.before.target || change.entry.ended !== change.before.ended
}

function hostnameOf(node: NodeId | undefined, nodes: readonly NodeView[]): string {
  return nodes.find(({ self }) => self.node === node)?.self.hostname ?? ''
}

const mostSamples = 100

function observe(metrics: Metrics, made: () => Made): void {
  metrics.observe('app_metrics_proxy_rules', 'gauge', 'Alerting rules made from labels.', () => [
    [{}, made().rules.length],
  ])
  metrics.observe(
    'app_metrics_proxy_rules_problems',
    'gauge',
    'Alert labels that could not be used, by service and label.',
    () => {
      const alike = Map.groupBy(made().reports, ({ service, label }) => JSON.stringify({ service, label }))
      return [...alike]
        .slice(0, mostSamples)
        .map(([labels, reports]) => [JSON.parse(labels) as Record<string, string>, reports.length])
    },
  )
}
