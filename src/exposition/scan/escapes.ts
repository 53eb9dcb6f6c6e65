// What a backslash means. An unknown escape means itself, backslash included, as Prometheus has it.

const meaning: Readonly<Record<string, string>> = { '\\"': '"', '\\\\': '\\', '\\n': '\n' }
const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n' }

/** A name or a label's value, and in OpenMetrics a help text, as it is meant. */
export const unescaped = (text: string): string =>
  text.includes('\\') ? text.replaceAll(/\\["\\n]/g, (sequence) => meaning[sequence]!) : text

export const escaped = (text: string): string =>
  /["\\\n]/.test(text) ? text.replaceAll(/["\\\n]/g, (character) => escapes[character]!) : text

/** The same for a help text in the text format, in which a quote is a character like any other. */
export const unescapedHelp = (text: string): string =>
  text.includes('\\') ? text.replaceAll(/\\[\\n]/g, (sequence) => meaning[sequence]!) : text

export const escapedHelp = (text: string): string =>
  text.replaceAll(/[\\\n]/g, (character) => escapes[character]!)
