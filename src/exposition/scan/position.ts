// Why a body isn't valid metrics, and where, as messages name it.

import { NEWLINE } from './bytes.ts'

/** What Prometheus refuses, and where. */
export class MetricsError extends Error {
  override readonly name = 'MetricsError'
  readonly position: number

  constructor(position: number, reason: string) {
    super(reason)
    this.position = position
  }
}

export function textOf(body: Uint8Array, from: number, to: number): string {
  const part = body.subarray(from, to)
  return Buffer.from(part.buffer, part.byteOffset, part.length).toString('utf8')
}

/** Line and column, both from 1, the column in characters. */
export function lineAndColumn(body: Uint8Array, position: number): { line: number; column: number } {
  let line = 1
  let lineStart = 0
  for (let at = body.indexOf(NEWLINE); at >= 0 && at < position; at = body.indexOf(NEWLINE, lineStart)) {
    line++
    lineStart = at + 1
  }
  return { line, column: [...textOf(body, lineStart, position)].length + 1 }
}

/** The character at a position, for a message. */
export function characterAt(body: Uint8Array, position: number): string {
  if (position >= body.length) return 'the end of the metrics'
  if (body[position] === NEWLINE) return 'the end of the line'
  const [first = ''] = textOf(body, position, position + 4)
  return JSON.stringify(first)
}

const maxExcerpt = 60

/** A part of the metrics in quotes, for a message. */
export function excerpt(body: Uint8Array, from: number, to: number): string {
  const text = textOf(body, from, Math.min(to, from + maxExcerpt))
  return JSON.stringify(to - from > maxExcerpt ? `${text}…` : text)
}
