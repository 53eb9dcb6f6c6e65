// What of Docker is to be read next, and when.

import type { Clock } from '../clock.ts'

export interface Due {
  /** Read everything, now. */
  all(): void
  /**
   * Look at this container: now, together with what else happens in these milliseconds, and once more a
   * little later, since Docker tells some events before its own list knows them.
   */
  one(id: string): void
  /** Only that later look. */
  later(id: string): void
  /** Hands over what is due, which isn't due any more then. */
  take(): Taken
  stop(): void
}

export interface Taken {
  readonly everything: boolean
  readonly ids: ReadonlySet<string>
}

const coalesce = 20
/** The list says `running` for 100 ms and more after the event `die`. */
const catchUp = 300
/** Above this many at once, the whole list is cheaper than a filter. */
const mostIds = 50

export function createDue(clock: Clock, wake: () => void): Due {
  let everything = true
  let ids = new Set<string>()
  const timers = new Map<string, () => void>()

  function after(ms: number, key: string, then: () => void): void {
    timers.get(key)?.()
    const cancel = clock.after(ms, () => {
      timers.delete(key)
      then()
    })
    timers.set(key, cancel)
  }
  function wakeSoon(): void {
    if (!timers.has('soon')) after(coalesce, 'soon', wake)
  }
  function later(id: string): void {
    after(catchUp, id, () => {
      ids.add(id)
      wakeSoon()
    })
  }
  return {
    later,
    all() {
      everything = true
      wake()
    },
    one(id) {
      ids.add(id)
      wakeSoon()
      later(id)
    },
    take() {
      const taken = { everything: everything || ids.size > mostIds, ids }
      everything = false
      ids = new Set()
      return taken
    },
    stop() {
      for (const cancel of timers.values()) cancel()
    },
  }
}
