// `/rules`: alerting rules from labels, as a rule file for Prometheus or vmalert.

import type { Config } from '../config/config.ts'
import { type Answer, type DocumentRequest, documentOf, refuseIncomplete } from '../http/answer.ts'
import type { Log } from '../logging/log.ts'
import type { NodeId, SwarmState } from '../model.ts'
import { printRules } from '../promql/rule-file.ts'
import { cachedUntilChange } from '../runtime/cached.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { Store } from '../store/store.ts'
import { activeAlerts } from './active-alerts.ts'
import { type AlertProblem, type AlertRules, alertRules } from './alert-rules.ts'

export type { AlertProblem } from './alert-rules.ts'

interface RulesDeps {
  readonly store: Pick<Store, 'entries' | 'nodes' | 'swarmState' | 'subscribe'>
  readonly config: Pick<Config, 'cluster' | 'replicasFrom'>
  readonly log: Log
  readonly metrics: Metrics
  /** What the rules still lack after a start: half a file would delete rules. */
  readonly pending: () => readonly string[]
}

export interface Rules {
  answer(request: DocumentRequest): Promise<Answer>
  /** What was left out, for the health report and the status page. The same array as long as nothing changes. */
  problems(): readonly AlertProblem[]
}

const contentType = 'application/yaml; charset=utf-8'

export function createRules({ store, config, log, metrics, pending }: RulesDeps): Rules {
  let logged: ReadonlySet<string> = new Set()
  const current = cachedUntilChange(store, ['target', 'ended'], () => {
    const swarmState = store.swarmState()?.value
    const { rules, problems } = alertRules(activeAlerts(store.entries(), swarmState), {
      clusterOf: (owner) => clusterOf(owner, swarmState),
      replicasFrom: config.replicasFrom,
    })
    logNew(problems)
    return { rules, problems, document: documentOf(Buffer.from(printRules(rules)), contentType) }
  })

  function clusterOf(owner: NodeId | undefined, swarmState: SwarmState | undefined): string {
    const hostname = store.nodes().find(({ self }) => self.node === owner)?.self.hostname
    return config.cluster ?? swarmState?.swarmId ?? hostname ?? ''
  }

  /** Each problem is logged once for as long as it stays the same. */
  function logNew(problems: readonly AlertProblem[]): void {
    const byText = new Map(problems.map(({ text, ...problem }) => [text, problem]))
    for (const [text, problem] of byText)
      if (!logged.has(text)) log.warn(problem, 'an alert label can’t be used')
    logged = new Set(byText.keys())
  }

  observe(metrics, current)
  return {
    problems: () => current().problems,
    async answer(request) {
      refuseIncomplete(pending())
      return current().document(request)
    },
  }
}

const maxProblemSeries = 100

function observe(metrics: Metrics, current: () => AlertRules): void {
  metrics.registerCollector('app_metrics_proxy_rules', 'gauge', 'Alerting rules made from labels.', () => [
    [{}, current().rules.length],
  ])
  metrics.registerCollector(
    'app_metrics_proxy_rules_problems',
    'gauge',
    'Alert labels that could not be used, by service and label.',
    () => {
      const byLabel = Map.groupBy(current().problems, ({ service, label }) =>
        JSON.stringify({ service, label }),
      )
      return [...byLabel]
        .slice(0, maxProblemSeries)
        .map(([labels, problems]) => [JSON.parse(labels) as Record<string, string>, problems.length])
    },
  )
}
