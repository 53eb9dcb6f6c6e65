// The small history of scrapes that the status page shows.

import type { Past, Snapshot } from '../model.ts'

const longest = 20

export function remember(history: readonly Past[], { ok, durationMs }: Snapshot): readonly Past[] {
  return [...history.slice(1 - longest), { ok, durationMs }]
}
