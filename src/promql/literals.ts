// Strings and durations as PromQL and rule files write them.

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** The value of a string literal, by Go's rules; `undefined`: Prometheus would refuse it. */
export function unquote(literal: string): string | undefined {
  const quote = literal[0]!
  if (literal.length < 2 || literal.at(-1) !== quote) return undefined
  const inner = literal.slice(1, -1)
  if (quote === '`') return inner
  if (inner.includes('\n')) return undefined
  let isValid = true
  const text = inner.replaceAll(
    /\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.|$)/g,
    (_, sequence: string) => {
      const decoded = sequence === quote ? quote : (escapes[sequence] ?? codePoint(sequence))
      isValid &&= decoded !== undefined
      return decoded ?? ''
    },
  )
  return isValid ? text : undefined
}

function codePoint(sequence: string): string | undefined {
  const code = /^[xuU]./.test(sequence)
    ? Number.parseInt(sequence.slice(1), 16)
    : /^[0-7]{3}$/.test(sequence)
      ? Number.parseInt(sequence, 8)
      : Number.NaN
  // others are single bytes: above this they are no character, and Prometheus 2 refuses a pattern that isn't UTF-8
  const limit = /^[uU]/.test(sequence) ? 0x10ffff : 0x7f
  if (!(code <= limit) || (code >= 0xd800 && code < 0xe000)) return undefined
  return String.fromCodePoint(code)
}

/** The string literal of `text`. */
export function quote(text: string): string {
  return escapeUnprintable(JSON.stringify(text))
}

/** Escapes what JSON leaves as it is but YAML forbids or an editor doesn't show. */
export function escapeUnprintable(json: string): string {
  return json.replaceAll(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const unprintable = /[\x7f-\x9f\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g

const unitsMs = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1]
const notation = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/** Milliseconds of Prometheus’ notation such as `1h30m`; `undefined`: it is none. */
export function durationOf(text: string): number | undefined {
  const parts = text === '' ? null : notation.exec(text)
  if (!parts) return undefined
  return unitsMs.reduce((sum, unit, at) => sum + unit * Number(parts[at + 1] ?? 0), 0)
}

export function promDuration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}
