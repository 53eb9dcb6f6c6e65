// A file of alerting rules, written so that Prometheus, promtool and vmalert read what was meant, whatever
// characters are in it; and read back, for who collects such files.

import { parse } from 'yaml'
import { durationOf, durationText, quote } from './text.ts'

export interface Rule {
  readonly alert: string
  readonly expr: string
  /** Milliseconds. */
  readonly for?: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const group = 'alert.rules'

export function printRules(rules: readonly Rule[]): string {
  if (rules.length === 0) return 'groups: []\n'
  return `groups:\n  - name: ${quote(group)}\n    rules:\n${rules.map(printRule).join('')}`
}

function printRule({ alert, expr, for: wait, labels, annotations }: Rule): string {
  const lines = [
    `      - alert: ${quote(alert)}`,
    `        expr: ${quote(expr)}`,
    ...(wait ? [`        for: ${durationText(wait)}`] : []),
    ...printMap('labels', labels),
    ...printMap('annotations', annotations),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function printMap(name: string, values: Readonly<Record<string, string>>): readonly string[] {
  const keys = Object.keys(values).sort()
  if (keys.length === 0) return []
  return [`        ${name}:`, ...keys.map((key) => `          ${quote(key)}: ${quote(values[key]!)}`)]
}

/** What `printRules` wrote, and nothing else: throws an error that says what isn't. */
export function readRules(text: string): readonly Rule[] {
  const file: unknown = parse(text, { maxAliasCount: 0 })
  return listOf(fieldsOf(file, 'the file').groups, 'groups').flatMap((group, at) => {
    const { rules } = fieldsOf(group, `group ${at + 1}`)
    return listOf(rules, 'rules').map((rule, at) => readRule(fieldsOf(rule, `rule ${at + 1}`), at + 1))
  })
}

function readRule(fields: Readonly<Record<string, unknown>>, at: number): Rule {
  const { alert, expr, for: wait } = fields
  if (typeof alert !== 'string' || typeof expr !== 'string')
    throw new Error(`rule ${at}: alert and expr must be texts`)
  const duration = wait === undefined ? 0 : durationOf(String(wait))
  if (duration === undefined) throw new Error(`rule ${at}: for must be a duration`)
  return {
    alert,
    expr,
    ...(duration > 0 && { for: duration }),
    labels: textsOf(fields.labels, `rule ${at}: labels`),
    annotations: textsOf(fields.annotations, `rule ${at}: annotations`),
  }
}

function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what} must have fields`)
  return value as Record<string, unknown>
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} must be a list`)
  return value
}

function textsOf(value: unknown, what: string): Readonly<Record<string, string>> {
  const fields = fieldsOf(value ?? {}, what)
  for (const [name, text] of Object.entries(fields))
    if (typeof text !== 'string' || !/^[a-zA-Z_]\w*$/.test(name)) throw new Error(`${what} must be texts`)
  return fields as Record<string, string>
}
