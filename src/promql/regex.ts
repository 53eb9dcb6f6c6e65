// Whether Prometheus (RE2) takes a regular expression, and whether it matches the empty string.
//
// Stricter than RE2: what is seldom used in a matcher and hard to judge from outside is refused, since one
// expression that Prometheus refuses would cost all rules of the file.

import { RefusedExpression } from './refused.ts'

const longest = 1000
const mostRepeats = 100

export interface Regex {
  readonly matchesEmpty: boolean
}

export function checkRegex(source: string): Regex {
  if (source.length > longest) throw refused(`longer than ${longest} characters`)
  const chars = [...source]
  let at = 0
  let counted = 0
  const next = () => chars[at]
  const take = (text: string) => {
    if (chars.slice(at, at + text.length).join('') !== text) return false
    at += text.length
    return true
  }
  const rest = () => chars.slice(at, at + 24).join('')

  /** Each of these returns whether what it read matches the empty string. */
  function alternatives(): boolean {
    let empty = sequence()
    while (take('|')) empty = sequence() || empty
    return empty
  }

  function sequence(): boolean {
    let empty = true
    while (at < chars.length && next() !== '|' && next() !== ')') empty = repeated() && empty
    return empty
  }

  function repeated(): boolean {
    const [start, before] = [at, counted]
    const unrepeatable = /^(?:[\^$]|\(\?[ims]+\))/.test(rest())
    const empty = atom()
    const times = quantifier()
    if (times === undefined) return empty
    if (unrepeatable) throw refused('neither anchors nor flags can be repeated')
    if (times.counted && counted > before) throw refused('a counted repetition within another')
    if (times.counted) counted += 1
    take('?')
    if (quantifier() !== undefined)
      throw refused(`two repetitions after ${chars.slice(start, start + 1).join('')}`)
    return empty || times.least === 0
  }

  function quantifier(): { readonly least: number; readonly counted: boolean } | undefined {
    if (take('*') || take('?')) return { least: 0, counted: false }
    if (take('+')) return { least: 1, counted: false }
    const match = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(rest())
    if (!match || (match[2] === '' && match[3] !== '')) return undefined
    const [least, most] = [Number(match[1]), Number(match[3] || match[1])]
    if (most > mostRepeats || least > most) throw refused(`repetitions go up to ${mostRepeats}`)
    at += match[0].length
    return { least, counted: true }
  }

  function atom(): boolean {
    if (take('(')) return group()
    if (take('[')) return set()
    if (take('\\')) return outsideSet()
    if (take('^') || take('$')) return true
    if (/^(?:[*+?]|\{\d+,?\d*\})/.test(rest())) throw refused(`nothing to repeat before ${next()}`)
    at += 1
    return false
  }

  function group(): boolean {
    const flags = /^\?([ims]+)([:)])/.exec(rest())
    if (flags) at += flags[0].length
    else if (next() === '?' && !take('?:'))
      throw refused('of the groups with (? only (?: and (?i) are allowed')
    if (flags?.[2] === ')') return true
    const empty = alternatives()
    if (!take(')')) throw refused('a missing )')
    return empty
  }

  function outsideSet(): boolean {
    const char = next()
    if (char === 'A' || char === 'z') return take(char)
    escaped()
    return false
  }

  /** The code point, or `undefined` for a class of characters. */
  function escaped(): number | undefined {
    const hex = /^x(?:([\da-f]{2})|\{([\da-f]{1,5})\})/i.exec(rest())
    const char = next() ?? ''
    at += hex ? hex[0].length : 1
    if (hex) return Number.parseInt(hex[1] ?? hex[2]!, 16)
    if (/^[dDwWsS]$/.test(char)) return undefined
    if (/^[ntrfva]$/.test(char)) return 0
    if (!/^[!-/:-@[-`{-~]$/.test(char)) throw refused(`\\${char} is not an escape of RE2`)
    return char.codePointAt(0)
  }

  function set(): boolean {
    take('^')
    let first = true
    while (first || next() !== ']') {
      first = false
      const low = member()
      if (next() !== '-' || chars[at + 1] === ']') continue
      at += 1
      const high = member()
      if (low === undefined || high === undefined || low > high) throw refused('a range that can’t be')
    }
    at += 1
    return false
  }

  function member(): number | undefined {
    if (at >= chars.length) throw refused('a missing ]')
    const posix =
      /^\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]/.exec(
        rest(),
      )
    if (posix) at += posix[0].length
    if (posix) return undefined
    if (rest().startsWith('[:')) throw refused('an unknown class of characters')
    if (take('\\')) return escaped()
    at += 1
    return chars[at - 1]!.codePointAt(0)
  }

  const matchesEmpty = alternatives()
  if (at < chars.length) throw refused('a ) too many')
  return { matchesEmpty }
}

function refused(reason: string): RefusedExpression {
  return new RefusedExpression(`regular expression: ${reason}`, 0)
}
