// Names that need quotes, and what they become for somebody who takes no quotes: Prometheus' own schemes.

import { allSuffixes } from '../family.ts'
import type { Escaping } from '../formats.ts'
import { escaped } from '../scan/escapes.ts'

export const plainMetric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
export const plainLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** What OpenMetrics calls the counter whose samples have this name; the same if it can't be one there. */
export const counterName = (sample: string): string => sample.replace(/(?<=.)_total$/s, '')

/** A name as the asker is told it: as it is, or as something else that needs no quotes. */
export const told = (name: string, plain: RegExp, escaping: Escaping): string =>
  escaping === 'allow-utf-8' || plain.test(name) ? name : escapeName(name, plain, escaping)

/** A told name as it stands on the page: in quotes if it needs them. */
export const written = (name: string, plain: RegExp): string =>
  plain.test(name) ? name : `"${escaped(name)}"`

/**
 * A sample's name as the asker is told it, whose family is told as `family`. What it adds to that stays as it is, as
 * in Prometheus' libraries: else it would not be one of the family's any more.
 */
export function toldSample(sample: string, family: string, escaping: Escaping): string {
  const whole = told(sample, plainMetric, escaping)
  if (whole === sample || whole === family) return whole
  const isAdded = (suffix: string) =>
    sample.endsWith(suffix) && told(sample.slice(0, -suffix.length), plainMetric, escaping) === family
  const added = allSuffixes.find(isAdded)
  return added === undefined ? whole : family + added
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
