// The small things that PromQL and rule files are written with: strings and durations.

const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** What a string literal says, by Go's rules; `undefined`: Prometheus would refuse it. */
export function unquote(literal: string): string | undefined {
  const quote = literal[0]!
  if (literal.length < 2 || literal.at(-1) !== quote) return undefined
  const inner = literal.slice(1, -1)
  if (quote === '`') return inner
  if (inner.includes('\n')) return undefined
  let bad = false
  const text = inner.replaceAll(
    /\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.|$)/g,
    (_, sequence: string) => {
      const decoded = sequence === quote ? quote : (simple[sequence] ?? codePoint(sequence))
      bad ||= decoded === undefined
      return decoded ?? ''
    },
  )
  return bad ? undefined : text
}

function codePoint(sequence: string): string | undefined {
  const code = /^[xuU]./.test(sequence)
    ? Number.parseInt(sequence.slice(1), 16)
    : /^[0-7]{3}$/.test(sequence)
      ? Number.parseInt(sequence, 8)
      : Number.NaN
  const limit = /^[uU]/.test(sequence) ? 0x10ffff : 0xff
  if (!(code <= limit) || (code >= 0xd800 && code < 0xe000)) return undefined
  return String.fromCodePoint(code)
}

/** A string literal that says `text`. */
export function quote(text: string): string {
  return escapeUnprintable(JSON.stringify(text))
}

/** Escapes in JSON what it leaves as it is, but YAML, or a reader, may stumble over. */
export function escapeUnprintable(json: string): string {
  return json.replaceAll(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const unprintable = /[\x7f-\x9f\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_536_000_000 }
const notation = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** In milliseconds, from Prometheus’ own notation such as `1h30m`. */
export function durationOf(text: string): number | undefined {
  const parts = text === '' ? null : notation.exec(text)
  if (!parts) return undefined
  const [y, w, d, h, m, s, ms] = parts.slice(1).map((part) => Number(part ?? 0))
  return (
    y! * units.y + w! * units.w + d! * units.d + h! * units.h + m! * units.m + s! * units.s + ms! * units.ms
  )
}

export function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}
