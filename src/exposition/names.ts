// Names that need quotes, and what they become for a client that accepts no quotes: Prometheus' own schemes.

import type { Escaping } from './format.ts'

export const plainMetric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
export const plainLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** The name in OpenMetrics of the counter whose samples have this name; the same if it can't be one there. */
export const counterName = (sample: string): string => sample.replace(/(?<=.)_total$/s, '')

/** What a sample's name may add to its family's. */
const suffixes = ['_total', '_created', '_bucket', '_sum', '_count', '_gsum', '_gcount', '_info']

export interface NameEscaper {
  metric(name: string): string
  label(name: string): string
  /**
   * A sample's name, whose family is already escaped. What it adds to that stays as it is, as in Prometheus' libraries:
   * else it would no longer be one of the family's.
   */
  sample(name: string, family: string): string
  /** Whether one of the names so far needs quotes. */
  hasUtf8Names(): boolean
}

export function createNameEscaper(escaping: Escaping): NameEscaper {
  let quotes = false

  function written(name: string, plain: RegExp): string {
    if (plain.test(name)) return name
    const escaped = escaping === 'allow-utf-8' ? name : escapeName(name, plain, escaping)
    quotes ||= escaped === name
    return escaped
  }
  const metric = (name: string) => written(name, plainMetric)

  return {
    metric,
    label: (name) => written(name, plainLabel),
    sample(name, family) {
      const escaped = metric(name)
      if (escaped === name || escaped === family) return escaped
      const added = suffixes.find(
        (suffix) => name.endsWith(suffix) && metric(name.slice(0, -suffix.length)) === family,
      )
      return added === undefined ? escaped : family + added
    },
    hasUtf8Names: () => quotes,
  }
}

/**
 * A name that needs no quotes. Only for one that needs them: a plain name stays what it is, in the
 * scheme `dots` too, in which Prometheus' libraries would double its underscores.
 */
function escapeName(name: string, plain: RegExp, escaping: Exclude<Escaping, 'allow-utf-8'>): string {
  const scheme = schemes[escaping]
  // a digit is plain but for the first character, so each is checked behind another
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
