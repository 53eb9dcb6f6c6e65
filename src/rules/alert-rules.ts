// From alerts as their labels define them to rules that Prometheus accepts. Each is checked by itself: an
// invalid one affects no other.

import { looseDuration } from '../config/values.ts'
import type { AlertPart } from '../labels/sources.ts'
import type { Labels } from '../model.ts'
import { compoundKey } from '../names/resources.ts'
import { InvalidExpression } from '../promql/expression.ts'
import { labelProblem, maxForMs, type Rule, ruleProblem } from '../promql/rule.ts'
import { literalTemplate } from '../promql/template.ts'
import type { ActiveAlert } from './active-alerts.ts'
import { type ExpansionContext, expand } from './shortcuts.ts'

/** What was left out, and why. */
export interface AlertProblem {
  readonly service: string
  /** The label and its origin: `com.df.alertIf.2 (service label)`. */
  readonly label: string
  readonly reason: string
  /** The number of the first wrong character, counted from 1. */
  readonly position?: number
  /** All of it for people: `demo_web: com.df.alertIf (service label), character 4: unexpected "="`. */
  readonly text: string
}

export interface AlertRules {
  readonly rules: readonly Rule[]
  readonly problems: readonly AlertProblem[]
}

const maxRules = 5000
const maxProblems = 1000
const maxPairs = 32
const maxNameLength = 200
const maxTextLength = 2048
const maxExpressionLength = 4096

class InvalidAlert extends Error {
  readonly part: AlertPart
  readonly at: number | undefined

  constructor(part: AlertPart, reason: string, at?: number) {
    super(reason)
    this.part = part
    this.at = at
  }
}

interface CheckedAlert {
  readonly alert: ActiveAlert
  readonly rule: Rule
}

interface AlertRulesContext extends Pick<ExpansionContext, 'replicasFrom'> {
  /** The cluster of a rule, from the node that it comes from. */
  clusterOf(owner: ActiveAlert['owner']): string
}

export function alertRules(alerts: readonly ActiveAlert[], context: AlertRulesContext): AlertRules {
  const problems: AlertProblem[] = []
  const valid: CheckedAlert[] = []
  const names = new Set<string>()
  for (const alert of alerts) {
    const report: ReportProblem = (part, reason, at) => problems.push(problemOf(alert, part, reason, at))
    try {
      const rule = ruleOf(alert, context, report)
      const key = compoundKey(alert.subject.service, rule.alert)
      if (names.has(key)) throw new InvalidAlert('Name', 'another alert of this service has the same name')
      if (valid.length === maxRules)
        throw new InvalidAlert('Name', `one of too many, at most ${maxRules} are made`)
      names.add(key)
      valid.push({ alert, rule })
    } catch (error) {
      if (!(error instanceof InvalidAlert)) throw error
      report(error.part, error.message, error.at)
    }
  }
  return { rules: uniquelyNamed(valid), problems: problems.slice(0, maxProblems) }
}

type ReportProblem = (part: AlertPart, reason: string, at?: number) => void

function ruleOf(alert: ActiveAlert, context: AlertRulesContext, report: ReportProblem): Rule {
  const { subject, definition } = alert
  const { parts } = definition
  checkName(parts.Name)
  const { replicasFrom } = context
  const { expr, summary, labels } = expressionOf(parts.If, { subject, replicasFrom })
  const forMs = forOf(parts.For)
  const rule = {
    alert: fullName(alert, '_').replaceAll('-', ''),
    expr,
    ...(forMs && { for: forMs }),
    labels: {
      service: literalTemplate(subject.service),
      ...labels,
      ...pairsOf('Labels', parts.Labels, report),
      cluster: literalTemplate(context.clusterOf(alert.owner)),
    },
    annotations: {
      ...(summary && { summary: literalTemplate(summary) }),
      ...pairsOf('Annotations', parts.Annotations, report),
    },
  }
  const problem = ruleProblem({ ...rule, alert: fullName(alert, '_') })
  if (problem) throw new InvalidAlert(partOf[problem.part], problem.reason, problem.at)
  return rule
}

/** The label that defines a field of a rule. */
const partOf: Readonly<Record<keyof Rule, AlertPart>> = {
  alert: 'Name',
  expr: 'If',
  for: 'For',
  labels: 'Labels',
  annotations: 'Annotations',
}

function checkName(name: string | undefined): void {
  if (!name) throw new InvalidAlert('Name', 'missing, so the alert has no name')
  if (name.length > maxNameLength || /[\x00-\x1f\x7f]/.test(name) || !name.isWellFormed())
    throw new InvalidAlert('Name', `must be one line of at most ${maxNameLength} characters`)
}

function expressionOf(text: string | undefined, context: ExpansionContext) {
  if (!text) throw new InvalidAlert('If', 'missing, so the alert has no condition')
  if (text.length > maxExpressionLength)
    throw new InvalidAlert('If', `longer than ${maxExpressionLength} characters`)
  if (!text.startsWith('@')) return { expr: text, summary: undefined, labels: {} }
  try {
    return expand(text, context)
  } catch (error) {
    if (!(error instanceof InvalidExpression)) throw error
    throw new InvalidAlert('If', error.message, error.at)
  }
}

function forOf(text: string | undefined): number | undefined {
  if (!text) return undefined
  const ms = looseDuration(text)
  if (ms === undefined || ms > maxForMs)
    throw new InvalidAlert(
      'For',
      `${JSON.stringify(text.slice(0, 60))} is not a duration such as 30s, up to 30d`,
    )
  return ms
}

const reserved = ['alertname', 'cluster']

/**
 * `k=v,k2=v2`, as Docker Flow writes labels and annotations. A comma begins a new pair only where `name=` follows, so
 * that values may contain commas; `\,` never does. An invalid pair is left out: an alert without one label is better
 * than none.
 */
function pairsOf(part: 'Labels' | 'Annotations', text = '', report: ReportProblem): Labels {
  const pairs = new Map<string, string>()
  for (const piece of text.split(/(?<!\\),(?=\s*[^\s=,{}"]*=)/)) {
    const [, name, escaped = ''] = /^\s*([a-zA-Z_]\w*)\s*=(.*)$/s.exec(piece) ?? []
    const value = escaped.replaceAll('\\,', ',').trim()
    if (name !== undefined && !name.startsWith('__')) pairs.set(name, value)
    else if (piece.trim() !== '')
      report(part, `${JSON.stringify(piece.trim().slice(0, 60))} is not name=value`)
  }
  const valid = [...pairs].filter(([name, value]) => {
    const problem = pairProblem(part, name, value)
    if (problem !== undefined) report(part, `${name.slice(0, 60)}: ${problem}`)
    return problem === undefined
  })
  if (valid.length > maxPairs) report(part, `more than ${maxPairs}, the rest is left out`)
  return Object.fromEntries(valid.slice(0, maxPairs))
}

function pairProblem(part: 'Labels' | 'Annotations', name: string, value: string): string | undefined {
  if (part === 'Labels' && reserved.includes(name)) return 'can’t be set'
  if (value.length > maxTextLength) return `longer than ${maxTextLength} characters`
  return labelProblem(name, value)
}

/**
 * Two services whose names differ only by dashes get the same rule name: the one without dashes keeps it, else the
 * first; the others get their full names.
 */
function uniquelyNamed(alerts: readonly CheckedAlert[]): readonly Rule[] {
  const services = new Map<string, string>()
  const dashless = alerts.filter(({ alert, rule }) => rule.alert === fullName(alert, '_'))
  for (const { alert, rule } of [...dashless, ...alerts])
    if (!services.has(rule.alert)) services.set(rule.alert, alert.subject.service)
  return alerts.map(({ alert, rule }) =>
    services.get(rule.alert) === alert.subject.service ? rule : { ...rule, alert: fullName(alert, '/') },
  )
}

function fullName({ subject, definition }: ActiveAlert, separator: string): string {
  return subject.service + separator + definition.parts.Name
}

function problemOf(
  { subject, definition }: ActiveAlert,
  part: AlertPart,
  reason: string,
  at?: number,
): AlertProblem {
  const key = `com.df.alert${part}${definition.index === '' ? '' : `.${definition.index}`}`
  const service = subject.service.slice(0, maxNameLength).toWellFormed()
  const label = `${key} (${definition.origin})`
  const place = at === undefined ? label : `${label}, character ${at + 1}`
  const position = at === undefined ? {} : { position: at + 1 }
  return { service, label, reason, ...position, text: `${service}: ${place}: ${reason}` }
}
