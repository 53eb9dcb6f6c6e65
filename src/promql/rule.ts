// An alerting rule, and whether Prometheus accepts it. Prometheus refuses a whole file for one invalid rule, so
// each rule, whether made here or read from a cluster, is checked by this one function.

import { checkExpression, InvalidExpression } from './expression.ts'
import { templateProblem } from './template.ts'

export interface Rule {
  readonly alert: string
  readonly expr: string
  /** Milliseconds. */
  readonly for?: number
  /** Values are templates: plain text must go through `literalTemplate`. */
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export interface RuleProblem {
  readonly part: keyof Rule
  readonly reason: string
  /** The offset of the first wrong character of the expression. */
  readonly at?: number
}

export const maxForMs = 30 * 86_400_000
const maxAlertLength = 1024
/** A YAML parser takes keys of at most 1,024 characters. */
const maxNameLength = 200
const maxTextLength = 65_536

/** Why some Prometheus since 2.40 would refuse the rule; `undefined`: all accept it. */
export function ruleProblem(rule: Rule): RuleProblem | undefined {
  return (
    alertProblem(rule.alert) ??
    expressionProblem(rule.expr) ??
    forProblem(rule.for) ??
    labelsProblem('labels', rule.labels) ??
    labelsProblem('annotations', rule.annotations)
  )
}

function alertProblem(alert: string): RuleProblem | undefined {
  if (alert !== '' && alert.length <= maxAlertLength && alert.isWellFormed()) return undefined
  return { part: 'alert', reason: `the rule’s name must be valid text of 1 to ${maxAlertLength} characters` }
}

function expressionProblem(expr: string): RuleProblem | undefined {
  try {
    checkExpression(expr)
    return undefined
  } catch (error) {
    if (!(error instanceof InvalidExpression)) throw error
    return { part: 'expr', reason: error.message, at: error.at }
  }
}

function forProblem(ms = 0): RuleProblem | undefined {
  if (Number.isInteger(ms) && ms >= 0 && ms <= maxForMs) return undefined
  return { part: 'for', reason: `must be a duration of at most ${maxForMs / 86_400_000}d` }
}

function labelsProblem(part: 'labels' | 'annotations', values: Rule['labels']): RuleProblem | undefined {
  for (const [name, value] of Object.entries(values)) {
    const reason = labelProblem(name, value)
    if (reason !== undefined) return { part, reason: `${JSON.stringify(name.slice(0, 60))}: ${reason}` }
  }
  return undefined
}

/** Why Prometheus would refuse this label or annotation of a rule. */
export function labelProblem(name: string, value: string): string | undefined {
  if (!/^[a-zA-Z_]\w*$/.test(name) || name.startsWith('__') || name.length > maxNameLength)
    return `the name must be ${maxNameLength} letters, digits and underscores at most, and not begin with __`
  if (!value.isWellFormed() || value.length > maxTextLength)
    return `the value must be valid text of at most ${maxTextLength} characters`
  return templateProblem(value)
}
