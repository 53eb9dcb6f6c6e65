// The log on a terminal: one readable line per event, from the JSON of the log.

import type { LogLevel } from './log.ts'
import { type Colour, type Paint, visible } from './terminal.ts'

interface LevelStyle {
  readonly name: LogLevel
  readonly colour: Colour
}

const levels: Readonly<Record<number, LevelStyle>> = {
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
  const tail = Object.entries(fields).map(([key, value]) =>
    paint('dim', ` ${visible(key)}=${valueText(value)}`),
  )
  return `${head}${tail.length > 0 ? ' ' : ''}${tail.join('')}\n${indentedStack(err)}`
}

/** In the local time zone. */
function clockTime(time: string): string {
  return new Date(time).toTimeString().slice(0, 8)
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return visible(/^[^\s"=]+$/.test(text) || typeof value !== 'string' ? text : JSON.stringify(text))
}

function indentedStack(error: { readonly stack?: string; readonly message?: string } | undefined): string {
  const text = error?.stack ?? error?.message
  if (text === undefined) return ''
  return text
    .split('\n')
    .map((line) => `    ${visible(line.trim())}\n`)
    .join('')
}
