// The bytes that the formats give a meaning to, and the classes of those that names are made of.

export const NUL = 0
export const TAB = 9
export const NEWLINE = 10
export const SPACE = 32
export const QUOTE = 34
export const HASH = 35
export const PLUS = 43
export const COMMA = 44
export const MINUS = 45
export const DOT = 46
export const ZERO = 48
export const NINE = 57
export const EQUALS = 61
export const BACKSLASH = 92
export const OPEN = 123
export const CLOSE = 125

/** May begin a metric's name; may be part of one; the same for a label's name, which has no colon. */
export const METRIC_START = 1
export const METRIC_PART = 2
export const LABEL_START = 4
export const LABEL_PART = 8
/** Within a label's value: its end, an escape, or a newline. */
export const VALUE_SPECIAL = 16

/** What each byte may be, as bits. */
export const classOf = new Uint8Array(256)
for (const byte of new TextEncoder().encode('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_'))
  classOf[byte] = METRIC_START | METRIC_PART | LABEL_START | LABEL_PART
for (let byte = ZERO; byte <= NINE; byte++) classOf[byte] = METRIC_PART | LABEL_PART
classOf[0x3a] = METRIC_START | METRIC_PART
for (const byte of [QUOTE, BACKSLASH, NEWLINE]) classOf[byte] = VALUE_SPECIAL

export const isDigit = (byte: number) => byte >= ZERO && byte <= NINE
export const isBlank = (byte: number) => byte === SPACE || byte === TAB
