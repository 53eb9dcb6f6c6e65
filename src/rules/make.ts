// From definitions, as people wrote them, to rules that Prometheus takes: each by itself, so that a broken one
// costs no other.

import type { AlertDefinition, AlertPart } from '../labels/alerts.ts'
import { looseDuration } from '../labels/values.ts'
import { RefusedExpression } from '../promql/refused.ts'
import { labelProblem, maxForMs, type Rule, ruleProblem } from '../promql/rule.ts'
import { literalTemplate } from '../promql/template.ts'
import type { Defined } from './definitions.ts'
import { pairsOf } from './pairs.ts'
import { expand } from './shortcuts.ts'

/** What was left out, and why. */
export interface Report {
  readonly service: string
  /** The label, and where it stands: `com.df.alertIf.2 (service label)`. */
  readonly label: string
  readonly reason: string
  /** The number of the first wrong character, counted from 1. */
  readonly position?: number
  /** All of it for people: `demo_web: com.df.alertIf (service label), character 4: unexpected "="`. */
  readonly text: string
}

export interface Made {
  readonly rules: readonly Rule[]
  readonly reports: readonly Report[]
}

const mostRules = 5000
const mostReports = 1000
const mostPairs = 32
const longestName = 200
const longestText = 2048
const longestExpression = 4096

class Refused extends Error {
  readonly part: AlertPart
  readonly at: number | undefined

  constructor(part: AlertPart, reason: string, at?: number) {
    super(reason)
    this.part = part
    this.at = at
  }
}

/** `clusterOf` says which cluster a rule is about, from the node that it comes from. */
export function makeRules(all: readonly Defined[], clusterOf: (defined: Defined) => string): Made {
  const reports: Report[] = []
  const made: { readonly rule: Rule; readonly defined: Defined }[] = []
  const taken = new Set<string>()
  for (const defined of all) {
    const note = (part: AlertPart, reason: string, at?: number) =>
      reports.push(reportOf(defined, part, reason, at))
    try {
      const rule = makeRule(defined, clusterOf(defined), note)
      const key = `${defined.about.service}\n${rule.alert}`
      if (taken.has(key)) throw new Refused('Name', 'another alert of this service has the same name')
      if (made.length === mostRules)
        throw new Refused('Name', `one of too many, at most ${mostRules} are made`)
      taken.add(key)
      made.push({ rule, defined })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      note(error.part, error.message, error.at)
    }
  }
  return { rules: uniquelyNamed(made), reports: reports.slice(0, mostReports) }
}

type Note = (part: AlertPart, reason: string) => void

function makeRule(defined: Defined, cluster: string, note: Note): Rule {
  const { about, definition } = defined
  const { parts } = definition
  checkName(parts)
  const { expr, summary, labels } = expressionOf(parts, about)
  const wait = waitOf(parts.For)
  const rule = {
    alert: fullName(defined, '_').replaceAll('-', ''),
    expr,
    ...(wait && { for: wait }),
    labels: {
      service: literalTemplate(about.service),
      ...labels,
      ...pairs('Labels', parts, note),
      cluster: literalTemplate(cluster),
    },
    annotations: {
      ...(summary && { summary: literalTemplate(summary) }),
      ...pairs('Annotations', parts, note),
    },
  }
  const problem = ruleProblem({ ...rule, alert: fullName(defined, '_') })
  if (problem) throw new Refused(labelOf[problem.part], problem.reason, problem.at)
  return rule
}

/** The label to which a part of a rule is due. */
const labelOf: Readonly<Record<keyof Rule, AlertPart>> = {
  alert: 'Name',
  expr: 'If',
  for: 'For',
  labels: 'Labels',
  annotations: 'Annotations',
}

function checkName({ Name: name }: AlertDefinition['parts']): void {
  if (!name) throw new Refused('Name', 'missing, so the alert has no name')
  if (name.length > longestName || /[\x00-\x1f\x7f]/.test(name) || !name.isWellFormed())
    throw new Refused('Name', `must be one line of at most ${longestName} characters`)
}

function expressionOf({ If: text }: AlertDefinition['parts'], about: Defined['about']) {
  if (!text) throw new Refused('If', 'missing, so the alert has no condition')
  if (text.length > longestExpression) throw new Refused('If', `longer than ${longestExpression} characters`)
  const isShortcut = text.startsWith('@')
  try {
    return isShortcut ? expand(text, about) : { expr: text, summary: undefined, labels: {} }
  } catch (error) {
    if (!(error instanceof RefusedExpression)) throw error
    throw new Refused('If', error.message, error.at)
  }
}

function waitOf(text: string | undefined): number | undefined {
  if (!text) return undefined
  const wait = looseDuration(text)
  if (wait === undefined || wait > maxForMs)
    throw new Refused('For', `${JSON.stringify(text.slice(0, 60))} is not a duration such as 30s, up to 30d`)
  return wait
}

const reserved = ['alertname', 'cluster']

/** A pair that can't be is left out alone: an alert without one label is better than none. */
function pairs(part: 'Labels' | 'Annotations', parts: AlertDefinition['parts'], note: Note) {
  const { values, odd } = pairsOf(parts[part] ?? '')
  for (const piece of odd) note(part, `${JSON.stringify(piece.slice(0, 60))} is not name=value`)
  const kept = Object.entries(values).filter(([name, value]) => {
    const problem =
      part === 'Labels' && reserved.includes(name)
        ? 'can’t be set'
        : value.length > longestText
          ? `longer than ${longestText} characters`
          : labelProblem(name, value)
    if (problem !== undefined) note(part, `${name.slice(0, 60)}: ${problem}`)
    return problem === undefined
  })
  if (kept.length > mostPairs) note(part, `more than ${mostPairs}, the rest is left out`)
  return Object.fromEntries(kept.slice(0, mostPairs))
}

/**
 * Names that differ by dashes only come to one: who has none to lose keeps it, else the first; the others are
 * told in full.
 */
function uniquelyNamed(made: readonly { readonly rule: Rule; readonly defined: Defined }[]): readonly Rule[] {
  const holders = new Map<string, string>()
  const dashless = made.filter(({ rule, defined }) => rule.alert === fullName(defined, '_'))
  for (const { rule, defined } of [...dashless, ...made])
    if (!holders.has(rule.alert)) holders.set(rule.alert, defined.about.service)
  return made.map(({ rule, defined }) =>
    holders.get(rule.alert) === defined.about.service ? rule : { ...rule, alert: fullName(defined, '/') },
  )
}

function fullName({ about, definition }: Defined, separator: string): string {
  return about.service + separator + definition.parts.Name
}

function reportOf({ about, definition }: Defined, part: AlertPart, reason: string, at?: number): Report {
  const key = `com.df.alert${part}${definition.index === '' ? '' : `.${definition.index}`}`
  const service = about.service.slice(0, longestName).toWellFormed()
  const label = `${key} (${definition.origin})`
  const place = at === undefined ? label : `${label}, character ${at + 1}`
  const position = at === undefined ? {} : { position: at + 1 }
  return { service, label, reason, ...position, text: `${service}: ${place}: ${reason}` }
}
