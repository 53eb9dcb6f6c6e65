// Whether Prometheus (RE2) accepts a regular expression, and whether it matches the empty string.
//
// A recursive descent without backtracking, since expressions come from outside. Stricter than RE2: what is
// rare in a matcher and hard to check is refused, since Prometheus refuses the whole rule file for one error.

/** The message says what is wrong. */
export class InvalidRegex extends Error {}

const maxLength = 1000
const maxRepeats = 100

/** Throws `InvalidRegex` where RE2 would refuse it. */
export function matchesEmptyString(source: string): boolean {
  if (source.length > maxLength) throw new InvalidRegex(`longer than ${maxLength} characters`)
  const chars = [...source]
  let at = 0
  /** Counted repetitions so far. */
  let counts = 0
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
    const [start, countsBefore] = [at, counts]
    const isUnrepeatable = /^(?:[\^$]|\(\?[ims]+\))/.test(rest())
    const empty = atom()
    const times = quantifier()
    if (times === undefined) return empty
    if (isUnrepeatable) throw new InvalidRegex('anchors and flags can’t be repeated')
    if (times.counted && counts > countsBefore) throw new InvalidRegex('a counted repetition within another')
    if (times.counted) counts += 1
    take('?')
    if (quantifier() !== undefined)
      throw new InvalidRegex(`two quantifiers after ${chars.slice(start, start + 1).join('')}`)
    return empty || times.min === 0
  }

  function quantifier(): { readonly min: number; readonly counted: boolean } | undefined {
    if (take('*') || take('?')) return { min: 0, counted: false }
    if (take('+')) return { min: 1, counted: false }
    const match = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(rest())
    if (!match || (match[2] === '' && match[3] !== '')) return undefined
    const [min, max] = [Number(match[1]), Number(match[3] || match[1])]
    if (/[{,]0\d/.test(match[0])) throw new InvalidRegex('RE2 takes {00} for text')
    if (max > maxRepeats || min > max) throw new InvalidRegex(`repetitions go up to ${maxRepeats}`)
    at += match[0].length
    return { min, counted: true }
  }

  function atom(): boolean {
    if (take('(')) return group()
    if (take('[')) return set()
    if (take('\\')) return outsideSet()
    if (take('^') || take('$')) return true
    if (/^(?:[*+?]|\{\d+,?\d*\})/.test(rest())) throw new InvalidRegex(`nothing to repeat before ${next()}`)
    at += 1
    return false
  }

  function group(): boolean {
    const flags = /^\?([ims]+)([:)])/.exec(rest())
    if (flags) at += flags[0].length
    else if (next() === '?' && !take('?:'))
      throw new InvalidRegex('of the groups that begin with (? only (?: and (?i) are supported')
    if (flags?.[2] === ')') return true
    const empty = alternatives()
    if (!take(')')) throw new InvalidRegex('missing )')
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
    const hex = /^x(?:([\da-fA-F]{2})|\{([\da-fA-F]{1,5})\})/.exec(rest())
    const char = next() ?? ''
    at += hex ? hex[0].length : 1
    if (hex) return Number.parseInt(hex[1] ?? hex[2]!, 16)
    if (/^[dDwWsS]$/.test(char)) return undefined
    if (/^[ntrfva]$/.test(char)) return 0
    if (!/^[!-/:-@[-`{-~]$/.test(char)) throw new InvalidRegex(`\\${char} is not an escape of RE2`)
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
      if (low === undefined || high === undefined || low > high) throw new InvalidRegex('an invalid range')
    }
    at += 1
    return false
  }

  function member(): number | undefined {
    if (at >= chars.length) throw new InvalidRegex('missing ]')
    const posix =
      /^\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]/.exec(
        rest(),
      )
    if (posix) at += posix[0].length
    if (posix) return undefined
    if (rest().startsWith('[:')) throw new InvalidRegex('an unknown class of characters')
    if (take('\\')) return escaped()
    at += 1
    return chars[at - 1]!.codePointAt(0)
  }

  const matchesEmpty = alternatives()
  if (at < chars.length) throw new InvalidRegex('an unmatched )')
  return matchesEmpty
}
