// Docker Flow's alert labels, gathered into definitions. What they mean is for the rules to say.

import { alertKey } from './families.ts'
import type { Origin, Source } from './source.ts'

export type AlertPart = 'Name' | 'If' | 'For' | 'Labels' | 'Annotations' | 'Persistent'

/** One alert as somebody wrote it. The texts are bounded in number, not yet in length or sense. */
export interface AlertDefinition {
  readonly origin: Origin
  /** What follows the labels' names: empty, or `1` to `10`. */
  readonly index: string
  readonly parts: Readonly<Partial<Record<AlertPart, string>>>
}

const highest = 10

/** Plain ones first, then by index; those of the service before those of the container. */
export function alertsOf(sources: readonly Source[], problems: string[]): readonly AlertDefinition[] {
  return sources.flatMap((source) => {
    const found = new Map<number, Partial<Record<AlertPart, string>>>()
    for (const [plain, { key, value }] of source.labels) {
      const match = alertKey.exec(plain)
      if (!match) continue
      const index = match[2] === undefined ? 0 : Number(match[2])
      if (index > highest) {
        problems.push(`${key} (${source.origin}): indexes go from 1 to ${highest}`)
        continue
      }
      const parts = found.get(index) ?? {}
      parts[match[1] as AlertPart] = value
      found.set(index, parts)
    }
    return [...found]
      .sort(([a], [b]) => a - b)
      .map(([index, parts]) => ({ origin: source.origin, index: index === 0 ? '' : `${index}`, parts }))
  })
}
