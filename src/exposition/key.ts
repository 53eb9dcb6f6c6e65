// A series as one string: the same for all ways to write it, for the same labels in any order.

import { unescaped } from './scan/escapes.ts'
import { type Label, labelsOf } from './scan/labels.ts'
import type { Scan } from './scan/scan.ts'

/**
 * The labels with one more. One of that name that is there already makes room as Prometheus does it: it
 * becomes `exported_<name>`, with as many prefixes as it takes to be new.
 */
export function withLabel(labels: readonly Label[], label: Label): Label[] {
  const taken = new Set(labels.map(({ name }) => name))
  let moved = label.name
  do moved = `exported_${moved}`
  while (taken.has(moved))
  return [label, ...labels.map(({ name, value }) => ({ name: name === label.name ? moved : name, value }))]
}

/** With the timestamp, since samples of one series at several times are no duplicates. */
export function keyOf(scan: Scan): string {
  const labels = labelsOf(scan)
    .map(({ name, value }) => [name, value])
    .sort(([a], [b]) => (a! < b! ? -1 : 1))
  return JSON.stringify([unescaped(scan.name), scan.text(scan.timeStart, scan.timeEnd), ...labels])
}
