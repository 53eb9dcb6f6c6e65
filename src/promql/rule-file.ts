// A file of alerting rules as JSON, which is valid YAML: Prometheus, promtool and vmalert read every character
// as it was written. Files from clusters are untrusted and read as JSON: a megabyte of hostile YAML can occupy a
// parser for hours.

import { durationOf, escapeUnprintable, promDuration } from './literals.ts'
import { type Rule, ruleProblem } from './rule.ts'

export function printRules(rules: readonly Rule[]): string {
  const groups = rules.length === 0 ? [] : [{ name: 'alert.rules', rules: rules.map(printable) }]
  return `${escapeUnprintable(JSON.stringify({ groups }, undefined, 2))}\n`
}

function printable({ alert, expr, for: wait, labels, annotations }: Rule) {
  return {
    alert,
    expr,
    ...(wait !== undefined && { for: promDuration(wait) }),
    labels: sorted(labels),
    annotations: sorted(annotations),
  }
}

/** The same rules always print the same file. */
function sorted(values: Rule['labels']): Rule['labels'] {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)))
}

export interface RuleFile {
  readonly rules: readonly Rule[]
  /** One line for each rule that was left out. */
  readonly refused: readonly string[]
}

const maxRules = 5000

/** The valid rules of a text from `printRules`. Throws where it is no rule file at all. */
export function readRules(text: string): RuleFile {
  const candidates = listOf(fieldsOf(parse(text), 'the file').groups, 'groups').flatMap((group, at) =>
    listOf(fieldsOf(group, `group ${at + 1}`).rules, 'rules'),
  )
  if (candidates.length > maxRules) throw new Error(`more than ${maxRules} rules`)
  const rules: Rule[] = []
  const refused: string[] = []
  for (const [at, candidate] of candidates.entries())
    try {
      rules.push(readRule(candidate))
    } catch (error) {
      refused.push(`rule ${at + 1}${suffixOf(candidate)}: ${(error as Error).message.slice(0, 300)}`)
    }
  return { rules, refused }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('the response is not a rule file in JSON')
  }
}

const knownFields = ['alert', 'expr', 'for', 'labels', 'annotations']

function readRule(value: unknown): Rule {
  const fields = fieldsOf(value, 'the rule')
  const { alert, expr, for: wait } = fields
  const unknown = Object.keys(fields).find((field) => !knownFields.includes(field))
  if (unknown !== undefined) throw new Error(`unknown field ${JSON.stringify(unknown.slice(0, 60))}`)
  if (typeof alert !== 'string' || typeof expr !== 'string') throw new Error('alert and expr must be strings')
  if (wait !== undefined && typeof wait !== 'string') throw new Error('for must be a string')
  const rule: Rule = {
    alert,
    expr,
    ...(wait !== undefined && { for: durationOf(wait) ?? Number.NaN }),
    labels: stringsOf(fields.labels, 'labels'),
    annotations: stringsOf(fields.annotations, 'annotations'),
  }
  const problem = ruleProblem(rule)
  if (!problem) return rule
  const place = problem.at === undefined ? problem.part : `${problem.part}, character ${problem.at + 1}`
  throw new Error(`${place}: ${problem.reason}`)
}

function suffixOf(candidate: unknown): string {
  const name = (candidate as { readonly alert?: unknown } | null)?.alert
  return typeof name === 'string' ? ` (${name.slice(0, 100)})` : ''
}

function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what} must be an object`)
  return value as Record<string, unknown>
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} must be a list`)
  return value
}

function stringsOf(value: unknown, what: string): Readonly<Record<string, string>> {
  const fields = fieldsOf(value ?? {}, what)
  if (Object.values(fields).some((text) => typeof text !== 'string'))
    throw new Error(`${what} must be strings`)
  return fields as Record<string, string>
}
