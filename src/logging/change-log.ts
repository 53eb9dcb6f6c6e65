// Log lines about what changes its state. Changes are logged at once. Of what keeps changing, the state that it has come
// to is logged once it has held for a minute, or after ten minutes, with the number of changes.

import type { Clock } from '../clock.ts'
import type { Mono, Stoppable } from '../model.ts'

export interface ChangeLog extends Stoppable {
  /** `write` logs the new state, with these fields. */
  changed(key: string, write: (fields: ChangeFields) => void): void
}

export interface ChangeFields {
  /** How often the state has changed since the last line; absent: once. */
  readonly changes?: number
}

interface Logged {
  /** Within the last `windowMs`. */
  readonly linesAt: readonly Mono[]
  readonly pending?: PendingLine
}

interface PendingLine {
  readonly since: Mono
  readonly changes: number
  readonly cancel: () => void
}

/** Two failures with their ends. */
const maxLines = 4
const windowMs = 600_000
const settledMs = 60_000
const maxKeys = 10_000

export function createChangeLog(clock: Clock): ChangeLog {
  const loggedByKey = new Map<string, Logged>()

  function sweep(): void {
    for (const [key, { linesAt, pending }] of loggedByKey)
      if (!pending && clock.now() - (linesAt.at(-1) ?? 0) >= windowMs) loggedByKey.delete(key)
  }

  return {
    changed(key, write) {
      const now = clock.now()
      if (loggedByKey.size >= maxKeys && !loggedByKey.has(key)) sweep()
      const { linesAt, pending } = loggedByKey.get(key) ?? { linesAt: [] }
      const recent = linesAt.filter((at) => now - at < windowMs)
      if (!pending && recent.length < maxLines) {
        if (loggedByKey.size < maxKeys) loggedByKey.set(key, { linesAt: [...recent, now] })
        write({})
        return
      }
      pending?.cancel()
      const since = pending?.since ?? now
      const changes = (pending?.changes ?? 0) + 1
      const cancel = clock.after(Math.max(0, Math.min(settledMs, since + windowMs - now)), () => {
        // it has had all of its lines
        loggedByKey.set(key, { linesAt: Array.from({ length: maxLines }, () => clock.now()) })
        write(changes > 1 ? { changes } : {})
      })
      loggedByKey.set(key, { linesAt: recent, pending: { since, changes, cancel } })
    },
    async stop() {
      for (const { pending } of loggedByKey.values()) pending?.cancel()
      loggedByKey.clear()
    },
  }
}
