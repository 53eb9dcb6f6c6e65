// The labels of a service or of a container: those that we read, by sanitised key.

import { unquote } from '../config/values.ts'
import type { Labels } from '../model.ts'
import { alertKey, dockerFlowPrefix, isKnown, isOurs, notifyKey, sanitise } from './prefixes.ts'

export type LabelOrigin = 'service label' | 'container label'

export interface RawLabel {
  /** As it was written. */
  readonly key: string
  readonly value: string
}

export interface LabelSource {
  readonly origin: LabelOrigin
  /** By sanitised key. */
  readonly labels: ReadonlyMap<string, RawLabel>
}

/** Of two spellings of one key the first in alphabetical order counts. */
export function sourceOf(origin: LabelOrigin, labels: Labels, remarks: string[]): LabelSource {
  const found = new Map<string, RawLabel>()
  const ours = Object.entries(labels).filter(([key]) => isOurs(key))
  for (const [key, value] of ours.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const plain = sanitise(key)
    const label = { key, value: unquote(value) }
    const first = found.get(plain)
    if (!isKnown(plain))
      remarks.push(`${key} (${origin}): not a label that is read; see the list in docs/LABELS.md`)
    else if (!first) found.set(plain, label)
    else if (first.value !== label.value)
      remarks.push(`${key} (${origin}): the same label as ${first.key}, whose value counts`)
  }
  return { origin, labels: found }
}

/** Docker Flow's labels count only on services with `com.df.notify=true`, as in Docker Flow itself. */
export function filterDockerFlow(sources: readonly LabelSource[], remarks: string[]): readonly LabelSource[] {
  const isDockerFlow = (key: string) => key.startsWith(dockerFlowPrefix)
  const notify = sources.map(({ labels }) => labels.get(notifyKey)).find((label) => label !== undefined)
  if (notify && /^true$/i.test(notify.value)) return sources
  if (!notify && sources.some(({ labels }) => [...labels.keys()].some(isDockerFlow)))
    remarks.push('com.df.notify is not set to true: the other com.df labels are not read')
  return sources.map(({ origin, labels }) => ({
    origin,
    labels: new Map([...labels].filter(([key]) => !isDockerFlow(key))),
  }))
}

export type AlertPart = 'Name' | 'If' | 'For' | 'Labels' | 'Annotations' | 'Persistent'

/** One alert as its labels define it: bounded in number, its texts not yet checked. */
export interface AlertDefinition {
  readonly origin: LabelOrigin
  /** The suffix of the labels' names: empty, or `1` to `10`. */
  readonly index: string
  readonly parts: Readonly<Partial<Record<AlertPart, string>>>
}

const maxAlertIndex = 10

/** Those without an index first, then by index; those of the service before those of the container. */
export function alertsOf(sources: readonly LabelSource[], remarks: string[]): readonly AlertDefinition[] {
  return sources.flatMap(({ origin, labels }) => {
    const byIndex = new Map<number, Partial<Record<AlertPart, string>>>()
    for (const [plain, { key, value }] of labels) {
      const match = alertKey.exec(plain)
      if (!match) continue
      const index = Number(match[2] ?? 0)
      if (index > maxAlertIndex) {
        remarks.push(`${key} (${origin}): indexes go from 1 to ${maxAlertIndex}`)
        continue
      }
      const parts = byIndex.get(index) ?? {}
      parts[match[1] as AlertPart] = value
      byIndex.set(index, parts)
    }
    return [...byIndex]
      .sort(([a], [b]) => a - b)
      .map(([index, parts]) => ({ origin, index: index === 0 ? '' : `${index}`, parts }))
  })
}
