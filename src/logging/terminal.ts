// What is written to a terminal: colours where they are wanted, and text of strangers that can't do anything
// but be read.

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

/** How many columns the text takes, its colours not counted. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length
}

/** Control characters, of which a terminal makes commands, and those that turn the direction of text, as `\u{1b}`. */
export function visible(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
}

/** The same in many lines, with tabs. */
export function visibleLines(text: string): string {
  return text.replaceAll(/[^\n\t]+/g, visible)
}

/** JSON that says the same; of what `visible` looks for, JSON itself escapes only the half. */
export function visibleJson(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
