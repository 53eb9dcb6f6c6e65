// The result of one check, and how it is printed.

import { ProxyError } from '../../errors.ts'
import { type Colour, type Paint, visible } from '../../logging/terminal.ts'

export interface CheckResult {
  readonly status: 'ok' | 'warning' | 'error'
  /** What was checked, in a word or two. */
  readonly subject: string
  readonly text: string
  /** The agent would exit with code 2: a retry doesn't help. */
  readonly isMisconfigured?: true
  readonly hint?: string | undefined
}

export function ok(subject: string, text: string): CheckResult {
  return { status: 'ok', subject, text }
}

export function warning(subject: string, text: string, hint?: string): CheckResult {
  return { status: 'warning', subject, text, hint }
}

export function misconfigured(subject: string, text: string, hint?: string): CheckResult {
  return { status: 'error', subject, text, hint, isMisconfigured: true }
}

const colours: Readonly<Record<CheckResult['status'], Colour>> = {
  ok: 'green',
  warning: 'yellow',
  error: 'red',
}
const indent = ' '.repeat(9)

export function printResult({ status, subject, text, hint }: CheckResult, paint: Paint): string {
  const first = `${paint(colours[status], status.padEnd(7))}  ${subject}: ${visible(text)}\n`
  return hint === undefined ? first : `${first}${indent}${paint('dim', `To fix it: ${visible(hint)}`)}\n`
}

export function failedCheck(subject: string, error: unknown): CheckResult {
  if (!(error instanceof Error)) throw error
  const hint = error instanceof ProxyError ? error.hint : undefined
  return { status: 'error', subject, text: error.message, hint }
}
