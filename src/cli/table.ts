// Columns of text, as wide as what stands in them.

import { widthOf } from '../logging/terminal.ts'

export interface Column {
  readonly title: string
  readonly right?: true
}

/** Lines without an end of line. The last column isn't padded. */
export function layOut(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = columns.map(({ title }, at) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), widthOf(title)),
  )
  const pad = (text: string, at: number) => {
    const blanks = ' '.repeat(widths[at]! - widthOf(text))
    if (columns[at]!.right) return blanks + text
    return at === columns.length - 1 ? text : text + blanks
  }
  return [columns.map(({ title }) => title), ...rows].map((row) => row.map(pad).join('  ').trimEnd())
}
