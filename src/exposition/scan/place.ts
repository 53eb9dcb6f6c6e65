// Places in a body, as messages name them.

import { NEWLINE } from './bytes.ts'

export function textOf(body: Uint8Array, from: number, to: number): string {
  const part = body.subarray(from, to)
  return Buffer.from(part.buffer, part.byteOffset, part.length).toString('utf8')
}

/** Line and column, both from 1, the column in characters. */
export function placeOf(body: Uint8Array, position: number): { line: number; column: number } {
  let line = 1
  let lineStart = 0
  for (let at = body.indexOf(NEWLINE); at >= 0 && at < position; at = body.indexOf(NEWLINE, lineStart)) {
    line++
    lineStart = at + 1
  }
  return { line, column: [...textOf(body, lineStart, position)].length + 1 }
}

/** What stands at a position, for a message. */
export function seen(body: Uint8Array, position: number): string {
  if (position >= body.length) return 'the end of the page'
  if (body[position] === NEWLINE) return 'the end of the line'
  const [first = ''] = textOf(body, position, position + 4)
  return JSON.stringify(first)
}

const longest = 60

/** A part of the page in quotes, for a message. */
export function shown(body: Uint8Array, from: number, to: number): string {
  const text = textOf(body, from, Math.min(to, from + longest))
  return JSON.stringify(to - from > longest ? `${text}…` : text)
}
