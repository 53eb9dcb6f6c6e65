// The log on a terminal: one readable line per event, from the JSON of the log.

import { type Colour, type Paint, visible } from './terminal.ts'

const colours: ReadonlyMap<string, Colour> = new Map([
  ['debug', 'dim'],
  ['info', 'green'],
  ['warn', 'yellow'],
  ['error', 'red'],
])

/** `14:03:21 warn  the link is lost  node=node2 reason="no answer within 3000 ms"` */
export function readableLine(json: string, paint: Paint): string {
  const { level, time, msg = '', err, ...fields } = JSON.parse(json)
  const colour = colours.get(level) ?? 'dim'
  const head = `${paint('dim', clockTime(time))} ${paint(colour, level.padEnd(5))} ${visible(msg)}`
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
