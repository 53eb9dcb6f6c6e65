// What one look came to, and how it is printed.

import { ProxyError } from '../../errors.ts'
import { type Colour, type Paint, visible } from '../../logging/terminal.ts'

export interface Result {
  readonly status: 'ok' | 'warning' | 'error'
  /** What was looked at, in a word or two. */
  readonly what: string
  readonly says: string
  /** The agent would end with exit code 2: waiting or trying again doesn't help. */
  readonly misconfigured?: true
  /** What to do. */
  readonly hint?: string | undefined
}

const colours: Readonly<Record<Result['status'], Colour>> = { ok: 'green', warning: 'yellow', error: 'red' }
const indent = ' '.repeat(9)

export function printResult({ status, what, says, hint }: Result, paint: Paint): string {
  const first = `${paint(colours[status], status.padEnd(7))}  ${what}: ${visible(says)}\n`
  return hint === undefined ? first : `${first}${indent}${paint('dim', `To fix it: ${visible(hint)}`)}\n`
}

export function failure(what: string, error: unknown): Result {
  if (!(error instanceof Error)) throw error
  return {
    status: 'error',
    what,
    says: error.message,
    hint: error instanceof ProxyError ? error.hint : undefined,
  }
}
