// What a section of the benchmark finds, as the document shows it.

import type { Bars, Line } from './chart.ts'
import { median } from './processes.ts'

export interface Row {
  readonly what: string
  /** From the design; the first table has the rows with one. */
  readonly budget?: string
  /** The figure is over its budget. */
  readonly isMissed?: boolean
  readonly figure: string
  /** The figure of what it is compared with, measured in the same run. */
  readonly peer?: string
  /** Our figure to the peer's. */
  readonly ratio?: string
}

export interface Found {
  readonly rows: readonly Row[]
  readonly bars?: readonly Bars[]
  readonly lines?: readonly Line[]
  /** A table of its own, in Markdown. */
  readonly table?: string
}

export interface Section {
  readonly name: string
  readonly title: string
  /** How it is measured, as sentences of the document. */
  readonly method: string
  /** `isQuick`: only to see that it works, with fewer and shorter rounds. */
  run(isQuick: boolean): Promise<Found>
}

/** The median, with the lowest and the highest. */
export function spread(values: readonly number[], digits: number): string {
  const [min, max] = [Math.min(...values), Math.max(...values)]
  const middle = median(values).toFixed(digits)
  return values.length === 1 ? middle : `${middle} (${min.toFixed(digits)} to ${max.toFixed(digits)})`
}

export function ratioOf(ours: readonly number[], theirs: readonly number[]): string {
  return ratio(median(ours) / median(theirs))
}

export function ratio(value: number): string {
  return value.toFixed(value < 10 ? 2 : 0)
}
