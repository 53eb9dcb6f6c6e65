// Names that need quotes, and what they become for somebody who takes no quotes: Prometheus' own schemes.

import type { Escaping } from '../formats.ts'
import { escaped } from '../scan/escapes.ts'

export const plainMetric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
export const plainLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** A name as it is written: as it is, in quotes, or as something else that needs none. */
export function written(name: string, plain: RegExp, escaping: Escaping): string {
  if (plain.test(name)) return name
  return escaping === 'allow-utf-8' ? `"${escaped(name)}"` : escapeName(name, plain, escaping)
}

/**
 * A name that can stand without quotes. Only for one that needs them: a plain name stays what it is, in the
 * scheme `dots` too, in which Prometheus' libraries would double its underscores.
 */
function escapeName(name: string, plain: RegExp, escaping: Exclude<Escaping, 'allow-utf-8'>): string {
  const scheme = schemes[escaping]
  // a digit is plain but for the first character, so each is looked at behind another
  const isPlain = (character: string, at: number) => plain.test((at > 0 ? '_' : '') + character)
  const characters = [...name].map((one, at) => scheme(one, isPlain(one, at)))
  return (escaping === 'values' ? 'U__' : '') + characters.join('')
}

type Scheme = (character: string, isPlain: boolean) => string

const schemes: Readonly<Record<Exclude<Escaping, 'allow-utf-8'>, Scheme>> = {
  underscores: (character, isPlain) => (isPlain ? character : '_'),
  dots(character, isPlain) {
    if (character === '_') return '__'
    if (character === '.') return '_dot_'
    return isPlain ? character : '__'
  },
  values(character, isPlain) {
    if (character === '_') return '__'
    return isPlain ? character : `_${character.codePointAt(0)!.toString(16)}_`
  },
}
