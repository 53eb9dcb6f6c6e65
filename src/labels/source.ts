// One set of labels, narrowed to what we read and laid out for looking up by sanitised key.

import type { Labels } from '../model.ts'
import { dockerFlowPrefix, isKnown, isOurs, sanitise } from './families.ts'

export type Origin = 'service label' | 'container label'
export interface Given {
  /** As the person wrote it. */
  readonly key: string
  readonly value: string
}

export interface Source {
  readonly origin: Origin
  /** By sanitised key. */
  readonly labels: ReadonlyMap<string, Given>
}

/** Two spellings of one key are told, and the first in the order of the alphabet counts. */
export function sourceOf(origin: Origin, labels: Labels, problems: string[]): Source {
  const found = new Map<string, Given>()
  for (const key of Object.keys(labels).filter(isOurs).sort()) {
    const plain = sanitise(key)
    const given = { key, value: unquote(labels[key]!) }
    const before = found.get(plain)
    if (!isKnown(plain))
      problems.push(`${key} (${origin}): not a label that is read; see the list in docs/LABELS.md`)
    else if (!before) found.set(plain, given)
    else if (before.value !== given.value)
      problems.push(`${key} (${origin}): the same label as ${before.key}, whose value counts`)
  }
  return { origin, labels: found }
}

/** Without the labels of Docker Flow, for a service of which it would not have been notified. */
export function withoutDockerFlow(source: Source): Source {
  return {
    ...source,
    labels: new Map([...source.labels].filter(([key]) => !key.startsWith(dockerFlowPrefix))),
  }
}

export function hasDockerFlow(source: Source): boolean {
  return [...source.labels.keys()].some((key) => key.startsWith(dockerFlowPrefix))
}

/** Compose's list form hands on the quotes round a value. */
function unquote(value: string): string {
  return /^\s*(["'])(.*)\1\s*$/s.exec(value)?.[2] ?? value.trim()
}
