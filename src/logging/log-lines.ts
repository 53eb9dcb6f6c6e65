// The log as people read it: one line an event, made of the same JSON that machines get.

import type { LogLevel } from './log.ts'
import { type Colour, type Paint, visible } from './terminal.ts'

interface Level {
  readonly name: LogLevel
  readonly colour: Colour
}

const levels: Readonly<Record<number, Level>> = {
  20: { name: 'debug', colour: 'dim' },
  30: { name: 'info', colour: 'green' },
  40: { name: 'warn', colour: 'yellow' },
  50: { name: 'error', colour: 'red' },
}

/** `14:03:21 warn  the link is lost  node=node2 reason="no answer within 3000 ms"` */
export function readableLine(json: string, paint: Paint): string {
  const { level, time, msg = '', err, ...fields } = JSON.parse(json)
  const { name, colour } = levels[level] ?? { name: 'info', colour: 'green' }
  const head = `${paint('dim', clockTime(time))} ${paint(colour, name.padEnd(5))} ${visible(msg)}`
  const tail = Object.entries(fields).map(([key, value]) => paint('dim', ` ${visible(key)}=${shown(value)}`))
  return `${head}${tail.length > 0 ? ' ' : ''}${tail.join('')}\n${stackOf(err)}`
}

/** In the reader's own time zone. */
function clockTime(time: string): string {
  return new Date(time).toTimeString().slice(0, 8)
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return visible(/^[^\s"=]+$/.test(text) || typeof value !== 'string' ? text : JSON.stringify(text))
}

function stackOf(error: { readonly stack?: string; readonly message?: string } | undefined): string {
  const text = error?.stack ?? error?.message
  if (text === undefined) return ''
  return text
    .split('\n')
    .map((line) => `    ${visible(line.trim())}\n`)
    .join('')
}
