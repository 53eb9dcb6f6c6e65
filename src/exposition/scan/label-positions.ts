// Where one series' labels are, none of which may occur twice: Prometheus would drop all metrics for it.

import { MetricsError, textOf } from './position.ts'

/** The label that Prometheus stores a metric's name in: each series has it already. */
const metricLabel = Buffer.from('__name__')

/** Of so few labels it is quickest to compare all. */
const few = 32

/** The labels of one series, added one by one. */
export class LabelPositions {
  /** Where their names and values begin and end, four numbers a label, without the quotes. */
  readonly positions: number[] = []
  count = 0
  /** The names of those after the first few. */
  private readonly others = new Set<string>()
  private readonly body: Uint8Array

  constructor(body: Uint8Array) {
    this.body = body
  }

  /** Begins the next series. */
  reset(): void {
    if (this.count > few) this.others.clear()
    this.count = 0
  }

  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    if (this.has(nameStart, nameEnd)) throw twice(this.body, nameStart, nameEnd)
    const at = 4 * this.count++
    if (this.count > few) this.addOther(nameStart, nameEnd)
    this.positions[at] = nameStart
    this.positions[at + 1] = nameEnd
    this.positions[at + 2] = valueStart
    this.positions[at + 3] = valueEnd
  }

  private has(from: number, to: number): boolean {
    const { body, positions, count } = this
    const size = to - from
    if (size === metricLabel.length && isSame(body, from, metricLabel, 0, size)) return true
    for (let at = 0; at < 4 * Math.min(few, count); at += 4)
      if (positions[at + 1]! - positions[at]! === size && isSame(body, from, body, positions[at]!, size))
        return true
    return false
  }

  private addOther(from: number, to: number): void {
    const name = textOf(this.body, from, to)
    if (this.others.has(name)) throw twice(this.body, from, to)
    this.others.add(name)
  }
}

function isSame(one: Uint8Array, a: number, other: Uint8Array, b: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (one[a + i] !== other[b + i]) return false
  return true
}

export const twice = (body: Uint8Array, from: number, to: number) =>
  new MetricsError(from, `the label ${textOf(body, from, to)} occurs twice`)
