// Output to a terminal: colours, and escapes for text from containers, so that the terminal doesn't interpret it.

import { stripVTControlCharacters, styleText } from 'node:util'

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'dim' | 'bold'
export type Paint = (colour: Colour, text: string) => string

interface Output {
  readonly isTerminal: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Colours on a terminal that has them, unless NO_COLOR is set: see no-color.org. */
export function createPaint({ isTerminal, env }: Output): Paint {
  if (!isTerminal || env.NO_COLOR || env.TERM === 'dumb') return (_, text) => text
  return (colour, text) => styleText(colour, text, { validateStream: false })
}

/** A line per row, its columns as wide as needed, those of `numbers` to the right, without blanks at its end. */
export function alignColumns(
  rows: readonly (readonly string[])[],
  numbers: ReadonlySet<number> = new Set(),
): readonly string[] {
  const widthOf = (text: string) => [...stripVTControlCharacters(text)].length
  const widths = (rows[0] ?? []).map((_, at) =>
    rows.reduce((width, row) => Math.max(width, widthOf(row[at]!)), 0),
  )
  const pad = (text: string, at: number) => {
    const blanks = ' '.repeat(widths[at]! - widthOf(text))
    return numbers.has(at) ? blanks + text : text + blanks
  }
  return rows.map((row) => row.map(pad).join('  ').trimEnd())
}

/** Escapes control characters, and those that change the direction of text, as `\u{1b}`. */
export function visible(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
}

/** The same, but keeps line ends and tabs. */
export function visibleLines(text: string): string {
  return text.replaceAll(/[^\n\t]+/g, visible)
}

/** Escapes in JSON those of these characters that JSON.stringify doesn't. */
export function visibleJson(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
